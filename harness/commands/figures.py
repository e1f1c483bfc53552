"""What the scripts in target_signals share: rows that runs left → figures, tables, and what is missing."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from common.registry import UsageError, suggest
from harness.figures.style import METRICS
from harness.store.store import DEFAULT_OUT, load

if TYPE_CHECKING:
    import pandas as pd


def main(
    description: str,
    signals: Sequence[str] | None = None,
    metrics: Sequence[str] = ("psnr",),
    argv: Sequence[str] | None = None,
) -> int:
    """Draw a results folder from its rows alone; nothing is run. Returns an exit code.

    signals: those that the script is about, by default all. metrics: drawn unless --metric names others.
    """
    try:
        draw(parse(description, metrics, argv), signals)
    except UsageError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def parse(description: str, metrics: Sequence[str], argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--out", default=DEFAULT_OUT, help="the results folder (default: %(default)s)")
    parser.add_argument("--signal", help="only this signal")
    parser.add_argument("--dim", type=int, help="only signals of this dimension")
    parser.add_argument("--task", help="only this task")
    names = " ".join(metrics)
    parser.add_argument(
        "--metric", nargs="+", default=list(metrics), choices=list(METRICS), help=f"which scores (default: {names})"
    )
    return parser.parse_args(argv)


def draw(options: argparse.Namespace, signals: Sequence[str] | None) -> None:
    """Raises UsageError when there is nothing to draw."""
    from harness.analysis import published
    from harness.figures import draw_figures

    table = chosen(options, signals)
    paths: list[Path] = []
    for metric in options.metric:
        drawn = draw_figures.draw(table, options.out, metric=metric)
        for path in drawn:
            print(f"wrote {path}")
        if drawn or len(options.metric) == 1:
            for line in draw_figures.missing(table, metric=metric, out_folder=options.out):
                print(f"note: {line}")
        paths += drawn
    for _, of_signal in table.groupby(["signal", "task"], sort=False):
        if text := published.compare(of_signal):
            print(f"\n{text}")
    if not paths:
        raise UsageError(f"no row of these has {' or '.join(options.metric)}; choose another --metric")


def chosen(options: argparse.Namespace, signals: Sequence[str] | None) -> "pd.DataFrame":
    """The rows that the options leave."""
    if not Path(options.out).is_dir():
        raise UsageError(f"no folder '{options.out}'; give the results folder with --out, or run a launcher first")
    table = load(options.out)
    if signals is not None:
        table = table[table["signal"].isin(signals)]
    if table.empty:
        of_what = f" of {' or '.join(signals)}" if signals else ""
        raise UsageError(
            f"no rows{of_what} in '{options.out}'; run a launcher first, for example bash run_2dsierpinski.sh"
        )
    for column in ("signal", "dim", "task"):
        wanted = getattr(options, column)
        if wanted is None:
            continue
        known = sorted({str(value) for value in table[column]})
        table = table[table[column].astype(str) == str(wanted)]
        if table.empty:
            raise UsageError(
                f"no rows of {column} '{wanted}'{suggest(str(wanted), known)}; there are: {', '.join(known)}"
            )
    return table
