"""A network's weights and vectors packed as the kernels of elementwise and of gabor read them."""

from collections.abc import Sequence

import torch
import triton
import triton.language as tl
from torch import Tensor

from models.kernels.network.layers_kernels import rounded_to_bf16
from models.kernels.network.narrow.layer import AXES, BIAS


def pack(tensors: Sequence[Tensor], width: int) -> tuple[Tensor, Tensor, tuple[int, ...]]:
    """Weights as matrices [2 parts, layers - 1, width, width] in bf16, and all vectors [layers, V, width], as layer.py
    has their V rows, with zeros beyond the layers' own widths; and these.

    tensors: of each layer its weight [units, units before or d] and bias; weight [C, units] and bias of the head.
    """
    *layers, head, head_bias = (x.detach() for x in tensors)
    weights, biases = tuple(layers[0::2]), tuple(layers[1::2])
    depth, widths, (channels, _), dim = len(weights), tuple(map(len, weights)), head.shape, weights[0].shape[1]
    matrices = head.new_empty(2, depth - 1, width, width, dtype=torch.bfloat16)
    vectors = head.new_empty(depth, AXES.value + dim + channels + 1, width)
    _pack_kernel[(depth,)](weights, biases, head, head_bias, widths, matrices, vectors, D=dim, C=channels, WIDTH=width)
    return matrices, vectors, widths


@triton.jit
def _pack_kernel(
    weights, biases, head, head_bias, widths, matrices, vectors,
    D: tl.constexpr, C: tl.constexpr, WIDTH: tl.constexpr,
):  # fmt: skip
    """A layer a program."""
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
