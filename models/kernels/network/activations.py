"""Activations of one unit at a time, in plain PyTorch: one entry each.

models/kernels/network/activation_kernels.py has the same entries in Triton, each with its slope.
"""

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from models.kernels.network.sine import sine, sine_values

LEAST = 1e-4  # |x| of a cardinal sine that is told from 0: there it differs from 1 by less than 2e-9


def _finer(x: Tensor, inverse: float) -> Tensor:
    """sin((|z| + 1) x) of x = ωz, with z = x · inverse; |z| counts as a constant for the gradient."""
    return sine(x * (inverse * x.detach().abs() + 1))


class _Sinc(torch.autograd.Function):
    """sin x / x, twice as fast as PyTorch's and its gradient."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        size = x.abs().clamp_(min=LEAST)
        value = sine_values(size) / size
        ctx.save_for_backward(x, value)
        return value

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        x, value = ctx.saved_tensors
        size = x.abs().clamp_(min=LEAST)
        return gradients[0] * torch.cos(size).sub_(value).div_(size) * torch.sign(x)


# name → the activation of arguments of any shape and a constant of the layer, which most leave aside
ELEMENTWISE: dict[str, Callable[[Tensor, float], Tensor]] = {
    "none": lambda x, _: x,
    "relu": lambda x, _: F.relu(x),
    "sine": lambda x, _: sine(x),
    "finer": _finer,
    "gauss": lambda x, _: torch.exp(-x.square()),
    "sinc": lambda x, _: _Sinc.apply(x),
    "hosc": lambda x, sharpness: torch.tanh(sharpness * sine(x)),
}
