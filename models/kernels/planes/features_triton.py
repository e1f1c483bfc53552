"""`features.values` in Triton: GA-Planes' answers at some of a lattice's points.

Features are made at those points alone, as the float16 parts that the decoder multiplies, and made again for the
gradient, so that between the two nothing is kept but which hidden units are active. The features' gradient is read once
for each axis of the lattice, along which every program sums: nothing is added atomically. Indices rise, so a row's
points follow each other; those along another axis are looked up.
"""

from typing import Any

import torch
import triton
from torch import Tensor
from torch.autograd.function import once_differentiable

from models.kernels.dense import dense
from models.kernels.planes import decoder_triton, fp16x3
from models.kernels.planes import features as twin
from models.kernels.planes.features import Places, Sides, Tables, bound
from models.kernels.planes.features_kernels import axis_kernel, features_kernel, rows_kernel

WIDTH = 16  # features are a multiple of it, so that rows start where tensor cores and wide loads want them
TILE = {"POINTS": 32, "BLOCK": 128, "num_warps": 4}  # of points and features that are made together
SUMS = {"STEP": 16, "BLOCK": 128, "num_warps": 1}  # points of a step of a sum; a warp loads rows of 512 bytes at once


def values(tables: Tables, places: Places, index: Tensor, weight: Tensor, head: Tensor) -> Tensor:
    """As its twin, at indices [B] that rise: weight [F, F], head [C, F] → [B, C], float32."""
    if not len(index):  # a kernel's grid cannot be empty
        return twin.values(tables, places, index, weight, head)
    across, along, nodes, sides = tables
    tensors = dense(weight, head, across, along, nodes, *(sides or ()))
    return _Values.apply(index.contiguous(), places, *tensors)


class _Values(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, index: Tensor, places: Places, weight: Tensor, head: Tensor, *tensors: Tensor) -> Tensor:
        tables = _tables(tensors)
        scale = fp16x3.scale_for(bound(tables))
        hidden, factor = decoder_triton.hidden(weight, _features(tables, places, index, scale), scale)
        out, active = decoder_triton.outputs(head, hidden, factor, len(index))
        ctx.save_for_backward(index, weight, head, active, *tensors)
        ctx.places = places
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        index, weight, head, active, *tensors = ctx.saved_tensors
        tables, to_out = _tables(tensors), gradients[0].T.contiguous()
        scale = fp16x3.scale_for(bound(tables) * to_out.abs().max())
        weighted = _features(tables, ctx.places, index, scale, to_out)
        to_parameters = decoder_triton.to_parameters(weight, head, active, weighted, scale)
        del weighted
        gradient, factor = decoder_triton.to_values(weight, head, active)
        return None, None, *to_parameters, *_to_tables(tables, ctx.places, index, gradient, factor, to_out)


def _tables(tensors: Any) -> Tables:
    across, along, nodes, *sides = tensors
    return Tables(across, along, nodes, Sides(*sides) if sides else None)


def _features(tables: Tables, places: Places, index: Tensor, scale: Tensor, weights: Tensor | None = None) -> Tensor:
    """Features · scale in float16 slots x₁, x₂, x₁ [N, 3, F]; with weights [C, B] of the points, features · weight ·
    scale in slots x₂, x₁ [N, 2, C F]. Points of zeros follow up to a multiple of RUN."""
    across, along, nodes, sides = tables
    n, width = fp16x3.RUN * triton.cdiv(len(index), fp16x3.RUN), across.shape[1]
    slots = (3, width) if weights is None else (2, len(weights) * width)
    parts = across.new_empty(n, *slots, dtype=torch.float16)
    x, y, yz, zx = sides or [across] * 4
    features_kernel[n // TILE["POINTS"], triton.cdiv(width, TILE["BLOCK"])](
        *(index, across, along, nodes, x, y, yz, zx, places.below, places.fraction, scale),
        *(scale if weights is None else weights, parts, len(index), width, nodes.shape[1]),
        *(len(y) if sides else 1, len(along)),
        D=3 if sides else 2,
        C=0 if weights is None else len(weights),
        **TILE,
    )
    return parts


def _to_tables(
    tables: Tables, places: Places, index: Tensor, gradient: Tensor, factor: Tensor, weights: Tensor
) -> list[Tensor]:
    """Gradients of all tables, from those of every output in the features [N, C F], by a factor, and the outputs' own,
    weights [C, B]."""
    across, along, nodes, sides = tables
    rows, n, width = len(across), len(along), across.shape[1]
    limits = n * torch.arange(rows, device=index.device)[:, None] + places.limits
    starts = torch.searchsorted(index, limits, out_int32=True)  # of each row's points beyond each node
    found = torch.full((rows * n,), -1, dtype=torch.int32, device=index.device)  # where a sample is among the points
    found[index] = torch.arange(len(index), dtype=torch.int32, device=index.device)
    blocks = triton.cdiv(width, SUMS["BLOCK"])

    def along_axis(length: int, stride: int, first: Tensor, second: Tensor | None = None) -> list[Tensor]:
        """Sums along an axis of the gradient times one table's values [length, F], and a second's [*, length, F]."""
        lines = rows * n // length
        sums = [gradient.new_empty(lines, width) for x in (first, second) if x is not None]
        axis_kernel[lines, blocks](
            *(found, gradient, weights, first, first if second is None else second, factor, sums[0], sums[-1]),
            *(len(index), width, length, stride),
            C=len(weights),
            SECOND=second is not None,
            **SUMS,
        )
        return sums

    x, y, yz, zx = sides or [across] * 4
    to_across, to_nodes = torch.empty_like(across), torch.empty_like(nodes)
    to_x, to_y = (torch.empty_like(across) if sides else across for _ in range(2))  # by rows
    rows_kernel[rows, blocks](
        *(index, starts, gradient, weights, along, yz, zx, places.fraction, factor, to_across, to_nodes, to_x, to_y),
        *(len(index), width, nodes.shape[1], len(y) if sides else 1, n),
        D=3 if sides else 2,
        C=len(weights),
        **SUMS,
    )
    if sides is None:
        return [to_across, *along_axis(rows, n, across), to_nodes]
    (to_yz,) = along_axis(len(x), len(y) * n, x)
    to_zx, to_along = along_axis(len(y), n, y, across)
    by_rows = (total.reshape(len(x), len(y), width).sum(axis) for total, axis in ((to_x, 1), (to_y, 0)))
    to_sides = *by_rows, to_yz.reshape(yz.shape), to_zx.reshape(zx.shape)
    return [to_across, to_along.reshape(len(x), n, width).sum(0), to_nodes, *to_sides]
