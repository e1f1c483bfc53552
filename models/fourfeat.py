"""FourFeat: a ReLU network on random Fourier features (Tancik et al. 2020, section 6, its Gaussian mapping)."""

import math
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from common.dials import Dial
from common.lattice import Lattice
from models.base import register
from models.coordinate_network import CoordinateNetwork
from models.kernels.network import layers
from models.kernels.network.aligned import aligned, widened
from models.kernels.network.layers import Layer

TABLE_VALUES = 1 << 26  # bounds the table of the factored first layer: 256 MiB in float32
TABLE_PAYS = 0.15  # up to which share of the values of the features the table may have; measured, as the next
TABLE_WIDEST = 256  # where the kernels are the alternative


@register
class FourFeat(CoordinateNetwork):
    """[sin 2πBx, cos 2πBx] → Linear → ReLU → Linear → ReLU → Linear → Linear. The size dial is the width.

    There is no activation before the output layer, as in the reference. On a lattice the features
    factor over the axes, sin(a + b) = sin a cos b + cos a sin b, so the first layer is a product of
    one-axis tables, and while the width is small no [N, 2000] tensor need exist.
    """

    name = "FourFeat"
    precision = "bf16x3"

    @dataclass(frozen=True)
    class Config:
        # learning rate of Adam
        lr: Annotated[float, Dial(1e-4, 1e-2, "log", "the paper's 1e-3, a decade each way")]
        # rows of B; frozen, so not counted in the budget
        frequencies: Annotated[int, Dial(64, 2048, "log", "Tancik et al. 2020 have 256, the paper 1000")]
        # standard deviation of B, cycles per unit of x
        sigma: Annotated[float, Dial(2, 50, "log", "Tancik et al. 2020 have 10 over [0, 1), 5 here; the paper 20")]

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
        self._constants.clear()

    def load_state_dict(self, *given: Any, **named: Any) -> Any:
        """As PyTorch's; other frequencies have other tables. Those of the same ones stay, as a recorded update reads
        them."""
        before = self.frequencies.clone()
        found = super().load_state_dict(*given, **named)
        if not torch.equal(self.frequencies, before):
            self._constants.clear()
        return found

    def chain(self) -> list[Layer]:
        rows = 2 * math.pi * self.frequencies.repeat(2, 1)  # [2 F, d]
        is_cosine = torch.arange(len(rows), device=rows.device) >= len(self.frequencies)  # a sine a quarter turn on
        features = Layer(rows, (math.pi / 2) * is_cosine.to(rows.dtype), "sine")
        return [features, Layer(aligned(self.first.weight, 0), aligned(self.first.bias, 0), "relu"), *self._others()]

    def _others(self) -> list[Layer]:
        """What follows the first trained layer."""
        one, two, output = (layer for layer in self.rest if isinstance(layer, nn.Linear))
        return [
            Layer(*widened(one), "relu"),
            Layer(*widened(two), "none", head=widened(output, output=True)),
        ]

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

    def heads_on_lattice(self, lattice: Lattice) -> Tensor:
        widest = TABLE_PAYS * len(lattice) / lattice.shape[-1]
        if self.size > (min(widest, TABLE_WIDEST) if self.backend == "triton" else widest):
            return super().heads_on_lattice(lattice)
        return self.run(FourFeat.factored, *self.constants(lattice)).reshape(1, *lattice.shape, self.channels)

    def factored(self, leading: Tensor, sine: Tensor, cosine: Tensor) -> Tensor:
        """The network by the first layer's table [m, w, 2 F]: see `lattice_constants` → [n, m, C]."""
        on_sine, on_cosine = aligned(self.first.weight, 0).chunk(2, dim=1)  # [w, F]
        columns = max(1, TABLE_VALUES // (2 * on_sine.numel()))
        hidden = []
        # not Tensor.split, for which PyTorch would keep no compiled graph on disk
        for s, c in zip(torch.split(sine, columns), torch.split(cosine, columns), strict=True):
            s, c = s[:, None], c[:, None]  # [m, 1, F]
            table = torch.cat([on_sine * c - on_cosine * s, on_sine * s + on_cosine * c], dim=-1)
            hidden.append(F.linear(leading, table.flatten(0, 1)).reshape(len(leading), *table.shape[:2]))  # [n, m, w]
        x = F.relu(torch.cat(hidden, dim=1) + aligned(self.first.bias, 0))
        return layers.following(self._others(), x)[0]
