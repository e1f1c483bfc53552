"""A hash encoding and its decoder in one Triton kernel: encoding → Linear → ReLU → Linear.

The encoding of a tile of points goes through the decoder on chip. What reaches memory is the output
and, for the backward pass, the encoding and its gradient: 3 × 4·levels·F bytes a point, where the
modules one by one move the hidden layer some ten times.
"""

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor
from torch.autograd.function import once_differentiable

from models.kernels.hash_encoding import Level
from models.kernels.hash_encoding_triton import POINTS, gather, level_tensors, shape_of, table_gradient
from models.kernels.hash_lattice import LatticePlan

WAVES = 4  # programs a multiprocessor; each walks over many tiles and keeps its sum of the weights' gradients
INTERPRETED_PROGRAMS = 4  # where there are no multiprocessors


def hash_field(
    x: Tensor,
    table: Tensor,
    hidden: torch.nn.Linear,
    output: torch.nn.Linear,
    levels: tuple[Level, ...],
    plan: LatticePlan | None = None,
) -> Tensor:
    """output(relu(hidden(encode(x, table, levels)))): x [N, d] in [0, 1) → [N, C], float32.

    Differentiable in the table and the weights, not in x. plan: as in `encode`.
    """
    weights = (hidden.weight, hidden.bias, output.weight, output.bias)
    values: Tensor = _HashField.apply(x, table, *weights, levels, plan)
    return values


class _HashField(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, x: Tensor, table: Tensor, w1: Tensor, b1: Tensor, w2: Tensor, b2: Tensor,
        levels: tuple[Level, ...], plan: LatticePlan | None,
    ) -> Tensor:  # fmt: skip
        x = x.contiguous()
        out = table.new_empty(len(x), len(b2))
        keep = any(ctx.needs_input_grad)
        features = table.new_empty(len(x) if keep else 0, w1.shape[1])
        if len(x):
            _forward_kernel[(_programs(x),)](
                *(x, table, *level_tensors(levels, x.device), w1, b1, w2, b2, features, out, len(x)),
                KEEP=keep, **shape_of(x, table, levels), **_shape(w1, w2),
            )  # fmt: skip
        ctx.save_for_backward(x, table, w1, b1, w2, features)
        ctx.levels, ctx.plan = levels, plan
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, table, w1, b1, w2, features = ctx.saved_tensors
        hidden, columns = w1.shape
        programs, channels = _programs(x), w2.shape[0]
        grad_features = table.new_empty(columns, len(x))
        sizes = (hidden * columns, hidden, channels * hidden, channels)
        sums = table.new_zeros(programs, sum(sizes))  # one row a program
        if len(x):
            _backward_kernel[(programs,)](
                *(features, grad.contiguous(), w1, b1, w2, grad_features, sums, len(x)),
                COLUMNS=columns, WIDTH=max(16, triton.next_power_of_2(columns)), BLOCK=POINTS,
                C_PADDED=triton.next_power_of_2(channels), **_shape(w1, w2),
            )  # fmt: skip
        grad_w1, grad_b1, grad_w2, grad_b2 = sums.sum(0).split(sizes)
        grad_table = table_gradient(grad_features, x, table, ctx.levels, ctx.plan)
        return None, grad_table, grad_w1.view_as(w1), grad_b1, grad_w2.view_as(w2), grad_b2, None, None


def _programs(x: Tensor) -> int:
    if not x.is_cuda:
        return INTERPRETED_PROGRAMS
    return WAVES * torch.cuda.get_device_properties(x.device).multi_processor_count


def _shape(w1: Tensor, w2: Tensor) -> dict[str, Any]:
    exact = torch.get_float32_matmul_precision() == "highest"
    return {
        "HIDDEN": w1.shape[0],
        "HIDDEN_PADDED": max(16, triton.next_power_of_2(w1.shape[0])),
        "C": w2.shape[0],
        "PRECISION": "tf32x3" if exact else "tf32",  # three products in TF32 are as good as one in float32
    }


@triton.jit
def _layer(
    features, w1_ptr, b1_ptr, COLUMNS: tl.constexpr, WIDTH: tl.constexpr, HIDDEN: tl.constexpr,
    HIDDEN_PADDED: tl.constexpr, PRECISION: tl.constexpr,
):  # fmt: skip
    """The hidden layer before its ReLU [BLOCK, HIDDEN_PADDED], and the weights transposed [WIDTH, HIDDEN_PADDED]."""
    i, j = tl.arange(0, WIDTH)[:, None], tl.arange(0, HIDDEN_PADDED)
    w1 = tl.load(w1_ptr + j[None, :] * COLUMNS + i, mask=(i < COLUMNS) & (j < HIDDEN)[None, :], other=0.0)
    b1 = tl.load(b1_ptr + j, mask=j < HIDDEN, other=0.0)
    return tl.dot(features, w1, input_precision=PRECISION) + b1[None, :], w1


