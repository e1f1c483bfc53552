"""The kernel that packs a network's weights and vectors as forward.py and backward.py read them."""

import triton
import triton.language as tl

from models.kernels.network.layers_kernels import rounded_to_bf16
from models.kernels.network.narrow.layer import AXES, BIAS


@triton.jit
def pack_kernel(
    weights, biases, head, head_bias, widths, matrices, vectors,
    D: tl.constexpr, C: tl.constexpr, WIDTH: tl.constexpr,
):  # fmt: skip
    """A layer a program: weights as matrices [2 parts, layers - 1, WIDTH, WIDTH], all vectors [layers, V, WIDTH] (see
    layer.py), with zeros beyond the widths."""
    LAYERS: tl.constexpr = len(weights)
    units = tl.arange(0, WIDTH)
    square = units[:, None] * WIDTH + units[None, :]
    for i in tl.static_range(LAYERS):
        if tl.program_id(0) == i:
            used = units < widths[i]
            rows = vectors + i * (AXES + D + C + 1) * WIDTH + units
            tl.store(rows + BIAS * WIDTH, tl.load(biases[i] + units, mask=used, other=0.0))
            if i == 0:
                for k in tl.static_range(D):
                    tl.store(rows + (AXES + k) * WIDTH, tl.load(weights[0] + units * D + k, mask=used, other=0.0))
            else:
                w = tl.load(
                    weights[i] + units[:, None] * widths[i - 1] + units[None, :],
                    mask=used[:, None] & (units[None, :] < widths[i - 1]),
                    other=0.0,
                )
                high = rounded_to_bf16(w)
                tl.store(matrices + (i - 1) * WIDTH * WIDTH + square, high.to(tl.bfloat16))
                tl.store(matrices + (LAYERS - 2 + i) * WIDTH * WIDTH + square, (w - high).to(tl.bfloat16))
            if i == LAYERS - 1:
                for c in tl.static_range(C):
                    weight = tl.load(head + c * widths[i] + units, mask=used, other=0.0)
                    tl.store(rows + (AXES + D + c) * WIDTH, weight)
                bias = tl.load(head_bias + units, mask=units < C, other=0.0)
                tl.store(rows + (AXES + D + C) * WIDTH, bias)
