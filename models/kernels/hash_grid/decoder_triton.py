"""Linear → ReLU → Linear in Triton, for features that are many points long and few columns wide. The twin is the two
modules that `decode` is given, one after the other, as in models/instant_ngp.py.

The hidden layer stays on chip, and is computed again in the backward pass. What reaches memory is the
output and the gradient of the features, where the modules one by one move the hidden layer some ten
times.
"""

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from models.kernels.dense import dense

WIDEST = 64  # columns and hidden values: wider ones would leave the registers
POINTS = 64  # a tile
WAVES = 4  # programs a multiprocessor; each walks over many tiles and keeps its sum of the weights' gradients
INTERPRETED_PROGRAMS = 4  # where there are no multiprocessors


def decode(features: Tensor, hidden: nn.Linear, output: nn.Linear) -> Tensor:
    """output(relu(hidden(features))): features [N, F] → [N, C], float32. F and the hidden width are at most 64.

    Products are as exact as float32 where PyTorch's matmul precision is "highest", and TF32 otherwise. The
    gradient of the features comes with the points running fastest in memory. Nothing is added atomically.
    """
    return _Decode.apply(features, hidden.weight, hidden.bias, output.weight, output.bias)


class _Decode(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, features: Tensor, w1: Tensor, b1: Tensor, w2: Tensor, b2: Tensor) -> Tensor:
        features, w1, b1, w2, b2 = dense(features, w1, b1, w2, b2)
        out = features.new_empty(len(features), len(b2))
        if len(features):
            _forward_kernel[(_programs(features),)](features, w1, b1, w2, b2, out, len(features), **_shape(w1, w2))
        ctx.save_for_backward(features, w1, b1, w2)
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        features, w1, b1, w2 = ctx.saved_tensors
        (hidden, columns), channels = w1.shape, w2.shape[0]
        grad_features = features.new_empty(columns, len(features))
        sizes = (hidden * columns, hidden, channels * hidden, channels)
        sums = features.new_zeros(_programs(features), sum(sizes))  # one row a program
        if len(features):
            _backward_kernel[(len(sums),)](
                *(features, grad.contiguous(), w1, b1, w2, grad_features, sums, len(features)),
                C_PADDED=triton.next_power_of_2(channels),
                **_shape(w1, w2),
            )
        grad_w1, grad_b1, grad_w2, grad_b2 = sums.sum(0).split(sizes)
        return grad_features.T, grad_w1.view_as(w1), grad_b1, grad_w2.view_as(w2), grad_b2


def _programs(features: Tensor) -> int:
    if not features.is_cuda:
        return INTERPRETED_PROGRAMS
    return WAVES * torch.cuda.get_device_properties(features.device).multi_processor_count


def _shape(w1: Tensor, w2: Tensor) -> dict[str, Any]:
    """What the kernels are compiled for."""
    exact = torch.get_float32_matmul_precision() == "highest"
    return {
        "COLUMNS": w1.shape[1],
        "WIDTH": max(16, triton.next_power_of_2(w1.shape[1])),  # 16 is the least that a matrix product takes
        "HIDDEN": w1.shape[0],
        "HIDDEN_PADDED": max(16, triton.next_power_of_2(w1.shape[0])),
        "C": w2.shape[0],
        "PRECISION": "tf32x3" if exact else "tf32",  # three products in TF32 are as good as one in float32
        "BLOCK": POINTS,
    }


