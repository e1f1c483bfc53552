"""The kernel that packs weights and filters as forward.py and backward.py read them."""

import triton
import triton.language as tl

from models.kernels.network.activation_kernels import PER_TURN
from models.kernels.network.layers_kernels import rounded_to_bf16
from models.kernels.network.narrow.filters.layer import COLUMNS, PARTS, UNITS, in_bf16, in_columns, part_of


@triton.jit
def pack_kernel(
    weights, biases, omegas, phases, heads, width, matrices, waves,
    HEADS: tl.constexpr, D: tl.constexpr, C: tl.constexpr,
):  # fmt: skip
    """A layer and a filter a program: the weights above layer i and its head's as matrices [layers, COLUMNS, COLUMNS],
    where there is no layer above the last; filters as waves [filters, COLUMNS, PARTS]. See layer.py."""
    rows, columns = tl.arange(0, COLUMNS)[:, None], tl.arange(0, COLUMNS)[None, :]
    for i in tl.static_range(len(HEADS)):
        if tl.program_id(0) == i:
            matrix = tl.zeros((COLUMNS, COLUMNS), tl.float32)
            if i < len(HEADS) - 1:
                matrix = tl.load(
                    weights[i] + rows * width + columns, mask=(rows < width) & (columns < width), other=0.0
                )
                bias = tl.load(biases[i] + rows, mask=rows < width, other=0.0)
                high = rounded_to_bf16(bias)
                matrix = tl.where(columns == UNITS, high, tl.where(columns == UNITS + 1, bias - high, matrix))
            if HEADS[i] >= 0:
                channel = rows - UNITS - HEADS[i] * C
                own = (channel >= 0) & (channel < C)
                head = tl.load(heads[HEADS[i]] + channel * width + columns, mask=own & (columns < width), other=0.0)
                matrix = tl.where(own, head, matrix)
            tl.store(matrices + (i * COLUMNS + rows) * COLUMNS + columns, in_bf16(matrix))
    units, parts = tl.arange(0, COLUMNS), tl.arange(0, PARTS)[None, :]
    for i in tl.static_range(len(phases)):
        if tl.program_id(0) == i:
            phase = tl.load(phases[i] + units, mask=units < width, other=0.0) * PER_TURN
            wave = tl.where(parts < 3, part_of(phase, parts), 0.0)
            for k in tl.static_range(D):
                omega = tl.load(omegas[i] + units * D + k, mask=units < width, other=0.0) * PER_TURN
                wave = in_columns(wave, omega, parts, k, D, True)
            tl.store(waves + (i * COLUMNS + units[:, None]) * PARTS + parts, wave.to(tl.bfloat16))
