"""Whether a precision trains as well as float32: whole trials of the paper on a panel of signals, PSNR against PSNR.

    python benchmarks/parity.py --models GAPlane --precisions own fp32 --minutes 9
    python benchmarks/parity.py --table

Every trial adds a line to --out (default: benchmarks/parity.jsonl), so calls add up and repeat nothing. They run seed
by seed, so that every cell of the panel soon has one; seeds beyond the third are for cells that spread, and more than
five narrow an interval that leaves a loss open. --table measures nothing: it prints the lines' table and for each model
and precision whether it passes, and what has not been run. float32 is trained on the plain PyTorch twin, compiled where
the model and the machine can: the operations are the twin's own.
"""

import argparse
import dataclasses
import functools
import json
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from common.errors import UsageError
from common.exits import EXIT_FAILED, EXIT_OK, guarded
from common.files import ROOT
from harness.execution.launch import choose_models
from harness.execution.option_types import whole_number
from harness.execution.options import Parser
from harness.plan.config import Config, load_config
from harness.plan.make_plan import make_plan
from harness.plan.source import choose_source
from harness.plan.trial import PRECISIONS, Trial
from harness.train import machine
from harness.train.run_trial import run_trial
from models import backends, get_model
from parity_table import EXACT, LEAST_SEEDS, SPREADING_SEEDS, Line, pairs_of, render, spreads

OUT = ROOT / "benchmarks" / "parity.jsonl"
OWN = "own"  # a model's default precision on CUDA
SIZES = (10_000, 100_000)
FIELDS = ("signal", "dim", "length", "bandlimit", "item", "task", "model", "size", "seed", "precision", "config_hash")
RESULTS = ("status", "reason", "psnr", "psnr_best", "seconds", "backend", "device", "commit")


class Case(NamedTuple):
    """One signal of the panel."""

    signal: str
    dim: int
    bandlimit: float | None = None
    item: str | None = None
    task: str = "fit"


PANEL = (
    *(Case("BandlimitedSignal", 2, band) for band in (0.1, 0.5, 0.9)),
    *(Case("SparseSphereSignal", dim, 0.5) for dim in (2, 3)),
    *(Case("Sierpinski", 2, band) for band in (0.3, 0.5)),
    Case("StarTarget", 2),
    Case("DIV2K", 2, item="0064"),
    Case("Dragon", 3, item="occupancy"),
    Case("ChestCT", 2, item="slice", task="ct"),
)


def main(arguments: Sequence[str] | None = None) -> int:
    return guarded(lambda: run(parse(arguments)), "the same call goes on")


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = Parser(prog="parity.py", description=(__doc__ or "").splitlines()[0])
    add = parser.add_argument
    add("--models", nargs="+", default=["all"], metavar="MODEL", help="default: all whose own precision is not fp32")
    add("--precisions", nargs="+", choices=[OWN, *PRECISIONS], default=[EXACT, OWN], help="default: fp32 own")
    add("--sizes", nargs="+", type=whole_number, default=list(SIZES), metavar="P", help="default: 1e4 1e5")
    add("--signals", nargs="+", metavar="SIGNAL", help="only these of the panel")
    seeds = (
        f"the first {LEAST_SEEDS} for every cell, others for those that spread (default: the paper's {SPREADING_SEEDS})"
    )
    add("--seeds", nargs="+", type=whole_number, metavar="S", help=seeds)
    add("--steps", type=whole_number, help="passes, for a try (default: the paper's)")
    add("--length", type=whole_number, help="samples along the longest axis, for a try (default: the paper's)")
    add("--minutes", type=float, help="begin no trial after so many")
    add("--device", help="cpu, cuda or cuda:1 (default: cuda where there is one)")
    add("--out", type=Path, default=OUT, help="the file of lines (default: benchmarks/parity.jsonl)")
    add("--table", action="store_true", help="run nothing; print what the file holds")
    return parser.parse_args(arguments)


