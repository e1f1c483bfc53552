"""The forward kernel: tiles of points through all layers of a narrow network."""

import triton
import triton.language as tl

from models.kernels.network.layers_kernels import rounded_to_bf16
from models.kernels.network.narrow.layer import AXES, activate, argument_of, zero


@triton.jit
def forward_kernel(
    points, out, values, kept, matrices, vectors_of, constants, widths, n,
    D: tl.constexpr, C: tl.constexpr, ACTIVATIONS: tl.constexpr, READ: tl.constexpr, PARTS: tl.constexpr,
    ROWS: tl.constexpr, WIDTH: tl.constexpr, SAVES: tl.constexpr,
):  # fmt: skip
    LAYERS: tl.constexpr = len(ACTIVATIONS)
    V: tl.constexpr = AXES + D + C + 1
    units = tl.arange(0, WIDTH)
    square = units[:, None] * WIDTH + units[None, :]
    high, low = (), ()
    for i in tl.static_range(LAYERS - 1):
        high = high + (tl.load(matrices + i * WIDTH * WIDTH + square),)
        low = low + (tl.load(matrices + (LAYERS - 1 + i) * WIDTH * WIDTH + square),)
    for tile in tl.range(tl.program_id(0), tl.cdiv(n, ROWS), tl.num_programs(0), num_stages=1):
        rows = tile * ROWS + tl.arange(0, ROWS)
        lanes = vectors_of + zero(tile, 30) + units
        x, rest = 0, 0
        for i in tl.static_range(LAYERS):
            vectors = lanes + i * V * WIDTH
            argument = argument_of(x, rest, high, low, points, vectors, rows, n, i, D, PARTS, ROWS, WIDTH)
            value, about = activate(
                argument, points, vectors, constants[2 * i], constants[2 * i + 1],
                rows, n, D, ACTIVATIONS, i, ROWS, WIDTH,
            )  # fmt: skip
            first = rounded_to_bf16(value)
            x, rest = first.to(tl.bfloat16), (value - first).to(tl.bfloat16)
            if SAVES:
                layer = i * n.to(tl.int64) * WIDTH
                fresh = tile * ROWS + zero(tile, 29) + tl.arange(0, ROWS)
                inside = fresh[:, None] < n
                words = tl.arange(0, WIDTH // 2)[None, :]
                tl.store(values + layer + fresh[:, None] * WIDTH + units[None, :], x, mask=inside)
                tl.store(kept + layer // 2 + fresh[:, None] * (WIDTH // 2) + words, about, mask=inside)
            if READ[i] >= 0:
                for c in tl.static_range(C):
                    weight = tl.load(vectors + (AXES + D + c) * WIDTH)
                    read = tl.sum(value * weight[None, :], axis=1) + tl.load(vectors_of + (i * V + AXES + D + C) * WIDTH + c)
                    tl.store(out + (READ[i] * n + rows) * C + c, read, mask=rows < n)
