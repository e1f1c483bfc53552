"""BACON: a multiplicative filter network with a bounded band at each output (Lindell et al. 2022, section 3)."""

import math
from dataclasses import dataclass
from typing import Annotated, Any

import torch
from torch import Tensor, nn

from common.dials import ADDED, Dial
from common.lattice import Lattice
from models.base import register
from models.coordinate_network import CoordinateNetwork
from models.kernels.network.aligned import aligned, widened
from models.kernels.network.layers import Layer

MOST_BAND = 1 << 16  # far beyond 1, the most that samples tell apart; cycles are whole numbers of 64 bits


@dataclass(frozen=True)
class Design:
    """The network's shape in one dimension. Filter i is `shared[i]`: equal entries are one filter."""

    band: tuple[float, ...]  # sᵢ, highest frequency as a share of Nyquist's, n/2 cycles along n training samples
    shared: tuple[int, ...]
    outputs: tuple[int, ...]  # layers after which an output is read, counted from 0

    def __post_init__(self) -> None:
        filters, last = len(self.band), len(self.shared) - 1
        if not self.shared or not all(0 <= i < filters for i in self.shared):
            raise ValueError(f"shared: must be places in a list of {filters} bands, from 0 on, got {self.shared}")
        if last not in self.outputs or list(self.outputs) != sorted({*self.outputs} & {*range(1, last + 1)}):
            raise ValueError(f"outputs: must be rising layers from 1 to the last, {last}, got {self.outputs}")


@register
class BACON(CoordinateNetwork):
    """z₀ = g₀(x), zᵢ = gᵢ(x)·(Wᵢ zᵢ₋₁ + bᵢ), gᵢ = sin(ωᵢ x + φᵢ) with frozen ωᵢ. The size dial is the width.

    Coordinates are taken to [-½, ½). Every output is trained; the last is the answer.
    """

    name = "BACON"
    precision = "bf16"

    @dataclass(frozen=True)
    class Config:
        # learning rate of Adam
        lr: Annotated[float, Dial(5e-4, 2e-1, "log", "the paper's 5e-2, two decades down and two octaves up")]
        design: dict[str, Design]  # bands, filters and outputs, by dimension, "2" and "3"
        # factor of the design's bands
        reach: Annotated[float, Dial(0.25, 2, "log", "the paper's bands, an octave or two each way"), ADDED] = 1.0

        def __post_init__(self) -> None:
            if set(self.design) != {"2", "3"}:
                raise ValueError(f'design: must be for "2" and "3", got {", ".join(self.design) or "none"}')
            for dim, design in self.design.items():
                if not all(0 <= band * self.reach <= MOST_BAND for band in design.band):
                    must = f"each, times reach, must be from 0 to {MOST_BAND}"
                    raise ValueError(f"design.{dim}.band: {must}, got {design.band} and reach {self.reach:g}")

    def __init__(self, config: Any, lattice: Lattice, channels: int, size: int):
        super().__init__(config, lattice, channels, size)
        self.design = config.design[str(self.dim)]
        filters = sorted(set(self.design.shared))
        place = {i: k for k, i in enumerate(filters)}
        self.which = [place[i] for i in self.design.shared]
        self.bands = [self.design.band[i] for i in filters]
        self.omega: Tensor
        self.register_buffer("omega", torch.empty(len(filters), size, self.dim))  # rad per unit of [-½, ½)
        self.phase = nn.Parameter(torch.empty(len(filters), size))
        self.hidden = nn.ModuleList(nn.Linear(size, size) for _ in self.design.shared[1:])
        self.outputs = nn.ModuleList(nn.Linear(size, channels) for _ in self.design.outputs)

    def initialise(self, rng: torch.Generator) -> None:
        super().initialise(rng)  # the biases stay at PyTorch's default
        for layer in [*self.hidden, *self.outputs]:
            bound = math.sqrt(6 / self.size)
            nn.init.uniform_(layer.weight, -bound, bound, generator=rng)
        nn.init.uniform_(self.phase, -math.pi, math.pi, generator=rng)
        for omega, band in zip(self.omega, self.bands, strict=True):
            for k, n in enumerate(self.lattice.shape):
                highest = max(1, round(n * band * self.config.reach / 2))  # cycles over the unit interval
                cycles = torch.randint(-highest, highest + 1, (self.size,), generator=rng)
                omega[:, k] = 2 * math.pi * cycles

    def chain(self) -> list[Layer]:
        halves = aligned(self.omega / 2, 1)  # rad per unit of [-1, 1)
        filters = list(zip(halves, aligned(self.phase, 1), strict=True))
        read = dict(zip(self.design.outputs, self.outputs, strict=True))
        found = [Layer(*filters[self.which[0]], "sine")]
        for i, (layer, which) in enumerate(zip(self.hidden, self.which[1:], strict=True), start=1):
            head = widened(read[i], output=True) if i in read else None
            found.append(Layer(*widened(layer), "filter", filter=filters[which], head=head))
        return found
