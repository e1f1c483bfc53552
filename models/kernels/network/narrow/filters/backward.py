"""The backward kernel: tiles of points forward again through a narrow network of filters, and back through a group of
its layers."""
# ruff: noqa: RUF005 (Triton knows no stars in tuples)

import triton
import triton.language as tl

from models.kernels.network.layers_kernels import dot
from models.kernels.network.narrow.filters.layer import (
    COLUMNS,
    PARTS,
    SPARE,
    UNITS,
    basis_of,
    beside,
    in_bf16,
    load_waves,
    product,
    sines,
    sines_and_cosines,
    tile_of,
    units_of,
)
from models.kernels.network.narrow.layer import zero


@triton.jit
def backward_kernel(
    points, to_out, to_top, to_bottom, to_layers, to_first, to_last, matrices, waves, n,
    FILTERS: tl.constexpr, HEADS: tl.constexpr, BOTTOM: tl.constexpr, TOP: tl.constexpr,
    D: tl.constexpr, C: tl.constexpr, ROWS: tl.constexpr,
):  # fmt: skip
    """Gradients of layers BOTTOM to TOP - 1, from that of the argument of layer TOP, if there is one, to that of layer
    BOTTOM, if it is not the first, as bf16 tiles.

    Sums over the program's points: for each layer of its weights' gradients, as `matrices` has them, and of products
    with cosines, which its phases' gradients are made of; of the first layer's phases, in the first column; of the last
    head.
    """
    LAYERS: tl.constexpr = len(FILTERS)
    LOWEST: tl.constexpr = max(BOTTOM, 1)  # with weights
    units, parts = tl.arange(0, COLUMNS), tl.arange(0, PARTS)
    spare = tl.arange(0, SPARE)[None, :]
    square = units[:, None] * COLUMNS + units[None, :]
    tall = units[:, None] * PARTS + parts[None, :]
    again = waves + zero(tl.program_id(0), 30)  # on the way back, phases are made again: registers are dear
    wave, wave_again = load_waves(waves, FILTERS, TOP), load_waves(again, FILTERS, TOP)
    above, sums = (), ()
    for i in tl.static_range(min(TOP, LAYERS - 1)):
        above = above + (tl.load(matrices + i * COLUMNS * COLUMNS + square),)
    for _ in tl.static_range(LOWEST, TOP):
        sums = sums + (tl.zeros((2 * COLUMNS, COLUMNS), tl.float32),)
    rest = (LAYERS - 1) * COLUMNS * COLUMNS + (UNITS + tl.arange(0, SPARE)[:, None]) * COLUMNS + units[None, :]
    last_head = tl.load(matrices + rest)
    first, last = tl.zeros((COLUMNS, PARTS), tl.float32), tl.zeros((COLUMNS, SPARE), tl.float32)
    ones = tl.where((spare < 2) & (tl.arange(0, ROWS)[:, None] >= 0), 1.0, 0.0).to(tl.bfloat16)
    nothing = tl.zeros((ROWS, SPARE), tl.bfloat16)
    for tile in tl.range(tl.program_id(0), tl.cdiv(n, ROWS), tl.num_programs(0), num_stages=1):
        rows = tile * ROWS + tl.arange(0, ROWS)
        places = rows.to(tl.int64)[:, None] * COLUMNS + units[None, :]
        used = rows[:, None] < n
        basis = basis_of(points, rows, n, D, ROWS)
        at = (spare // C * n + rows[:, None]) * C + spare % C
        given = in_bf16(tl.load(to_out + at, mask=used & (spare < (HEADS[LAYERS - 1] + 1) * C), other=0.0))
        values = ()
        x = basis
        for i in tl.static_range(TOP - 1):
            if i == 0:
                left_sine, right_sine = sines(basis, wave[0], ROWS)
                x = tile_of(left_sine, right_sine, ones, ROWS)
            else:
                left, right = units_of(product(x, above[i - 1].T), ROWS)
                if FILTERS[i] != FILTERS[i - 1]:
                    left_sine, right_sine = sines(basis, wave[i], ROWS)
                x = tile_of(left * left_sine, right * right_sine, ones, ROWS)
            values = values + (x,)
        found = ()
        to_argument = x
        if TOP < LAYERS:
            to_argument = tl.load(to_top + places, mask=used, other=0.0)
        for i in tl.static_range(TOP - 1, BOTTOM - 1, -1):
            left_sine, right_sine, left_cosine, right_cosine = sines_and_cosines(basis, wave_again[i], ROWS)
            if i == LAYERS - 1:
                left, right = units_of(product(x, above[i - 1].T), ROWS)
                x = tile_of(left * left_sine, right * right_sine, ones, ROWS)
                own = tl.where(spare // C == HEADS[i], given, nothing)
                last = dot(x.T, own, last)
                gradient = product(own, last_head)
            else:
                gradient = product(to_argument, above[i])
            left, right = units_of(gradient, ROWS)
            to_phase = tile_of(left * left_cosine, right * right_cosine, nothing, ROWS)
            if i == 0:
                first = dot(to_phase.T, basis, first)
            else:
                own = nothing
                if HEADS[i - 1] >= 0:
                    own = tl.where(spare // C == HEADS[i - 1], given, nothing)
                to_argument = tile_of(left * left_sine, right * right_sine, own, ROWS)
                both = beside(to_argument, to_phase, ROWS, 2 * COLUMNS)
                found = (dot(both.T, values[i - 1], sums[i - LOWEST]),) + found
        sums = found
        if BOTTOM > 0:
            tl.store(to_bottom + places, to_argument, mask=used)
    for i in tl.static_range(LOWEST, TOP):
        at = (tl.program_id(0) * (LAYERS - 1) + i - 1) * 2 * COLUMNS
        at = (at + tl.arange(0, 2 * COLUMNS)[:, None]) * COLUMNS + units[None, :]
        tl.store(to_layers + at, sums[i - LOWEST])
    at = tl.program_id(0) * COLUMNS * PARTS + tall
    if BOTTOM == 0:
        tl.store(to_first + at, first)
    if TOP == LAYERS:
        tl.store(to_last + at, last)