def run(options: argparse.Namespace) -> int:
    config = load_config()
    names = choose_models(config, options.models)
    lines = read(options.out)
    if options.table:
        return table(config, names, lines, options)
    device = machine.choose_device(options.device or machine.default_device())
    done = {key_of(line) for line in lines}
    deadline = time.monotonic() + 60 * options.minutes if options.minutes is not None else None
    options.out.parent.mkdir(parents=True, exist_ok=True)
    judged = [name for name in names if get_model(name).precision != EXACT or "all" not in options.models]
    for case, trial in trials(config, judged, lines, options):
        line = fields_of(trial)
        if key_of(line) in done:
            continue
        if deadline is not None and time.monotonic() > deadline:
            print("the minutes are over; the same call goes on", file=sys.stderr)
            break
        done.add(key_of(line))
        row = run_trial(trial, device)[0].row
        line |= {"case": str_of(case)} | {name: row[name] for name in RESULTS}
        lines.append(line)
        with options.out.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        score = row["status"] if row["psnr"] is None else f"{row['psnr']:.2f} dB"
        print(f"{str_of(case)}: {trial} {trial.precision}: {score}", file=sys.stderr, flush=True)
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
        found = of_case(config, cases[case], model, 0, precision, of_size) if case in cases else []
        return [key_of(fields_of(trial)) for trial in found]

    def is_planned(line: Line) -> bool:  # for whatever seed
        return key_of(line | {"seed": 0}) in planned(line["case"], line["model"], line["size"], line["precision"])

    return [line for line in lines if is_planned(line)]


def cases_of(options: argparse.Namespace) -> list[Case]:
    return [case for case in PANEL if options.signals is None or case.signal in options.signals]


def trials(
    config: Config, names: Sequence[str], lines: Sequence[Line], options: argparse.Namespace
) -> Iterator[tuple[Case, Trial]]:
    """Every seed in turn; in it the cases, and of each the models, precisions and budgets. Seeds beyond LEAST_SEEDS are
    for cells that spread, by what `lines` hold when their turn comes."""
    seeds = options.seeds or config.preset("paper", "StarTarget", 2).seeds[:SPREADING_SEEDS]
    for seed in seeds:
        further = seed in seeds[LEAST_SEEDS:]
        for case in cases_of(options):
            for name in names:
                for precision in options.precisions:
                    for trial in of_case(config, case, name, seed, precision, options):
                        if not further or wants_more(lines, case, trial, options.precisions):
                            yield case, trial


def wants_more(lines: Sequence[Line], case: Case, trial: Trial, precisions: Sequence[str]) -> bool:
    """Whether the cell of a trial spreads in any precision."""
    mine = [line for line in lines if line["model"] == trial.model]
    others = {get_model(trial.model).precision if precision == OWN else precision for precision in precisions}
    return any(spreads(pairs_of(mine, other)[str_of(case), trial.budget]) for other in others - {EXACT})


def of_case(
    config: Config, case: Case, name: str, seed: int, precision: str, options: argparse.Namespace
) -> list[Trial]:
    source = choose_source(case.signal, case.dim, None if case.item is None else [case.item])
    preset = config.preset("paper", case.signal, case.dim)
    length = preset.length if options.length is None else preset.length | {source.length_key: options.length}
    preset = dataclasses.replace(
        preset,
        sizes=tuple(options.sizes),
        seeds=(seed,),
        bandlimits=preset.bandlimits if case.bandlimit is None else (case.bandlimit,),
        steps=options.steps or preset.steps,
        length=length,
    )
    asked = None if precision == OWN else precision
    backend = exact_backend(name, options.device) if precision == EXACT else None
    return make_plan(config, source, [case.task], "paper", preset, [name], asked, backend)


def exact_backend(name: str, device: str | None) -> str:
    """What float32 is trained on: PyTorch alone, as kernels of our own make its products of parts."""
    at_hand = backends.available(get_model(name), machine.choose_device(device or machine.default_device()))
    return "inductor" if "inductor" in at_hand else "torch"


def str_of(case: Case) -> str:
    """`BandlimitedSignal 2D 0.5`, `DIV2K 0064`."""
    words = [case.signal, f"{case.dim}D" if case.item is None else case.item]
    return " ".join(words + ([] if case.bandlimit is None else [f"{case.bandlimit:g}"]))


def fields_of(trial: Trial) -> Line:
    return {name: getattr(trial, "budget" if name == "size" else name) for name in FIELDS}


def key_of(line: Line) -> tuple[Any, ...]:
    """What tells a trial from others."""
    return tuple(line[name] for name in FIELDS)


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
