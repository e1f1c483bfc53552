"""The backward kernel: tiles of points back through a narrow network of Gabor wavelets."""
# ruff: noqa: RUF005 (Triton knows no stars in tuples)

import triton
import triton.language as tl

from models.kernels.network.activation_kernels import gabor_gradient
from models.kernels.network.layers_kernels import dot
from models.kernels.network.narrow.gabor.layer import (
    BLOCK,
    USED,
    WIDTH,
    blocks_of,
    first_columns,
    first_factor,
    gabor,
    in_a_word,
    in_float32,
    parts_of,
    together,
    unit_at,
    units_of,
    words_in_turns,
    words_of,
)
from models.kernels.network.narrow.layer import AXES, COLUMNS, as_product, in_two_parts, packed, unpacked, zero


@triton.jit
def backward_kernel(
    points, to_out, to_matrices, to_table, saved, matrices, table, omega, sigma, n,
    LAYERS: tl.constexpr, D: tl.constexpr, C: tl.constexpr, ROWS: tl.constexpr, STAGES: tl.constexpr,
):  # fmt: skip
    """Sums over the program's points, transposed: of each layer's weights and, in the row after its inputs, its bias;
    and of the first layer's bias, its weights of coordinates and the head's weights.
    """
    V: tl.constexpr = AXES + D + C + 1
    columns = tl.arange(0, COLUMNS)[None, :]
    high, to_weights, first = (), (), ()
    for i in tl.static_range(LAYERS - 1):
        high = high + (blocks_of(matrices + i * WIDTH * WIDTH),)
        for block in tl.static_range(2):
            to_weights = to_weights + (tl.zeros((WIDTH, BLOCK >> block), tl.float32),)
    for block in tl.static_range(2):
        first = first + (first_factor(table, block, D),)
    # columns: the first layer's bias and its weights of coordinates, in two parts; the head's weights, in two parts
    to_ends = tl.zeros((WIDTH, COLUMNS), tl.float32)
    for tile in tl.range(tl.program_id(0), tl.cdiv(n, ROWS), tl.num_programs(0), num_stages=STAGES):
        rows = tile * ROWS + tl.arange(0, ROWS)
        head = table + zero(tile, 30) + ((LAYERS - 1) * V + AXES + D) * WIDTH
        basis = first_columns(points, rows, n, D, ROWS)
        given = tl.zeros((ROWS, COLUMNS), tl.float32)
        for c in tl.static_range(C):
            channel = tl.load(to_out + rows * C + c, mask=rows < n, other=0.0)
            given = in_two_parts(given, channel, 1 + 2 * D + 2 * c, columns)
        above, words, found = (), (), ()  # gradients of the next layer's arguments, by blocks, also as words; sums
        for i in tl.static_range(LAYERS - 1, -1, -1):
            arguments, values, own = (), (), ()  # by blocks
            for block in tl.static_range(2):
                if i == 0:
                    argument = dot(basis, first[block], tl.zeros((ROWS, BLOCK >> block), tl.float32))
                else:
                    word = tl.load(words_of(saved, rows, n, i, block), mask=rows[:, None] < n, other=0)
                    argument = as_product(unpacked(word, ROWS, BLOCK >> block))
                a, b = parts_of(argument, ROWS, BLOCK >> block)
                real, imaginary = gabor(a, b, omega, sigma)
                arguments = arguments + (packed(argument, ROWS, BLOCK >> block),)
                values = values + (in_a_word(real, imaginary),)
            x = together(values[0], values[1], ROWS)
            if i == LAYERS - 1:
                to_ends = dot(x.T, given.to(tl.bfloat16), to_ends)
            else:
                for k in tl.static_range(2):
                    own = own + (dot(x.T, above[k], to_weights[2 * i + k]),)
            found = own + found
            words, own = (), ()
            for block in tl.static_range(1, -1, -1):  # the larger block last, when the least is held besides
                gradient = tl.zeros((ROWS, BLOCK >> block), tl.float32)
                if i == LAYERS - 1:
                    for c in tl.static_range(C):
                        channel = tl.load(to_out + rows * C + c, mask=rows < n, other=0.0)
                        weight = tl.load(head + c * WIDTH + units_of(block))
                        gradient += channel[:, None] * weight[None, :]
                else:
                    for k in tl.static_range(2):
                        gradient = dot(above[k], high[i][2 * k + block], gradient)
                a, b = parts_of(unpacked(arguments[block], ROWS, BLOCK >> block), ROWS, BLOCK >> block)
                real, imaginary = in_float32(values[block])
                to_real, to_imaginary = parts_of(gradient, ROWS, BLOCK >> block)
                to_a, to_b = gabor_gradient(a, b, real, imaginary, to_real, to_imaginary, omega, sigma)
                words = (in_a_word(to_a, to_b),) + words
                own = (words_in_turns(words[0], ROWS, BLOCK >> block),) + own
            above = own
        to_weights = found
        to_argument = together(words[0], words[1], ROWS)
        to_ends = dot(to_argument.T, tl.where(columns < 1 + 2 * D, basis, 0.0).to(tl.bfloat16), to_ends)
    units = unit_at(tl.arange(0, WIDTH))
    for i in tl.static_range(LAYERS - 1):
        at = to_matrices + ((tl.program_id(0) * (LAYERS - 1) + i) * WIDTH + units[:, None]) * USED
        for k in tl.static_range(2):
            tl.store(at + units_of(k)[None, :], to_weights[2 * i + k])
    tl.store(to_table + (tl.program_id(0) * WIDTH + units[:, None]) * COLUMNS + columns, to_ends)
