"""Coordinate networks: what networks share whose first layer is a sum over the coordinates."""

import math
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from common.errors import UsageError
from common.lattice import Lattice
from models.base import Representation
from models.kernels.network import layers
from models.kernels.network.layers import Layer
from models.kernels.network.misfit import misfit


class CoordinateNetwork(Representation):
    """A model that is a chain of layers, from the coordinates to its heads.

    A subclass defines `chain`. Its values can be had fused (`triton`), compiled (`inductor`) and from plain modules;
    on a lattice the latter two make the first layer a sum of one-axis tables.
    """

    backends: ClassVar[tuple[str, ...]] = ("triton", "inductor", "torch")

    @classmethod
    def construct(cls, config: Any, lattice: Lattice, channels: int, size: int) -> Representation:
        """As for any model, and UsageError where its chain is no network."""
        model = super().construct(config, lattice, channels, size)
        assert isinstance(model, CoordinateNetwork)
        if model.device.type != "meta":  # where models are only counted, some twenty times for a budget
            with torch.no_grad():
                wrong = misfit(model.chain(), lattice.dim, channels)
            if wrong is not None:
                raise UsageError(f"{cls.name}.chain: {wrong}")
        return model

    def chain(self) -> Sequence[Layer]:
        """The network; faster where its widths are aligned (models/kernels/network/aligned.py)."""
        raise UsageError(
            f"{self.name} defines no chain; it must give the network's layers (models/kernels/network/layers.py)"
        )

    def finish(self, heads: Tensor) -> Tensor:
        """What becomes of the heads' values [H, *points, C]; by default nothing more."""
        return heads

    def refuses(self, backend: str, precision: str) -> str | None:
        if backend == "triton" and precision not in ("bf16", "bf16x3"):
            return f"its kernels have products of bf16 matrices, so no precision {precision}"
        return None

    def network(self, coordinates: Sequence[Tensor]) -> Tensor:
        """All trained outputs: d tensors that broadcast to [*points, 1] → [H, *points, C]."""
        return self.finish(layers.heads(self.chain(), coordinates))

    def forward(self, x: Tensor) -> Tensor:
        return self.heads(x)[-1]

    def heads(self, x: Tensor) -> Tensor:
        if self.backend == "triton":
            return self._fused(x)
        return self.run(type(self).network, x.split(1, dim=1))

    def on_lattice(self, lattice: Lattice) -> Tensor:
        return self.heads_on_lattice(lattice)[-1]

    def heads_on_lattice(self, lattice: Lattice) -> Tensor:
        if self.backend == "triton":
            return self._fused(lattice.points(self.device)).reshape(-1, *lattice.shape, self.channels)
        return self.run(type(self).network, tuple(axis[..., None] for axis in lattice.open_mesh(self.device)))

    def _fused(self, x: Tensor) -> Tensor:
        from models.kernels.network import layers_triton

        parts = 1 if torch.is_autocast_enabled(x.device.type) else 2
        with torch.autocast(x.device.type, enabled=False):
            return self.finish(layers_triton.heads(self.chain(), x, parts))


def draw_sine_weights(layers: Iterable[nn.Module], omega: float, rng: torch.Generator) -> None:
    """Initial weights of layers sin(ω(Wx + b)), the first of them and the others: U(±1/fan-in) and U(±√(6/fan-in)/ω)
    (Sitzmann et al. 2020, section 3.2)."""
    for i, layer in enumerate(layers):
        weight = layer.get_parameter("weight")  # [out, in]
        bound = 1 / weight.shape[1] if i == 0 else math.sqrt(6 / weight.shape[1]) / omega
        nn.init.uniform_(weight, -bound, bound, generator=rng)