@triton.jit
def _forward_kernel(
    x_ptr, table_ptr, scale_ptr, info_ptr, w1_ptr, b1_ptr, w2_ptr, b2_ptr, features_ptr, out_ptr, count,
    D: tl.constexpr, F: tl.constexpr, L: tl.constexpr, L_PADDED: tl.constexpr, POWER: tl.constexpr,
    BLOCK: tl.constexpr, HIDDEN: tl.constexpr, HIDDEN_PADDED: tl.constexpr, C: tl.constexpr,
    PRECISION: tl.constexpr, KEEP: tl.constexpr,
):  # fmt: skip
    COLUMNS: tl.constexpr = L * F
    WIDTH: tl.constexpr = L_PADDED * F
    i, j = tl.arange(0, WIDTH)[None, :], tl.arange(0, HIDDEN_PADDED)
    for tile in range(tl.program_id(0), tl.cdiv(count, BLOCK), tl.num_programs(0)):
        p = tile * BLOCK + tl.arange(0, BLOCK)
        inside = p < count
        features = gather(x_ptr, table_ptr, scale_ptr, info_ptr, p, inside, D, F, L, L_PADDED, POWER)
        if KEEP:
            at = p.to(tl.int64)[:, None] * COLUMNS + i
            tl.store(features_ptr + at, features, mask=inside[:, None] & (i < COLUMNS))
        hidden, _ = _layer(features, w1_ptr, b1_ptr, COLUMNS, WIDTH, HIDDEN, HIDDEN_PADDED, PRECISION)
        hidden = tl.maximum(hidden, 0.0)
        for c in tl.static_range(C):
            w2 = tl.load(w2_ptr + c * HIDDEN + j, mask=j < HIDDEN, other=0.0)
            value = tl.sum(hidden * w2[None, :], axis=1) + tl.load(b2_ptr + c)
            tl.store(out_ptr + p * C + c, value, mask=inside)


@triton.jit
def _backward_kernel(
    features_ptr, grad_ptr, w1_ptr, b1_ptr, w2_ptr, grad_features_ptr, sums_ptr, count,
    COLUMNS: tl.constexpr, WIDTH: tl.constexpr, BLOCK: tl.constexpr, HIDDEN: tl.constexpr,
    HIDDEN_PADDED: tl.constexpr, C: tl.constexpr, C_PADDED: tl.constexpr, PRECISION: tl.constexpr,
):  # fmt: skip
    i, j, c = tl.arange(0, WIDTH), tl.arange(0, HIDDEN_PADDED), tl.arange(0, C_PADDED)
    sum_w1 = tl.zeros((HIDDEN_PADDED, WIDTH), tl.float32)
    sum_b1 = tl.zeros((HIDDEN_PADDED,), tl.float32)
    sum_w2 = tl.zeros((C_PADDED, HIDDEN_PADDED), tl.float32)
    sum_b2 = tl.zeros((C_PADDED,), tl.float32)
    for tile in range(tl.program_id(0), tl.cdiv(count, BLOCK), tl.num_programs(0)):
        p = tile * BLOCK + tl.arange(0, BLOCK)
        inside = p < count
        at = p.to(tl.int64)[:, None] * COLUMNS + i[None, :]
        features = tl.load(features_ptr + at, mask=inside[:, None] & (i < COLUMNS)[None, :], other=0.0)
        before, w1 = _layer(features, w1_ptr, b1_ptr, COLUMNS, WIDTH, HIDDEN, HIDDEN_PADDED, PRECISION)
        hidden = tl.maximum(before, 0.0)
        grad_hidden = tl.zeros((BLOCK, HIDDEN_PADDED), tl.float32)
        for k in tl.static_range(C):
            grad = tl.load(grad_ptr + p * C + k, mask=inside, other=0.0)
            w2 = tl.load(w2_ptr + k * HIDDEN + j, mask=j < HIDDEN, other=0.0)
            grad_hidden += grad[:, None] * w2[None, :]
            own = (c == k).to(tl.float32)
            sum_w2 += own[:, None] * tl.sum(grad[:, None] * hidden, axis=0)[None, :]
            sum_b2 += own * tl.sum(grad, axis=0)
        grad_hidden = tl.where(before > 0, grad_hidden, 0.0)
        sum_b1 += tl.sum(grad_hidden, axis=0)
        sum_w1 = tl.dot(tl.trans(grad_hidden), features, sum_w1, input_precision=PRECISION)
        grad_features = tl.dot(grad_hidden, tl.trans(w1), input_precision=PRECISION)
        planes = grad_features_ptr + i.to(tl.int64)[None, :] * count + p[:, None]
        tl.store(planes, grad_features, mask=inside[:, None] & (i < COLUMNS)[None, :])
    sums = sums_ptr + tl.program_id(0) * (HIDDEN * COLUMNS + HIDDEN + C * HIDDEN + C)
    used = j < HIDDEN
    tl.store(sums + j[:, None] * COLUMNS + i[None, :], sum_w1, mask=used[:, None] & (i < COLUMNS)[None, :])
    sums += HIDDEN * COLUMNS
    tl.store(sums + j, sum_b1, mask=used)
    sums += HIDDEN
    tl.store(sums + c[:, None] * HIDDEN + j[None, :], sum_w2, mask=(c < C)[:, None] & used[None, :])
    tl.store(sums + C * HIDDEN + c, sum_b2, mask=c < C)
