"""The backward kernel: tiles of points forward again through a narrow network, and back."""
# ruff: noqa: RUF005 (Triton knows no stars in tuples)

import triton
import triton.language as tl

from models.kernels.network.activation_kernels import value_and_slope
from models.kernels.network.layers_kernels import dot, rounded_to_bf16
from models.kernels.network.narrow.elementwise.forward import argument_of
from models.kernels.network.narrow.layer import AXES, COLUMNS, affine, in_two_parts, packed, unpacked, zero


@triton.jit
def backward_kernel(
    points, to_out, to_matrices, to_table, matrices, table, widths, constant, n,
    LAYERS: tl.constexpr, ACTIVATION: tl.constexpr, D: tl.constexpr, C: tl.constexpr, ROWS: tl.constexpr,
    WIDTH: tl.constexpr,
):  # fmt: skip
    """Sums over the program's points: of each layer's weights and, in the column after its inputs, its bias; of the
    first layer's bias and weights of coordinates; of the head's weights."""
    V: tl.constexpr = AXES + D + C + 1
    units, columns = tl.arange(0, WIDTH), tl.arange(0, COLUMNS)[None, :]
    square = units[:, None] * WIDTH + units[None, :]
    high, low, to_weights = (), (), ()
    for i in tl.static_range(LAYERS - 1):
        high = high + (tl.load(matrices + i * WIDTH * WIDTH + square),)
        low = low + (tl.load(matrices + (LAYERS - 1 + i) * WIDTH * WIDTH + square),)
        to_weights = to_weights + (tl.zeros((WIDTH, WIDTH), tl.float32),)
    head = tl.zeros((COLUMNS, WIDTH), tl.float32)  # three rows a channel, for three products of parts
    for c in tl.static_range(C):
        row = tl.arange(0, COLUMNS)[:, None] - 3 * c
        full = tl.load(table + ((LAYERS - 1) * V + AXES + D + c) * WIDTH + units)[None, :]
        most = rounded_to_bf16(full)
        head = tl.where((row == 0) | (row == 1), most, tl.where(row == 2, full - most, head))
    head = head.to(tl.bfloat16)
    to_first = tl.zeros((WIDTH, COLUMNS), tl.float32)  # bias, then the coordinates' weights in two parts
    to_head = tl.zeros((WIDTH, COLUMNS), tl.float32)  # three columns a channel, of which two are parts of the sum
    for tile in tl.range(tl.program_id(0), tl.cdiv(n, ROWS), tl.num_programs(0), num_stages=1):
        rows = tile * ROWS + tl.arange(0, ROWS)
        lanes = table + zero(tile, 30) + units
        x, rest = 0, 0
        values, slopes = (), ()
        for i in tl.static_range(LAYERS):
            vectors = lanes + i * V * WIDTH
            argument = argument_of(x, rest, high, low, points, vectors, rows, n, i, D, ROWS, WIDTH)
            value, slope = value_and_slope(argument, constant, ACTIVATION)
            slopes = slopes + (packed(slope, ROWS, WIDTH),)
            value = tl.where(units[None, :] == widths[i], 1.0, value)  # whose product with gradients is the bias's
            first = rounded_to_bf16(value)
            x, rest = first.to(tl.bfloat16), (value - first).to(tl.bfloat16)
            values = values + (x,)
        given = tl.zeros((ROWS, COLUMNS), tl.float32)
        for c in tl.static_range(C):
            channel = tl.load(to_out + rows * C + c, mask=rows < n, other=0.0)
            given = in_two_parts(given, channel, 3 * c, columns)
            given = tl.where(columns == 3 * c + 2, channel[:, None], given)
        to_head = dot(x.T, given.to(tl.bfloat16), to_head)
        shift = zero(tile, 29)
        lanes, there = table + shift + units, points + shift
        found = ()
        to_argument = x
        for i in tl.static_range(LAYERS - 1, -1, -1):
            gradient = tl.zeros((ROWS, WIDTH), tl.float32)
            if i < LAYERS - 1:
                gradient = dot(to_argument, high[i], gradient)
            else:
                gradient = dot(given.to(tl.bfloat16), head, gradient)
            slope = slopes[i]
            if i == 0:  # made again: registers are dear
                _, again = value_and_slope(affine(there, lanes, rows, n, D, WIDTH), constant, ACTIVATION)
                slope = packed(again, ROWS, WIDTH)
            to_argument = (gradient * unpacked(slope, ROWS, WIDTH)).to(tl.bfloat16)
            if i == 0:
                basis = tl.where(columns == 0, 1.0, tl.zeros((ROWS, COLUMNS), tl.float32))
                for k in tl.static_range(D):
                    coordinate = tl.load(there + rows * D + k, mask=rows < n, other=0.0)
                    basis = in_two_parts(basis, coordinate, 1 + 2 * k, columns)
                to_first = dot(to_argument.T, basis.to(tl.bfloat16), to_first)
            else:
                found = (dot(to_argument.T, values[i - 1], to_weights[i - 1]),) + found
        to_weights = found
    for i in tl.static_range(LAYERS - 1):
        tl.store(to_matrices + (tl.program_id(0) * (LAYERS - 1) + i) * WIDTH * WIDTH + square, to_weights[i])
    at = to_table + tl.program_id(0) * 2 * WIDTH * COLUMNS + units[:, None] * COLUMNS + columns
    tl.store(at, to_first)
    tl.store(at + WIDTH * COLUMNS, to_head)
