"""What the reference results are to have, the most wanted first, as it stands in hyperparameters.json."""

import dataclasses
import re
from dataclasses import dataclass
from typing import Literal

from common.files import ROOT
from harness.plan.trial import BITS

FOLDER = ROOT / "reference"  # of the results that there are: one file a preset, shipped with the suite
EXPERIMENT = re.compile(r"([23])d_([A-Za-z0-9]+)(?:_(\w+))?")


@dataclass(frozen=True)
class Want:
    """Some trials that are wanted; each belongs to the first that names it.

    experiments: a key of `Reference.experiments`. device: the kind that they run on; on CUDA each model has its own
    precision, on a CPU fp32. models: a group of the protocol. items, sizes, bandlimits: null for the preset's. seeds:
    how many of the preset's, from its first; null for all. bits: values in which rows are to have rates (docs/bits.md).
    """

    group: str
    preset: str
    device: Literal["cuda", "cpu"]
    experiments: str
    models: Literal["all", "newer"] = "all"
    items: tuple[str, ...] | None = None
    sizes: tuple[int, ...] | None = None
    bandlimits: tuple[float, ...] | None = None
    seeds: int | None = None
    bits: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if () in (self.items, self.sizes, self.bandlimits):
            raise ValueError("items, sizes, bandlimits: must be null or at least one")
        if self.seeds is not None and self.seeds < 1:
            raise ValueError(f"seeds: must be at least 1, got {self.seeds}")
        if not set(self.bits) <= set(BITS):
            raise ValueError(f"bits: each is {BITS[0]} to {BITS[-2]}, or {BITS[-1]}, got {list(self.bits)}")


@dataclass(frozen=True)
class Reference:
    """The order of want. experiments: lists of results folders, by a name; `2d_DIV2K_denoise` is all its levels."""

    experiments: dict[str, tuple[str, ...]] = dataclasses.field(default_factory=dict)
    order: tuple[Want, ...] = ()

    def __post_init__(self) -> None:
        for name in (name for names in self.experiments.values() for name in names):
            if EXPERIMENT.fullmatch(name) is None:
                raise ValueError(f"experiments: each is like 2d_Sierpinski or 2d_ChestCT_ct, got '{name}'")
        for want in self.order:
            if want.experiments not in self.experiments:
                raise ValueError(f"order: there are no experiments '{want.experiments}'")

    def wants(self, preset: str, dim: int, signal: str) -> bool:
        """Whether some trials of a signal under a preset are wanted."""
        return any(
            want.preset == preset and (dim, signal) in {known[:2] for known in self.named(want.experiments)}
            for want in self.order
        )

    def named(self, name: str) -> list[tuple[int, str, str]]:
        """The dimension, signal and task of each experiment of a list."""
        matches = [EXPERIMENT.fullmatch(folder) for folder in self.experiments[name]]
        return [(int(found[1]), found[2], found[3] or "fit") for found in matches if found is not None]