@triton.jit
def _layer(
    features_ptr, w1_ptr, b1_ptr, p, inside, COLUMNS: tl.constexpr, WIDTH: tl.constexpr, HIDDEN: tl.constexpr,
    HIDDEN_PADDED: tl.constexpr, PRECISION: tl.constexpr,
):  # fmt: skip
    """Features [BLOCK, WIDTH], weights transposed [WIDTH, HIDDEN_PADDED], and the layer before its ReLU."""
    i, j = tl.arange(0, WIDTH), tl.arange(0, HIDDEN_PADDED)
    at = p.to(tl.int64)[:, None] * COLUMNS + i[None, :]
    features = tl.load(features_ptr + at, mask=inside[:, None] & (i < COLUMNS)[None, :], other=0.0)
    used = (i < COLUMNS)[:, None] & (j < HIDDEN)[None, :]
    w1 = tl.load(w1_ptr + j[None, :] * COLUMNS + i[:, None], mask=used, other=0.0)
    b1 = tl.load(b1_ptr + j, mask=j < HIDDEN, other=0.0)
    return features, w1, tl.dot(features, w1, input_precision=PRECISION) + b1[None, :]


@triton.jit
def _forward_kernel(
    features_ptr, w1_ptr, b1_ptr, w2_ptr, b2_ptr, out_ptr, count, COLUMNS: tl.constexpr, WIDTH: tl.constexpr,
    HIDDEN: tl.constexpr, HIDDEN_PADDED: tl.constexpr, C: tl.constexpr, PRECISION: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """Outputs [count, C]. features: [count, COLUMNS], w1: [HIDDEN, COLUMNS], b1: [HIDDEN], w2: [C, HIDDEN], b2: [C].
    Padded sides are powers of two."""
    j = tl.arange(0, HIDDEN_PADDED)
    for tile in range(tl.program_id(0), tl.cdiv(count, BLOCK), tl.num_programs(0)):
        p = tile * BLOCK + tl.arange(0, BLOCK)
        inside = p < count
        _, _, before = _layer(features_ptr, w1_ptr, b1_ptr, p, inside, COLUMNS, WIDTH, HIDDEN, HIDDEN_PADDED, PRECISION)
        hidden = tl.maximum(before, 0.0)
        for c in tl.static_range(C):
            w2 = tl.load(w2_ptr + c * HIDDEN + j, mask=j < HIDDEN, other=0.0)
            value = tl.sum(hidden * w2[None, :], axis=1) + tl.load(b2_ptr + c)
            tl.store(out_ptr + p.to(tl.int64) * C + c, value, mask=inside)


@triton.jit
def _backward_kernel(
    features_ptr, grad_ptr, w1_ptr, b1_ptr, w2_ptr, grad_features_ptr, sums_ptr, count, COLUMNS: tl.constexpr,
    WIDTH: tl.constexpr, HIDDEN: tl.constexpr, HIDDEN_PADDED: tl.constexpr, C: tl.constexpr, C_PADDED: tl.constexpr,
    PRECISION: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """The gradient of the features, transposed, grad_features [COLUMNS, count], and the sums over a program's points of
    those of w1, b1, w2 and b2, one after the other in its row of sums. grad: of the outputs [count, C]."""
    i, j, c = tl.arange(0, WIDTH), tl.arange(0, HIDDEN_PADDED), tl.arange(0, C_PADDED)
    sum_w1 = tl.zeros((HIDDEN_PADDED, WIDTH), tl.float32)
    sum_b1 = tl.zeros((HIDDEN_PADDED,), tl.float32)
    sum_w2 = tl.zeros((C_PADDED, HIDDEN_PADDED), tl.float32)
    sum_b2 = tl.zeros((C_PADDED,), tl.float32)
    for tile in range(tl.program_id(0), tl.cdiv(count, BLOCK), tl.num_programs(0)):
        p = tile * BLOCK + tl.arange(0, BLOCK)
        inside = p < count
        features, w1, before = _layer(
            features_ptr, w1_ptr, b1_ptr, p, inside, COLUMNS, WIDTH, HIDDEN, HIDDEN_PADDED, PRECISION
        )
        hidden = tl.maximum(before, 0.0)
        grad_hidden = tl.zeros((BLOCK, HIDDEN_PADDED), tl.float32)
        for k in tl.static_range(C):
            grad = tl.load(grad_ptr + p.to(tl.int64) * C + k, mask=inside, other=0.0)
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
