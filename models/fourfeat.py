"""FourFeat: a ReLU network on random Fourier features (Tancik et al. 2020, section 5)."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from models.base import Representation, register
from models.coordinate_network import affine
from target_signals.lattice import Lattice

TABLE_VALUES = 1 << 25  # bounds the table of the factored first layer: 128 MiB in float32


@register
class FourFeat(Representation):
    """[sin 2πBx, cos 2πBx] → Linear → ReLU → Linear → ReLU → Linear → Linear. The size dial is the width.

    There is no activation before the output layer, as in the reference. On a lattice the features
    factor over the axes, sin(a + b) = sin a cos b + cos a sin b, so the first layer is a product of
    one-axis tables and no [N, 2000] tensor exists.
    """

    name = "FourFeat"
    precision = "tf32"

    @dataclass(frozen=True)
    class Config:
        lr: float  # learning rate of Adam
        frequencies: int  # rows of B; frozen, so not counted in the budget
        sigma: float  # standard deviation of B, cycles per unit of x

    def __init__(self, config: Any, lattice: Lattice, channels: int, size: int):
        super().__init__(config, lattice, channels, size)
        self.frequencies: Tensor
        self.register_buffer("frequencies", torch.empty(config.frequencies, self.dim))  # B [F, d]
        self.first = nn.Linear(2 * config.frequencies, size)
        self.rest = nn.Sequential(
            nn.ReLU(), nn.Linear(size, size), nn.ReLU(), nn.Linear(size, size), nn.Linear(size, channels)
        )

    def initialise(self, rng: torch.Generator) -> None:
        super().initialise(rng)
        self.frequencies.normal_(0, self.config.sigma, generator=rng)

    def forward(self, x: Tensor) -> Tensor:
        phase = affine(x.split(1, dim=1), 2 * math.pi * self.frequencies, x.new_zeros(()))  # [N, F]
        return self.rest(self.first(torch.cat([torch.sin(phase), torch.cos(phase)], dim=-1)))

    def lattice_constants(self, lattice: Lattice) -> tuple[Tensor, ...]:
        """[sin, cos] of the phases of all axes but the last [n, 2 F], and of the last [m, F], [m, F]."""
        phases = [
            2 * math.pi * np.outer(axis, row)
            for axis, row in zip(lattice.axes, self.frequencies.T.double().cpu().numpy(), strict=True)
        ]
        leading = phases[0]
        for phase in phases[1:-1]:
            leading = (leading[:, None] + phase).reshape(-1, leading.shape[-1])
        tables = np.concatenate([np.sin(leading), np.cos(leading)], axis=1), np.sin(phases[-1]), np.cos(phases[-1])
        return tuple(torch.as_tensor(table, dtype=torch.float32, device=self.device) for table in tables)

    def on_lattice(self, lattice: Lattice) -> Tensor:
        leading, sine, cosine = self.constants(lattice)
        on_sine, on_cosine = self.first.weight.chunk(2, dim=1)  # [w, F]
        columns = max(1, TABLE_VALUES // self.first.weight.numel())
        hidden = []
        for s, c in zip(sine.split(columns), cosine.split(columns), strict=True):
            s, c = s[:, None], c[:, None]  # [m, 1, F]
            table = torch.cat([on_sine * c - on_cosine * s, on_sine * s + on_cosine * c], dim=-1)  # [m, w, 2 F]
            hidden.append((leading @ table.flatten(0, 1).T).unflatten(1, table.shape[:2]))  # [n, m, w]
        first = torch.cat(hidden, dim=1) + self.first.bias
        return self.rest(first).reshape(*lattice.shape, self.channels)
