"""Draw every figure of the results: python target_signals/gen_heatmap_eval_metric_synthetic.py

Loads the rows that runs left, draws heatmaps, differences to Grid and curves (harness/figures.py),
and prints each file written and what is missing. Nothing is run.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from registry import UsageError, suggest


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Draw the figures of a results folder from its rows alone.")
    parser.add_argument("--out", default="band_limit_figs", help="the results folder (default: %(default)s)")
    parser.add_argument("--signal", help="only this signal")
    parser.add_argument("--dim", type=int, help="only signals of this dimension")
    parser.add_argument("--task", help="only this task")
    parser.add_argument("--metric", default="psnr", choices=("psnr", "ssim", "iou"), help="default: %(default)s")
    return parser.parse_args(argv)


def run(options: argparse.Namespace) -> None:
    """Raises UsageError when there is nothing to draw."""
    from harness.figures import draw, missing
    from harness.results import load

    if not Path(options.out).is_dir():
        raise UsageError(f"no folder '{options.out}'; give the results folder with --out, or run a launcher first")
    table = load(options.out)
    if table.empty:
        raise UsageError(f"no rows in '{options.out}'; run a launcher first, for example bash run_2dsierpinski.sh")
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
    paths = draw(table, options.out, metric=options.metric)
    for path in paths:
        print(f"wrote {path}")
    for line in missing(table, metric=options.metric):
        print(f"note: {line}")
    if not paths:
        raise UsageError(f"no row of these has {options.metric}; choose another --metric")


def main(argv: Sequence[str] | None = None) -> int:
    try:
        run(parse(argv))
    except UsageError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
