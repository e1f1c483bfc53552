"""The kernels of encoding_triton.py: values at points, and the gradients of the table and of the points.

x: points [count, D] in [0, 1). table: [entries, F]. scale: [L]. info: int32 [L, 4], of each level the resolution, the
size, the offset and whether it is dense. A program has BLOCK points on all levels, which are filled up to L_PADDED.
"""

import triton
import triton.language as tl

PRIME_1 = tl.constexpr(2654435761 - 2**32)  # as signed 32-bit integers, which wrap alike
PRIME_2 = tl.constexpr(805459861)


@triton.jit
def _modulo(index, size, dense, POWER: tl.constexpr):
    """An index within its level. A dense one is less than twice the size."""
    hashed = index & (size - 1) if POWER else (index.to(tl.uint32) % size.to(tl.uint32)).to(tl.int32)
    return tl.where(dense, tl.where(index >= size, index - size, index), hashed)


@triton.jit
def _locate(x_ptr, p, inside, axis, scale, resolution, D: tl.constexpr):
    """The node below each point, and how far the point is from it: [BLOCK, L] each."""
    x = tl.load(x_ptr + p.to(tl.int64) * D + axis, mask=inside, other=0.0)[:, None]
    position = x * scale + 0.5
    # the limits hold for every point in [0, 1) and keep others from reading outside the table
    below = tl.minimum(tl.maximum(tl.floor(position), 0.0), (resolution - 1).to(tl.float32))
    return below.to(tl.int32), position - below


