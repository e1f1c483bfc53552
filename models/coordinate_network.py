"""Coordinate networks: what networks share whose first layer is a sum over the coordinates."""

from collections.abc import Sequence
from typing import ClassVar

from torch import Tensor

from models.base import Representation
from target_signals.lattice import Lattice


class CoordinateNetwork(Representation):
    """A model that reads each coordinate through `affine` and is a network from there on.

    A subclass defines `network`. Its input broadcasts, so on a lattice the first layer is a sum of one-axis
    tables.
    """

    backends: ClassVar[tuple[str, ...]] = ("inductor", "torch")

    def network(self, coordinates: Sequence[Tensor]) -> Tensor:
        """All trained outputs: d tensors that broadcast to [*points, 1] → [H, *points, C]."""
        raise NotImplementedError

    def forward(self, x: Tensor) -> Tensor:
        return self.heads(x)[-1]

    def heads(self, x: Tensor) -> Tensor:
        return self.run(type(self).network, x.split(1, dim=1))

    def on_lattice(self, lattice: Lattice) -> Tensor:
        return self.heads_on_lattice(lattice)[-1]

    def heads_on_lattice(self, lattice: Lattice) -> Tensor:
        return self.run(type(self).network, tuple(axis[..., None] for axis in lattice.open_mesh(self.device)))


def affine(coordinates: Sequence[Tensor], weight: Tensor, bias: Tensor) -> Tensor:
    """W x + b: d coordinates that broadcast to [*points, 1], weight [w, d], bias [w] or a scalar → [*points, w].

    Written as a sum and not as a matrix product, because phases of hundreds of radians need all of float32
    even where products are made in TF32 or bf16.
    """
    total = bias
    for x, column in zip(coordinates, weight.unbind(1), strict=True):
        total = total + x * column
    return total
