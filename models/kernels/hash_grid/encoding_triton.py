"""The multiresolution hash encoding in Triton: the twin of `encoding.encode`, forward and backward.

A tile is some points by all levels by all features, so that rows of the result are written whole. The
gradient of the table takes one of two ways. At scattered points every corner is an atomic add. On a
lattice, `lattice_plan.LatticePlan` says which points share an entry: each program sums a group of
lines for a block of pieces and adds the few results. Both add atomically, so the last bits of that gradient
differ from run to run.
"""

import functools
from typing import Any

import torch
import triton
from torch import Tensor
from torch.autograd.function import once_differentiable

from models.kernels.dense import dense
from models.kernels.hash_grid.encoding import Level
from models.kernels.hash_grid.encoding_kernels import (
    encode_kernel,
    points_gradient_kernel,
    scatter_lattice_kernel,
    scatter_points_kernel,
)
from models.kernels.hash_grid.lattice_plan import PIECE, LatticePlan

POINTS = 32  # a tile
PIECES = 128  # a program of the lattice's backward pass


def encode(x: Tensor, table: Tensor, levels: tuple[Level, ...], plan: LatticePlan | None = None) -> Tensor:
    """x [N, d] in [0, 1), table [entries, F] → [N, levels·F]; differentiable in both, float32.

    plan: of the lattice whose points x are, in the plan's order; the table's gradient is several times
    faster with it.
    """
    return _Encode.apply(x, table, levels, plan)


class _Encode(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, table: Tensor, levels: tuple[Level, ...], plan: LatticePlan | None) -> Tensor:
        x, table = dense(x, table)
        features = table.new_empty(len(x), len(levels) * table.shape[1])
        if len(x):
            encode_kernel[(triton.cdiv(len(x), POINTS),)](
                x, table, *_level_tensors(levels, x.device), features, len(x), **_shape(x, table, levels)
            )
        ctx.save_for_backward(x, table)
        ctx.levels, ctx.plan = levels, plan
        return features

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, table = ctx.saved_tensors
        grad_x = _points_gradient(grad.contiguous(), x, table, ctx.levels) if ctx.needs_input_grad[0] else None
        grad_table = _table_gradient(grad.T.contiguous(), x, table, ctx.levels, ctx.plan)
        return grad_x, grad_table, None, None


def _table_gradient(
    grad: Tensor, x: Tensor, table: Tensor, levels: tuple[Level, ...], plan: LatticePlan | None
) -> Tensor:
    """∂loss/∂table [entries, F] from ∂loss/∂encoding, transposed: grad [levels·F, N], contiguous."""
    result = torch.zeros_like(table)
    if not len(x):
        return result
    scale, info = _level_tensors(levels, x.device)
    if plan is None:
        scatter_points_kernel[(triton.cdiv(len(x), POINTS),)](
            x, grad, scale, info, result, len(x), **_shape(x, table, levels)
        )
        return result
    scatter_lattice_kernel[(len(plan.groups), triton.cdiv(plan.most_pieces, PIECES))](
        *(grad, info, plan.pieces, plan.piece_weights, plan.runs, plan.lines, plan.line_weights, plan.groups),
        *(result, len(x), plan.line),
        F=table.shape[1],
        POWER=_power_of_two(levels),
        LENGTH=PIECE,
        BLOCK=PIECES,
    )
    return result


def _points_gradient(grad: Tensor, x: Tensor, table: Tensor, levels: tuple[Level, ...]) -> Tensor:
    """∂loss/∂x [N, d] from ∂loss/∂encoding [N, levels·F]."""
    result = torch.zeros_like(x)
    if len(x):
        points_gradient_kernel[(triton.cdiv(len(x), POINTS),)](
            x, table, grad, *_level_tensors(levels, x.device), result, len(x), **_shape(x, table, levels)
        )
    return result


@functools.lru_cache(maxsize=64)
def _level_tensors(levels: tuple[Level, ...], device: torch.device) -> tuple[Tensor, Tensor]:
    """Scales [L] and resolution, size, offset, dense [L, 4] on a device."""
    scale = torch.tensor([level.scale for level in levels], dtype=torch.float32, device=device)
    info = [(level.resolution, level.size, level.offset, int(level.dense)) for level in levels]
    return scale, torch.tensor(info, dtype=torch.int32, device=device)


def _shape(x: Tensor, table: Tensor, levels: tuple[Level, ...]) -> dict[str, Any]:
    """What every kernel here is compiled for. The features must be a power of two."""
    features = table.shape[1]
    return {
        "D": x.shape[1],
        "F": features,
        "L": len(levels),
        "L_PADDED": triton.next_power_of_2(len(levels)),
        "POWER": _power_of_two(levels),
        "BLOCK": POINTS,
    }


def _power_of_two(levels: tuple[Level, ...]) -> bool:
    return all(level.dense or level.size & (level.size - 1) == 0 for level in levels)
