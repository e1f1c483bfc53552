"""GA-Planes' answers at some of a lattice's points in Triton: features of features.py, decoded.

Features are made at those points alone and kept as the float16 parts that the decoder multiplies. Their gradient
[points, features] is read once for each axis of the lattice, along which every program sums: nothing is added
atomically. Indices rise, so a row's points follow each other; those along another axis are looked up.
"""

from typing import Any

import torch
import triton
from torch import Tensor
from torch.autograd.function import once_differentiable

from models.kernels.network import fp16x3, relu_decoder_triton
from models.kernels.network.relu_decoder_triton import Decoder
from models.kernels.planes.features import Places, Sides, Tables, bound
from models.kernels.planes.features_kernels import axis_kernel, features_kernel, rows_kernel

WIDTH = 16  # features are a multiple of it, so that rows start where tensor cores and wide loads want them
POINTS = 32  # of a tile of features
BLOCK = 128  # features of a program: whole rows of 512 bytes, which one warp loads at once
STEP = 16  # points of which a program loads the gradient together


def values(tables: Tables, places: Places, index: Tensor, decoder: Decoder) -> Tensor:
    """What the decoder says at flat indices [B], which rise, without the bias of its output: [B, C], float32."""
    across, along, nodes, sides = tables
    tensors = across, along, nodes, *(sides or ())
    answer: Tensor = _Values.apply(index, places, *decoder, *(x.contiguous() for x in tensors))
    return answer


class _Values(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, index: Tensor, places: Places, weight: Tensor, bias: Tensor, head: Tensor, *tensors: Tensor
    ) -> Tensor:  # fmt: skip
        tables, decoder = _tables(tensors), Decoder(weight, bias.contiguous(), head.contiguous())
        scale = fp16x3.scale_for(bound(tables))
        parts = _features(tables, places, index, scale)
        out, hidden, factor = relu_decoder_triton.decode(decoder, parts, scale, len(index))
        ctx.save_for_backward(index, *decoder, scale, parts, hidden, factor, *tensors)
        ctx.places = places
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, to_out: Tensor) -> tuple[Tensor | None, ...]:
        index, weight, bias, head, scale, parts, hidden, factor, *tensors = ctx.saved_tensors
        decoder = Decoder(weight, bias, head)
        found = relu_decoder_triton.gradients(decoder, parts, scale, hidden, factor, to_out)
        to_tables = _table_gradients(_tables(tensors), ctx.places, index, found.values, found.factor)
        return None, None, *found.decoder, *to_tables


def _tables(tensors: Any) -> Tables:
    across, along, nodes, *sides = tensors
    return Tables(across, along, nodes, Sides(*sides) if sides else None)


def _features(tables: Tables, places: Places, index: Tensor, scale: Tensor) -> Tensor:
    """[N, 3, F] in float16 slots x₁, x₂, x₁ of features · scale, with points of zeros up to a multiple of RUN."""
    across, along, nodes, sides = tables
    n = fp16x3.RUN * triton.cdiv(len(index), fp16x3.RUN)
    parts = across.new_empty(n, 3, across.shape[1], dtype=torch.float16)
    tiles = n // POINTS, triton.cdiv(across.shape[1], BLOCK)
    x, y, yz, zx = sides or [across] * 4
    features_kernel[tiles](
        *(index, across, along, nodes, x, y, yz, zx, places.below, places.fraction, scale, parts),
        *(len(index), across.shape[1], nodes.shape[1], len(y) if sides else 1, len(along)),
        **_shape(tables),
        POINTS=POINTS,
    )
    return parts


def _table_gradients(
    tables: Tables, places: Places, index: Tensor, gradient: Tensor, factor: Tensor
) -> tuple[Tensor, ...]:
    """Of each table, from the gradient of the features at points [N', F] by a factor."""
    across, along, nodes, sides = tables
    rows, n = len(across), len(along)
    limits = n * torch.arange(rows, device=index.device)[:, None] + places.limits
    starts = torch.searchsorted(index, limits, out_int32=True)  # of each row's points beyond each node
    found = torch.full((rows * n,), -1, dtype=torch.int32, device=index.device)  # where a sample is among the points
    found[index] = torch.arange(len(index), dtype=torch.int32, device=index.device)

    def along_axis(length: int, stride: int, first: Tensor, second: Tensor | None = None) -> list[Tensor]:
        """Sums along an axis of the gradient times one table's values [length, F], and a second's [*, length, F]."""
        lines = rows * n // length
        sums = [gradient.new_empty(lines, gradient.shape[1]) for x in (first, second) if x is not None]
        axis_kernel[lines, triton.cdiv(gradient.shape[1], BLOCK)](
            *(found, gradient, first, first if second is None else second, factor, sums[0], sums[-1]),
            *(gradient.shape[1], length, stride),
            SECOND=second is not None,
            STEP=STEP,
            BLOCK=BLOCK,
            num_warps=1,
        )
        return sums

    x, y, yz, zx = sides or [across] * 4
    to_across, to_nodes = torch.empty_like(across), torch.empty_like(nodes)
    to_x, to_y = (torch.empty_like(across) if sides else across for _ in range(2))  # by rows
    rows_kernel[rows, triton.cdiv(gradient.shape[1], BLOCK)](
        *(index, starts, gradient, along, yz, zx, places.fraction, factor, to_across, to_nodes, to_x, to_y),
        *(gradient.shape[1], nodes.shape[1], len(y) if sides else 1, n),
        **_shape(tables),
        STEP=STEP,
        num_warps=1,
    )
    if sides is None:
        return to_across, *along_axis(rows, n, across), to_nodes
    of_x, of_y = len(x), len(y)
    (to_yz,) = along_axis(of_x, of_y * n, x)
    to_zx, to_along = along_axis(of_y, n, y, across)
    return (
        *(to_across, to_along.reshape(of_x, n, -1).sum(0), to_nodes),
        *(to_x.reshape(of_x, of_y, -1).sum(1), to_y.reshape(of_x, of_y, -1).sum(0)),
        *(to_yz.reshape(yz.shape), to_zx.reshape(zx.shape)),
    )


def _shape(tables: Tables) -> dict[str, int]:
    return {"D": 2 if tables.sides is None else 3, "BLOCK": BLOCK}
