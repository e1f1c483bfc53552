"""The kernels of relu_decoder_triton.py: what a decoder says of its hidden units' arguments, and its gradient."""

import triton
import triton.language as tl


@triton.jit
def _hidden(hidden, bias, factor, p, unit, given, used, width):
    """Values of hidden units at a tile of points."""
    at = p.to(tl.int64)[:, None] * width + unit[None, :]
    argument = tl.load(hidden + at, mask=given[:, None] & used[None, :], other=0.0) * tl.load(factor)
    return tl.maximum(argument + tl.load(bias + unit, mask=used, other=0.0)[None, :], 0.0)


@triton.jit
def output_kernel(
    hidden, bias, head, out, factor, count, width, C: tl.constexpr, POINTS: tl.constexpr, BLOCK: tl.constexpr
):  # fmt: skip
    p = tl.program_id(0) * POINTS + tl.arange(0, POINTS)
    unit = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    used, given = unit < width, p < count
    value = _hidden(hidden, bias, factor, p, unit, given, used, width)
    for c in tl.static_range(C):
        weight = tl.load(head + c * width + unit, mask=used, other=0.0)
        to = out + (tl.program_id(1) * C + c).to(tl.int64) * count + p
        tl.store(to, tl.sum(value * weight[None, :], axis=1), mask=given)


@triton.jit
def hidden_gradient_kernel(
    hidden, bias, head, to_out, gradient, sums, factor, scale, count, width,
    C: tl.constexpr, POINTS: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    p = tl.program_id(0) * POINTS + tl.arange(0, POINTS)
    unit = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    used, given = unit < width, p < count
    value = _hidden(hidden, bias, factor, p, unit, given, used, width)
    to_argument = tl.zeros((POINTS, BLOCK), tl.float32)
    to_sums = sums + tl.program_id(0).to(tl.int64) * (1 + C) * width + unit
    for c in tl.static_range(C):
        above = tl.load(to_out + c * count + p, mask=given, other=0.0)[:, None]
        to_argument += above * tl.load(head + c * width + unit, mask=used, other=0.0)[None, :]
        tl.store(to_sums + (1 + c) * width, tl.sum(above * value, axis=0), mask=used)
    to_argument = tl.where(value > 0, to_argument, 0.0)
    tl.store(to_sums, tl.sum(to_argument, axis=0), mask=used)
    to_argument *= tl.load(scale)
    first = to_argument.to(tl.float16)
    second = (to_argument - first.to(tl.float32)).to(tl.float16)
    at = p.to(tl.int64)[:, None] * (3 * width) + unit[None, :]
    tl.store(gradient + at, second, mask=used[None, :])
    tl.store(gradient + at + width, first, mask=used[None, :])
    tl.store(gradient + at + 2 * width, first, mask=used[None, :])
