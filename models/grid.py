"""Grid and Grid_TV: one value a node, interpolated (Kim & Fridovich-Keil 2025, section 3; docs/protocol.md, "Models").

Bicubic interpolation in 2D, trilinear in 3D, the same number of nodes along every axis.
"""

from dataclasses import dataclass
from typing import Annotated, Any

import torch
from torch import Tensor, nn

from common.dials import Dial
from common.lattice import Lattice
from models.base import Representation, register
from models.kernels import interpolation


@register
class Grid(Representation):
    """The size dial is the number of nodes an axis."""

    name = "Grid"
    smallest = 2

    @dataclass(frozen=True)
    class Config:
        # learning rate of Adam
        lr: Annotated[float, Dial(3e-3, 1, "log", "the paper's 1e-1, a decade each way and more below")]
        # the value of every node at the start
        initial: Annotated[float, Dial(0, 1, "linear", "what most signals range over; the paper has 0.1")]

    def __init__(self, config: Any, lattice: Lattice, channels: int, size: int):
        super().__init__(config, lattice, channels, size)
        self.order: interpolation.Order = "cubic" if self.dim == 2 else "linear"
        self.values = nn.Parameter(torch.empty(channels, *[size] * self.dim))  # [C, *nodes]

    def initialise(self, rng: torch.Generator) -> None:
        nn.init.constant_(self.values, self.config.initial)

    def forward(self, x: Tensor) -> Tensor:
        return interpolation.at_points(self.values, x, self.order)

    def lattice_constants(self, lattice: Lattice) -> tuple[Tensor, ...]:
        return tuple(interpolation.axis_matrix(axis, self.size, self.order, self.device) for axis in lattice.axes)

    def on_lattice(self, lattice: Lattice) -> Tensor:
        return interpolation.on_lattice(self.values, self.constants(lattice)).movedim(0, -1)


@register
class GridTV(Grid):
    """Grid with a total-variation penalty (Rudin, Osher & Fatemi 1992; docs/protocol.md, "Models")."""

    name = "Grid_TV"

    @dataclass(frozen=True)
    class Config(Grid.Config):
        # λ, the weight of the penalty; by data and budget
        tv_weight: Annotated[float, Dial(1e-5, 100, "log", "the paper has 1e-3 to 100; below, 0 is near")]
        tv_floor: float  # the least squared gradient under the root, whose slope at 0 is infinite

    def penalty(self) -> Tensor:
        """λ times the mean, over nodes that have all forward neighbours, of the gradient's norm."""
        axes = range(1, self.dim + 1)
        node = self._shifted(0)
        squared = torch.stack([(self._shifted(k) - node).square() for k in axes]).sum(0)
        return self.config.tv_weight * squared.clamp(min=self.config.tv_floor).sqrt().mean()

    def _shifted(self, axis: int) -> Tensor:
        """The nodes one further along `axis` (0: none) of those that have all forward neighbours."""
        window = [slice(1, None) if k == axis else slice(None, -1) for k in range(1, self.dim + 1)]
        return self.values[(slice(None), *window)]
