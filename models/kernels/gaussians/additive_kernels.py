"""The kernels of additive_triton.py: one Gaussian over the samples of its box, forward and backward."""

import triton
import triton.language as tl

from models.kernels.gaussians.boxes import LEAST_WEIGHT

SUMS = tl.constexpr(12)  # a Gaussian's, beside its colours: of ∂loss/∂σ times u_i, then times u_i (x - mean)_j
LEAST = tl.constexpr(LEAST_WEIGHT)


@triton.jit
def _box(first_ptr, behind_ptr):
    """Of this program's Gaussian: the first sample along each axis, how many there are along the two last ones, and how
    many in all."""
    g = tl.program_id(0)
    a, b, c = tl.load(first_ptr + 3 * g), tl.load(first_ptr + 3 * g + 1), tl.load(first_ptr + 3 * g + 2)
    deep = tl.maximum(tl.load(behind_ptr + 3 * g) - a, 0)
    high = tl.maximum(tl.load(behind_ptr + 3 * g + 1) - b, 0)
    wide = tl.maximum(tl.load(behind_ptr + 3 * g + 2) - c, 0)
    return (a, b, c, tl.maximum(high, 1), tl.maximum(wide, 1)), deep * high * wide


@triton.jit
def _gaussian(means_ptr, whitening_ptr):
    """Of this program's Gaussian: the mean, and V by rows."""
    mean, v = means_ptr + 3 * tl.program_id(0), whitening_ptr + 9 * tl.program_id(0)
    x, y, z = tl.load(mean), tl.load(mean + 1), tl.load(mean + 2)
    v00, v10, v11 = tl.load(v), tl.load(v + 3), tl.load(v + 4)
    v20, v21, v22 = tl.load(v + 6), tl.load(v + 7), tl.load(v + 8)
    return x, y, z, v00, v10, v11, v20, v21, v22


@triton.jit
def _weigh(gaussian, box, count, t, x_ptr, y_ptr, z_ptr, rows, columns):
    """At samples t of the box: their numbers on the lattice, offsets from the mean, u = V (x - mean) and the weight."""
    x, y, z, v00, v10, v11, v20, v21, v22 = gaussian
    a, b, c, high, wide = box
    here = t < count
    i, j, k = a + t // (high * wide), b + t // wide % high, c + t % wide
    dx = tl.load(x_ptr + i, mask=here, other=0.0) - x
    dy = tl.load(y_ptr + j, mask=here, other=0.0) - y
    dz = tl.load(z_ptr + k, mask=here, other=0.0) - z
    ux = v00 * dx
    uy = v10 * dx + v11 * dy
    uz = v20 * dx + v21 * dy + v22 * dz
    weight = tl.exp(-0.5 * (ux * ux + uy * uy + uz * uz))
    weight = tl.where(here & (weight > LEAST), weight, 0.0)
    return ((i * rows + j) * columns + k).to(tl.int64), dx, dy, dz, ux, uy, uz, weight


@triton.jit
def forward_kernel(
    means_ptr, whitening_ptr, colours_ptr, first_ptr, behind_ptr, x_ptr, y_ptr, z_ptr, values_ptr, rows, columns,
    C: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """Adds a Gaussian's weights times its colour to values [layers, rows, columns, C], which begin as zeros.

    means: [N, 3]. whitening: V [N, 3, 3], lower triangular. colours: [N, C]. first, behind: of its box, int32 [N, 3].
    x: [layers], y: [rows], z: [columns], coordinates of the samples. A program is one of several of a Gaussian.
    """
    box, count = _box(first_ptr, behind_ptr)
    gaussian = _gaussian(means_ptr, whitening_ptr)
    for begin in range(tl.program_id(1) * BLOCK, count, tl.num_programs(1) * BLOCK):
        t = begin + tl.arange(0, BLOCK)
        at, _, _, _, _, _, _, weight = _weigh(gaussian, box, count, t, x_ptr, y_ptr, z_ptr, rows, columns)
        for channel in tl.static_range(C):
            colour = tl.load(colours_ptr + tl.program_id(0) * C + channel)
            tl.atomic_add(values_ptr + at * C + channel, weight * colour, mask=weight > 0, sem="relaxed")


@triton.jit
def backward_kernel(
    means_ptr, whitening_ptr, colours_ptr, first_ptr, behind_ptr, x_ptr, y_ptr, z_ptr, gradient_ptr, sums_ptr, rows,
    columns, C: tl.constexpr, C_PADDED: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """Adds a Gaussian's sums over the samples of its box to sums [N, SUMS + C], which begin as zeros: what SUMS says,
    then the gradient of its colour. gradient: of the values, in their shape; the others as for forward_kernel."""
    box, count = _box(first_ptr, behind_ptr)
    gaussian = _gaussian(means_ptr, whitening_ptr)
    g = tl.program_id(0)
    channel = tl.arange(0, C_PADDED)
    colours = tl.load(colours_ptr + g * C + channel, mask=channel < C, other=0.0)
    to_x, to_y, to_z = tl.zeros((BLOCK,), tl.float32), tl.zeros((BLOCK,), tl.float32), tl.zeros((BLOCK,), tl.float32)
    xx, yx, yy = tl.zeros((BLOCK,), tl.float32), tl.zeros((BLOCK,), tl.float32), tl.zeros((BLOCK,), tl.float32)
    zx, zy, zz = tl.zeros((BLOCK,), tl.float32), tl.zeros((BLOCK,), tl.float32), tl.zeros((BLOCK,), tl.float32)
    to_colours = tl.zeros((BLOCK, C_PADDED), tl.float32)
    for begin in range(tl.program_id(1) * BLOCK, count, tl.num_programs(1) * BLOCK):
        t = begin + tl.arange(0, BLOCK)
        at, dx, dy, dz, ux, uy, uz, weight = _weigh(gaussian, box, count, t, x_ptr, y_ptr, z_ptr, rows, columns)
        mask = (weight > 0)[:, None] & (channel < C)[None, :]
        gradient = tl.load(gradient_ptr + at[:, None] * C + channel[None, :], mask=mask, other=0.0)
        to_colours += weight[:, None] * gradient
        to_sigma = -weight * tl.sum(gradient * colours[None, :], axis=1)
        sx, sy, sz = to_sigma * ux, to_sigma * uy, to_sigma * uz
        to_x += sx
        to_y += sy
        to_z += sz
        xx += sx * dx
        yx += sy * dx
        yy += sy * dy
        zx += sz * dx
        zy += sz * dy
        zz += sz * dz
    sums = sums_ptr + g * (SUMS + C)
    if count > tl.program_id(1) * BLOCK:
        tl.atomic_add(sums, tl.sum(to_x, axis=0), sem="relaxed")
        tl.atomic_add(sums + 1, tl.sum(to_y, axis=0), sem="relaxed")
        tl.atomic_add(sums + 2, tl.sum(to_z, axis=0), sem="relaxed")
        tl.atomic_add(sums + 3, tl.sum(xx, axis=0), sem="relaxed")
        tl.atomic_add(sums + 6, tl.sum(yx, axis=0), sem="relaxed")
        tl.atomic_add(sums + 7, tl.sum(yy, axis=0), sem="relaxed")
        tl.atomic_add(sums + 9, tl.sum(zx, axis=0), sem="relaxed")
        tl.atomic_add(sums + 10, tl.sum(zy, axis=0), sem="relaxed")
        tl.atomic_add(sums + 11, tl.sum(zz, axis=0), sem="relaxed")
        tl.atomic_add(sums + SUMS + channel, tl.sum(to_colours, axis=0), mask=channel < C, sem="relaxed")
