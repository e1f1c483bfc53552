"""The forward kernel: tiles of points through all layers of a narrow network of Gabor wavelets."""
# ruff: noqa: RUF005 (Triton knows no stars in tuples)

import triton
import triton.language as tl

from models.kernels.network.narrow.gabor.layer import (
    BLOCK,
    WIDTH,
    argument_of,
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
from models.kernels.network.narrow.layer import AXES, packed, zero


@triton.jit
def forward_kernel(
    points, out, saved, matrices, table, omega, sigma, n,
    LAYERS: tl.constexpr, D: tl.constexpr, C: tl.constexpr, SAVES: tl.constexpr, ROWS: tl.constexpr,
):  # fmt: skip
    """What the head says; with SAVES also the arguments of all layers but the first, in float16."""
    V: tl.constexpr = AXES + D + C + 1
    high, low = (), ()
    for i in tl.static_range(LAYERS - 1):
        high = high + (blocks_of(matrices + i * WIDTH * WIDTH),)
        low = low + (blocks_of(matrices + (LAYERS - 1 + i) * WIDTH * WIDTH),)
    for tile in tl.range(tl.program_id(0), tl.cdiv(n, ROWS), tl.num_programs(0), num_stages=1):
        rows = tile * ROWS + tl.arange(0, ROWS)
        lanes = table + zero(tile, 30)
        x, rest, values = (), (), ()  # of a layer, by blocks: in two parts, and as they are
        for i in tl.static_range(LAYERS):
            vectors = lanes + i * V * WIDTH
            next_x, next_rest, values = (), (), ()
            for block in tl.static_range(2):
                if i == 0:
                    argument = first_argument_of(points, vectors, rows, n, block, D, ROWS)
                else:
                    argument = argument_of(x, rest, high[i - 1], low[i - 1], vectors, block, ROWS)
                    if SAVES:
                        word = packed(argument, ROWS, BLOCK >> block)
                        tl.store(words_of(saved, rows, n, i, block), word, mask=rows[:, None] < n)
                a, b = parts_of(argument, ROWS, BLOCK >> block)
                real, imaginary = gabor(a, b, omega, sigma)
                first = in_a_word(real, imaginary)
                first_real, first_imaginary = in_float32(first)
                second = in_a_word(real - first_real, imaginary - first_imaginary)
                next_x = next_x + (in_bf16(first, ROWS, BLOCK >> block),)
                next_rest = next_rest + (in_bf16(second, ROWS, BLOCK >> block),)
                values = values + (in_turns(real, imaginary, ROWS, BLOCK >> block),)
            x, rest = next_x, next_rest
        vectors = lanes + (LAYERS - 1) * V * WIDTH
        for c in tl.static_range(C):
            read = tl.load(vectors + (AXES + D + C) * WIDTH + c)
            for block in tl.static_range(2):
                weight = tl.load(vectors + (AXES + D + c) * WIDTH + units_of(block))
                read += tl.sum(values[block] * weight[None, :], axis=1)
            tl.store(out + rows * C + c, read, mask=rows < n)
