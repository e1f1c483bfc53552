"""The kernels of features_triton.py: features at points, and sums of their gradient along each axis of a lattice.

index: flat indices of `count` points, which rise. across, along, nodes, x, y, yz, zx: `features.Tables` of `width`
features and m nodes along a last axis of n samples; below, fraction: `features.Places`. n1: samples of the middle axis,
1 in two dimensions. C: outputs of the decoder.
"""

import triton
import triton.language as tl


@triton.jit
def _rows(table, row, width, f, mask):
    """Some rows of a table [*, width] at some features: [rows, features], 0 where the mask is not."""
    return tl.load(table + row.to(tl.int64)[:, None] * width + f[None, :], mask=mask, other=0.0)


@triton.jit
def _weighted(gradient, weights, p, count, width, f, given, mask, C: tl.constexpr):
    """Rows of a gradient [*, C, width] of every output, summed with the outputs' own gradients, weights [C, count]."""
    total = tl.zeros(mask.shape, tl.float32)
    for c in tl.static_range(C):
        weight = tl.load(weights + c * count + p, mask=given, other=0.0)
        total += weight[:, None] * _rows(gradient, p.to(tl.int64) * C + c, width, f, mask)
    return total


@triton.jit
def features_kernel(
    index, across, along, nodes, x, y, yz, zx, below, fraction, scale, weights, parts, count, width, m, n1, n,
    D: tl.constexpr, C: tl.constexpr, POINTS: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """Features times scale in float16 parts: in slots x₁, x₂, x₁ [N, 3, width] where C is 0, else times the weights
    [C, count] of the points, in slots x₂, x₁ [N, 2, C, width]. N is a multiple of POINTS; beyond the count are zeros.
    """
    p = tl.program_id(0) * POINTS + tl.arange(0, POINTS)
    f = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    given = p < count
    at = tl.load(index + p, mask=given, other=0)
    row, k = at // n, at % n
    mask = given[:, None] & (f < width)[None, :]
    total = _rows(across, row, width, f, mask) * _rows(along, k, width, f, mask)
    lower = row * m + tl.load(below + k)
    beyond = tl.load(fraction + k)[:, None]
    total += (1 - beyond) * _rows(nodes, lower, width, f, mask) + beyond * _rows(nodes, lower + 1, width, f, mask)
    if D == 3:
        i, j = row // n1, row % n1
        total += _rows(yz, j * n + k, width, f, mask) * _rows(x, i, width, f, mask)
        total += _rows(zx, i * n + k, width, f, mask) * _rows(y, j, width, f, mask)
    total *= tl.load(scale)
    used = (f < width)[None, :]  # beyond the count, too: zeros
    if C == 0:
        first = total.to(tl.float16)
        to = parts + p.to(tl.int64)[:, None] * (3 * width) + f[None, :]
        tl.store(to, first, mask=used)
        tl.store(to + width, (total - first.to(tl.float32)).to(tl.float16), mask=used)
        tl.store(to + 2 * width, first, mask=used)
    for c in tl.static_range(C):
        value = total * tl.load(weights + c * count + p, mask=given, other=0.0)[:, None]
        first = value.to(tl.float16)
        to = parts + (p.to(tl.int64)[:, None] * (2 * C) + c) * width + f[None, :]
        tl.store(to, (value - first.to(tl.float32)).to(tl.float16), mask=used)
        tl.store(to + C * width, first, mask=used)


@triton.jit
def rows_kernel(
    index, starts, gradient, weights, along, yz, zx, fraction, factor, to_across, to_nodes, to_x, to_y, count, width, m,
    n1, n, D: tl.constexpr, C: tl.constexpr, STEP: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """Sums along a row, times factor: gradients of across [rows, width] and nodes [rows, m, width], and in three
    dimensions what the row adds to those of x and y [rows, width].

    starts: int32 [rows, m], the first of a row's points beyond each node. gradient: of each output in the features
    [N, C, width]. weights: gradients of the outputs [C, count].
    """
    row = tl.program_id(0)
    f = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    used = f < width
    i, j = row // n1, row % n1
    scale = tl.load(factor)
    total = tl.zeros((BLOCK,), tl.float32)
    total_x = tl.zeros((BLOCK,), tl.float32)
    total_y = tl.zeros((BLOCK,), tl.float32)
    to_lower = tl.zeros((BLOCK,), tl.float32)
    to = to_nodes + row.to(tl.int64) * m * width + f
    for node in range(m - 1):
        to_upper = tl.zeros((BLOCK,), tl.float32)
        end = tl.load(starts + row * m + node + 1)
        for start in range(tl.load(starts + row * m + node), end, STEP):
            p = start + tl.arange(0, STEP)
            k = (tl.load(index + p, mask=p < end, other=0) % n).to(tl.int32)
            mask = (p < end)[:, None] & used[None, :]
            given = _weighted(gradient, weights, p, count, width, f, p < end, mask, C)
            beyond = tl.load(fraction + k)[:, None]
            total += tl.sum(given * _rows(along, k, width, f, mask), axis=0)
            to_lower += tl.sum(given * (1 - beyond), axis=0)
            to_upper += tl.sum(given * beyond, axis=0)
            if D == 3:
                total_x += tl.sum(given * _rows(yz, j * n + k, width, f, mask), axis=0)
                total_y += tl.sum(given * _rows(zx, i * n + k, width, f, mask), axis=0)
        tl.store(to + node * width, to_lower * scale, mask=used)
        to_lower = to_upper
    tl.store(to + (m - 1) * width, to_lower * scale, mask=used)
    own = row.to(tl.int64) * width + f
    tl.store(to_across + own, total * scale, mask=used)
    if D == 3:
        tl.store(to_x + own, total_x * scale, mask=used)
        tl.store(to_y + own, total_y * scale, mask=used)


@triton.jit
def axis_kernel(
    found, gradient, weights, first, second, factor, to_first, to_second, count, width, length, stride,
    C: tl.constexpr, SECOND: tl.constexpr, STEP: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """Sums along a line of the lattice of `length` samples, `stride` apart, times factor: of the gradient times one
    table's values, first [length, width] → to_first [lines, width], and with SECOND another's, second [*, length,
    width]. found: int32, for each sample of the lattice its place among the points, or -1. The others as for
    rows_kernel.
    """
    line = tl.program_id(0)
    block = line // stride
    start = block.to(tl.int64) * stride * length + line % stride
    f = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    used = f < width
    total = tl.zeros((BLOCK,), tl.float32)
    other = tl.zeros((BLOCK,), tl.float32)
    for begin in range(0, length, STEP):
        t = begin + tl.arange(0, STEP)
        at = tl.load(found + start + t.to(tl.int64) * stride, mask=t < length, other=-1)
        if tl.max(at, axis=0) >= 0:
            mask = (at >= 0)[:, None] & used[None, :]
            given = _weighted(gradient, weights, at, count, width, f, at >= 0, mask, C)
            total += tl.sum(given * _rows(first, t, width, f, mask), axis=0)
            if SECOND:
                other += tl.sum(given * _rows(second, block * length + t, width, f, mask), axis=0)
    own = line.to(tl.int64) * width + f
    scale = tl.load(factor)
    tl.store(to_first + own, total * scale, mask=used)
    if SECOND:
        tl.store(to_second + own, other * scale, mask=used)
