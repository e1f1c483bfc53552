"""The kernels of layers_triton.py: one layer at a tile of points and units, forward and backward."""

import triton
import triton.language as tl

from models.kernels.network.activation_kernels import INTERPRETED, gabor_gradient, sine_and_cosine, value_and_slope

STRIP = tl.constexpr(64)  # units whose activation is made at once; more would leave the registers
LARGEST = tl.constexpr(65504.0)  # of float16


@triton.jit
def rounded_to_bf16(x):
    """x rounded to bf16, in float32."""
    return ((x.to(tl.int32, bitcast=True) + 0x8000) & -0x10000).to(tl.float32, bitcast=True)


@triton.jit
def dot(a, b, total):
    """total + a b for matrices of bf16, of which Triton's interpreter has no products."""
    if INTERPRETED:
        a, b = a.to(tl.float32), b.to(tl.float32)
    return tl.dot(a, b, total, input_precision="ieee")


@triton.jit
def _strips(x, ROWS: tl.constexpr, COLUMNS: tl.constexpr):
    """A tile's two strips; the tile itself, twice, where it has only one."""
    if COLUMNS == STRIP:
        left, right = x, x
    else:
        left, right = tl.split(tl.permute(tl.reshape(x, (ROWS, 2, STRIP)), (0, 2, 1)))
    return left, right


