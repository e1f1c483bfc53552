"""Sine and cosine in a few multiplications, for functions that are compiled.

A library's sine must also be right for arguments of millions of radians; its code for those makes every call slow,
and in a compiled network the sines, not the products, are then what takes the time. Here the argument is taken to
[-π/2, π/2] by multiples of a π in three parts, the first two of so few bits that their multiples are exact
(Cody and Waite 1980, "Software Manual for the Elementary Functions", chapter 8); there a polynomial of degree 9
differs from the sine by less than 5e-9.
"""

import math
from typing import Any

import torch
from torch import Tensor

PI = (3.140625, 9.67502593994140625e-4, 1.509957990978376e-7)
ODD = (-0.16666656732559204, 0.008333017118275166, -0.00019806614727713168, 2.600054585855105e-06)  # of r³, r⁵, r⁷, r⁹


def sine(x: Tensor) -> Tensor:
    """sin x, float32: where it is compiled, to 2e-7 and what one rounding of x makes; otherwise PyTorch's own."""
    return _Sine.apply(x) if torch.compiler.is_compiling() else torch.sin(x)


def sine_values(x: Tensor) -> Tensor:
    """The same, not differentiable: for functions that bring their own gradient."""
    return sine_of(x) if torch.compiler.is_compiling() else torch.sin(x)


def sine_of(x: Tensor, shift: float = 0.0) -> Tensor:
    """sin(x + π shift) by the polynomial, not differentiable; cos x for a half, which is left to the multiple of π."""
    turns = torch.round(x * (1 / math.pi) + shift)
    r = x
    for part in PI:
        r = r - (turns - shift) * part
    r = r.clamp(-math.pi / 2, math.pi / 2)  # of phases beyond all precision, something of the right size
    square = r * r
    series = ODD[-1] * square + ODD[-2]
    for coefficient in ODD[-3::-1]:
        series = series * square + coefficient
    odd = turns - 2 * torch.floor(turns * 0.5)
    return (r + r * square * series) * (1 - 2 * odd)


class _Sine(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return sine_of(x)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        return gradients[0] * sine_of(x, 0.5)
