"""The forward kernel: tiles of points through all layers of a narrow network of filters."""
# ruff: noqa: RUF005 (Triton knows no stars in tuples)

import triton
import triton.language as tl

from models.kernels.network.narrow.filters.layer import (
    COLUMNS,
    SPARE,
    basis_of,
    load_waves,
    ones_of,
    product,
    sines,
    tile_of,
    units_of,
)


@triton.jit
def forward_kernel(
    points, out, matrices, waves, heads, biases, width, n,
    FILTERS: tl.constexpr, HEADS: tl.constexpr, D: tl.constexpr, C: tl.constexpr, ROWS: tl.constexpr,
):  # fmt: skip
    """What the heads say, out [heads, n, C], at points [n, D]. matrices, waves: as pack.py has them. heads, biases: the
    weights [C, width] and biases [C] of each. FILTERS, HEADS: of each layer its filter and its head, -1 for none."""
    LAYERS: tl.constexpr = len(FILTERS)
    units = tl.arange(0, COLUMNS)
    left_units, right_units = tl.arange(0, COLUMNS // 2), COLUMNS // 2 + tl.arange(0, SPARE)
    above, wave = (), load_waves(waves, FILTERS, LAYERS)
    for i in tl.static_range(LAYERS - 1):
        above = above + (tl.load(matrices + (i * COLUMNS + units[:, None]) * COLUMNS + units[None, :]),)
    ones = ones_of(ROWS)
    for tile in tl.range(tl.program_id(0), tl.cdiv(n, ROWS), tl.num_programs(0), num_stages=1):
        rows = tile * ROWS + tl.arange(0, ROWS)
        basis = basis_of(points, rows, n, D, ROWS)
        x = basis
        left_sine, right_sine = sines(basis, wave[0], ROWS)
        left, right = left_sine, right_sine
        for i in tl.static_range(LAYERS):
            if i > 0:
                left, right = units_of(product(x, above[i - 1].T), ROWS)
                if FILTERS[i] != FILTERS[i - 1]:
                    left_sine, right_sine = sines(basis, wave[i], ROWS)
                left, right = left * left_sine, right * right_sine
            x = tile_of(left, right, ones, ROWS)
            if HEADS[i] >= 0:
                for c in tl.static_range(C):
                    head = heads[HEADS[i]] + c * width
                    weight = tl.load(head + left_units, mask=left_units < width, other=0.0)
                    read = tl.sum(left * weight[None, :], axis=1)
                    weight = tl.load(head + right_units, mask=right_units < width, other=0.0)
                    read += tl.sum(right * weight[None, :], axis=1) + tl.load(biases[HEADS[i]] + c)
                    tl.store(out + (HEADS[i] * n + rows) * C + c, read, mask=rows < n)
