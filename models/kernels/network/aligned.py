"""Rows of whole 16 bytes, without which a GPU's products are several times slower."""

import torch.nn.functional as F
from torch import Tensor, nn

ALIGNMENT = 8  # values; 16 bytes in bf16


def aligned(x: Tensor, *axes: int) -> Tensor:
    """x with zeros appended along some axes, up to the next multiple of ALIGNMENT."""
    missing = [-n % ALIGNMENT if k in axes else 0 for k, n in enumerate(x.shape)]
    return F.pad(x, [side for n in reversed(missing) for side in (0, n)]) if any(missing) else x


def widened(layer: nn.Module, scale: float = 1.0, output: bool = False) -> tuple[Tensor, Tensor]:
    """Weight and bias of a linear layer, scaled, between aligned widths; an output stays as wide as it is.

    The network has some units more, which nothing reads: the same answer, and the same gradients of what is stored.
    """
    weight, bias = scale * layer.get_parameter("weight"), scale * layer.get_parameter("bias")
    return (aligned(weight, 1), bias) if output else (aligned(weight, 0, 1), aligned(bias, 0))
