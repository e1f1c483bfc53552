"""Published PSNR of newer models beside ours, with their papers' settings, in the suite's own training.

    python benchmarks/published.py finer --files FINER/data/div2k/test_data/0[0-3].png --precision bf16x3
    python benchmarks/published.py gaussian_image --files $INRBENCH_DATA/div2k/hr/*.png

finer: Liu et al. 2024, CVPR; settings, rates and updates of the authors' code (github.com/liuzhen0212/FINER), which has
the test images in data/div2k/test_data. Images are scaled to [-1, 1], as there; PSNR is that of [0, 1].

gaussian_image: Zhang et al. 2024, ECCV; settings of the authors' code (github.com/Xinjie-Q/GaussianImage), and beside
them the suite's own. Their photographs are Kodak's, of 768 × 512; any others are shrunk to 768 samples.

Both papers' learning rates fall in ways that the suite does not have, exponentially to a tenth and in halves after
20,000 and 40,000 updates; here it is a cosine to a tenth.
"""

import argparse
import dataclasses
import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import mean
from typing import Any

import torch

from cells import here
from common.errors import UsageError
from common.exits import EXIT_OK, guarded
from common.parser import Parser
from common.precision import PRECISIONS
from harness.execution.option_types import whole_number
from harness.execution.shared_options import add_device
from harness.plan.config import load_config
from harness.plan.make_plan import make_plan
from harness.plan.source import find_source
from harness.plan.trial import COSINE, LR_SCHEDULE, Trial
from harness.store.schema import OK
from harness.train import machine
from harness.train.data import signal_of
from harness.train.run_trial import run_on
from target_signals.base import Signal

COLUMNS = ("psnr", "psnr_best")  # of a row: after the last update, and at the best evaluation
NETWORK = 198_915  # values of a network for colours with a first and three hidden layers of width 256


@dataclass(frozen=True)
class Entry:
    """A model of an experiment.

    settings: in place of those in hyperparameters.json. published: mean PSNR over the paper's images, where it is
    known, and where it stands.
    """

    model: str
    budget: int
    settings: dict[str, Any]
    published: str = ""


@dataclass(frozen=True)
class Experiment:
    """What a paper fits. length: samples along the longer axis of every image; None for as it is. zero_mean: whether
    values are scaled to [-1, 1]."""

    entries: Mapping[str, Entry]
    steps: int
    length: int | None
    zero_mean: bool


EXPERIMENTS = {
    "finer": Experiment(
        {
            "Finer": Entry("Finer", NETWORK, {"lr": 5e-4, "omega": 30.0}),
            "Siren": Entry("Siren", NETWORK, {"lr": 5e-4, "omega": 30.0, "output": "linear"}),
            "Gauss": Entry("Gauss", NETWORK, {"lr": 5e-3, "inverse_width": 30.0}),
            # complex width 181, for 256 / sqrt(2)
            "Wire": Entry(
                "Wire",
                199_284,
                {"lr": 5e-3, "omega": 20.0, "sigma": 10.0, "hidden_layers": 3},
                "28.78 (run_wire.sh)",
            ),
        },
        steps=5000,
        length=None,
        zero_mean=True,
    ),
    "gaussian_image": Experiment(
        {
            # L in samples, and means by the coordinate from -1 to 1 alike, for 9,000 Gaussians on 768 × 512
            "authors'": Entry(
                "GaussianImage", 72_000, {"lr": 1e-3, "spacing": 6.6, "stride": 320.0}, "32.05 (issue 6)"
            ),
            "suite's": Entry("GaussianImage", 72_000, {}, "32.05 (issue 6)"),
            "adaptive": Entry("GaussianAdaptive", 72_000, {}),
        },
        steps=50_000,
        length=768,
        zero_mean=False,
    ),
}


def main(arguments: Sequence[str] | None = None) -> int:
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("experiment", choices=sorted(EXPERIMENTS))
    add("--files", nargs="+", required=True, metavar="IMAGE")
    add("--only", nargs="+", metavar="ENTRY", help="of the experiment's models (default: all)")
    add("--steps", type=whole_number, help="updates (default: the paper's)")
    add("--length", type=whole_number, help="samples along the longer axis, for tries (default: the paper's)")
    add("--precision", choices=PRECISIONS, default="fp32")
    add_device(parser)
    return guarded(lambda: run(parser.parse_args(arguments)), "run it again")


def run(options: argparse.Namespace) -> int:
    device = machine.choose_device(options.device)
    print(here(device))
    print("| image | model | values | published (dB) | PSNR (dB) | best | updates | ms an update | how |")
    print("|---|---|---:|---|---:|---:|---:|---:|---|")
    found: dict[str, list[float]] = {}
    for name, score, line in lines(options, device):
        print(line, flush=True)
        if score is not None:
            found.setdefault(name, []).append(score)
    for name, scores in found.items():
        print(f"{name}: {mean(scores):.2f} dB over {len(scores)} images")
    return EXIT_OK


def lines(options: argparse.Namespace, device: torch.device) -> Iterator[tuple[str, float | None, str]]:
    """Of each image and entry: the entry's name, PSNR after the last update where there is one, the table's line."""
    experiment = EXPERIMENTS[options.experiment]
    chosen = options.only or list(experiment.entries)
    for name in chosen:
        if name not in experiment.entries:
            raise UsageError(f"{options.experiment} has no '{name}'; it has {', '.join(experiment.entries)}")
    for path in options.files:
        for name in chosen:
            entry = experiment.entries[name]
            trial = trial_of(entry, experiment, path, options)
            row = run_on(trial, scaled(signal_of(trial), experiment.zero_mean), device)[0].row
            cells = [trial.item, name, f"{row['parameters'] or entry.budget:,}", entry.published]
            if row["status"] != OK:
                yield name, None, f"| {' | '.join([*cells, row['status']])} | | | | |"
                continue
            last, best = (row[score] + (20 * math.log10(2) if experiment.zero_mean else 0) for score in COLUMNS)
            cells += [f"{last:.2f}", f"{best:.2f}", f"{row['updates']:,}", f"{row['ms_per_update']:.2f}"]
            cells += [f"{row['backend']} {trial.precision}"]
            yield name, last, f"| {' | '.join(cells)} |"


def trial_of(entry: Entry, experiment: Experiment, path: str, options: argparse.Namespace) -> Trial:
    """An entry's fit to an image, with all points in every update."""
    config = load_config()
    own = config.models[entry.model] | entry.settings | {LR_SCHEDULE: COSINE}
    config = dataclasses.replace(config, models=config.models | {entry.model: own})
    preset = config.preset("paper", "UserFile", 2)
    steps = options.steps or experiment.steps
    preset = dataclasses.replace(
        preset,
        length=preset.length | {"image": options.length or experiment.length},
        sizes=(entry.budget,),
        seeds=preset.seeds[:1],
        steps=steps,
        evaluate_every=max(1, steps // 10),
        minibatch=None,
    )
    source, _ = find_source([path], 2, None, None, config, "paper")
    (trial,) = make_plan(config, source, ["fit"], preset, [entry.model], options.precision)
    return trial


def scaled(signal: Signal, zero_mean: bool) -> Signal:
    """The signal, from [0, 1] to [-1, 1] where its mean is to be about 0."""
    return dataclasses.replace(signal, values=2 * signal.values - 1) if zero_mean else signal


if __name__ == "__main__":
    sys.exit(main())
