"""A narrow network of Gabor wavelets, all layers in one kernel forward and one backward.

Values stay in registers between layers; what travels from the forward to the backward kernel are the arguments of all
layers but the first, in float16, as layers_triton.py has it: making them again would take three products a layer. Their
values are made again, and rounded to bf16 as there; biases' gradients are sums of what is rounded already.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from models.kernels.network.layers import Layer
from models.kernels.network.narrow.gabor.backward import backward_kernel
from models.kernels.network.narrow.gabor.forward import forward_kernel
from models.kernels.network.narrow.gabor.layer import BLOCK, USED, WIDTH
from models.kernels.network.narrow.layer import COLUMNS
from models.kernels.network.narrow.pack import pack
from models.kernels.network.narrow.tiles import Tiles, was_measured

DEPTH = 3  # layers, whose weights' gradients fill the registers of the backward kernel
FORWARD, BACKWARD = Tiles(rows=64, warps=4, programs=2), Tiles(rows=128, warps=8, programs=1)
STAGES = 2  # tiles of which the backward kernel has loads on their way


def fits(layers: Sequence[Layer], points: Tensor, parts: int) -> bool:
    """Whether a network runs here: the paper's Wire at 1e4 parameters, in planes and solids, in grey and in colour, on
    Hopper."""
    first = layers[0]
    return (
        len(layers) == DEPTH
        and all((layer.activation, layer.constants) == ("gabor", first.constants) for layer in layers)
        and all(BLOCK.value < len(layer.weight) <= USED.value for layer in layers)
        and all(layer.head is None for layer in layers[:-1])
        and parts == 2
        and was_measured(layers, points)
    )


def heads(layers: Sequence[Layer], points: Tensor) -> Tensor:
    """What the head of the last layer says: points [N, d] → [1, N, C], float32.

    Tensors have no gaps in memory, and real and imaginary parts in turns; layers have at most USED of them and the same
    constants; d + C is at most 7.
    """
    assert layers[-1].head is not None
    tensors = [x for layer in layers for x in (layer.weight, layer.bias)] + list(layers[-1].head)
    saves = torch.is_grad_enabled() and any(x.requires_grad for x in tensors)
    return _Heads.apply(points, layers[0].constants, saves, *tensors)


class _Heads(torch.autograd.Function):
    """Of points, ω and σ, whether to keep what gradients need, weight and bias of every layer, and the head's."""

    @staticmethod
    def forward(ctx: Any, points: Tensor, constants: tuple[float, float], saves: bool, *tensors: Tensor) -> Tensor:
        matrices, vectors, widths = pack(tensors, WIDTH.value)
        channels, dim = len(tensors[-1]), points.shape[1]
        shape = len(widths) - 1, len(points), USED.value // 2
        saved = points.new_empty(shape if saves else 1, dtype=torch.int32)
        out = points.new_empty(1, len(points), channels)
        about = {"omega": constants[0], "sigma": constants[1], "n": len(points)}
        about |= {"LAYERS": len(widths), "D": dim, "C": channels}
        forward_kernel[FORWARD.grid(points)](
            *(points, out, saved, matrices, vectors), **about, SAVES=saves, **FORWARD.options
        )
        ctx.save_for_backward(points, saved, matrices, vectors)
        ctx.widths, ctx.about = widths, about
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        points, saved, matrices, vectors = ctx.saved_tensors
        widths, about, to_out = ctx.widths, ctx.about, gradients[0].contiguous()
        grid = BACKWARD.grid(points)
        to_matrices = points.new_empty(*grid, len(widths) - 1, WIDTH.value, USED.value)
        to_vectors = points.new_empty(*grid, WIDTH.value, COLUMNS.value)
        backward_kernel[grid](
            *(points, to_out, to_matrices, to_vectors, saved, matrices, vectors),
            **about,
            STAGES=STAGES,
            **BACKWARD.options,
        )
        sums, dim = to_vectors.sum(0), points.shape[1]
        pairs = sums[:, 1:-1].unflatten(1, (-1, 2)).sum(2).T  # [coordinates, then channels, WIDTH]
        found = [pairs[:dim, : widths[0]].T, sums[: widths[0], 0]]
        for to_weight, width, depth in zip(to_matrices.sum(0), widths[1:], widths, strict=False):
            found += [to_weight[:depth, :width].T, to_weight[USED.value, :width]]
        return None, None, None, *found, pairs[dim : dim + about["C"], : widths[-1]], to_out[0].sum(0)
