"""The kernels of fused_triton.py: all layers of a narrow network at one tile of points after the other."""

import triton
import triton.language as tl

from models.kernels.network.activation_kernels import INTERPRETED, sine_and_cosine, value_and_slope
from models.kernels.network.layers_kernels import LARGEST, dot, rounded_to_bf16

COLUMNS = tl.constexpr(16)  # of the narrow products that sum over points: the fewest that a product may have
BIAS, PHASE, AXES = tl.constexpr(0), tl.constexpr(1), tl.constexpr(2)  # rows of a layer's table; then its head's


@triton.jit
def pack_kernel(
    weights, biases, omegas, phases, heads, head_biases, widths, matrices, table,
    D: tl.constexpr, CHANNELS: tl.constexpr, FILTERS: tl.constexpr, C: tl.constexpr, WIDTH: tl.constexpr,
):  # fmt: skip
    """Layer by layer: the weights as matrices [parts, layers - 1, WIDTH, WIDTH], all vectors as a table [layers, V,
    WIDTH], with zeros beyond the widths."""
    LAYERS: tl.constexpr = len(CHANNELS)
    units = tl.arange(0, WIDTH)
    square = units[:, None] * WIDTH + units[None, :]
    for i in tl.static_range(LAYERS):
        if tl.program_id(0) == i:
            used = units < widths[i]
            rows = table + i * (AXES + D + C + 1) * WIDTH + units
            tl.store(rows + BIAS * WIDTH, tl.load(biases[i] + units, mask=used, other=0.0))
            if FILTERS[i]:
                tl.store(rows + PHASE * WIDTH, tl.load(phases[i] + units, mask=used, other=0.0))
            for k in tl.static_range(D):
                if i == 0:
                    tl.store(rows + (AXES + k) * WIDTH, tl.load(weights[0] + units * D + k, mask=used, other=0.0))
                elif FILTERS[i]:
                    tl.store(rows + (AXES + k) * WIDTH, tl.load(omegas[i] + units * D + k, mask=used, other=0.0))
            if CHANNELS[i]:
                for c in tl.static_range(C):
                    weight = tl.load(heads[i] + c * widths[i] + units, mask=used, other=0.0)
                    tl.store(rows + (AXES + D + c) * WIDTH, weight)
                bias = tl.load(head_biases[i] + units, mask=units < C, other=0.0)
                tl.store(rows + (AXES + D + C) * WIDTH, bias)
            if i > 0:
                w = tl.load(
                    weights[i] + units[:, None] * widths[i - 1] + units[None, :],
                    mask=used[:, None] & (units[None, :] < widths[i - 1]),
                    other=0.0,
                )
                high = rounded_to_bf16(w)
                tl.store(matrices + (i - 1) * WIDTH * WIDTH + square, high.to(tl.bfloat16))
                tl.store(matrices + (LAYERS - 2 + i) * WIDTH * WIDTH + square, (w - high).to(tl.bfloat16))


