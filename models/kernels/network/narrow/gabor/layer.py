"""One layer of Gabor wavelets at a tile of points: what forward.py and backward.py share.

Units are real and imaginary parts in turns. A layer has room for 96 of them, in two blocks, as sides of tiles are
powers of two: the block with the index 0 has 64 units, that with the index 1 the 32 after them.
"""
# ruff: noqa: RUF005 (Triton knows no stars in tuples)

import math

import triton
import triton.language as tl
from triton.language.extra import libdevice

from models.kernels.network.activation_kernels import INTERPRETED
from models.kernels.network.layers_kernels import rounded_to_bf16
from models.kernels.network.narrow.layer import AXES, BIAS, COLUMNS, add_product, affine, as_product, in_two_parts

BLOCK = tl.constexpr(64)  # units of the first block
USED = tl.constexpr(96)  # units of both
WIDTH = tl.constexpr(128)  # to which rows of matrices and vectors are filled up
ONE = tl.constexpr(0x3F80)  # in bf16
LOG2_E = tl.constexpr(math.log2(math.e))


@triton.jit
def units_of(INDEX: tl.constexpr):
    """The numbers of a block's units among all."""
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
def first_argument_of(points, vectors, rows, n, INDEX: tl.constexpr, D: tl.constexpr):
    """W x + b of the coordinates."""
    return as_product(affine(points, vectors + units_of(INDEX), rows, n, D, WIDTH))


@triton.jit
def argument_of(x, rest, high, low, vectors, INDEX: tl.constexpr, ROWS: tl.constexpr):
    """W x + b of the layer before, with x and W in two parts."""
    total = tl.zeros((ROWS, BLOCK >> INDEX), tl.float32)
    for k in tl.static_range(2):
        total = add_product(total, x[k], rest[k], high[2 * INDEX + k], low[2 * INDEX + k])
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
    """exp(iωz - |σz|²) of z = a + ib: its real and its imaginary part.

    Whole turns are left to the hardware, which loses 2⁻²³ of the phase: where a wavelet is not nearly zero, that phase
    is below 4 ω/σ.
    """
    exponent = -LOG2_E * omega * b - LOG2_E * sigma * sigma * (a * a + b * b)
    phase = omega * a
    if INTERPRETED:
        modulus, sine, cosine = tl.exp2(exponent), tl.sin(phase), tl.cos(phase)
    else:  # tl.exp2 takes four instructions, as it tells numbers below 2⁻¹²⁶ from zero
        modulus, sine, cosine = libdevice.exp2(exponent), libdevice.fast_sinf(phase), libdevice.fast_cosf(phase)
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
def words_in_turns(word, ROWS: tl.constexpr, UNITS: tl.constexpr):
    """The two of every word in turns, in bf16 [ROWS, UNITS]."""
    a = word.to(tl.uint16).to(tl.bfloat16, bitcast=True)
    b = (word >> 16).to(tl.uint16).to(tl.bfloat16, bitcast=True)
    return in_turns(a, b, ROWS, UNITS)


@triton.jit
def together(first, second, ROWS: tl.constexpr):
    """A layer's words, by blocks, as a factor [ROWS, WIDTH] in bf16 that goes on with a column of ones and zeros.

    Columns stand in an order in which every thread keeps what it has: see unit_at().
    """
    a, b = tl.split(tl.permute(tl.reshape(first, (ROWS, 2, BLOCK // 4)), (0, 2, 1)))
    ones = tl.zeros((ROWS, BLOCK // 4), tl.uint32) + tl.where(tl.arange(0, BLOCK // 4)[None, :] == 0, ONE, 0)
    words = tl.reshape(tl.join(tl.join(a, b), tl.join(second, ones.to(tl.uint32))), (ROWS, WIDTH // 2))
    return words_in_turns(words, ROWS, WIDTH)


@triton.jit
def unit_at(column):
    """Which unit stands at a column of together(): USED is that of the ones."""
    return column % 2 + column // 8 * 2 + column // 4 % 2 * (BLOCK // 2) + column // 2 % 2 * BLOCK


@triton.jit
def in_two_rows(total, vector, INDEX: tl.constexpr, HIGH: tl.constexpr, LOW: tl.constexpr):
    """The first layer's factor with one more vector: its first part in rows HIGH and HIGH + 1, its second in LOW."""
    rows = tl.arange(0, COLUMNS)[:, None]
    full = tl.load(vector + units_of(INDEX))[None, :]
    most = rounded_to_bf16(full)
    return tl.where((rows == HIGH) | (rows == HIGH + 1), most, tl.where(rows == LOW, full - most, total))


@triton.jit
def first_factor(vectors, INDEX: tl.constexpr, D: tl.constexpr):
    """The first layer's bias and weights [COLUMNS, units] in two parts, in the order of first_columns()."""
    total = in_two_rows(tl.zeros((COLUMNS, BLOCK >> INDEX), tl.float32), vectors + BIAS * WIDTH, INDEX, 0, 1 + 2 * D)
    for k in tl.static_range(D):
        total = in_two_rows(total, vectors + (AXES + k) * WIDTH, INDEX, 1 + 2 * k, 2 + 2 * D + k)
    return total.to(tl.bfloat16)


@triton.jit
def first_columns(points, rows, n, D: tl.constexpr, ROWS: tl.constexpr):
    """One, coordinates in two parts; then, for the weights' second parts, one and coordinates' first parts again."""
    columns = tl.arange(0, COLUMNS)[None, :]
    ones = (columns == 0) | (columns == 1 + 2 * D)
    total = tl.where(ones, 1.0, tl.zeros((ROWS, COLUMNS), tl.float32))
    for k in tl.static_range(D):
        coordinate = tl.load(points + rows * D + k, mask=rows < n, other=0.0)
        total = in_two_parts(total, coordinate, 1 + 2 * k, columns)
        total = tl.where(columns == 2 + 2 * D + k, rounded_to_bf16(coordinate)[:, None], total)
    return total.to(tl.bfloat16)
