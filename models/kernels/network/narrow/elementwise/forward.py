"""The forward kernel: tiles of points through all layers of a narrow network."""
# ruff: noqa: RUF005 (Triton knows no stars in tuples)

import triton
import triton.language as tl

from models.kernels.network.activation_kernels import value_and_slope
from models.kernels.network.layers_kernels import rounded_to_bf16
from models.kernels.network.narrow.layer import AXES, BIAS, add_product, affine, as_product, zero


@triton.jit
def argument_of(
    x, rest, high, low, points, vectors, rows, n, LAYER: tl.constexpr,
    D: tl.constexpr, ROWS: tl.constexpr, WIDTH: tl.constexpr,
):  # fmt: skip
    """W x + b of layer LAYER [ROWS, WIDTH], with x and the W of every layer but the first in two parts."""
    if LAYER == 0:
        total = as_product(affine(points, vectors, rows, n, D, WIDTH))
    else:
        total = add_product(tl.zeros((ROWS, WIDTH), tl.float32), x, rest, high[LAYER - 1], low[LAYER - 1])
        total += tl.load(vectors + BIAS * WIDTH)[None, :]
    return total


@triton.jit
def forward_kernel(
    points, out, matrices, table, constant, n,
    LAYERS: tl.constexpr, ACTIVATION: tl.constexpr, D: tl.constexpr, C: tl.constexpr, ROWS: tl.constexpr,
    WIDTH: tl.constexpr,
):  # fmt: skip
    """What the head says, out [n, C], at points [n, D]. matrices, table: as `narrow.pack.pack` has them."""
    V: tl.constexpr = AXES + D + C + 1
    units = tl.arange(0, WIDTH)
    square = units[:, None] * WIDTH + units[None, :]
    high, low = (), ()
    for i in tl.static_range(LAYERS - 1):
        high = high + (tl.load(matrices + i * WIDTH * WIDTH + square),)
        low = low + (tl.load(matrices + (LAYERS - 1 + i) * WIDTH * WIDTH + square),)
    for tile in tl.range(tl.program_id(0), tl.cdiv(n, ROWS), tl.num_programs(0), num_stages=1):
        rows = tile * ROWS + tl.arange(0, ROWS)
        lanes = table + zero(tile, 30) + units
        x, rest = 0, 0
        for i in tl.static_range(LAYERS):
            vectors = lanes + i * V * WIDTH
            argument = argument_of(x, rest, high, low, points, vectors, rows, n, i, D, ROWS, WIDTH)
            value, _ = value_and_slope(argument, constant, ACTIVATION)
            first = rounded_to_bf16(value)
            x, rest = first.to(tl.bfloat16), (value - first).to(tl.bfloat16)
            if i == LAYERS - 1:
                for c in tl.static_range(C):
                    weight = tl.load(vectors + (AXES + D + c) * WIDTH)
                    read = tl.sum(value * weight[None, :], axis=1) + tl.load(table + (i * V + AXES + D + C) * WIDTH + c)
                    tl.store(out + rows * C + c, read, mask=rows < n)
