"""The backward kernel: tiles of points forward again through a narrow network, and back through some of its layers."""

import triton
import triton.language as tl

from models.kernels.network.activation_kernels import sine_and_cosine
from models.kernels.network.layers_kernels import dot, rounded_to_bf16
from models.kernels.network.narrow.layer import (
    AXES,
    BIAS,
    COLUMNS,
    PHASE,
    activate,
    affine,
    argument_of,
    in_two_parts,
    to_argument_of,
    unpacked,
    zero,
)


@triton.jit
def backward_kernel(
    points, to_out, above, below, to_matrices, to_vectors, matrices, vectors_of, constants, widths, n,
    D: tl.constexpr, C: tl.constexpr, ACTIVATIONS: tl.constexpr, READ: tl.constexpr, PARTS: tl.constexpr,
    ROWS: tl.constexpr, WIDTH: tl.constexpr, BOTTOM: tl.constexpr, TOP: tl.constexpr,
    READ_BELOW: tl.constexpr, HEADS: tl.constexpr,
):  # fmt: skip
    """Gradients of layers BOTTOM to TOP - 1, from that of the argument of layer TOP, if there is one, to that of layer
    BOTTOM, if it is not the first."""
    LAYERS: tl.constexpr = len(ACTIVATIONS)
    V: tl.constexpr = AXES + D + C + 1
    units, columns = tl.arange(0, WIDTH), tl.arange(0, COLUMNS)[None, :]
    square = units[:, None] * WIDTH + units[None, :]
    high, low, to_weights, marks, read = (), (), (), (), ()
    to_heads = ()  # a channel three columns, of which two are parts of the sum
    for i in tl.static_range(TOP if TOP < LAYERS else LAYERS - 1):
        high = high + (tl.load(matrices + i * WIDTH * WIDTH + square),)
        low = low + (tl.load(matrices + (LAYERS - 1 + i) * WIDTH * WIDTH + square),)
    for i in tl.static_range(BOTTOM, TOP):
        to_weights = to_weights + (tl.zeros((WIDTH, WIDTH), tl.float32),)  # of the first layer, never used
        mark = tl.where((columns == i) & (tl.arange(0, ROWS)[:, None] >= 0), 1.0, 0.0)
        marks = marks + (mark.to(tl.bfloat16),)
    for i in tl.static_range(TOP):
        weight = tl.zeros((COLUMNS, WIDTH), tl.float32)
        if (READ[i] >= 0) and (i >= BOTTOM):
            for c in tl.static_range(C):
                column = tl.arange(0, COLUMNS)[:, None] - 3 * c
                full = tl.load(vectors_of + (i * V + AXES + D + c) * WIDTH + units)[None, :]
                most = rounded_to_bf16(full)
                weight = tl.where((column == 0) | (column == 1), most, tl.where(column == 2, full - most, weight))
            to_heads = to_heads + (tl.zeros((WIDTH, COLUMNS), tl.float32),)
        read = read + (weight.to(tl.bfloat16),)
    to_first = tl.zeros((WIDTH, COLUMNS), tl.float32)  # bias, then the coordinates' weights in two parts
    to_phases = tl.zeros((WIDTH, COLUMNS), tl.float32)  # a layer a column
    for tile in tl.range(tl.program_id(0), tl.cdiv(n, ROWS), tl.num_programs(0), num_stages=1):
        rows = tile * ROWS + tl.arange(0, ROWS)
        places = rows.to(tl.int64)[:, None] * WIDTH + units[None, :]
        lanes = vectors_of + zero(tile, 30) + units
        x, rest = 0, 0
        values, kept, towards, summed = (), (), (), ()
        for i in tl.static_range(TOP):  # forward, as above
            vectors = lanes + i * V * WIDTH
            argument = argument_of(x, rest, high, low, points, vectors, rows, n, i, D, PARTS, ROWS, WIDTH)
            value, about = activate(
                argument, points, vectors, constants[2 * i], constants[2 * i + 1],
                rows, n, D, ACTIVATIONS, i, ROWS, WIDTH,
            )  # fmt: skip
            value = tl.where(units[None, :] == widths[i], 1.0, value)  # whose product with gradients is the bias's
            first = rounded_to_bf16(value)
            x, rest = first.to(tl.bfloat16), (value - first).to(tl.bfloat16)
            values, kept = values + (x,), kept + (about,)
            if (READ[i] >= 0) and (i >= BOTTOM):
                given = tl.zeros((ROWS, COLUMNS), tl.float32)
                for c in tl.static_range(C):
                    channel = tl.load(to_out + (READ[i] * n + rows) * C + c, mask=rows < n, other=0.0)
                    given = in_two_parts(given, channel, 3 * c, columns)
                    given = tl.where(columns == 3 * c + 2, channel[:, None], given)
                summed = summed + (dot(x.T, given.to(tl.bfloat16), to_heads[READ[i] - READ_BELOW]),)
                towards = towards + (given.to(tl.bfloat16),)
            else:
                towards = towards + (0,)
        shift = zero(tile, 29)
        lanes, there = vectors_of + shift + units, points + shift
        found = ()
        to_argument = x
        if TOP < LAYERS:
            to_argument = tl.load(above + places, mask=rows[:, None] < n, other=0.0)
        for i in tl.static_range(TOP - 1, BOTTOM - 1, -1):  # and back
            vectors = lanes + i * V * WIDTH
            gradient = tl.zeros((ROWS, WIDTH), tl.float32)
            if i < LAYERS - 1:
                gradient = dot(to_argument, high[i], gradient)
            if READ[i] >= 0:
                gradient = dot(towards[i], read[i], gradient)
            about = kept[i]
            if i == 0:  # made again: registers are dear
                _, about = activate(
                    affine(there, vectors, rows, n, BIAS, D, WIDTH), there, vectors, constants[0], constants[1],
                    rows, n, D, ACTIVATIONS, 0, ROWS, WIDTH,
                )  # fmt: skip
            if ACTIVATIONS[i] == "filter":
                _, slope = sine_and_cosine(affine(there, vectors, rows, n, PHASE, D, WIDTH))
                to_phase = gradient * slope * unpacked(about, ROWS, WIDTH)
                to_phases = dot(to_phase.to(tl.bfloat16).T, marks[i - BOTTOM], to_phases)
                # and once more, as sines have no room beside cosines
                factor, _ = sine_and_cosine(affine(there + shift, vectors + shift, rows, n, PHASE, D, WIDTH))
                gradient *= factor
            else:
                gradient = to_argument_of(
                    gradient, values[i], about, constants[2 * i], constants[2 * i + 1], ACTIVATIONS, i, ROWS, WIDTH,
                )  # fmt: skip
            to_argument = gradient.to(tl.bfloat16)
            if i == 0:
                basis = tl.where(columns == 0, 1.0, tl.zeros((ROWS, COLUMNS), tl.float32))
                for k in tl.static_range(D):
                    coordinate = tl.load(there + rows * D + k, mask=rows < n, other=0.0)
                    basis = in_two_parts(basis, coordinate, 1 + 2 * k, columns)
                to_first = dot(to_argument.T, basis.to(tl.bfloat16), to_first)
                found = (to_weights[0],) + found
            else:
                found = (dot(to_argument.T, values[i - 1], to_weights[i - BOTTOM]),) + found
        to_weights, to_heads = found, summed
        if BOTTOM > 0:
            tl.store(below + places, to_argument, mask=rows[:, None] < n)
    for i in tl.static_range(1 if BOTTOM == 0 else BOTTOM, TOP):
        at = (tl.program_id(0) * (LAYERS - 1) + i - 1) * WIDTH * WIDTH
        tl.store(to_matrices + at + square, to_weights[i - BOTTOM])
    at = to_vectors + tl.program_id(0) * (2 + HEADS) * WIDTH * COLUMNS + units[:, None] * COLUMNS + columns
    tl.store(at, to_first)
    tl.store(at + WIDTH * COLUMNS, to_phases)
    for h in tl.static_range(len(to_heads)):
        tl.store(at + (2 + READ_BELOW + h) * WIDTH * COLUMNS, to_heads[h])
