"""Activations of one unit at a time, in plain PyTorch: one entry each.

models/kernels/network/activation_kernels.py has the same entries in Triton, each with its slope.
"""

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from models.kernels.network.sine import sine


def _finer(x: Tensor, inverse: float) -> Tensor:
    """sin((|z| + 1) x) of x = ωz, with z = x · inverse; |z| counts as a constant for the gradient."""
    return sine(x * (inverse * x.detach().abs() + 1))


def _sinc(x: Tensor, _: float) -> Tensor:
    return torch.sinc(x / math.pi)


# name → the activation of arguments of any shape and a constant of the layer, which most leave aside
ELEMENTWISE: dict[str, Callable[[Tensor, float], Tensor]] = {
    "none": lambda x, _: x,
    "relu": lambda x, _: F.relu(x),
    "sine": lambda x, _: sine(x),
    "finer": _finer,
    "gauss": lambda x, _: torch.exp(-x.square()),
    "sinc": _sinc,
    "hosc": lambda x, sharpness: torch.tanh(sharpness * sine(x)),
}
