"""Whether a precision trains as well as float32: whole trials of the paper on a panel of signals, PSNR against PSNR.

    python benchmarks/parity.py --models GAPlane --precisions own fp32 --minutes 9
    python benchmarks/parity.py --models GAPlane --precisions again
    python benchmarks/parity.py --table

Every trial adds a line to --out (default: benchmarks/parity.jsonl), so calls add up and repeat nothing. They run seed
by seed, so that every cell of the panel soon has one; seeds beyond the third are for cells that spread or are lower,
and more than five narrow an interval that leaves a loss open. --table measures nothing: it prints the lines' table and
for each model and precision whether it passes, and what has not been run. float32 is trained on the plain PyTorch twin,
compiled where the model and the machine can: the operations are the twin's own.

`again` trains these cells once more in a model's own precision, with nothing changed but the order of sums.
Where that alone moves the score, no precision can be told from float32 by a few seeds, and the table says so.
"""

import argparse
import functools
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from common.errors import UsageError
from common.exits import EXIT_FAILED, EXIT_OK, guarded
from common.files import ROOT
from common.parser import Parser
from common.precision import PRECISIONS
from harness.execution.launch import choose_models
from harness.execution.option_types import whole_number
from harness.execution.shared_options import add_device, add_minutes, deadline
from harness.plan.config import Config, load_config
from harness.train import machine
from harness.train.run_trial import run_trial
from models import get_model
from parity_table import AGAIN, EXACT, LEAST_SEEDS, MORE_SEEDS, Line, render
from parity_trials import OWN, PANEL, cases_of, fields_of, in_slabs, key_of, of_case, str_of, trials

OUT = ROOT / "benchmarks" / "parity.jsonl"
SIZES = (10_000, 100_000)
RESULTS = ("status", "reason", "psnr", "psnr_best", "seconds", "backend", "device", "commit")


def main(arguments: Sequence[str] | None = None) -> int:
    return guarded(lambda: run(parse(arguments)), "the same call goes on")


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = Parser(prog="parity.py", description=(__doc__ or "").splitlines()[0])
    add = parser.add_argument
    add("--models", nargs="+", default=["all"], metavar="MODEL", help="default: all whose own precision is not fp32")
    add("--precisions", nargs="+", choices=[OWN, AGAIN, *PRECISIONS], default=[EXACT, OWN], help="default: fp32 own")
    add("--sizes", nargs="+", type=whole_number, default=list(SIZES), metavar="P", help="default: 1e4 1e5")
    add("--signals", nargs="+", metavar="SIGNAL", help="only these of the panel")
    seeds = f"the first {LEAST_SEEDS} for every cell, others where it asks for them (default: the paper's {MORE_SEEDS})"
    add("--seeds", nargs="+", type=whole_number, metavar="S", help=seeds)
    add("--steps", type=whole_number, help="passes, for a try (default: the paper's)")
    add("--length", type=whole_number, help="samples along the longest axis, for a try (default: the paper's)")
    add_minutes(parser)
    add_device(parser)
    add("--out", type=Path, default=OUT, help="the file of lines (default: benchmarks/parity.jsonl)")
    add("--table", action="store_true", help="run nothing; print what the file holds")
    return parser.parse_args(arguments)


def run(options: argparse.Namespace) -> int:
    config = load_config()
    names = choose_models(config, options.models)
    lines = read(options.out)
    if options.table:
        return table(config, names, lines, options)
    device = machine.choose_device(options.device)
    done = {key_of(line) for line in lines}
    end = deadline(options)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    judged = [name for name in names if get_model(name).precision != EXACT or "all" not in options.models]
    for case, precision, trial in trials(config, judged, lines, options):
        line = fields_of(trial, precision)
        if key_of(line) in done:
            continue
        if time.monotonic() > end:
            print("the minutes are over; the same call goes on", file=sys.stderr)
            break
        done.add(key_of(line))
        row = run_trial(in_slabs(trial, device) if precision == AGAIN else trial, device)[0].row
        line |= {"case": str_of(case)} | {name: row[name] for name in RESULTS}
        lines.append(line)
        with options.out.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        score = row["status"] if row["psnr"] is None else f"{row['psnr']:.2f} dB"
        print(f"{str_of(case)}: {trial} {line['precision']}: {score}", file=sys.stderr, flush=True)
    return EXIT_OK


def table(config: Config, names: Sequence[str], lines: Sequence[Line], options: argparse.Namespace) -> int:
    """Print what the lines say; EXIT_FAILED where a model's own precision does not pass."""
    mine = [line for line in lines if line["model"] in names]
    current = of_today(config, mine, options)
    if len(current) < len(mine):
        print(f"{len(mine) - len(current)} lines of other settings than today's say nothing", file=sys.stderr)
    cells = [(str_of(case), size) for case in cases_of(options) for size in options.sizes]
    text, passed = render(current, cells, {name: get_model(name).precision for name in names})
    print(text)
    return EXIT_OK if passed else EXIT_FAILED


def of_today(config: Config, lines: Sequence[Line], options: argparse.Namespace) -> list[Line]:
    """The lines whose trials would be run so today."""
    cases = {str_of(case): case for case in PANEL}

    @functools.cache
    def planned(case: str, model: str, size: int, precision: str) -> list[tuple[Any, ...]]:
        of_size = argparse.Namespace(**vars(options) | {"sizes": [size]})
        asked = precision if precision in PRECISIONS else AGAIN
        found = of_case(config, cases[case], model, 0, asked, of_size) if case in cases else []
        return [key_of(fields_of(trial, asked)) for trial in found]

    def is_planned(line: Line) -> bool:  # for whatever seed
        return key_of(line | {"seed": 0}) in planned(line["case"], line["model"], line["size"], line["precision"])

    return [line for line in lines if is_planned(line)]


def read(path: Path) -> list[Line]:
    """The lines of a file, none where there is no such file."""
    if not path.exists():
        return []
    try:
        lines = [json.loads(text) for text in path.read_text(encoding="utf-8").splitlines()]
        for line in lines:
            key_of(line)
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise UsageError(f"cannot read '{path}': {error}; give a file that this script wrote") from error
    return lines


if __name__ == "__main__":
    raise SystemExit(main())
