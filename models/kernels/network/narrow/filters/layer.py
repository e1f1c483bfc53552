"""One layer of filters at a tile of points: what the forward and the backward kernel share.

A tile is COLUMNS wide: UNITS units and SPARE columns more. The spare columns of values have two ones, whose weights are
the two parts of a bias; those of the gradient of a layer's argument have the gradients of the head that reads the layer
below, whose weights are spare rows of the layer's own. So biases and heads need no operations of their own.

Nor do coordinates: the phases of filters, in turns, are a product of matrices, of enough bf16 parts of both factors for
all of float32.
"""
# ruff: noqa: RUF005 (Triton knows no stars in tuples)

import triton
import triton.language as tl

from models.kernels.network.activation_kernels import INTERPRETED, sine_and_cosine_of_turns
from models.kernels.network.layers_kernels import dot, rounded_to_bf16

UNITS, SPARE, COLUMNS = tl.constexpr(48), tl.constexpr(16), tl.constexpr(64)
PARTS = tl.constexpr(16)  # columns of the factors of phases: three for a filter's own, then some for each coordinate


@triton.jit
def in_bf16(x):
    """x rounded to the nearest, which Triton's interpreter does not do by itself."""
    if INTERPRETED:
        x = rounded_to_bf16(x)
    return x.to(tl.bfloat16)


@triton.jit
def product(a, b):
    """a b, alone in its sum."""
    return dot(a, b, tl.zeros((a.shape[0], b.shape[1]), tl.float32))


@triton.jit
def ones_of(ROWS: tl.constexpr):
    """The spare columns [ROWS, SPARE] of values."""
    columns = tl.arange(0, SPARE)[None, :]
    return tl.where((columns < 2) & (tl.arange(0, ROWS)[:, None] >= 0), 1.0, 0.0).to(tl.bfloat16)


@triton.jit
def halves(x, ROWS: tl.constexpr, WIDTH: tl.constexpr):
    """The left and the right half of a tile's columns."""
    return tl.split(tl.permute(tl.reshape(x, (ROWS, 2, WIDTH // 2)), (0, 2, 1)))


@triton.jit
def beside(left, right, ROWS: tl.constexpr, WIDTH: tl.constexpr):
    """The tile of two halves."""
    return tl.reshape(tl.permute(tl.join(left, right), (0, 2, 1)), (ROWS, WIDTH))


@triton.jit
def units_of(x, ROWS: tl.constexpr):
    """The first 32 and the other 16 of a tile's units: sines of spare columns would take time as well."""
    left, right = halves(x, ROWS, COLUMNS)
    right, _ = halves(right, ROWS, COLUMNS // 2)
    return left, right


@triton.jit
def tile_of(left, right, spare, ROWS: tl.constexpr):
    """The tile of units in two parts, in float32, and of spare columns in bf16."""
    return beside(in_bf16(left), beside(in_bf16(right), spare, ROWS, COLUMNS // 2), ROWS, COLUMNS)


@triton.jit
def sines_and_cosines(basis, wave, ROWS: tl.constexpr):
    """Of a filter's phases, each for the first 32 and the other 16 units."""
    left, right = units_of(product(basis, wave.T), ROWS)
    left_sine, left_cosine = sine_and_cosine_of_turns(left)
    right_sine, right_cosine = sine_and_cosine_of_turns(right)
    return left_sine, right_sine, left_cosine, right_cosine


@triton.jit
def sines(basis, wave, ROWS: tl.constexpr):
    """The sines alone."""
    left_sine, right_sine, _, _ = sines_and_cosines(basis, wave, ROWS)
    return left_sine, right_sine


@triton.jit
def basis_of(points, rows, n, D: tl.constexpr, ROWS: tl.constexpr):
    """The factor of phases that points are [ROWS, PARTS]; the other one is packed by pack.py."""
    columns = tl.arange(0, PARTS)[None, :]
    basis = tl.where(columns < 3, 1.0, tl.zeros((ROWS, PARTS), tl.float32))
    for k in tl.static_range(D):
        x = tl.load(points + rows * D + k, mask=rows < n, other=0.0)
        basis = in_columns(basis, x, columns, k, D, False)
    return basis.to(tl.bfloat16)


@triton.jit
def in_columns(total, x, columns, k, D: tl.constexpr, FREQUENCIES: tl.constexpr):
    """`total` with parts of coordinate k [ROWS], or of its frequencies [UNITS], in the columns that are its own.

    Of the products of three parts by three, the first six are enough for float32. With three coordinates there is room
    for four: the product of both second parts, which are 0 for frequencies of few bits, and that by the third are left
    out.
    """
    LONG: tl.constexpr = 2 if D == 3 else 3  # products of the first part of a coordinate; fewer by one of the second
    at = columns - 3 - 2 * LONG * k
    if FREQUENCIES:
        part = tl.where(at < LONG, at, tl.where(at < 2 * LONG - 1, at - LONG, 0))
    else:
        part = tl.where(at < LONG, 0, tl.where(at < 2 * LONG - 1, 1, 2))
    return tl.where((at >= 0) & (at < 2 * LONG), part_of(x, part), total)


@triton.jit
def part_of(x, part):
    """Of three bf16 parts of x, whose sum it is, the one that `part` says, in float32."""
    first = rounded_to_bf16(x)
    second = rounded_to_bf16(x - first)
    third = x - first - second
    return tl.where(part == 0, first[:, None], tl.where(part == 1, second[:, None], third[:, None]))


@triton.jit
def load_waves(waves, FILTERS: tl.constexpr, TOP: tl.constexpr):
    """The wave of each layer's filter, of those before TOP."""
    at = tl.arange(0, COLUMNS)[:, None] * PARTS + tl.arange(0, PARTS)[None, :]
    found = (tl.load(waves + FILTERS[0] * COLUMNS * PARTS + at),)
    for i in tl.static_range(1, TOP):
        if FILTERS[i] == FILTERS[i - 1]:
            found = found + (found[i - 1],)
        else:
            found = found + (tl.load(waves + FILTERS[i] * COLUMNS * PARTS + at),)
    return found
