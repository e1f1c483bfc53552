"""The kernels of rasterise_triton.py that find the Gaussians of a tile: sorting them, and listing those of each bin."""

import triton
import triton.language as tl

from models.kernels.splats.rasterise import MIN_ALPHA

FAINTEST = tl.constexpr(MIN_ALPHA)


@triton.jit
def _first_tile(samples_ptr, count, value, SIDE: tl.constexpr, STEPS: tl.constexpr):
    """The first tile whose last sample is not below a value: a binary search [BLOCK]."""
    tiles = (count + SIDE - 1) // SIDE
    low, high = tl.zeros(value.shape, tl.int32), tl.zeros(value.shape, tl.int32) + tiles
    for _ in tl.static_range(STEPS):
        middle = (low + high) // 2
        last = tl.load(samples_ptr + tl.minimum(middle * SIDE + SIDE - 1, count - 1)).to(tl.float64)
        below = (last < value) & (low < high)
        high = tl.where(below, high, middle)
        low = tl.where(below, middle + 1, low)
    return low


@triton.jit
def _last_tile(samples_ptr, count, value, SIDE: tl.constexpr, STEPS: tl.constexpr):
    """The last tile whose first sample is not above a value, or -1: a binary search [BLOCK]."""
    tiles = (count + SIDE - 1) // SIDE
    low, high = tl.zeros(value.shape, tl.int32), tl.zeros(value.shape, tl.int32) + tiles
    for _ in tl.static_range(STEPS):
        middle = (low + high) // 2
        first = tl.load(samples_ptr + tl.minimum(middle * SIDE, count - 1)).to(tl.float64)
        within = (first <= value) & (low < high)
        high = tl.where(within, high, middle)
        low = tl.where(within, middle + 1, low)
    return low - 1


@triton.jit
def sort_kernel(
    means2d_ptr, conics_ptr, colours_ptr, opacities_ptr, order_ptr, columns_ptr, rows_ptr, splats_ptr, reach_ptr,
    count, width, height, C: tl.constexpr, C_PADDED: tl.constexpr, SIDE: tl.constexpr, STEPS: tl.constexpr,
    BLOCK: tl.constexpr,
):  # fmt: skip
    """Gaussians in the order of their depths, and the tiles each reaches: first and last along x, then y, in 16 bits.

    A Gaussian reaches what lies in the box outside which its alpha is below the faintest, as in the twin.
    """
    i = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    here = i < count
    g = tl.load(order_ptr + i, mask=here, other=0)
    x, y = tl.load(means2d_ptr + 2 * g), tl.load(means2d_ptr + 2 * g + 1)
    xx, xy, yy = tl.load(conics_ptr + 3 * g), tl.load(conics_ptr + 3 * g + 1), tl.load(conics_ptr + 3 * g + 2)
    opacity = tl.load(opacities_ptr + g)
    row = splats_ptr + i * (6 + C)
    tl.store(row, x, mask=here)
    tl.store(row + 1, y, mask=here)
    tl.store(row + 2, xx, mask=here)
    tl.store(row + 3, xy, mask=here)
    tl.store(row + 4, yy, mask=here)

    determinant = xx.to(tl.float64) * yy - xy.to(tl.float64) * xy
    spread = 2 * tl.log(tl.maximum(opacity / FAINTEST, 1.0).to(tl.float64))
    some = determinant > 0
    safe = tl.where(some, determinant, 1.0)
    half_x = tl.where(some, 1.001 * tl.sqrt(spread * yy / safe), float("inf"))  # the excess is for rounding
    half_y = tl.where(some, 1.001 * tl.sqrt(spread * xx / safe), float("inf"))
    x0 = _first_tile(columns_ptr, width, x - half_x, SIDE, STEPS)
    x1 = _last_tile(columns_ptr, width, x + half_x, SIDE, STEPS)
    y0 = _first_tile(rows_ptr, height, y - half_y, SIDE, STEPS)
    y1 = _last_tile(rows_ptr, height, y + half_y, SIDE, STEPS)
    seen = (opacity >= FAINTEST) & (x0 <= x1) & (y0 <= y1)
    # Places of a tile that no Gaussian takes read the nearest one, which may be unseen and undefined: without weight,
    # but nought times an undefined colour would be undefined, and the gradient is divided by the opacity.
    tl.store(row + 5, tl.maximum(opacity, FAINTEST), mask=here)
    for c in tl.static_range(C):
        tl.store(row + 6 + c, tl.where(seen, tl.load(colours_ptr + g * C + c), 0.0), mask=here)
    x0, x1 = tl.where(seen, x0, 32767), tl.where(seen, x1, 0)  # a box that nothing overlaps
    tl.store(reach_ptr + 2 * i, x0 | (x1 << 16), mask=here)
    tl.store(reach_ptr + 2 * i + 1, y0 | (y1 << 16), mask=here)


@triton.jit
def list_kernel(reach_ptr, lists_ptr, counts_ptr, count, bins_x, SIDE: tl.constexpr, BLOCK: tl.constexpr):
    """For one bin: which Gaussians reach it, nearest first, and the part of it that each reaches, in four bytes."""
    number = tl.program_id(0)
    left, top = (number % bins_x) * SIDE, (number // bins_x) * SIDE
    row = lists_ptr + number.to(tl.int64) * count * 2
    found = 0
    for begin in range(0, count, BLOCK):
        i = begin + tl.arange(0, BLOCK)
        along_x = tl.load(reach_ptr + 2 * i, mask=i < count, other=32767)
        along_y = tl.load(reach_ptr + 2 * i + 1, mask=i < count, other=32767)
        x0, x1 = tl.maximum((along_x & 0xFFFF) - left, 0), tl.minimum((along_x >> 16) - left, SIDE - 1)
        y0, y1 = tl.maximum((along_y & 0xFFFF) - top, 0), tl.minimum((along_y >> 16) - top, SIDE - 1)
        reaches = (x0 <= x1) & (y0 <= y1)
        rank = tl.cumsum(reaches.to(tl.int32), axis=0)
        at = row + 2 * (found + rank - 1)
        tl.store(at, i, mask=reaches)
        tl.store(at + 1, x0 | (x1 << 8) | (y0 << 16) | (y1 << 24), mask=reaches)
        found += tl.sum(reaches.to(tl.int32), axis=0)
    tl.store(counts_ptr + number, found)
