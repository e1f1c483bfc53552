"""`python -m harness report`: one page of all results, which opens from disk without a server or network."""

import argparse
from pathlib import Path

from common.errors import UsageError
from harness.commands.selected_rows import no_rows
from harness.execution.option_types import given_path
from harness.plan.config import DEFAULT_CONFIG
from harness.report.write_page import MEGABYTES, write
from harness.store.liveness import read_claims
from harness.store.store import DEFAULT_OUT

MOST_MEGABYTES = 500.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--out", type=given_path, default=DEFAULT_OUT, help=f"results folder (default: {DEFAULT_OUT})")
    add("--pictures", type=float, default=MEGABYTES, metavar="MB", help="size of all thumbnails (default: %(default)s)")
    add("--config", default=DEFAULT_CONFIG, help="settings file, for models' order (default: hyperparameters.json)")


def run(options: argparse.Namespace) -> int:
    if not 0 <= options.pictures <= MOST_MEGABYTES:
        raise UsageError(f"--pictures takes 0 to {MOST_MEGABYTES:g} megabytes, got {options.pictures:g}")
    out = Path(options.out)
    if out.is_dir() and not any(out.glob("*/rows/*")) and not read_claims(out):
        raise no_rows(out)
    path = write(options.out, options.config, options.pictures)
    print(f"wrote {path} ({path.stat().st_size / 1e6:.1f} MB); open it in a browser")
    return 0
