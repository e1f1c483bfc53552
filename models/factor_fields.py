"""FactorFields: a coefficient grid times basis grids that repeat (Chen et al. 2023, "Factor Fields: A Unified Framework
for Neural Fields and Beyond", section 3, its model DiF)."""

import itertools
import math
from dataclasses import dataclass
from typing import Annotated, Any

import torch
from torch import Tensor, nn

from common.dials import Dial
from common.lattice import Lattice
from models.base import register
from models.feature_tables import FeatureTables, perceptron
from models.settings import check_counts

ROUNDING = 1e-4  # of a basis's length
MOST = 1024  # nodes an axis of the coefficients for one of the largest basis


@register
class FactorFields(FeatureTables):
    """Coefficients, which cover the signal once, times bases, which repeat; decoded by a small network.

    A basis of b nodes an axis repeats every b samples of the training lattice (the paper's sawtooth), and at least
    once. The size dial is the number of nodes an axis of the largest basis, to which all others are in proportion.
    """

    name = "FactorFields"
    smallest = 4

    @dataclass(frozen=True)
    class Config:
        # learning rate of Adam; the authors' for large grids
        lr: Annotated[float, Dial(2e-3, 2e-1, "log", "the authors' 2e-3 for images and 2e-2, a decade up")]
        bases: tuple[int, ...]  # resolutions of the bases, by proportion; the authors'
        features: tuple[int, ...]  # how many each basis has; the authors'
        # nodes an axis of the coefficient grid for one of the largest basis; the authors' for images
        coefficients: Annotated[float, Dial(0.125, 1, "log", "the authors' 0.5 for images, 0.25 for volumes")]
        # value of every coefficient at the start; the authors' for images
        initial: Annotated[float, Dial(1e-4, 1, "log", "the authors' 1e-3 for images and 1 for volumes")]
        hidden: int  # width of the decoder's hidden layer; the authors' for images

        def __post_init__(self) -> None:
            check_counts("bases", self.bases)
            check_counts("features", self.features)
            if len(self.features) != len(self.bases):
                raise ValueError(f"features: must be as many as the {len(self.bases)} bases, got {self.features}")
            if not 0 <= self.coefficients <= MOST:
                raise ValueError(f"coefficients: must be from 0 to {MOST}, got {self.coefficients}")

    def __init__(self, config: Any, lattice: Lattice, channels: int, size: int):
        super().__init__(config, lattice, channels, size)
        everywhere, total = range(self.dim), sum(config.features)
        self.add_table(total, everywhere, [max(2, round(config.coefficients * size))] * self.dim)
        for resolution, features in zip(config.bases, config.features, strict=True):
            self.add_table(features, everywhere, [max(2, round(size * resolution / max(config.bases)))] * self.dim)
        self.decoder = perceptron(total, config.hidden, channels)

    def initialise(self, rng: torch.Generator) -> None:
        """Coefficients alike, bases as cosines: the start of the authors' code."""
        super().initialise(rng)  # the decoder stays at PyTorch's default
        coefficients, *bases = self.tables
        nn.init.constant_(coefficients, self.config.initial)
        with torch.no_grad():
            for basis in bases:
                basis.copy_(cosines(*basis.shape))

    def place(self, table: int, axis: int, x: Tensor) -> Tensor:
        if table == 0:
            return x
        repeats = max(1.0, self.lattice.shape[axis] / self.tables[table].shape[1])
        turns = (x.double() + 1) / 2 * repeats
        begun = torch.floor(turns + ROUNDING)  # a sample where one ends is the first of the next, however x is rounded
        return (2 * (turns - begun).clamp(min=0) - 1).float()

    def combine(self, parts: list[Tensor]) -> Tensor:
        coefficients, *bases = parts
        return coefficients * torch.cat(bases)


def cosines(features: int, nodes: int, *others: int) -> Tensor:
    """Products of cosines over the axes, each with a Euclidean norm of 1: [features, nodes, *others].

    An axis has p = 1 + ⌊features^(1/d)⌋ cosines, of k/2p periods a node for k = 0 … p - 1; all but the first, which is
    constant, have their means taken out. Of the p^d products, the last axis running fastest, `features` are taken at
    even distances, from the first on.
    """
    lengths = (nodes, *others)
    count = math.floor(features ** (1 / len(lengths)) + 1)
    waves = [torch.stack([_wave(k, count, n) for k in range(count)]) for n in lengths]  # [count, n] each
    every = list(itertools.product(range(count), repeat=len(lengths)))
    apart, further = divmod(len(every), features)  # the first ones are one product further apart
    found = []
    for i in range(features):
        product = torch.ones(())
        for wave, k in zip(waves, every[i * apart + min(i, further)], strict=True):
            product = product[..., None] * wave[k]
        found.append(product / product.norm())
    return torch.stack(found)


def _wave(k: int, count: int, nodes: int) -> Tensor:
    wave = torch.cos(math.pi * k / count * torch.arange(nodes))
    return wave - wave.mean() if k else wave
