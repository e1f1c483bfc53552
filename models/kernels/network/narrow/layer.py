"""One layer of a narrow network at a tile of points: what kernels of all activations share.

A layer's vectors are rows: its bias, the first layer's weights of each coordinate, the head's weights of each channel,
and the head's bias.
"""

import triton
import triton.language as tl

from models.kernels.network.activation_kernels import INTERPRETED
from models.kernels.network.layers_kernels import LARGEST, dot, rounded_to_bf16

COLUMNS = tl.constexpr(16)  # of a product's narrow factors: the fewest that it may have
BIAS, AXES = tl.constexpr(0), tl.constexpr(1)  # rows of a layer's vectors


@triton.jit
def affine(points, vectors, rows, n, D: tl.constexpr, WIDTH: tl.constexpr):
    """The sum over the coordinates, with the bias."""
    total = tl.load(vectors + BIAS * WIDTH)[None, :]
    for k in tl.static_range(D):
        x = tl.load(points + rows * D + k, mask=rows < n, other=0.0)
        total = total + x[:, None] * tl.load(vectors + (AXES + k) * WIDTH)[None, :]
    return total


@triton.jit
def as_product(total):
    """The same plus a product with nothing, which lays it out over the threads as products are: otherwise Triton makes
    it, and all that follows from it, anew in every layout that is asked of it."""
    left = tl.zeros((total.shape[0], COLUMNS), tl.bfloat16)
    return dot(left, tl.zeros((COLUMNS, total.shape[1]), tl.bfloat16), total)


@triton.jit
def add_product(total, x, rest, high, low):
    """total + (x + rest) (high + low)ᵀ of factors in two bf16 parts, without the product of both second ones."""
    total = dot(x, high.T, total)
    total = dot(rest, high.T, total)
    return dot(x, low.T, total)


@triton.jit
def packed(x, ROWS: tl.constexpr, WIDTH: tl.constexpr):
    """Neighbours in float16, or its largest, in one word of 32 bits: alone, each of them would take a register."""
    a, b = tl.split(tl.reshape(x, (ROWS, WIDTH // 2, 2)))
    if INTERPRETED:
        a, b = tl.minimum(tl.maximum(a, -LARGEST), LARGEST), tl.minimum(tl.maximum(b, -LARGEST), LARGEST)
        low = a.to(tl.float16).to(tl.uint16, bitcast=True).to(tl.uint32)
        word = (b.to(tl.float16).to(tl.uint16, bitcast=True).to(tl.uint32) << 16) | low
    else:
        word = tl.inline_asm_elementwise("cvt.rn.satfinite.f16x2.f32 $0, $2, $1;", "=r,f,f", [a, b], tl.uint32, True, 1)
    return word


@triton.jit
def unpacked(x, ROWS: tl.constexpr, WIDTH: tl.constexpr):
    """The same in float32, one by one."""
    a = x.to(tl.uint16).to(tl.float16, bitcast=True)
    b = (x >> 16).to(tl.uint16).to(tl.float16, bitcast=True)
    return tl.reshape(tl.join(a, b), (ROWS, WIDTH)).to(tl.float32)


@triton.jit
def in_two_parts(total, x, column, columns):
    """A narrow matrix with x [ROWS] in two parts at one of its columns and the next."""
    high = rounded_to_bf16(x)
    total = tl.where(columns == column, high[:, None], total)
    return tl.where(columns == column + 1, (x - high)[:, None], total)


@triton.jit
def zero(tile, BITS: tl.constexpr):
    """0, which no compiler knows: with it in an address, neither the address nor what is read there stays in registers
    from tile to tile, nor, with other BITS, from the way forward to the way back."""
    return (tile >> BITS) * 16
