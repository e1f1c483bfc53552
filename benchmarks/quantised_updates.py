"""Whether last updates with quantised values pay: PSNR of decoded files with and without, model by model.

    python benchmarks/quantised_updates.py --models Siren Grid --shares 0.2 --bits 4 6 8

Every model is fitted once to the first of the stand-in images (SampleImages), at the quick preset's length. Its last
passes are then made again with quantised values. PSNR is of whole decoded files; `kept` says which of the two
`--quantised-share` would take, which it decides by the error on what is trained on, the image itself here.
"""

import argparse
import dataclasses
import sys
from collections.abc import Iterator, Sequence
from typing import Any

import torch

from common.errors import UsageError
from common.exits import EXIT_OK, guarded
from common.parser import Parser
from harness.execution.launch import choose_models
from harness.execution.option_types import bits_a_value, share, whole_number
from harness.plan.config import load_config
from harness.plan.make_plan import make_plan
from harness.plan.source import choose_source
from harness.plan.trial import Trial
from harness.train import coder
from harness.train.data import signal_of, task_of
from harness.train.fit import fit
from harness.train.precision import no_denormals
from harness.train.rates import measure
from harness.train.run_trial import build, make_schedule, solve, stream
from harness.train.score import holding

MODELS = ["Siren", "Grid", "GAPlane", "Instant_NGP", "GaussianImage"]
SIGNAL = "SampleImages"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--models", nargs="+", default=MODELS, metavar="MODEL", help="names or groups")
    add("--sizes", nargs="+", type=whole_number, default=[10_000], metavar="P", help="parameter budgets")
    add("--steps", type=whole_number, default=1000, help="passes over the image (default: 1000)")
    add("--bits", nargs="+", type=bits_a_value, default=[4, 6, 8], metavar="B", help="a value")
    add("--shares", nargs="+", type=share, default=[0.2], metavar="S", help="of the passes, from 0 to 1")
    return guarded(lambda: run(parser.parse_args(arguments)), "run it again")


@no_denormals()
def run(options: argparse.Namespace) -> int:
    coder.check()
    print("| model | budget | share | bits | bytes | PSNR (dB) | bytes, quantised | PSNR (dB) | gain (dB) | kept |")
    print("|---|---:|---:|---:|---:|---:|---:|---:|---:|---|")
    for trial in trials_of(options):
        for line in lines(trial):
            print(line, flush=True)
    return EXIT_OK


def trials_of(options: argparse.Namespace) -> Iterator[Trial]:
    """A trial for each model, budget and share, of the first image."""
    config = load_config()
    preset = config.preset("quick", SIGNAL, 2)
    preset = dataclasses.replace(preset, sizes=tuple(options.sizes), steps=options.steps)
    source = choose_source(SIGNAL, 2)
    names = choose_models(config, options.models)
    trials = make_plan(config, source, ["fit"], preset, names, "fp32")
    for trial in trials:
        if trial.item == trials[0].item and trial.lr is not None:
            for part in options.shares:
                yield dataclasses.replace(trial, bits=tuple(options.bits), quantised_share=part)


def lines(trial: Trial) -> Iterator[str]:
    """What a fit's files hold, with and without quantised updates, one line for each number of bits."""
    task, schedule = task_of(trial, signal_of(trial)), make_schedule(trial)
    size, reason = solve(trial, task)
    if size is None:
        raise UsageError(f"{trial}: {reason}")
    model = build(trial, task, size)
    fitted = fit(model, task, schedule, stream(trial, "batches", torch.device("cpu")))

    def measured(bits: int) -> dict[str, Any]:
        return measure(model, bits, task.lattice, task.psnr)[0]

    for bits, again in fitted.requantised.items():
        plain = measured(bits)
        with holding(model, again.state):
            other = measured(bits)
        yield (
            f"| {trial.model} | {trial.budget:,} | {trial.quantised_share:g} | {bits} | {plain['bytes']:,} | "
            f"{plain['psnr']:.2f} | {other['bytes']:,} | {other['psnr']:.2f} | {other['psnr'] - plain['psnr']:+.2f} | "
            f"{'quantised' if again.pays else 'plain'} |"
        )


if __name__ == "__main__":
    sys.exit(main())
