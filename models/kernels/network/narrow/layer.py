"""One layer of a narrow network at a tile of points: what the forward and the backward kernel share.

A layer's vectors are rows of a table: the bias, a filter's phase, the weights of each coordinate, those of each channel
of the head, and the head's bias.
"""

import triton
import triton.language as tl

from models.kernels.network.activation_kernels import (
    INTERPRETED,
    gabor,
    gabor_gradient,
    pairs,
    sine_and_cosine,
    value_and_slope,
)
from models.kernels.network.layers_kernels import LARGEST, dot, rounded_to_bf16

COLUMNS = tl.constexpr(16)  # of a product's narrow factors: the fewest that it may have
BIAS, PHASE, AXES = tl.constexpr(0), tl.constexpr(1), tl.constexpr(2)  # rows of a layer's vectors


@triton.jit
def affine(points, vectors, rows, n, ROW: tl.constexpr, D: tl.constexpr, WIDTH: tl.constexpr):
    """The sum over the coordinates, with row ROW of a layer's vectors as bias."""
    total = tl.load(vectors + ROW * WIDTH)[None, :]
    for k in tl.static_range(D):
        x = tl.load(points + rows * D + k, mask=rows < n, other=0.0)
        total = total + x[:, None] * tl.load(vectors + (AXES + k) * WIDTH)[None, :]
    return total


@triton.jit
def argument_of(
    x, rest, high, low, points, vectors, rows, n, I: tl.constexpr,
    D: tl.constexpr, PARTS: tl.constexpr, ROWS: tl.constexpr, WIDTH: tl.constexpr,
):  # fmt: skip
    """W x + b of layer I, x and the W of every layer but the first in parts."""
    if I == 0:
        # a product with nothing lays the sum out over the threads as products are; otherwise Triton makes it, and all
        # that follows from it, anew in every layout that is asked of it
        total = affine(points, vectors, rows, n, BIAS, D, WIDTH)
        total = dot(tl.zeros((ROWS, COLUMNS), tl.bfloat16), tl.zeros((COLUMNS, WIDTH), tl.bfloat16), total)
    else:
        total = dot(x, high[I - 1].T, tl.zeros((ROWS, WIDTH), tl.float32))
        if PARTS == 2:
            total = dot(rest, high[I - 1].T, total)
            total = dot(x, low[I - 1].T, total)
        total += tl.load(vectors + BIAS * WIDTH)[None, :]
    return total


@triton.jit
def activate(
    argument, points, vectors, constant, second, rows, n,
    D: tl.constexpr, ACTIVATIONS: tl.constexpr, I: tl.constexpr, ROWS: tl.constexpr, WIDTH: tl.constexpr,
):  # fmt: skip
    """The values of layer I, and what its backward pass needs, packed: the slope or the argument."""
    ACTIVATION: tl.constexpr = ACTIVATIONS[I]
    value, kept = argument, argument
    if ACTIVATION == "filter":
        factor, _ = sine_and_cosine(affine(points, vectors, rows, n, PHASE, D, WIDTH))
        value = factor * argument
    elif ACTIVATION == "gabor":
        a, b = pairs(argument, ROWS, WIDTH)
        real, imaginary = gabor(a, b, constant, second)
        value = tl.reshape(tl.join(real, imaginary), (ROWS, WIDTH))
    else:
        value, kept = value_and_slope(argument, constant, ACTIVATION)
    if ACTIVATION != "sine":
        kept = tl.minimum(tl.maximum(kept, -LARGEST), LARGEST)
    return value, packed(kept, ROWS, WIDTH)


@triton.jit
def to_argument_of(
    gradient, value, kept, constant, second,
    ACTIVATIONS: tl.constexpr, I: tl.constexpr, ROWS: tl.constexpr, WIDTH: tl.constexpr,
):  # fmt: skip
    """The gradient of layer I's argument from that of its values; filters are left to the caller."""
    ACTIVATION: tl.constexpr = ACTIVATIONS[I]
    if ACTIVATION == "relu":
        gradient = tl.where(value.to(tl.float32) > 0, gradient, 0.0)
    elif ACTIVATION == "gabor":
        a, b = pairs(unpacked(kept, ROWS, WIDTH), ROWS, WIDTH)
        real, imaginary = pairs(value.to(tl.float32), ROWS, WIDTH)
        to_real, to_imaginary = pairs(gradient, ROWS, WIDTH)
        to_a, to_b = gabor_gradient(a, b, real, imaginary, to_real, to_imaginary, constant, second)
        gradient = tl.reshape(tl.join(to_a, to_b), (ROWS, WIDTH))
    elif ACTIVATION != "none":
        gradient *= unpacked(kept, ROWS, WIDTH)
    return gradient


@triton.jit
def packed(x, ROWS: tl.constexpr, WIDTH: tl.constexpr):
    """Neighbours in float16 in one word of 32 bits: alone, each of them would take a register."""
    a, b = pairs(x, ROWS, WIDTH)
    if INTERPRETED:
        low = a.to(tl.float16).to(tl.uint16, bitcast=True).to(tl.uint32)
        word = (b.to(tl.float16).to(tl.uint16, bitcast=True).to(tl.uint32) << 16) | low
    else:
        word = tl.inline_asm_elementwise("cvt.rn.f16x2.f32 $0, $2, $1;", "=r,f,f", [a, b], tl.uint32, True, 1)
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
