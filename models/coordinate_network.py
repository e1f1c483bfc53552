"""What the networks have in common that models/kernels/fused_mlp_triton.py can run in one kernel."""

from typing import ClassVar

import torch
from torch import Tensor, nn

from models.base import Representation

WIDEST = 256  # from here on a product of large matrices a layer is as fast, and there the twin is good


class CoordinateNetwork(Representation):
    """Layers of equal widths on the coordinates. The size dial is the width."""

    backends: ClassVar[tuple[str, ...]] = ("triton", "torch")

    def refuses(self, backend: str) -> str | None:
        if backend == "triton" and self.size > WIDEST:
            return f"its kernels take widths up to {WIDEST}, not {self.size}"
        return None

    def points_at_once(self, points: int) -> int:
        return points if self.backend == "triton" else super().points_at_once(points)  # kernels keep nothing


def stack(layers: nn.ModuleList, name: str) -> Tensor:
    """One parameter of layers of one shape, stacked: [layers, …]."""
    return torch.stack([layer.get_parameter(name) for layer in layers])
