"""The backward kernel: tiles of points back through a narrow network of Gabor wavelets."""
# ruff: noqa: RUF005 (Triton knows no stars in tuples)

import triton
import triton.language as tl

from models.kernels.network.layers_kernels import dot
from models.kernels.network.narrow.gabor.layer import (
    BLOCK,
    USED,
    WIDTH,
    as_product,
    blocks_of,
    first_argument_of,
    gabor,
    in_a_word,
    in_bf16,
    in_float32,
    in_turns,
    parts_of,
    units_of,
    words_of,
)
from models.kernels.network.narrow.layer import AXES, COLUMNS, in_two_parts, packed, unpacked, zero


@triton.jit
def backward_kernel(
    points, to_out, to_matrices, to_table, saved, matrices, table, omega, sigma, n,
    LAYERS: tl.constexpr, D: tl.constexpr, C: tl.constexpr, ROWS: tl.constexpr, STAGES: tl.constexpr,
):  # fmt: skip
    """Sums over the program's points, transposed: of each layer's weights and, in the row after its inputs, its bias;
    and of the first layer's bias, its weights of coordinates and the head's weights.

    Left factors of products have 64 rows at least. So the second block of a layer's values takes turns with a column
    of ones, whose products with gradients are the biases', and with zeros.
    """
    V: tl.constexpr = AXES + D + C + 1
    columns = tl.arange(0, COLUMNS)[None, :]
    high, to_weights = (), ()
    for i in tl.static_range(LAYERS - 1):
        high = high + (blocks_of(matrices + i * WIDTH * WIDTH),)
        for block in tl.static_range(4):
            to_weights = to_weights + (tl.zeros((BLOCK, BLOCK >> block % 2), tl.float32),)
    # columns: the bias, the coordinates' weights in two parts, the head's of each channel in two parts
    to_first = (tl.zeros((BLOCK, COLUMNS), tl.float32), tl.zeros((BLOCK, COLUMNS), tl.float32))
    to_head = (tl.zeros((BLOCK, COLUMNS), tl.float32), tl.zeros((BLOCK, COLUMNS), tl.float32))
    for tile in tl.range(tl.program_id(0), tl.cdiv(n, ROWS), tl.num_programs(0), num_stages=STAGES):
        rows = tile * ROWS + tl.arange(0, ROWS)
        lanes, there = table + zero(tile, 30), points + zero(tile, 29)
        given = tl.zeros((ROWS, COLUMNS), tl.float32)
        for c in tl.static_range(C):
            channel = tl.load(to_out + rows * C + c, mask=rows < n, other=0.0)
            given = in_two_parts(given, channel, 1 + 2 * D + 2 * c, columns)
        ones = tl.where(tl.arange(0, BLOCK // 2)[None, :] == 0, 1.0, tl.zeros((ROWS, BLOCK // 2), tl.float32))
        to_argument = ()  # of the layer after, by blocks
        found = ()
        for i in tl.static_range(LAYERS - 1, -1, -1):
            vectors = lanes + i * V * WIDTH
            to_own, own = (), ()
            for block in tl.static_range(2):
                if i == 0:
                    argument = first_argument_of(points, vectors, rows, n, block, D, ROWS)
                else:
                    word = tl.load(words_of(saved, rows, n, i, block), mask=rows[:, None] < n, other=0)
                    argument = as_product(unpacked(word, ROWS, BLOCK >> block), ROWS, BLOCK >> block)
                a, b = parts_of(argument, ROWS, BLOCK >> block)
                argument = packed(argument, ROWS, BLOCK >> block)  # as is the value: registers are dear
                real, imaginary = gabor(a, b, omega, sigma)
                value = in_a_word(real, imaginary)
                x = in_bf16(value, ROWS, BLOCK >> block)
                if block == 1:
                    x = in_turns(x, ones.to(tl.bfloat16), ROWS, BLOCK)
                gradient = tl.zeros((ROWS, BLOCK >> block), tl.float32)
                if i == LAYERS - 1:
                    own = own + (dot(x.T, given.to(tl.bfloat16), to_head[block]),)
                    for c in tl.static_range(C):
                        channel = tl.load(to_out + rows * C + c, mask=rows < n, other=0.0)
                        weight = tl.load(vectors + (AXES + D + c) * WIDTH + units_of(block))
                        gradient += channel[:, None] * weight[None, :]
                else:
                    for k in tl.static_range(2):
                        own = own + (dot(x.T, to_argument[k], to_weights[4 * i + 2 * block + k]),)
                    for k in tl.static_range(2):
                        gradient = dot(to_argument[k], high[i][2 * k + block], gradient)
                a, b = parts_of(unpacked(argument, ROWS, BLOCK >> block), ROWS, BLOCK >> block)
                real, imaginary = in_float32(value)
                to_real, to_imaginary = parts_of(gradient, ROWS, BLOCK >> block)
                radial = to_real * real + to_imaginary * imaginary  # towards a larger modulus
                angular = to_imaginary * real - to_real * imaginary  # towards a larger phase
                twice = 2 * sigma * sigma
                to_a = omega * angular - twice * a * radial
                to_b = -(omega + twice * b) * radial
                to_own = to_own + (in_turns(to_a, to_b, ROWS, BLOCK >> block).to(tl.bfloat16),)
            to_argument = to_own
            if i == LAYERS - 1:
                to_head = own
            else:
                found = own + found
        to_weights = found
        basis = tl.where(columns == 0, 1.0, tl.zeros((ROWS, COLUMNS), tl.float32))
        for k in tl.static_range(D):
            coordinate = tl.load(there + rows * D + k, mask=rows < n, other=0.0)
            basis = in_two_parts(basis, coordinate, 1 + 2 * k, columns)
        second = in_turns(to_argument[1], tl.zeros((ROWS, BLOCK // 2), tl.bfloat16), ROWS, BLOCK)
        basis = basis.to(tl.bfloat16)
        to_first = (dot(to_argument[0].T, basis, to_first[0]), dot(second.T, basis, to_first[1]))
    for block in tl.static_range(2):
        units = tl.arange(0, BLOCK)
        if block == 1:
            units = units % 2 * (BLOCK // 2) + units // 2 + BLOCK
        for i in tl.static_range(LAYERS - 1):
            at = to_matrices + ((tl.program_id(0) * (LAYERS - 1) + i) * WIDTH + units[:, None]) * USED
            for k in tl.static_range(2):
                tl.store(at + units_of(k)[None, :], to_weights[4 * i + 2 * block + k])
        at = to_table + (tl.program_id(0) * WIDTH + units[:, None]) * COLUMNS + columns
        tl.store(at, to_first[block] + to_head[block])
