"""Instant_NGP: multiresolution hash encoding and a small decoder (Müller et al. 2022)."""

import weakref
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from models.base import Representation, register
from models.kernels.hash_encoding import LatticeEncoding, encode, make_levels
from target_signals.lattice import Lattice

MAX_CORNERS = 1 << 28  # a lattice with more corners than this (4 GiB as a sparse product) is gathered instead


@register
class Instant_NGP(Representation):  # the name that rows and the paper use
    """Encoding → Linear → ReLU → Linear, coordinates taken to [0, 1). The size dial is log₂ T.

    Stated exception to filling the budget: T is the largest power of two with
    levels·features·T + decoder ≤ budget, as in the paper, although coarse levels need fewer entries.
    """

    name = "Instant_NGP"
    smallest = 3  # level sizes are multiples of 8

    @dataclass(frozen=True)
    class Config:
        lr: float  # learning rate of Adam
        levels: int
        features: int  # a level
        base_resolution: int  # nodes an axis of the coarsest level
        growth: float  # of the resolution from level to level
        hidden: int  # width of the decoder
        initial_range: float  # table values start uniform within ± this

    def __init__(self, config: Any, lattice: Lattice, channels: int, size: int):
        super().__init__(config, lattice, channels, size)
        self.levels = make_levels(self.dim, config.levels, config.base_resolution, config.growth, 2**size)
        entries = self.levels[-1].offset + self.levels[-1].size
        self.table = nn.Parameter(torch.empty(entries, config.features))
        self.decoder = nn.Sequential(
            nn.Linear(config.levels * config.features, config.hidden), nn.ReLU(), nn.Linear(config.hidden, channels)
        )
        self._encodings: weakref.WeakKeyDictionary[Lattice, LatticeEncoding] = weakref.WeakKeyDictionary()

    @classmethod
    def solve_size(cls, config: Any, lattice: Lattice, channels: int, budget: int) -> int | None:
        width = config.levels * config.features
        decoder = width * config.hidden + config.hidden + config.hidden * channels + channels
        entries = (budget - decoder) // width
        return entries.bit_length() - 1 if entries >= 2**cls.smallest else None

    def initialise(self, rng: torch.Generator) -> None:
        super().initialise(rng)
        nn.init.uniform_(self.table, -self.config.initial_range, self.config.initial_range, generator=rng)

    def forward(self, x: Tensor) -> Tensor:
        return self.decoder(encode((x + 1) / 2, self.table, self.levels))

    def on_lattice(self, lattice: Lattice) -> Tensor:
        too_large = lattice.size * len(self.levels) * 2**self.dim > MAX_CORNERS
        seen_once = lattice not in self._encodings and not torch.is_grad_enabled()  # as in super-resolution
        if too_large or seen_once:
            return super().on_lattice(lattice)
        if lattice not in self._encodings:
            self._encodings[lattice] = LatticeEncoding((lattice.points(self.device) + 1) / 2, self.levels)
        return self.decoder(self._encodings[lattice](self.table)).reshape(*lattice.shape, self.channels)
