"""Products of the precision `bf16x3`: nearly float32 in what a network says, bf16 in how it learns.

A float32 number is, to 16 bits, the sum of two bf16 ones, x = x₁ + x₂, and a product is to the same 16 bits
x₁w₁ + x₂w₁ + x₁w₂ (Henry, Tang and Heinecke 2019, "Leveraging the bfloat16 Artificial Intelligence Datatype for
Higher-Precision Computations"), summed in float32. On tensor cores that is one product of bf16 matrices, three
times as long. Values are made so; gradients, which only have to point the right way on average, are products of the
first parts alone.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode

from models.kernels.network.aligned import aligned
from models.kernels.network.products import mm

LEAST_WIDTH = 16  # of a layer whose products are worth splitting; narrower ones stay in float32


class Bf16x3(TorchFunctionMode):
    """Inside, every linear layer has products of this precision."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return linear(*args, **(kwargs or {})) if func is F.linear else func(*args, **(kwargs or {}))


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """x Wᵀ + b: x [*points, k], weight [n, k], bias [n] → [*points, n]."""
    if min(weight.shape) < LEAST_WIDTH:
        return F.linear(x, weight, bias)
    y = _Product.apply(x.reshape(-1, x.shape[-1]), weight).reshape(*x.shape[:-1], len(weight))
    return y if bias is None else y + bias


class _Product(torch.autograd.Function):
    """x [N, k], weight [n, k] → [N, n]."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor) -> Tensor:
        ctx.save_for_backward(x, weight)
        return mm(_parts(x, low=1), _parts(aligned(weight, 0), low=2).T)[:, : len(weight)]

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, Tensor | None]:
        x, weight = ctx.saved_tensors
        n, k = weight.shape
        gradient = aligned(gradients[0].bfloat16(), 1)
        to_x = to_weight = None
        if ctx.needs_input_grad[0]:
            to_x = mm(gradient, aligned(weight.bfloat16(), 0, 1))[:, :k]
        if ctx.needs_input_grad[1]:
            to_weight = mm(gradient.T, aligned(x.bfloat16(), 1))[:n, :k]
        return to_x, to_weight


def _parts(x: Tensor, low: int) -> Tensor:
    """[x₁ | x₁ | x₁] in bf16, with x₂ at the place `low`: [N, k] → [N, 3 k'], k' aligned."""
    x = aligned(x, 1)[:, None]
    # x rounded to 8 bits, by its bits: compilers leave out a conversion to bf16 and back
    first = ((x.view(torch.int32) + 0x8000) & -0x10000).view(torch.float32)
    place = torch.arange(3, device=x.device)[:, None]
    return torch.where(place == low, x - first, first).bfloat16().flatten(1)