@triton.jit
def _pairs(x, ROWS: tl.constexpr, WIDTH: tl.constexpr):
    """Real and imaginary parts, which lie side by side."""
    return tl.split(tl.reshape(x, (ROWS, WIDTH // 2, 2)))


@triton.jit
def _zero(tile, BITS: tl.constexpr):
    """0, as no compiler knows: of an address with it, neither the address nor what it holds stays in registers from
    tile to tile, or from the way there to the way back."""
    return (tile >> BITS) * 16


@triton.jit
def _packed(x, ROWS: tl.constexpr, WIDTH: tl.constexpr):
    """Neighbours in float16 in one word of 32 bits: alone, each of them would take a register."""
    a, b = _pairs(x, ROWS, WIDTH)
    if INTERPRETED:
        low = a.to(tl.float16).to(tl.uint16, bitcast=True).to(tl.uint32)
        word = (b.to(tl.float16).to(tl.uint16, bitcast=True).to(tl.uint32) << 16) | low
    else:
        word = tl.inline_asm_elementwise("cvt.rn.f16x2.f32 $0, $2, $1;", "=r,f,f", [a, b], tl.uint32, True, 1)
    return word


@triton.jit
def _unpacked(x, ROWS: tl.constexpr, WIDTH: tl.constexpr):
    """The same in float32, one by one."""
    a = x.to(tl.uint16).to(tl.float16, bitcast=True)
    b = (x >> 16).to(tl.uint16).to(tl.float16, bitcast=True)
    return tl.reshape(tl.join(a, b), (ROWS, WIDTH)).to(tl.float32)


@triton.jit
def _affine(points, vectors, rows, n, ROW: tl.constexpr, D: tl.constexpr, WIDTH: tl.constexpr):
    """The sum over the coordinates, with row ROW of a layer's table as bias."""
    total = tl.load(vectors + ROW * WIDTH)[None, :]
    for k in tl.static_range(D):
        x = tl.load(points + rows * D + k, mask=rows < n, other=0.0)
        total = total + x[:, None] * tl.load(vectors + (AXES + k) * WIDTH)[None, :]
    return total


@triton.jit
def _anchored(x, ROWS: tl.constexpr, WIDTH: tl.constexpr):
    """x, laid out over the threads as a product: Triton would make it anew in every layout that is asked of it."""
    return dot(tl.zeros((ROWS, COLUMNS), tl.bfloat16), tl.zeros((COLUMNS, WIDTH), tl.bfloat16), x)


@triton.jit
def _product(x, rest, matrix, low, vectors, PARTS: tl.constexpr, ROWS: tl.constexpr, WIDTH: tl.constexpr):
    """W x + b."""
    total = dot(x, matrix.T, tl.zeros((ROWS, WIDTH), tl.float32))
    if PARTS == 2:
        total = dot(rest, matrix.T, total)
        total = dot(x, low.T, total)
    return total + tl.load(vectors + BIAS * WIDTH)[None, :]


@triton.jit
def _activate(
    argument, points, vectors, constant, second, rows, n,
    D: tl.constexpr, ACTIVATIONS: tl.constexpr, I: tl.constexpr, ROWS: tl.constexpr, WIDTH: tl.constexpr,
):  # fmt: skip
    """The values of a layer, and what its backward pass needs: the slope or the argument."""
    ACTIVATION: tl.constexpr = ACTIVATIONS[I]
    value, kept = argument, argument
    if ACTIVATION == "filter":
        factor, _ = sine_and_cosine(_affine(points, vectors, rows, n, PHASE, D, WIDTH))
        value = factor * argument
    elif ACTIVATION == "gabor":
        a, b = _pairs(argument, ROWS, WIDTH)
        modulus = tl.exp(-constant * b - second * second * (a * a + b * b))
        sine, cosine = sine_and_cosine(constant * a)
        value = tl.reshape(tl.join(modulus * cosine, modulus * sine), (ROWS, WIDTH))
    else:
        value, kept = value_and_slope(argument, constant, ACTIVATION)
    if ACTIVATION != "sine":
        kept = tl.minimum(tl.maximum(kept, -LARGEST), LARGEST)
    return value, _packed(kept, ROWS, WIDTH)


@triton.jit
def _to_argument(
    gradient, value, kept, constant, second,
    ACTIVATIONS: tl.constexpr, I: tl.constexpr, ROWS: tl.constexpr, WIDTH: tl.constexpr,
):  # fmt: skip
    """The gradient of a layer's argument from that of its values; a filter's is its caller's."""
    ACTIVATION: tl.constexpr = ACTIVATIONS[I]
    if ACTIVATION == "relu":
        gradient = tl.where(value.to(tl.float32) > 0, gradient, 0.0)
    elif ACTIVATION == "gabor":
        a, b = _pairs(kept, ROWS, WIDTH)
        real, imaginary = _pairs(value.to(tl.float32), ROWS, WIDTH)
        to_real, to_imaginary = _pairs(gradient, ROWS, WIDTH)
        radial = to_real * real + to_imaginary * imaginary  # towards a larger modulus
        angular = to_imaginary * real - to_real * imaginary  # towards a larger phase
        twice = 2 * second * second
        to_a = constant * angular - twice * a * radial
        to_b = -(constant + twice * b) * radial
        gradient = tl.reshape(tl.join(to_a, to_b), (ROWS, WIDTH))
    elif ACTIVATION != "none":
        gradient *= kept
    return gradient


@triton.jit
def _parts_of(total, x, column, columns):
    """x [ROWS] in two parts, at a column of a narrow matrix and the next one."""
    high = rounded_to_bf16(x)
    total = tl.where(columns == column, high[:, None], total)
    return tl.where(columns == column + 1, (x - high)[:, None], total)


@triton.jit
def forward_kernel(
    points, out, matrices, table, constants, n,
    D: tl.constexpr, C: tl.constexpr, ACTIVATIONS: tl.constexpr, READ: tl.constexpr, PARTS: tl.constexpr,
    ROWS: tl.constexpr, WIDTH: tl.constexpr,
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
        lane = table + _zero(tile, 30) + units
        x, rest = 0, 0
        for i in tl.static_range(LAYERS):
            vectors = lane + i * V * WIDTH
            if i == 0:
                argument = _anchored(_affine(points, vectors, rows, n, BIAS, D, WIDTH), ROWS, WIDTH)
            else:
                argument = _product(x, rest, high[i - 1], low[i - 1], vectors, PARTS, ROWS, WIDTH)
            value, _ = _activate(
                argument, points, vectors, constants[2 * i], constants[2 * i + 1],
                rows, n, D, ACTIVATIONS, i, ROWS, WIDTH,
            )  # fmt: skip
            first = rounded_to_bf16(value)
            x, rest = first.to(tl.bfloat16), (value - first).to(tl.bfloat16)
            if READ[i] >= 0:
                for c in tl.static_range(C):
                    weight = tl.load(vectors + (AXES + D + c) * WIDTH)
                    read = tl.sum(value * weight[None, :], axis=1) + tl.load(table + (i * V + AXES + D + C) * WIDTH + c)
                    tl.store(out + (READ[i] * n + rows) * C + c, read, mask=rows < n)


@triton.jit
def backward_kernel(
    points, to_out, above, below, to_matrices, to_table, matrices, table, constants, widths, n,
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
                full = tl.load(table + (i * V + AXES + D + c) * WIDTH + units)[None, :]
                most = rounded_to_bf16(full)
                weight = tl.where((column == 0) | (column == 1), most, tl.where(column == 2, full - most, weight))
            to_heads = to_heads + (tl.zeros((WIDTH, COLUMNS), tl.float32),)
        read = read + (weight.to(tl.bfloat16),)
    to_first = tl.zeros((WIDTH, COLUMNS), tl.float32)  # bias, then the coordinates' weights in two parts
    to_phases = tl.zeros((WIDTH, COLUMNS), tl.float32)  # a layer a column
    for tile in tl.range(tl.program_id(0), tl.cdiv(n, ROWS), tl.num_programs(0), num_stages=1):
        rows = tile * ROWS + tl.arange(0, ROWS)
        lane = table + _zero(tile, 30) + units
        x, rest = 0, 0
        values, kept, towards, summed = (), (), (), ()
        for i in tl.static_range(TOP):  # forward, as above
            vectors = lane + i * V * WIDTH
            if i == 0:
                argument = _anchored(_affine(points, vectors, rows, n, BIAS, D, WIDTH), ROWS, WIDTH)
            else:
                argument = _product(x, rest, high[i - 1], low[i - 1], vectors, PARTS, ROWS, WIDTH)
            value, about = _activate(
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
                    given = _parts_of(given, channel, 3 * c, columns)
                    given = tl.where(columns == 3 * c + 2, channel[:, None], given)
                summed = summed + (dot(x.T, given.to(tl.bfloat16), to_heads[READ[i] - READ_BELOW]),)
                towards = towards + (given.to(tl.bfloat16),)
            else:
                towards = towards + (0,)
        shift = _zero(tile, 29)
        lane, there = table + shift + units, points + shift
        found = ()
        to_argument = x
        if TOP < LAYERS:
            to_argument = tl.load(
                above + rows[:, None] * WIDTH + units[None, :], mask=rows[:, None] < n, other=0.0
            )
        for i in tl.static_range(TOP - 1, BOTTOM - 1, -1):  # and back
            vectors = lane + i * V * WIDTH
            gradient = tl.zeros((ROWS, WIDTH), tl.float32)
            if i < LAYERS - 1:
                gradient = dot(to_argument, high[i], gradient)
            if READ[i] >= 0:
                gradient = dot(towards[i], read[i], gradient)
            packed = kept[i]
            if i == 0:  # made again: registers are dear
                _, packed = _activate(
                    _affine(there, vectors, rows, n, BIAS, D, WIDTH), there, vectors, constants[0], constants[1],
                    rows, n, D, ACTIVATIONS, 0, ROWS, WIDTH,
                )  # fmt: skip
            if ACTIVATIONS[i] == "filter":
                angle = _affine(there, vectors, rows, n, PHASE, D, WIDTH)
                _, slope = sine_and_cosine(angle)
                to_phase = gradient * slope * _unpacked(packed, ROWS, WIDTH)
                to_phases = dot(to_phase.to(tl.bfloat16).T, marks[i - BOTTOM], to_phases)
                factor, _ = sine_and_cosine(_affine(there + shift, vectors + shift, rows, n, PHASE, D, WIDTH))
                gradient *= factor
            else:
                gradient = _to_argument(
                    gradient, values[i], _unpacked(packed, ROWS, WIDTH), constants[2 * i], constants[2 * i + 1],
                    ACTIVATIONS, i, ROWS, WIDTH,
                )  # fmt: skip
            to_argument = gradient.to(tl.bfloat16)
            if i == 0:
                basis = tl.where(columns == 0, 1.0, tl.zeros((ROWS, COLUMNS), tl.float32))
                for k in tl.static_range(D):
                    coordinate = tl.load(there + rows * D + k, mask=rows < n, other=0.0)
                    basis = _parts_of(basis, coordinate, 1 + 2 * k, columns)
                to_first = dot(to_argument.T, basis.to(tl.bfloat16), to_first)
                found = (to_weights[0],) + found
            else:
                found = (dot(to_argument.T, values[i - 1], to_weights[i - BOTTOM]),) + found
        to_weights, to_heads = found, summed
        if BOTTOM > 0:
            tl.store(below + rows[:, None] * WIDTH + units[None, :], to_argument, mask=rows[:, None] < n)
    for i in tl.static_range(1 if BOTTOM == 0 else BOTTOM, TOP):
        at = (tl.program_id(0) * (LAYERS - 1) + i - 1) * WIDTH * WIDTH
        tl.store(to_matrices + at + square, to_weights[i - BOTTOM])
    at = to_table + tl.program_id(0) * (2 + HEADS) * WIDTH * COLUMNS + units[:, None] * COLUMNS + columns
    tl.store(at, to_first)
    tl.store(at + WIDTH * COLUMNS, to_phases)
    for h in tl.static_range(len(to_heads)):
        tl.store(at + (2 + READ_BELOW + h) * WIDTH * COLUMNS, to_heads[h])
