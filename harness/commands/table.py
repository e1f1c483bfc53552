"""`python -m harness table`: the mean scores of every experiment, as Markdown, CSV, LaTeX or Parquet."""

import argparse
import math
import sys
from pathlib import Path

from common.errors import UsageError, suggest
from common.exits import EXIT_OK
from common.files import write_for_user
from common.process import without_collection
from harness.analysis import tables
from harness.analysis.experiments import experiments
from harness.analysis.means import KEYS, means
from harness.analysis.reference_rows import beside
from harness.analysis.versus import versus
from harness.commands.selected_rows import add_own, add_selection, choose_experiments, choose_models, no_rows
from harness.execution.option_types import given_path
from harness.execution.shared_options import add_config, add_out
from harness.plan.config import Protocol, load_config
from harness.store.parquet import read_folder
from harness.store.scan import Gathered, gather
from harness.store.schema import Row
from harness.store.table import oldest_first
from target_signals.tasks.metrics import METRICS

BY = "model,size"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "--format",
        choices=("md", "csv", "latex", "parquet"),
        default="md",
        help="what it is written as (default: %(default)s)",
    )
    add("--metric", default="psnr", choices=list(METRICS), help="which score (default: %(default)s)")
    add("--by", default=BY, help=f"some of {','.join(KEYS)}; md and latex put the last of several in columns")
    add("--rows", action="store_true", help="every row as it is in place of means (csv and parquet)")
    add_selection(parser)
    add(
        "--against", metavar="PRESET", help="beside the scores of --preset those of another one, and who changes places"
    )
    add_own(parser)
    add_out(parser)
    add("--to", type=given_path, metavar="FILE", help="write there instead of to the terminal")
    add_config(parser)


@without_collection()
def run(options: argparse.Namespace) -> int:
    by = [key.strip() for key in options.by.split(",")]
    for key in by:
        if key not in KEYS:
            raise UsageError(f"--by: unknown key '{key}'{suggest(key, KEYS)}; known: {', '.join(KEYS)}")
    if options.rows and options.format not in ("csv", "parquet"):
        raise UsageError(f"--rows gives csv or parquet, not {options.format}; add --format csv")
    if options.rows and options.by != BY:
        raise UsageError(f"--rows gives every row as it is, not by {options.by}; leave --by or --rows out")
    if options.format == "parquet" and options.to is None and sys.stdout.isatty():
        raise UsageError("parquet is no text for a terminal; give a file with --to")
    found = gather(options.out, curves=options.rows)
    found.say_problems()
    config = load_config(options.config)
    if options.against is not None:
        write(options, side_by_side(found, config.protocol, options))
        return EXIT_OK
    rows = choose_experiments(stored(found), options)
    if not (options.own or options.rows):
        rows += beside(rows, config)
    rows = choose_models(rows, options, config.protocol)
    if options.rows:
        content = tables.rows_as(options.format, rows)
    else:
        # which planned models have no rows matters only where all models are compared
        every = experiments(rows, config.protocol.order, config if options.models is None else None)
        if "size" not in by and any(len(each.sizes) > 1 for each in every):
            raise UsageError(f"scores of several budgets have no mean; add size: --by {','.join([*by, 'size'])}")
        of_experiments = [means(each, by, options.metric) for each in every]
        lines = [line for each in of_experiments for line in each.lines]
        if all(math.isnan(line.mean) for line in lines) and any(line.counts[0] for line in lines):
            raise UsageError(f"no row of these has {options.metric}; choose another --metric")
        content = tables.means_as(options.format, of_experiments)
    write(options, content)
    return EXIT_OK


def side_by_side(found: Gathered, protocol: Protocol, options: argparse.Namespace) -> bytes:
    """The tables of --preset beside --against."""
    if options.preset is None or options.rows:
        raise UsageError("--against goes with --preset and without --rows: --preset tuned --against paper")
    if options.by != BY:
        raise UsageError(f"--against compares models at each budget, not by {options.by}; leave --by out")
    if options.preset == options.against:
        raise UsageError(f"--preset and --against are both {options.preset}; give two presets")
    rows = choose_models(choose_experiments(stored(found), options, options.against), options, protocol)
    every = versus(experiments(rows, protocol.order), options.preset, options.against, options.metric)
    if not every:
        raise UsageError(f"no experiment has scores of both {options.preset} and {options.against}, otherwise alike")
    return tables.versus_as(options.format, every)


def write(options: argparse.Namespace, content: bytes) -> None:
    """Write a table to the terminal or where --to says."""
    if options.to is None:
        sys.stdout.flush()
        sys.stdout.buffer.write(content)
        return
    write_for_user(Path(options.to), content, "choose another file with --to")
    print(f"wrote {options.to}")


def stored(found: Gathered) -> list[Row]:
    """All rows of the folder, or where it has none those of its Parquet files; UsageError when there are none."""
    rows = found.rows or oldest_first(read_folder(found.out).values())
    if not rows:
        raise no_rows(found.out)
    return rows