@triton.jit
def _tile(
    x_ptr, scale_ptr, info_ptr, count, D: tl.constexpr, L: tl.constexpr, L_PADDED: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """This program's points: their numbers [BLOCK], which of them and of the levels there are [BLOCK, L, 1], and for
    _corner() nodes and fractions along the axes (the last repeats the second in 2D) [BLOCK, L], then of each level
    [1, L] the hash's steps along axes 1 and 2, size, offset and whether it is dense."""
    p = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    inside = p < count
    number = tl.arange(0, L_PADDED)[None, :]
    used = number < L
    number = tl.where(used, number, 0)
    scale = tl.load(scale_ptr + number)
    resolution = tl.load(info_ptr + number * 4)
    size = tl.load(info_ptr + number * 4 + 1)
    offset = tl.load(info_ptr + number * 4 + 2)
    dense = tl.load(info_ptr + number * 4 + 3) != 0
    step1 = tl.where(dense, resolution, PRIME_1)
    step2 = tl.where(dense, resolution * resolution, PRIME_2)
    n0, f0 = _locate(x_ptr, p, inside, 0, scale, resolution, D)
    n1, f1 = _locate(x_ptr, p, inside, 1, scale, resolution, D)
    n2, f2 = _locate(x_ptr, p, inside, D - 1, scale, resolution, D)
    mask = (inside[:, None] & used)[:, :, None]
    return p, mask, (n0, n1, n2, f0, f1, f2, step1, step2, size, offset, dense)


@triton.jit
def _corner(corner: tl.constexpr, places, D: tl.constexpr, POWER: tl.constexpr):
    """The row in the table of one corner, and the three factors of its weight: [BLOCK, L] each."""
    n0, n1, n2, f0, f1, f2, step1, step2, size, offset, dense = places
    w0 = f0 if corner & 1 else 1 - f0
    w1 = f1 if corner & 2 else 1 - f1
    h = (n1 + ((corner >> 1) & 1)) * step1
    w2 = tl.full(f2.shape, 1.0, tl.float32)
    if D == 3:
        w2 = f2 if corner & 4 else 1 - f2
        h2 = (n2 + ((corner >> 2) & 1)) * step2
        h = tl.where(dense, h + h2, h ^ h2)
    a = n0 + (corner & 1)
    row = offset + _modulo(tl.where(dense, a + h, a ^ h), size, dense, POWER)
    return row.to(tl.int64), w0, w1, w2


@triton.jit
def encode_kernel(
    x_ptr, table_ptr, scale_ptr, info_ptr, features_ptr, count, D: tl.constexpr, F: tl.constexpr, L: tl.constexpr,
    L_PADDED: tl.constexpr, POWER: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """Features [count, L·F]. POWER: whether every hashed level has a power of two entries."""
    p, mask, places = _tile(x_ptr, scale_ptr, info_ptr, count, D, L, L_PADDED, BLOCK)
    f = tl.arange(0, F)[None, None, :]
    total = tl.zeros((BLOCK, L_PADDED, F), tl.float32)
    for corner in tl.static_range(2**D):
        row, w0, w1, w2 = _corner(corner, places, D, POWER)
        total += (w0 * w1 * w2)[:, :, None] * tl.load(table_ptr + row[:, :, None] * F + f, mask=mask, other=0.0)
    column = tl.arange(0, L_PADDED)[None, :, None] * F + f
    tl.store(features_ptr + p.to(tl.int64)[:, None, None] * (L * F) + column, total, mask=mask)


@triton.jit
def scatter_points_kernel(
    x_ptr, grad_ptr, scale_ptr, info_ptr, result_ptr, count, D: tl.constexpr, F: tl.constexpr, L: tl.constexpr,
    L_PADDED: tl.constexpr, POWER: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """Adds the gradient of the features, grad [L·F, count], to that of the table, result [entries, F], at any points:
    an atomic addition for each corner."""
    p, mask, places = _tile(x_ptr, scale_ptr, info_ptr, count, D, L, L_PADDED, BLOCK)
    f = tl.arange(0, F)[None, None, :]
    column = (tl.arange(0, L_PADDED)[None, :, None] * F + f).to(tl.int64)
    grad = tl.load(grad_ptr + column * count + p[:, None, None], mask=mask, other=0.0)
    for corner in tl.static_range(2**D):
        row, w0, w1, w2 = _corner(corner, places, D, POWER)
        part = (w0 * w1 * w2)[:, :, None] * grad
        tl.atomic_add(result_ptr + row[:, :, None] * F + f, part, mask=mask, sem="relaxed")


@triton.jit
def scatter_lattice_kernel(
    grad_ptr, info_ptr, pieces_ptr, piece_weights_ptr, runs_ptr, lines_ptr, line_weights_ptr, groups_ptr,
    result_ptr, count, line_length,
    F: tl.constexpr, POWER: tl.constexpr, LENGTH: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """The same on a lattice, by the index tables of `lattice_plan.LatticePlan`: a program sums a group of lines for
    BLOCK pieces of at most LENGTH points each, of lines of line_length points."""
    group = groups_ptr + tl.program_id(0) * 4
    level, h, first, end = tl.load(group), tl.load(group + 1), tl.load(group + 2), tl.load(group + 3)
    begin = tl.load(runs_ptr + level * 3)
    number = tl.load(runs_ptr + level * 3 + 1) - begin
    if tl.program_id(1) * BLOCK < number:
        v = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
        here = v < number
        piece = begin + v
        f = tl.arange(0, F)[None, :]
        mask = here[:, None]
        plane = grad_ptr + (level * F + f).to(tl.int64) * count
        total = tl.zeros((BLOCK, F), tl.float32)
        for k in range(tl.load(runs_ptr + level * 3 + 2)):
            weight = tl.load(piece_weights_ptr + piece * LENGTH + k, mask=here, other=0.0)
            point = tl.load(pieces_ptr + piece * (LENGTH + 1) + 1 + k, mask=here, other=0)
            part = tl.zeros((BLOCK, F), tl.float32)
            for i in range(first, end):
                at = tl.load(lines_ptr + i) * line_length + point
                part += tl.load(line_weights_ptr + i) * tl.load(plane + at[:, None], mask=mask, other=0.0)
            total += weight[:, None] * part
        a = tl.load(pieces_ptr + piece * (LENGTH + 1), mask=here, other=0)
        size = tl.load(info_ptr + level * 4 + 1)
        offset = tl.load(info_ptr + level * 4 + 2)
        dense = tl.load(info_ptr + level * 4 + 3) != 0
        entry = _modulo(tl.where(dense, a + h, a ^ h), size, dense, POWER)
        row = (offset + entry).to(tl.int64)
        tl.atomic_add(result_ptr + row[:, None] * F + f, total, mask=mask, sem="relaxed")


@triton.jit
def points_gradient_kernel(
    x_ptr, table_ptr, grad_ptr, scale_ptr, info_ptr, result_ptr, count, D: tl.constexpr, F: tl.constexpr,
    L: tl.constexpr, L_PADDED: tl.constexpr, POWER: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """The gradient of the points, result [count, D], from that of the features, grad [count, L·F]."""
    p, mask, places = _tile(x_ptr, scale_ptr, info_ptr, count, D, L, L_PADDED, BLOCK)
    f = tl.arange(0, F)[None, None, :]
    column = tl.arange(0, L_PADDED)[None, :, None] * F + f
    grad = tl.load(grad_ptr + p.to(tl.int64)[:, None, None] * (L * F) + column, mask=mask, other=0.0)
    scale = tl.load(scale_ptr + tl.arange(0, L_PADDED), mask=tl.arange(0, L_PADDED) < L, other=0.0)[None, :]
    along0 = tl.zeros((BLOCK, L_PADDED), tl.float32)
    along1 = tl.zeros((BLOCK, L_PADDED), tl.float32)
    along2 = tl.zeros((BLOCK, L_PADDED), tl.float32)
    for corner in tl.static_range(2**D):
        row, w0, w1, w2 = _corner(corner, places, D, POWER)
        values = tl.load(table_ptr + row[:, :, None] * F + f, mask=mask, other=0.0)
        product = scale * tl.sum(grad * values, axis=2)
        along0 += product * w1 * w2 * (2 * (corner & 1) - 1)
        along1 += product * w0 * w2 * (2 * ((corner >> 1) & 1) - 1)
        along2 += product * w0 * w1 * (2 * ((corner >> 2) & 1) - 1)
    to, inside = result_ptr + p.to(tl.int64) * D, p < count
    tl.store(to, tl.sum(along0, axis=1), mask=inside)
    tl.store(to + 1, tl.sum(along1, axis=1), mask=inside)
    if D == 3:
        tl.store(to + 2, tl.sum(along2, axis=1), mask=inside)
