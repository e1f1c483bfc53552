"""Whether the fast path reaches the quality of the plain one: pairs of whole trials, PSNR against PSNR.

    python benchmarks/parity.py --signal StarTarget --models Siren Grid --sizes 1e4 1e5 --precision tf32 --out parity

Plain is single precision on the PyTorch twin; fast is the best back end, or --backend, at --precision. Both are
trials of the suite at full length, stored below --out, so that a call that is repeated goes on where it was.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from common.errors import UsageError
from common.exits import EXIT_FAILED, EXIT_OK, EXIT_USAGE
from cost_table import markdown
from harness.execution import run_trials
from harness.execution.launch import choose_models, choose_precision, override
from harness.execution.options import Parser, whole_number
from harness.plan.config import load_config
from harness.plan.make_plan import make_plan
from harness.plan.source import choose_source
from harness.plan.trial import PRECISIONS, Trial
from harness.store.schema import OK, UNSUPPORTED, Row
from harness.train import machine
from models import backends, get_model

SEEDS = 3
TOLERANCE = 0.1  # dB that the mean may be lower


def main(arguments: Sequence[str] | None = None) -> int:
    try:
        return run(parse(arguments))
    except UsageError as error:
        print(f"error: {error}", file=sys.stderr)
        return EXIT_USAGE


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = Parser(prog="parity.py", description=(__doc__ or "").splitlines()[0])
    add = parser.add_argument
    add("--signal", default="StarTarget", help="a synthetic signal (default: StarTarget)")
    add("--dim", type=int, help="2 or 3; may be left out where a signal has one dimension only")
    add("--models", nargs="+", default=["all"], metavar="MODEL", help="default: all that are trained")
    add("--sizes", nargs="+", type=whole_number, metavar="P", help="default: the paper's")
    add("--bandlimits", nargs="+", type=float, metavar="B", help="default: 0.5 where a signal has bands")
    add("--seeds", nargs="+", type=whole_number, metavar="S", help=f"default: the paper's first {SEEDS}")
    add("--steps", type=whole_number, help="passes, for a try (default: the paper's)")
    add("--length", type=whole_number, help="samples an axis, for a try (default: the paper's)")
    add("--device", help="cpu, cuda or cuda:1 (default: cuda where there is one)")
    add("--precision", choices=PRECISIONS, help="of the fast path (default: each model's)")
    add("--backend", help="of the fast path (default: the best that is there)")
    add("--out", type=Path, required=True, help="a folder for the trials' rows")
    return parser.parse_args(arguments)


def run(options: argparse.Namespace) -> int:
    config, source = load_config(), choose_source(options.signal, options.dim)
    device = machine.choose_device(options.device or machine.default_device())
    options.precision = choose_precision(options.precision, device)
    names = choose_models(config, options.models)
    for name in names if options.backend is not None else ():
        backends.check(get_model(name), options.backend, device)
    options.bandlimits = options.bandlimits or [0.5]
    options.seeds = options.seeds or config.preset("paper", source.family.name, source.dim).seeds[:SEEDS]
    preset = override(config.preset("paper", source.family.name, source.dim), options, source.length_key)

    def trials(precision: str | None, backend: str | None) -> list[Trial]:
        plan = make_plan(config, source, ["fit"], "paper", preset, names, precision, backend)
        return [trial for trial in plan if trial.lr is not None]

    plain, fast = trials("fp32", "torch"), trials(options.precision, options.backend)
    how = f"{options.precision or 'own'}_{options.backend or 'best'}"
    for part, name in ((plain, "plain"), (fast, how)):
        _, left = run_trials.split_done(part, options.out / name)
        if left:
            run_trials.execute(left, options.out / name, device)
    pairs = [
        (run_trials.stored(one, options.out / "plain")[0], run_trials.stored(other, options.out / how)[0])
        for one, other in zip(plain, fast, strict=True)
    ]
    lines, kept = compare([(one, other) for one, other in pairs if one is not None and other is not None])
    print(
        f"{source.family.name} {source.dim}D on {machine.device_name(device)}, {preset.steps} passes: fast is {how}\n"
    )
    print("\n".join(lines))
    return EXIT_OK if kept else EXIT_FAILED


def compare(pairs: Sequence[tuple[Row, Row]]) -> tuple[list[str], bool]:
    """A table of the differences, fast minus plain, by model and budget; whether every cell keeps the quality: no
    mean lower by more than TOLERANCE, and no seed that fails on the fast path alone."""
    cells: dict[tuple[str, int, float | None], list[tuple[Row, Row]]] = {}
    for one, other in pairs:
        if one["status"] != UNSUPPORTED:
            cells.setdefault((one["model"], one["size"], one["bandlimit"]), []).append((one, other))
    rows, kept = [["cell", "plain, dB", "fast, dB", "mean difference", "by seed", "back end", "verdict"]], True
    for (model, size, band), own in cells.items():
        for _, other in own:
            if other["status"] == OK and other["reason"] is not None:
                raise UsageError(f"{model} {size:,} was not on the back end that is to be judged: {other['reason']}")
        both = [(one, other) for one, other in own if one["status"] == other["status"] == OK]
        worse = [other["seed"] for one, other in own if one["status"] == OK and other["status"] != OK]
        apart = [other["psnr"] - one["psnr"] for one, other in both]
        mean = sum(apart) / len(apart) if apart else 0.0
        good = not worse and mean >= -TOLERANCE
        kept &= good
        verdict = f"fails for seed {worse}" if worse else "lower" if not good else "as good" if both else "both fail"
        scores = [sum(row["psnr"] for row in side) / len(both) for side in zip(*both, strict=True)] or [None, None]
        seeds = " ".join(
            f"{other['psnr'] - one['psnr']:+.3f}" if (one, other) in both else f"{one['status']}/{other['status']}"
            for one, other in own
        )
        name = f"{model} {size:,}" + ("" if band is None else f" band {band:g}")
        shown = ["–" if score is None else f"{score:.2f}" for score in scores]
        rows.append([name, *shown, f"{mean:+.3f}" if apart else "–", seeds, own[0][1]["backend"] or "–", verdict])
    return markdown(rows), kept


if __name__ == "__main__":
    raise SystemExit(main())