@triton.jit
def _pairs(x, ROWS: tl.constexpr):
    """Real and imaginary parts of a strip."""
    return tl.split(tl.reshape(x, (ROWS, STRIP // 2, 2)))


@triton.jit
def _affine(points, weight, bias, rows, units, n, width, D: tl.constexpr):
    """W x + b at a tile of points and units."""
    used = units < width
    total = tl.load(bias + units, mask=used, other=0.0)[None, :]
    for k in tl.static_range(D):
        x = tl.load(points + rows * D + k, mask=rows < n, other=0.0)
        total = total + x[:, None] * tl.load(weight + units * D + k, mask=used, other=0.0)[None, :]
    return total


@triton.jit
def forward_kernel(
    x, w, bias, y, saved, head, out, depth, points, omega, phase, constant, second, n, width,
    D: tl.constexpr, FIRST: tl.constexpr, PARTS: tl.constexpr, SAVES: tl.constexpr, C: tl.constexpr,
    ACTIVATION: tl.constexpr, ROWS: tl.constexpr, COLUMNS: tl.constexpr, DEPTH: tl.constexpr,
):  # fmt: skip
    """A layer's values y [PARTS, N, width], what its backward pass needs, saved [N, width] in float16, and its head's
    values by strips of units, out [strips, C, N].

    x: [PARTS, N, depth], w: [PARTS, width, depth], both in bf16 and read by descriptors, as y and saved are written; of
    the first layer w is [width, D] in float32, and x is not read. points: [N, D]. omega: [width, D], phase: [width]. n
    is N. constant, second: of the activation.
    """
    tiles = tl.cdiv(width, COLUMNS)
    row, column = tl.program_id(0) // tiles * ROWS, tl.program_id(0) % tiles * COLUMNS
    rows = row + tl.arange(0, ROWS)
    total = tl.zeros((ROWS, COLUMNS), tl.float32)
    if not FIRST:
        # x₁w₁, x₂w₁ and x₁w₂ take turns: several products in one step would each wait for the one before
        PRODUCTS: tl.constexpr = 3 if PARTS == 2 else 1
        for step in range(PRODUCTS * tl.cdiv(depth, DEPTH)):
            k, turn = step // PRODUCTS * DEPTH, step % PRODUCTS
            a = tl.reshape(x.load([turn % 2, row, k]), (ROWS, DEPTH))
            b = tl.reshape(w.load([turn // 2, column, k]), (COLUMNS, DEPTH))
            total = dot(a, b.T, total)
    left, right = _strips(total, ROWS, COLUMNS)
    for strip in tl.static_range(COLUMNS // STRIP):
        first = column + strip * STRIP
        units = first + tl.arange(0, STRIP)
        used = units < width
        if FIRST:  # w is W itself
            argument = _affine(points, w, bias, rows, units, n, width, D)
        else:
            argument = (left if strip == 0 else right) + tl.load(bias + units, mask=used, other=0.0)[None, :]
        value, kept = argument, argument
        if ACTIVATION == "filter":
            factor, _ = sine_and_cosine(_affine(points, omega, phase, rows, units, n, width, D))
            value = factor * argument
        elif ACTIVATION == "gabor":
            a, b = _pairs(argument, ROWS)
            modulus = tl.exp(-constant * b - second * second * (a * a + b * b))
            sine, cosine = sine_and_cosine(constant * a)
            value = tl.reshape(tl.join(modulus * cosine, modulus * sine), (ROWS, STRIP))
        else:
            value, kept = value_and_slope(argument, constant, ACTIVATION)
        high = rounded_to_bf16(value)
        y.store([0, row, first], tl.reshape(high.to(tl.bfloat16), (1, ROWS, STRIP)))
        if PARTS == 2:
            y.store([1, row, first], tl.reshape((value - high).to(tl.bfloat16), (1, ROWS, STRIP)))
        if SAVES:
            if ACTIVATION != "sine":
                kept = tl.minimum(tl.maximum(kept, -LARGEST), LARGEST)
            saved.store([row, first], kept.to(tl.float16))
        for c in tl.static_range(C):
            weights = tl.load(head + c * width + units, mask=used, other=0.0)
            read = tl.sum(value * weights[None, :], axis=1)
            tl.store(out + (first // STRIP * C + c) * n + rows, read, mask=rows < n)


@triton.jit
def backward_kernel(
    next_gradient, next_weight, y, saved, to_argument, head, to_head, sums, depth, points, omega, phase, constant,
    second, n, width, D: tl.constexpr, FIRST: tl.constexpr, LAST: tl.constexpr, C: tl.constexpr,
    SUMS: tl.constexpr, ACTIVATION: tl.constexpr, ROWS: tl.constexpr, COLUMNS: tl.constexpr, DEPTH: tl.constexpr,
):  # fmt: skip
    """The gradient of a layer's argument, to_argument [N, width] in bf16, which the first layer does without, and sums
    over a tile's points, sums [tiles of points, SUMS, width]: for the bias, of the first layer for the weights of D
    coordinates, for C channels of the head, and for a filter's phase.

    next_gradient: [N, depth], of the next layer's argument; next_weight: [depth, width], that layer's; both in bf16.
    y, saved: as forward_kernel wrote them. to_head: [C, N], the gradient of what the head says.
    """
    tiles = tl.cdiv(width, COLUMNS)
    row_tile, column = tl.program_id(0) // tiles, tl.program_id(0) % tiles * COLUMNS
    row = row_tile * ROWS
    rows = row + tl.arange(0, ROWS)
    total = tl.zeros((ROWS, COLUMNS), tl.float32)
    if not LAST:
        for k in range(0, depth, DEPTH):
            total = dot(next_gradient.load([row, k]), next_weight.load([k, column]), total)
    left, right = _strips(total, ROWS, COLUMNS)
    HEAD: tl.constexpr = 1 + D if FIRST else 1  # of the sums, where the head's begin
    for strip in tl.static_range(COLUMNS // STRIP):
        first = column + strip * STRIP
        units = first + tl.arange(0, STRIP)
        used = units < width
        gradient = left if strip == 0 else right
        to_sums = sums + row_tile * SUMS * width + units
        if (C > 0) or (ACTIVATION == "relu") or (ACTIVATION == "gabor"):
            value = y.load([row, first]).to(tl.float32)
        for c in tl.static_range(C):
            given = tl.load(to_head + c * n + rows, mask=rows < n, other=0.0)[:, None]
            gradient += given * tl.load(head + c * width + units, mask=used, other=0.0)[None, :]
            tl.store(to_sums + (HEAD + c) * width, tl.sum(given * value, axis=0), mask=used)
        if ACTIVATION == "relu":
            gradient = tl.where(value > 0, gradient, 0.0)
        elif ACTIVATION == "filter":
            factor, slope = sine_and_cosine(_affine(points, omega, phase, rows, units, n, width, D))
            to_phase = gradient * saved.load([row, first]).to(tl.float32) * slope
            tl.store(to_sums + (HEAD + C) * width, tl.sum(to_phase, axis=0), mask=used)
            gradient *= factor
        elif ACTIVATION == "gabor":
            a, b = _pairs(saved.load([row, first]).to(tl.float32), ROWS)
            real, imaginary = _pairs(value, ROWS)
            to_real, to_imaginary = _pairs(gradient, ROWS)
            to_a, to_b = gabor_gradient(a, b, real, imaginary, to_real, to_imaginary, constant, second)
            gradient = tl.reshape(tl.join(to_a, to_b), (ROWS, STRIP))
        elif ACTIVATION != "none":
            gradient *= saved.load([row, first]).to(tl.float32)
        tl.store(to_sums, tl.sum(gradient, axis=0), mask=used)
        if FIRST:
            for k in tl.static_range(D):
                coordinate = tl.load(points + rows * D + k, mask=rows < n, other=0.0)[:, None]
                tl.store(to_sums + (1 + k) * width, tl.sum(gradient * coordinate, axis=0), mask=used)
        else:
            to_argument.store([row, first], gradient.to(tl.bfloat16))
