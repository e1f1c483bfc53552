"""The kernels of rasterise_triton.py that composite, forward and backward."""

import triton
import triton.language as tl

from models.kernels.splats.rasterise import MAX_ALPHA, MIN_ALPHA, MIN_TRANSMITTANCE

FAINTEST, STRONGEST, LEAST = tl.constexpr(MIN_ALPHA), tl.constexpr(MAX_ALPHA), tl.constexpr(MIN_TRANSMITTANCE)


@triton.jit
def _samples(columns_ptr, rows_ptr, width, height, tiles_x, SIDE: tl.constexpr):
    """Of this program's tile: coordinates of its samples, their numbers in the image, and which there are."""
    tile = tl.program_id(0)
    pixel = tl.arange(0, SIDE * SIDE)
    column, row = (tile % tiles_x) * SIDE + pixel % SIDE, (tile // tiles_x) * SIDE + pixel // SIDE
    inside = (column < width) & (row < height)
    x = tl.load(columns_ptr + column, mask=inside, other=0.0)
    y = tl.load(rows_ptr + row, mask=inside, other=0.0)
    return x, y, row * width + column, inside


@triton.jit
def _look(list_ptr, begin, count, tiles_x, BIN: tl.constexpr, CHUNK: tl.constexpr):
    """Of the next entries of a list: the Gaussians, and the rank from 1 on of those that reach this program's tile."""
    tile = tl.program_id(0)
    x, y = (tile % tiles_x) % BIN, (tile // tiles_x) % BIN
    entry = begin + tl.arange(0, CHUNK)
    gaussian = tl.load(list_ptr + 2 * entry, mask=entry < count, other=0)
    box = tl.load(list_ptr + 2 * entry + 1, mask=entry < count, other=255)
    reaches = ((box & 255) <= x) & (((box >> 8) & 255) >= x) & (((box >> 16) & 255) <= y) & ((box >> 24) >= y)
    rank = tl.cumsum(reaches.to(tl.int32), axis=0)
    return gaussian, tl.where(reaches, rank, 0), tl.max(rank, axis=0)


@triton.jit
def _meet(gaussian, rank, first, splats_ptr, x, y, light, C: tl.constexpr, TOGETHER: tl.constexpr):
    """The next Gaussians of those that reach a tile, at every sample: [TOGETHER, SIDE²].

    Returns where their parameters begin and which there are, offsets, alpha and odds, and the
    transmittance behind each. It only falls, so after the Gaussian that ends a pixel it is 0.
    """
    wanted = first + 1 + tl.arange(0, TOGETHER)[:, None]
    found = rank[None, :] == wanted
    there = tl.max(found.to(tl.int32), axis=1) > 0
    start = tl.sum(tl.where(found, gaussian[None, :], 0), axis=1) * (6 + C)
    row = splats_ptr + start
    dx = tl.load(row)[:, None] - x[None, :]
    dy = tl.load(row + 1)[:, None] - y[None, :]
    xx, xy, yy = tl.load(row + 2)[:, None], tl.load(row + 3)[:, None], tl.load(row + 4)[:, None]
    sigma = 0.5 * (xx * dx * dx + yy * dy * dy) + xy * dx * dy
    alpha = tl.load(row + 5)[:, None] * tl.exp(-tl.maximum(sigma, 0.0))
    seen = (sigma >= 0) & (alpha > FAINTEST) & there[:, None]
    alpha = tl.where(seen, tl.minimum(alpha, STRONGEST), 0.0)
    behind = light[None, :] * tl.cumprod(1 - alpha, axis=0)
    behind = tl.where(behind > LEAST, behind, 0.0)
    return start, there, dx, dy, alpha, alpha / (1 - alpha), behind


@triton.jit
def forward_kernel(
    splats_ptr, lists_ptr, counts_ptr, columns_ptr, rows_ptr, image_ptr, walked_ptr, number, width, height, tiles_x,
    bins_x, C: tl.constexpr, C_PADDED: tl.constexpr, SIDE: tl.constexpr, BIN: tl.constexpr, CHUNK: tl.constexpr,
    TOGETHER: tl.constexpr,
):  # fmt: skip
    tile = tl.program_id(0)
    x, y, at, inside = _samples(columns_ptr, rows_ptr, width, height, tiles_x, SIDE)
    bin_number = (tile // tiles_x // BIN) * bins_x + (tile % tiles_x) // BIN
    list_ptr = lists_ptr + bin_number.to(tl.int64) * number * 2
    count = tl.load(counts_ptr + bin_number)
    c = tl.arange(0, C_PADDED)
    light = tl.where(inside, 1.0, 0.0)  # transmittance; 0 where the pixel has ended
    image = tl.zeros((SIDE * SIDE, C_PADDED), tl.float32)
    begin = 0
    going = count > 0
    while going:
        gaussian, rank, reaching = _look(list_ptr, begin, count, tiles_x, BIN, CHUNK)
        for first in range(0, reaching, TOGETHER):
            start, _, _, _, _, odds, behind = _meet(gaussian, rank, first, splats_ptr, x, y, light, C, TOGETHER)
            row = splats_ptr + start
            colours = tl.load(row[:, None] + 6 + c[None, :], mask=(c < C)[None, :], other=0.0)
            image += tl.sum((odds * behind)[:, :, None] * colours[:, None, :], axis=0)
            light = tl.min(behind, axis=0)
        begin += CHUNK
        going = (begin < count) & (tl.max(light, axis=0) > 0)
    tl.store(walked_ptr + tile, tl.minimum(begin, count))
    tl.store(image_ptr + at[:, None] * C + c[None, :], image, mask=inside[:, None] & (c < C)[None, :])


@triton.jit
def backward_kernel(
    splats_ptr, lists_ptr, walked_ptr, columns_ptr, rows_ptr, image_ptr, grad_ptr, result_ptr, number, width, height,
    tiles_x, bins_x, C: tl.constexpr, C_PADDED: tl.constexpr, SIDE: tl.constexpr, BIN: tl.constexpr,
    CHUNK: tl.constexpr, TOGETHER: tl.constexpr,
):  # fmt: skip
    tile = tl.program_id(0)
    x, y, at, inside = _samples(columns_ptr, rows_ptr, width, height, tiles_x, SIDE)
    bin_number = (tile // tiles_x // BIN) * bins_x + (tile % tiles_x) // BIN
    list_ptr = lists_ptr + bin_number.to(tl.int64) * number * 2
    count = tl.load(walked_ptr + tile)
    c = tl.arange(0, C_PADDED)
    mask = inside[:, None] & (c < C)[None, :]
    grad = tl.load(grad_ptr + at[:, None] * C + c[None, :], mask=mask, other=0.0)
    image = tl.load(image_ptr + at[:, None] * C + c[None, :], mask=mask, other=0.0)
    rest = tl.sum(image * grad, axis=1)  # what the Gaussians not yet met add to pixel · ∂loss/∂pixel
    light = tl.where(inside, 1.0, 0.0)
    for begin in range(0, count, CHUNK):
        gaussian, rank, reaching = _look(list_ptr, begin, count, tiles_x, BIN, CHUNK)
        for first in range(0, reaching, TOGETHER):
            start, there, dx, dy, alpha, odds, behind = _meet(
                gaussian, rank, first, splats_ptr, x, y, light, C, TOGETHER
            )
            row, result = splats_ptr + start, result_ptr + start
            weight = odds * behind
            colours = tl.load(row[:, None] + 6 + c[None, :], mask=(c < C)[None, :], other=0.0)
            own = weight * tl.sum(colours[:, None, :] * grad[None, :, :], axis=2)
            moved = (behind > 0) & (alpha < STRONGEST)  # a clamped alpha stays
            to_sigma = tl.where(moved, (rest[None, :] - tl.cumsum(own, axis=0)) * odds - own, 0.0)
            rest -= tl.sum(own, axis=0)
            light = tl.min(behind, axis=0)

            xx, xy, yy, opacity = tl.load(row + 2), tl.load(row + 3), tl.load(row + 4), tl.load(row + 5)
            along_x, along_y = tl.sum(to_sigma * dx, axis=1), tl.sum(to_sigma * dy, axis=1)
            tl.atomic_add(result, xx * along_x + xy * along_y, mask=there, sem="relaxed")
            tl.atomic_add(result + 1, xy * along_x + yy * along_y, mask=there, sem="relaxed")
            tl.atomic_add(result + 2, 0.5 * tl.sum(to_sigma * dx * dx, axis=1), mask=there, sem="relaxed")
            tl.atomic_add(result + 3, tl.sum(to_sigma * dx * dy, axis=1), mask=there, sem="relaxed")
            tl.atomic_add(result + 4, 0.5 * tl.sum(to_sigma * dy * dy, axis=1), mask=there, sem="relaxed")
            tl.atomic_add(result + 5, -tl.sum(to_sigma, axis=1) / opacity, mask=there, sem="relaxed")
            to_colours = tl.sum(weight[:, :, None] * grad[None, :, :], axis=1)
            tl.atomic_add(
                result[:, None] + 6 + c[None, :], to_colours, mask=there[:, None] & (c < C)[None, :], sem="relaxed"
            )
