"""One layer of Gabor wavelets at a tile of points: what forward.py and backward.py share.

Units are real and imaginary parts in turns. A layer has room for 96 of them, in two blocks, as sides of tiles are
powers of two: the block with the index 0 has 64 units, that with the index 1 the 32 after them.
"""
# ruff: noqa: RUF005 (Triton knows no stars in tuples)

import math

import triton
import triton.language as tl
from triton.language.extra import libdevice

from models.kernels.network.activation_kernels import INTERPRETED, sine_and_cosine
from models.kernels.network.layers_kernels import dot, rounded_to_bf16
from models.kernels.network.narrow.layer import BIAS, COLUMNS, affine

BLOCK = tl.constexpr(64)  # units of the first block
USED = tl.constexpr(96)  # units of both
WIDTH = tl.constexpr(128)  # to which rows of matrices and vectors are filled up
LOG2_E = tl.constexpr(math.log2(math.e))


@triton.jit
def units_of(INDEX: tl.constexpr):
    return tl.arange(0, BLOCK >> INDEX) + INDEX * BLOCK


@triton.jit
def blocks_of(matrix):
    """A matrix [units, units of the layer before] in four blocks, row by row."""
    blocks = ()
    for i in tl.static_range(2):
        for k in tl.static_range(2):
            blocks = blocks + (tl.load(matrix + units_of(i)[:, None] * WIDTH + units_of(k)[None, :]),)
    return blocks


@triton.jit
def words_of(saved, rows, n, LAYER: tl.constexpr, INDEX: tl.constexpr):
    """Where the arguments of a layer and block stand, a pair a word; the first layer's do not."""
    pairs_of_block = tl.arange(0, BLOCK // 2 >> INDEX) + INDEX * (BLOCK // 2)
    return saved + (LAYER - 1) * n * (USED // 2) + rows[:, None] * (USED // 2) + pairs_of_block[None, :]


@triton.jit
def as_product(x, ROWS: tl.constexpr, UNITS: tl.constexpr):
    """x itself plus a product with nothing, which lays it out over the threads as products are: see layer.py."""
    return dot(tl.zeros((ROWS, COLUMNS), tl.bfloat16), tl.zeros((COLUMNS, UNITS), tl.bfloat16), x)


@triton.jit
def first_argument_of(points, vectors, rows, n, INDEX: tl.constexpr, D: tl.constexpr, ROWS: tl.constexpr):
    """W x + b of the coordinates."""
    return as_product(affine(points, vectors + units_of(INDEX), rows, n, D, WIDTH), ROWS, BLOCK >> INDEX)


@triton.jit
def argument_of(x, rest, high, low, vectors, INDEX: tl.constexpr, ROWS: tl.constexpr):
    """W x + b of the layer before, with x and W in two parts."""
    total = tl.zeros((ROWS, BLOCK >> INDEX), tl.float32)
    for k in tl.static_range(2):
        total = dot(x[k], high[2 * INDEX + k].T, total)
        total = dot(rest[k], high[2 * INDEX + k].T, total)
        total = dot(x[k], low[2 * INDEX + k].T, total)
    return total + tl.load(vectors + BIAS * WIDTH + units_of(INDEX))[None, :]


@triton.jit
def parts_of(x, ROWS: tl.constexpr, UNITS: tl.constexpr):
    """Real and imaginary parts [ROWS, UNITS / 2] of a block."""
    return tl.split(tl.reshape(x, (ROWS, UNITS // 2, 2)))


@triton.jit
def in_turns(a, b, ROWS: tl.constexpr, UNITS: tl.constexpr):
    """A block [ROWS, UNITS] of such parts."""
    return tl.reshape(tl.join(a, b), (ROWS, UNITS))


@triton.jit
def gabor(a, b, omega, sigma):
    """exp(iωz - |σz|²) of z = a + ib: its real and its imaginary part."""
    exponent = -LOG2_E * omega * b - LOG2_E * sigma * sigma * (a * a + b * b)
    # libdevice's is one instruction, to which what is below 2⁻¹²⁶ is zero; tl.exp2 takes four
    modulus = tl.exp2(exponent) if INTERPRETED else libdevice.exp2(exponent)
    sine, cosine = sine_and_cosine(omega * a)
    return modulus * cosine, modulus * sine


@triton.jit
def in_a_word(a, b):
    """Both rounded to bf16, in one word of 32 bits: alone, each of them would take a register."""
    if INTERPRETED:
        low = rounded_to_bf16(a).to(tl.uint32, bitcast=True) >> 16
        word = rounded_to_bf16(b).to(tl.uint32, bitcast=True) | low
    else:
        word = tl.inline_asm_elementwise("cvt.rn.bf16x2.f32 $0, $2, $1;", "=r,f,f", [a, b], tl.uint32, True, 1)
    return word


@triton.jit
def in_float32(word):
    """The two of a word."""
    return (word << 16).to(tl.float32, bitcast=True), (word & 0xFFFF0000).to(tl.float32, bitcast=True)


@triton.jit
def in_bf16(word, ROWS: tl.constexpr, UNITS: tl.constexpr):
    """The two of a word in turns."""
    a = word.to(tl.uint16).to(tl.bfloat16, bitcast=True)
    b = (word >> 16).to(tl.uint16).to(tl.bfloat16, bitcast=True)
    return in_turns(a, b, ROWS, UNITS)
