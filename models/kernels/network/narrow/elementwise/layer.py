"""One layer at a tile of points: what forward.py and backward.py share."""

import triton
import triton.language as tl

from models.kernels.network.narrow.layer import BIAS, add_product, affine, as_product


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
