"""`python -m harness report`: one page of all results, which opens from disk without a server or network."""

import argparse
from pathlib import Path

from common.errors import UsageError
from common.exits import EXIT_OK
from harness.commands.selected_rows import no_rows
from harness.execution.shared_options import add_config, add_out
from harness.report.write_page import MEGABYTES, write
from harness.store.liveness import read_claims
from harness.store.store import stores_in

MOST_MEGABYTES = 500.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_out(parser)
    pictures = "size of all thumbnails (default: %(default)s)"
    parser.add_argument("--pictures", type=float, default=MEGABYTES, metavar="MB", help=pictures)
    add_config(parser)


def run(options: argparse.Namespace) -> int:
    if not 0 <= options.pictures <= MOST_MEGABYTES:
        raise UsageError(f"--pictures takes 0 to {MOST_MEGABYTES:g} megabytes, got {options.pictures:g}")
    out = Path(options.out)
    if out.is_dir() and not any(any(store.rows.iterdir()) for store in stores_in(out)) and not read_claims(out):
        raise no_rows(out)
    path = write(options.out, options.config, options.pictures)
    print(f"wrote {path} ({path.stat().st_size / 1e6:.1f} MB); open it in a browser")
    return EXIT_OK
