"""Which Gaussians reach which tiles, in Triton: sorting by depth, boxes as bits, and the exact test of a tile."""

import triton
import triton.language as tl

from models.kernels.splats.rasterise import MIN_ALPHA

FAINTEST = tl.constexpr(MIN_ALPHA)
WORD = tl.constexpr(32)  # Gaussians that share a word of bits


@triton.jit
def _tiles_below(samples_ptr, count, value, WHOLE: tl.constexpr, SIDE: tl.constexpr, STEPS: tl.constexpr):
    """How many tiles lie below a value WHOLE, or else at least with their first sample, which may be the value itself:
    a binary search [BLOCK]."""
    tiles = (count + SIDE - 1) // SIDE
    low, high = tl.zeros(value.shape, tl.int32), tl.zeros(value.shape, tl.int32) + tiles
    for _ in tl.static_range(STEPS):
        middle = (low + high) // 2
        at = middle * SIDE + SIDE - 1 if WHOLE else middle * SIDE
        sample = tl.load(samples_ptr + tl.minimum(at, count - 1)).to(tl.float64)
        below = ((sample < value) if WHOLE else (sample <= value)) & (low < high)
        high = tl.where(below, high, middle)
        low = tl.where(below, middle + 1, low)
    return low


@triton.jit(do_not_specialize=["count", "padded", "width", "height"])
def sort_kernel(
    means2d_ptr, conics_ptr, colours_ptr, opacities_ptr, order_ptr, columns_ptr, rows_ptr, splats_ptr, boxes_ptr,
    count, padded, width, height, C: tl.constexpr, ROW: tl.constexpr, WIDTH: tl.constexpr, HEIGHT: tl.constexpr,
    STEPS: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """Gaussians in the order of their depths, and the tiles of each one's box: first x, last x, first y, last y.

    A Gaussian's box is that outside which its alpha is below the faintest, as in the twin. Boxes [4, padded] hold
    nothing behind the last Gaussian.
    """
    i = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    here = i < count
    g = tl.load(order_ptr + i, mask=here, other=0)
    x, y = tl.load(means2d_ptr + 2 * g), tl.load(means2d_ptr + 2 * g + 1)
    xx, xy, yy = tl.load(conics_ptr + 3 * g), tl.load(conics_ptr + 3 * g + 1), tl.load(conics_ptr + 3 * g + 2)
    opacity = tl.load(opacities_ptr + g)
    row = splats_ptr + i * ROW
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
    x0 = _tiles_below(columns_ptr, width, x - half_x, True, WIDTH, STEPS)
    x1 = _tiles_below(columns_ptr, width, x + half_x, False, WIDTH, STEPS) - 1
    y0 = _tiles_below(rows_ptr, height, y - half_y, True, HEIGHT, STEPS)
    y1 = _tiles_below(rows_ptr, height, y + half_y, False, HEIGHT, STEPS) - 1
    seen = here & (opacity >= FAINTEST) & (x0 <= x1) & (y0 <= y1)
    # Places of a group that no Gaussian takes read the nearest one, which may be unseen and undefined: without weight,
    # but nought times an undefined colour would be undefined, and the gradient is divided by the opacity.
    tl.store(row + 5, tl.maximum(opacity, FAINTEST), mask=here)
    for c in tl.static_range(C):
        tl.store(row + 6 + c, tl.where(seen, tl.load(colours_ptr + g * C + c), 0.0), mask=here)
    tl.store(boxes_ptr + i, tl.where(seen, x0, 1), mask=i < padded)
    tl.store(boxes_ptr + padded + i, tl.where(seen, x1, 0), mask=i < padded)
    tl.store(boxes_ptr + 2 * padded + i, tl.where(seen, y0, 1), mask=i < padded)
    tl.store(boxes_ptr + 3 * padded + i, tl.where(seen, y1, 0), mask=i < padded)


@triton.jit(do_not_specialize=["words", "tiles_x", "tiles"])
def mark_kernel(boxes_ptr, bits_ptr, words, tiles_x, tiles, TILES: tl.constexpr, BLOCK: tl.constexpr):
    """A bit for each Gaussian whose box reaches each column of tiles, and then each row of them: [tiles, words]."""
    word = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    bit = tl.arange(0, WORD)
    i = word[:, None] * WORD + bit[None, :]
    padded = words * WORD
    for k in range(TILES):
        tile = tl.program_id(1) * TILES + k
        down = tl.where(tile < tiles_x, 0, 1)
        at = tile - down * tiles_x
        first = tl.load(boxes_ptr + 2 * down * padded + i, mask=i < padded, other=1)
        last = tl.load(boxes_ptr + (2 * down + 1) * padded + i, mask=i < padded, other=0)
        reached = (first <= at) & (at <= last)
        bits = tl.sum(reached.to(tl.int32) << bit[None, :], axis=1)
        tl.store(bits_ptr + tile * words + word, bits, mask=word < tl.where(tile < tiles, words, 0))


@triton.jit
def _count(word):
    """How many bits are set in each word."""
    bits = word.to(tl.uint32, bitcast=True)
    bits = bits - ((bits >> 1) & 0x55555555)
    bits = (bits & 0x33333333) + ((bits >> 2) & 0x33333333)
    bits = (bits + (bits >> 4)) & 0x0F0F0F0F
    return ((bits * 0x01010101) >> 24).to(tl.int32)


@triton.jit
def _touches(row, mask, rectangle):
    """Whether a Gaussian's alpha can exceed the faintest in a rectangle: its exponent is least on an edge that faces
    its mean. What is no ellipse touches everything; the excess is for rounding."""
    x, y = tl.load(row, mask=mask, other=0.0), tl.load(row + 1, mask=mask, other=0.0)
    xx, xy = tl.load(row + 2, mask=mask, other=1.0), tl.load(row + 3, mask=mask, other=0.0)
    yy, opacity = tl.load(row + 4, mask=mask, other=1.0), tl.load(row + 5, mask=mask, other=1.0)
    left, right, top, bottom = rectangle
    u0, u1, v0, v1 = x - right, x - left, y - bottom, y - top
    u, v = tl.minimum(tl.maximum(0.0, u0), u1), tl.minimum(tl.maximum(0.0, v0), v1)
    beside = tl.minimum(tl.maximum(-xy * u / yy, v0), v1)
    above = tl.minimum(tl.maximum(-xy * v / xx, u0), u1)
    least = tl.minimum(
        0.5 * (xx * u * u + yy * beside * beside) + xy * u * beside,
        0.5 * (xx * above * above + yy * v * v) + xy * above * v,
    )
    far_x, far_y = tl.maximum(tl.abs(u0), tl.abs(u1)), tl.maximum(tl.abs(v0), tl.abs(v1))
    rounding = 1e-6 * (xx * far_x * far_x + yy * far_y * far_y)
    ellipse = xx * yy - xy * xy > 1e-6 * xx * yy
    return mask & ((least <= 1.001 * tl.log(opacity / FAINTEST) + 1e-4 + rounding) | (ellipse == 0))


@triton.jit
def list_touching(
    bits_ptr, splats_ptr, ring_ptr, begin, held, words, tiles_x, rectangle, ROW: tl.constexpr,
    WORDS: tl.constexpr, LISTED: tl.constexpr, TESTED: tl.constexpr, CAPACITY: tl.constexpr,
):  # fmt: skip
    """Write those of the next words' Gaussians that touch a rectangle behind the `held` ones of a ring, in order.

    At most WORDS words are read, and fewer where they have more than LISTED Gaussians whose boxes reach this program's
    tile: those are written behind the ring's, tested, and moved up. Returns the first word that was not read, how many
    are held, and the ring's furthest place that was written.
    """
    tile = tl.program_id(0)
    at = begin + tl.arange(0, WORDS)
    column, row = bits_ptr + (tile % tiles_x) * words, bits_ptr + (tiles_x + tile // tiles_x) * words
    word = tl.load(column + at, mask=at < words, other=0) & tl.load(row + at, mask=at < words, other=0)
    number = _count(word)
    behind = tl.cumsum(number, axis=0)
    fits = behind <= LISTED
    word = tl.where(fits, word, 0)
    found = tl.max(tl.where(fits, behind, 0), axis=0)
    slot = held + behind - number
    for k in range(tl.max(tl.where(fits, number, 0), axis=0)):
        low = word & -word
        bit = (low.to(tl.uint32, bitcast=True).to(tl.float32).to(tl.int32, bitcast=True) >> 23) - 127
        tl.store(ring_ptr + wrapped(slot + k, CAPACITY), at * WORD + bit, mask=low != 0)
        word = word & ~low
    tl.debug_barrier()  # other threads of this program read what one has written
    furthest = held + found
    for first in range(held, furthest, TESTED):
        place = first + tl.arange(0, TESTED)
        gaussian = tl.load(ring_ptr + wrapped(place, CAPACITY), mask=place < furthest, other=0)
        touched = _touches(splats_ptr + gaussian * ROW, place < furthest, rectangle)
        rank = tl.cumsum(touched.to(tl.int32), axis=0)
        tl.debug_barrier()
        tl.store(ring_ptr + wrapped(held + rank - 1, CAPACITY), gaussian, mask=touched)
        held += tl.sum(touched.to(tl.int32), axis=0)
    tl.debug_barrier()
    return begin + tl.sum(fits.to(tl.int32), axis=0), held, furthest


@triton.jit
def wrapped(place, CAPACITY: tl.constexpr):
    """A place of a ring, of one that may be beyond its end by less than a turn."""
    return tl.where(place < CAPACITY, place, place - CAPACITY)
