"""Linear → ReLU → Linear with few outputs, on values x in float16 parts (fp16x3.py), forward and backward.

With m = 1 where a hidden unit is active and 0 elsewhere, output c is Σ head[c, f] · m[p, f] · Σ W[f, a] · x[p, a], so
with its gradient r[c, p] and S[f, c, a] = Σ m[p, f] · r[c, p] · x[p, a],

    to x[p, a]     = Σ r[c, p] · Σ m[p, f] · head[c, f] · W[f, a],
    to W[f, a]     = Σ head[c, f] · S[f, c, a],
    to head[c, f]  = Σ W[f, a] · S[f, c, a].

Both products over hidden units or points have m for a factor, which is exact in float16, and m is all that is kept of
the hidden units. There are no biases: a value that is 1 everywhere has the hidden layer's for weights. These are parts
of features_triton.py, whose twin says the whole.
"""

import torch
import triton
import triton.language as tl
from torch import Tensor

from models.kernels.network.products import mm
from models.kernels.planes import fp16x3

TILE = {"POINTS": 32, "BLOCK": 128, "num_warps": 4}


def hidden(weight: Tensor, values: Tensor, scale: Tensor) -> tuple[Tensor, Tensor]:
    """Arguments of hidden units [N, b] but for a factor, and that: weight [b, a], values [N, 3, a] in slots x₁, x₂, x₁
    of x · scale."""
    own = fp16x3.scale_for(weight.abs().max())
    first, second = fp16x3.split(weight, own)
    return mm(values.flatten(1), torch.cat([second, first, first], dim=1).T), 1 / (scale * own)


def outputs(head: Tensor, hidden: Tensor, factor: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Outputs [count, C] of the first points, and which units are active [N, 2, b], in both slots: head [C, b], hidden
    [N, b] with N a multiple of a tile's points."""
    (n, width), channels = hidden.shape, len(head)
    tiles = n // TILE["POINTS"], triton.cdiv(width, TILE["BLOCK"])
    out = hidden.new_empty(tiles[1], channels, count)
    active = hidden.new_empty(n, 2, width, dtype=torch.float16)
    output_kernel[tiles](hidden, head, out, active, factor, count, width, C=channels, **TILE)
    return out.sum(0).T, active


def to_parameters(
    weight: Tensor, head: Tensor, active: Tensor, weighted: Tensor, scale: Tensor
) -> tuple[Tensor, Tensor]:
    """Gradients of weight and head, from the values times the outputs' gradients: [N, 2, C a] in slots x₂, x₁ of
    r · x · scale."""
    sums = fp16x3.over_points(active, weighted).reshape(len(weight), len(head), -1) / scale  # [b, C, a]
    return (head.T[:, :, None] * sums).sum(1), (weight[:, None] * sums).sum(2).T


def to_values(weight: Tensor, head: Tensor, active: Tensor) -> tuple[Tensor, Tensor]:
    """The gradient of each output in the values [N, C a], but for a factor, and that."""
    both = (head.T[:, :, None] * weight[:, None]).flatten(1)  # [b, C a]
    scale = fp16x3.scale_for(both.abs().max())
    first, second = fp16x3.split(both, scale)
    return mm(active.flatten(1), torch.cat([second, first])), 1 / scale


@triton.jit
def output_kernel(
    hidden, head, out, active, factor, count, width, C: tl.constexpr, POINTS: tl.constexpr, BLOCK: tl.constexpr
):  # fmt: skip
    """Sums over BLOCK hidden units of ReLU(hidden) · factor · head, out [blocks, C, count], and which units are active
    [N, 2, width], float16. hidden: [N, width]. head: [C, width]. N is a multiple of POINTS."""
    p = tl.program_id(0) * POINTS + tl.arange(0, POINTS)
    unit = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    used = unit < width
    row = p.to(tl.int64)[:, None] * width
    value = tl.load(hidden + row + unit[None, :], mask=used[None, :], other=0.0)
    mark = (value > 0).to(tl.float16)
    tl.store(active + 2 * row + unit[None, :], mark, mask=used[None, :])
    tl.store(active + 2 * row + width + unit[None, :], mark, mask=used[None, :])
    value = tl.maximum(value, 0.0) * tl.load(factor)
    for c in tl.static_range(C):
        weight = tl.load(head + c * width + unit, mask=used, other=0.0)
        to = out + (tl.program_id(1) * C + c).to(tl.int64) * count + p
        tl.store(to, tl.sum(value * weight[None, :], axis=1), mask=p < count)
