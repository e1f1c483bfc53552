"""Compositing the Gaussians of a tile front to back, in Triton, forward and backward; one program a tile.

A group of Gaussians is met at once: RUNS runs of LENGTH Gaussians each, [LENGTH, RUNS, pixels], where a thread walks
along its run and the transmittance behind a run is a product over the runs before it.

splats: [N, ROW], by depth: mean x, y, conic xx, xy, yy, opacity, C colours and filling. bits: int32 [tiles along x and
then y, words], of reach_kernels.py. rings: int32 [tiles, CAPACITY], Gaussians of each tile. columns: [width], rows:
[height], x and y of the samples. image: [height, width, C].
"""

import triton
import triton.language as tl

from models.kernels.splats.rasterise import MAX_ALPHA, MIN_ALPHA, MIN_TRANSMITTANCE
from models.kernels.splats.reach_kernels import list_touching, wrapped

FAINTEST, STRONGEST, LEAST = tl.constexpr(MIN_ALPHA), tl.constexpr(MAX_ALPHA), tl.constexpr(MIN_TRANSMITTANCE)


@triton.jit
def _samples(columns_ptr, rows_ptr, width, height, tiles_x, WIDTH: tl.constexpr, HEIGHT: tl.constexpr):
    """Of this program's tile: coordinates of its samples, their numbers in the image, which there are, and the
    rectangle of all: left, right, top, bottom."""
    tile = tl.program_id(0)
    left, top = (tile % tiles_x) * WIDTH, (tile // tiles_x) * HEIGHT
    pixel = tl.arange(0, WIDTH * HEIGHT)
    column, row = left + pixel % WIDTH, top + pixel // WIDTH
    inside = (column < width) & (row < height)
    x = tl.load(columns_ptr + column, mask=inside, other=0.0)
    y = tl.load(rows_ptr + row, mask=inside, other=0.0)
    right, bottom = tl.minimum(left + WIDTH, width) - 1, tl.minimum(top + HEIGHT, height) - 1
    x0, x1 = tl.load(columns_ptr + left), tl.load(columns_ptr + right)
    y0, y1 = tl.load(rows_ptr + top), tl.load(rows_ptr + bottom)
    return x, y, (row * width + column).to(tl.int64), inside, (x0, x1, y0, y1)


@triton.jit
def _lit(x, y, light):
    """The rectangle of the samples that have not ended: left, right, top, bottom."""
    left = tl.min(tl.where(light > 0, x, float("inf")), axis=0)
    right = tl.max(tl.where(light > 0, x, float("-inf")), axis=0)
    top = tl.min(tl.where(light > 0, y, float("inf")), axis=0)
    bottom = tl.max(tl.where(light > 0, y, float("-inf")), axis=0)
    return left, right, top, bottom


@triton.jit
def _meet(
    ring_ptr, splats_ptr, done, held, x, y, light, ROW: tl.constexpr, LENGTH: tl.constexpr, RUNS: tl.constexpr,
    CAPACITY: tl.constexpr,
):  # fmt: skip
    """The next Gaussians of a ring at every sample: [LENGTH, RUNS, pixels].

    Returns where their parameters begin, alpha, odds, the transmittance behind each, and that behind all. It
    only falls, so after the Gaussian that ends a pixel it is 0.
    """
    slot = done + tl.arange(0, RUNS)[None, :] * LENGTH + tl.arange(0, LENGTH)[:, None]
    there = slot < held
    start = tl.load(ring_ptr + wrapped(slot, CAPACITY), mask=there, other=0) * ROW
    row = splats_ptr + start
    dx = tl.load(row)[:, :, None] - x[None, None, :]
    dy = tl.load(row + 1)[:, :, None] - y[None, None, :]
    xx, xy, yy = tl.load(row + 2)[:, :, None], tl.load(row + 3)[:, :, None], tl.load(row + 4)[:, :, None]
    sigma = 0.5 * (xx * dx * dx + yy * dy * dy) + xy * dx * dy
    alpha = tl.load(row + 5)[:, :, None] * tl.exp(-tl.maximum(sigma, 0.0))
    seen = (sigma >= 0) & (alpha > FAINTEST) & there[:, :, None]
    alpha = tl.where(seen, tl.minimum(alpha, STRONGEST), 0.0)
    passing = tl.cumprod(1 - alpha, axis=0)
    run = tl.min(passing, axis=0)  # what passes each run
    through = tl.cumprod(run, axis=0)  # and it with all before
    behind = (light[None, :] * through / run)[None, :, :] * passing
    behind = tl.where(behind > LEAST, behind, 0.0)
    light = tl.min(tl.min(behind, axis=0), axis=0)
    return start, alpha, alpha / (1 - alpha), behind, light


@triton.jit(do_not_specialize=["words", "width", "height", "tiles_x"])
def forward_kernel(
    splats_ptr, bits_ptr, rings_ptr, columns_ptr, rows_ptr, image_ptr, kept_ptr, words, width, height, tiles_x,
    C: tl.constexpr, C_PADDED: tl.constexpr, ROW: tl.constexpr, WIDTH: tl.constexpr, HEIGHT: tl.constexpr,
    WORDS: tl.constexpr, LISTED: tl.constexpr, TESTED: tl.constexpr, LENGTH: tl.constexpr, RUNS: tl.constexpr,
    CAPACITY: tl.constexpr,
):  # fmt: skip
    """The tile's part of the image, its ring, and how many Gaussians that holds, kept [tiles]; -1 where there were more
    than it has room for."""
    x, y, at, inside, lit = _samples(columns_ptr, rows_ptr, width, height, tiles_x, WIDTH, HEIGHT)
    ring_ptr = rings_ptr + tl.program_id(0).to(tl.int64) * CAPACITY
    c = tl.arange(0, C_PADDED)
    light = tl.where(inside, 1.0, 0.0)  # transmittance; 0 where the pixel has ended
    image = tl.zeros((C_PADDED, RUNS, WIDTH * HEIGHT), tl.float32)
    begin, done, held, whole, going = 0, 0, 0, words > 0, words > 0
    while going:
        begin, held, furthest = list_touching(
            *(bits_ptr, splats_ptr, ring_ptr, begin, held, words, tiles_x, lit),
            *(ROW, WORDS, LISTED, TESTED, CAPACITY),
        )
        whole = whole & (furthest < CAPACITY)
        least = tl.where(begin < words, LENGTH * RUNS, 1)  # a group that is not full waits, unless it is the last
        while going & (held - done >= least):
            start, _, odds, behind, light = _meet(
                ring_ptr, splats_ptr, done, held, x, y, light, ROW, LENGTH, RUNS, CAPACITY
            )
            weight = odds * behind
            for k in tl.static_range(C):
                colour = tl.load(splats_ptr + start + 6 + k)[:, :, None]
                image += tl.where(c == k, 1.0, 0.0)[:, None, None] * tl.sum(weight * colour, axis=0)[None, :, :]
            going = tl.max((light > 0).to(tl.int32), axis=0) > 0
            done += LENGTH * RUNS
        turn = tl.where(done >= CAPACITY, CAPACITY, 0)
        done, held = done - turn, held - turn
        lit = _lit(x, y, light)
        going = going & (begin < words)
    tl.store(kept_ptr + tl.program_id(0), tl.where(whole, held, -1))
    image = tl.sum(image, axis=1)
    tl.store(image_ptr + at[None, :] * C + c[:, None], image, mask=inside[None, :] & (c < C)[:, None])


@triton.jit
def _basis(x, y):
    """1, x, y, x², xy, y², 0, 0: [pixels, 8]."""
    k, x, y = tl.arange(0, 8)[None, :], x[:, None], y[:, None]
    return tl.where(k == 0, 1.0, tl.where(k == 1, x, tl.where(k == 2, y, tl.where(
        k == 3, x * x, tl.where(k == 4, x * y, tl.where(k == 5, y * y, 0.0))))))  # fmt: skip


@triton.jit
def _column(table, k):
    return tl.sum(tl.where(tl.arange(0, 8)[None, :] == k, table, 0.0), axis=1)


@triton.jit
def _add_gradients(
    moments, slot, held, ring_ptr, splats_ptr, result_ptr, x, y, ROW: tl.constexpr, CAPACITY: tl.constexpr
):
    """Add to the gradients of Gaussians at places [G] of a ring, from the moments [G, 8] of sigma's about a point.

    Returns where their gradients begin, and which Gaussians there are.
    """
    total, by_x, by_y = _column(moments, 0), _column(moments, 1), _column(moments, 2)
    by_xx, by_xy, by_yy = _column(moments, 3), _column(moments, 4), _column(moments, 5)
    there = slot < held
    start = tl.load(ring_ptr + wrapped(slot, CAPACITY), mask=there, other=0) * ROW
    row, result = splats_ptr + start, result_ptr + start
    dx, dy = tl.load(row) - x, tl.load(row + 1) - y
    xx, xy, yy, opacity = tl.load(row + 2), tl.load(row + 3), tl.load(row + 4), tl.load(row + 5)
    along_x, along_y = dx * total - by_x, dy * total - by_y
    tl.atomic_add(result, xx * along_x + xy * along_y, mask=there, sem="relaxed")
    tl.atomic_add(result + 1, xy * along_x + yy * along_y, mask=there, sem="relaxed")
    tl.atomic_add(result + 2, 0.5 * (dx * (along_x - by_x) + by_xx), mask=there, sem="relaxed")
    tl.atomic_add(result + 3, dx * along_y - dy * by_x + by_xy, mask=there, sem="relaxed")
    tl.atomic_add(result + 4, 0.5 * (dy * (along_y - by_y) + by_yy), mask=there, sem="relaxed")
    tl.atomic_add(result + 5, -total / opacity, mask=there, sem="relaxed")
    return result, there


@triton.jit(do_not_specialize=["words", "width", "height", "tiles_x"])
def backward_kernel(
    splats_ptr, bits_ptr, rings_ptr, columns_ptr, rows_ptr, image_ptr, grad_ptr, kept_ptr, result_ptr, words, width,
    height, tiles_x, C: tl.constexpr, WIDE: tl.constexpr, ROW: tl.constexpr, WIDTH: tl.constexpr, HEIGHT: tl.constexpr,
    WORDS: tl.constexpr, LISTED: tl.constexpr, TESTED: tl.constexpr, LENGTH: tl.constexpr, RUNS: tl.constexpr,
    CAPACITY: tl.constexpr,
):  # fmt: skip
    """Adds the tile's part to the gradient of the splats, result [N, ROW], which begins as zeros. grad: the image's."""
    x, y, at, inside, lit = _samples(columns_ptr, rows_ptr, width, height, tiles_x, WIDTH, HEIGHT)
    ring_ptr = rings_ptr + tl.program_id(0).to(tl.int64) * CAPACITY
    origin_x, origin_y = lit[0], lit[2]  # near all samples, so that moments about it are exact enough
    basis = _basis(x - origin_x, y - origin_y)
    c = tl.arange(0, WIDE)[None, :]
    grads = tl.load(grad_ptr + at[:, None] * C + c, mask=inside[:, None] & (c < C), other=0.0)
    rest = tl.zeros((WIDTH * HEIGHT,), tl.float32)  # what the Gaussians not yet met add to pixel · ∂loss/∂pixel
    for k in tl.static_range(C):
        image = tl.load(image_ptr + at * C + k, mask=inside, other=0.0)
        rest += image * tl.load(grad_ptr + at * C + k, mask=inside, other=0.0)
    light = tl.where(inside, 1.0, 0.0)
    kept = tl.load(kept_ptr + tl.program_id(0))  # the ring has all that the forward pass met, or it is filled again
    begin, done, held, going = tl.where(kept < 0, 0, words), 0, tl.maximum(kept, 0), words > 0
    while going:
        if begin < words:
            begin, held, _ = list_touching(
                *(bits_ptr, splats_ptr, ring_ptr, begin, held, words, tiles_x, lit),
                *(ROW, WORDS, LISTED, TESTED, CAPACITY),
            )
        least = tl.where(begin < words, LENGTH * RUNS, 1)
        while going & (held - done >= least):
            start, alpha, odds, behind, light = _meet(
                ring_ptr, splats_ptr, done, held, x, y, light, ROW, LENGTH, RUNS, CAPACITY
            )
            weight, colours = odds * behind, splats_ptr + start + 6
            own = tl.zeros(weight.shape, tl.float32)
            for k in tl.static_range(C):
                grad = tl.load(grad_ptr + at * C + k, mask=inside, other=0.0)
                own += tl.load(colours + k)[:, :, None] * grad[None, None, :]
            own *= weight
            moved = (behind > 0) & (alpha < STRONGEST)  # a clamped alpha stays
            in_run = tl.cumsum(own, axis=0)
            run = tl.sum(own, axis=0)
            before = rest[None, :] - (tl.cumsum(run, axis=0) - run)
            to_sigma = tl.where(moved, (before[None, :, :] - in_run) * odds - own, 0.0)
            rest -= tl.sum(run, axis=0)
            going = tl.max((light > 0).to(tl.int32), axis=0) > 0
            # products sum over samples; three of TF32 for one of float32, which is as exact
            to_sigma = tl.reshape(to_sigma, (LENGTH * RUNS, WIDTH * HEIGHT))
            moments = tl.dot(to_sigma, basis, input_precision="tf32x3")
            number = tl.arange(0, LENGTH * RUNS)
            slot = done + (number % RUNS) * LENGTH + number // RUNS
            result, there = _add_gradients(
                moments, slot, held, ring_ptr, splats_ptr, result_ptr, origin_x, origin_y, ROW, CAPACITY
            )
            weight = tl.reshape(weight, (LENGTH * RUNS, WIDTH * HEIGHT))
            to_colours = tl.dot(weight, grads, input_precision="tf32x3")
            tl.atomic_add(result[:, None] + 6 + c, to_colours, mask=there[:, None] & (c < C), sem="relaxed")
            done += LENGTH * RUNS
        turn = tl.where(done >= CAPACITY, CAPACITY, 0)
        done, held = done - turn, held - turn
        lit = _lit(x, y, light)
        going = going & (begin < words)
