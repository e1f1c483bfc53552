"""Features from interpolated tables of nodes, combined and decoded: what factored grids share."""

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from common.lattice import Lattice
from models.base import Representation
from models.kernels import interpolation


class FeatureTables(Representation):
    """Tables on some of the axes, linearly interpolated; features made of them; a decoder.

    A subclass adds its tables with `add_table`, sets `decoder` (linear layers, ReLUs between) and defines `combine`.
    """

    decoder: nn.Sequential

    def __init__(self, config: Any, lattice: Lattice, channels: int, size: int):
        super().__init__(config, lattice, channels, size)
        self.tables = nn.ParameterList()  # [F, *nodes] each
        self.on_axes: list[tuple[int, ...]] = []  # of each table, in rising order

    def add_table(self, features: int, axes: Sequence[int], nodes: Sequence[int]) -> None:
        """A table of that many features on some axes, with that many nodes along each."""
        self.tables.append(torch.empty(features, *nodes))
        self.on_axes.append(tuple(axes))

    def combine(self, parts: list[Tensor]) -> Tensor:
        """Features of every table, which broadcast to [F, *points] → those that are decoded [F', *points]."""
        raise NotImplementedError

    def place(self, table: int, axis: int, x: Tensor) -> Tensor:
        """Where coordinates x along an axis are looked up in a table, float32 in [-1, 1]: by default there."""
        return x

    def forward(self, x: Tensor) -> Tensor:
        parts = []
        for i, (table, axes) in enumerate(zip(self.tables, self.on_axes, strict=True)):
            at = torch.stack([self.place(i, k, x[:, k]) for k in axes], dim=1)
            parts.append(interpolation.at_points(table, at, "linear").T)  # [F, N]
        return self._decode(self.combine(parts))

    def lattice_constants(self, lattice: Lattice) -> tuple[Tensor, ...]:
        """Interpolation matrices of every table, one for each of its axes."""
        axes = [torch.as_tensor(axis, dtype=torch.float32) for axis in lattice.axes]  # as points are
        return tuple(
            interpolation.axis_matrix(self.place(i, k, axes[k]).double().numpy(), nodes, "linear", self.device)
            for i, (table, on) in enumerate(zip(self.tables, self.on_axes, strict=True))
            for k, nodes in zip(on, table.shape[1:], strict=True)
        )

    def on_lattice(self, lattice: Lattice) -> Tensor:
        matrices, parts = iter(self.constants(lattice)), []
        for table, axes in zip(self.tables, self.on_axes, strict=True):
            part = interpolation.on_lattice(table, tuple(next(matrices) for _ in axes))
            parts.append(part[(slice(None), *[slice(None) if k in axes else None for k in range(self.dim)])])
        return self._decode(self.combine(parts).flatten(1)).reshape(*lattice.shape, self.channels)

    def _decode(self, features: Tensor) -> Tensor:
        """[F', N] → [N, C]; features stay first, so that sums over points run along memory."""
        for layer in self.decoder:
            if isinstance(layer, nn.Linear):
                features = torch.addmm(layer.bias[:, None], layer.weight, features)
            else:
                features = F.relu(features, inplace=True)
        return features.float().T


def perceptron(features: int, hidden: int, channels: int) -> nn.Sequential:
    """Linear → ReLU → Linear."""
    return nn.Sequential(nn.Linear(features, hidden), nn.ReLU(), nn.Linear(hidden, channels))
