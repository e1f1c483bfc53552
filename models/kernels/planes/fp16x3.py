"""Products as good as float32's on tensor cores: of float16 parts, for values and for gradients.

A float32 number times a power of two is, to 22 bits, the sum of two float16 ones, x = x₁ + x₂, and a product is to
the same bits x₂w₁ + x₁w₂ + x₁w₁ (Ootomo and Yokota 2022, "Recovering single precision accuracy from Tensor Cores while
surpassing the FP32 theoretical peak performance"), summed in float32: one product of matrices whose rows hold three
slots, x₁|x₂|x₁ against w₂|w₁|w₁. A factor of zeros and ones has no second part, so with one there are two products.
The power of two takes the greatest magnitude to some 2¹⁵; what is 2¹⁷ times smaller than that still has all its bits,
and beyond it errors stay at 2⁻⁴⁰ of the greatest.

Tensor cores cut off each sum's last bits instead of rounding them, and thousands of steps lose in the same direction.
So a product over points is made of runs of RUN points, whose sums are added in float32.
"""

import torch
from torch import Tensor

from models.kernels.network.products import bmm

LARGEST = 15  # scaled values are below 2¹⁵; float16 ends at 2¹⁶
MOST = 60  # of the power of two, either way, so that products of scales are numbers, too
RUN = 1024  # points


def scale_for(bound: Tensor) -> Tensor:
    """The power of two by which values of at most `bound` are scaled: float32, both without axes."""
    _, exponent = torch.frexp(bound)  # bound < 2^exponent
    power = (LARGEST - exponent).clamp(-MOST, MOST)
    return (power + 127 << 23).view(torch.float32)  # by its bits, which are exact


def split(x: Tensor, scale: Tensor) -> tuple[Tensor, Tensor]:
    """x₁ and x₂ in float16, whose sum is x · scale."""
    x = x * scale
    first = x.half()
    return first, (x - first.float()).half()


def over_points(a: Tensor, b: Tensor) -> Tensor:
    """The sum of aᵀb over points and slots: float16 [N, slots, k] and [N, slots, n], N a multiple of RUN → [k, n]."""
    a, b = (x.reshape(-1, RUN * x.shape[1], x.shape[2]) for x in (a, b))
    return bmm(a.transpose(1, 2), b).sum(0)
