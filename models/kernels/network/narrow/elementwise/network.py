"""A narrow network, all layers in one kernel: nothing but points, heads and their gradients travels through memory.

A program takes tiles of points through all layers. The backward pass makes the values again, goes back through the
layers, and sums the gradients of all weights over its tiles, in registers; what is left to PyTorch is the sum over the
programs. Values, slopes and gradients are rounded as layers_triton.py has it, but for biases, whose gradients are
sums of what is rounded already.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from models.kernels.network.layers import Layer
from models.kernels.network.narrow.elementwise.backward import backward_kernel
from models.kernels.network.narrow.elementwise.forward import forward_kernel
from models.kernels.network.narrow.layer import COLUMNS
from models.kernels.network.narrow.pack import pack
from models.kernels.network.narrow.tiles import Tiles, was_measured

WIDTH = 64  # to which all layers are filled up; a unit beyond their own carries the biases' gradients
ACTIVATIONS = ("sine", "finer", "gauss", "sinc", "hosc")  # measured; of activation_kernels.py, with a slope
DEPTH = 4  # layers, whose weights' gradients fill the registers of the backward kernel
FORWARD, BACKWARD = Tiles(rows=64, warps=4, programs=4), Tiles(rows=128, warps=8, programs=1)


def fits(layers: Sequence[Layer], points: Tensor, parts: int) -> bool:
    """Whether a network runs here: where this was measured to be faster than a kernel a layer, and agreed with it.

    That is the paper's Siren at 1e4 parameters and the networks that differ from it in their activation, in planes and
    solids, in grey and in colour, on Hopper.
    """
    first = layers[0]
    return (
        len(layers) == DEPTH
        and first.activation in ACTIVATIONS
        and all((layer.activation, layer.constants) == (first.activation, first.constants) for layer in layers)
        and all(WIDTH // 2 < len(layer.weight) < WIDTH for layer in layers)
        and all(layer.head is None for layer in layers[:-1])
        and parts == 2
        and was_measured(layers, points)
    )


def heads(layers: Sequence[Layer], points: Tensor) -> Tensor:
    """What the head of the last layer says: points [N, d] → [1, N, C], float32.

    Tensors have no gaps in memory, layers are narrower than WIDTH and share one of ACTIVATIONS and its constant, 3 C
    and 2 d + 1 are at most COLUMNS.
    """
    assert layers[-1].head is not None
    tensors = [x for layer in layers for x in (layer.weight, layer.bias)] + list(layers[-1].head)
    return _Heads.apply(points, layers[0].activation, layers[0].constants[0], *tensors)


class _Heads(torch.autograd.Function):
    """Of points, the activation and its constant, the weight and bias of every layer, and those of the head."""

    @staticmethod
    def forward(ctx: Any, points: Tensor, activation: str, constant: float, *tensors: Tensor) -> Tensor:
        matrices, vectors, widths = pack(tensors, WIDTH)
        channels, dim = len(tensors[-1]), points.shape[1]
        about = {"constant": constant, "n": len(points), "LAYERS": len(widths), "ACTIVATION": activation}
        about |= {"D": dim, "C": channels, "WIDTH": WIDTH}
        out = points.new_empty(1, len(points), channels)
        forward_kernel[FORWARD.grid(points)](*(points, out, matrices, vectors), **about, **FORWARD.options)
        ctx.save_for_backward(points, matrices, vectors)
        ctx.widths, ctx.about = widths, about
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        points, matrices, vectors = ctx.saved_tensors
        widths, about, to_out = ctx.widths, ctx.about, gradients[0].contiguous()
        grid = BACKWARD.grid(points)
        to_matrices = points.new_empty(*grid, len(widths) - 1, WIDTH, WIDTH)
        to_vectors = points.new_empty(*grid, 2, WIDTH, COLUMNS.value)
        backward_kernel[grid](
            *(points, to_out, to_matrices, to_vectors, matrices, vectors, widths), **about, **BACKWARD.options
        )
        to_first, to_head = to_vectors.sum(0)  # [WIDTH, COLUMNS] each
        axes, columns = to_first[: widths[0], 1 : 1 + 2 * about["D"]], to_head[: widths[-1], : 3 * about["C"]]
        found = [axes[:, 0::2] + axes[:, 1::2], to_first[: widths[0], 0]]
        for to_weight, width, depth in zip(to_matrices.sum(0), widths[1:], widths, strict=False):
            found += [to_weight[:width, :depth], to_weight[:width, depth]]
        return None, None, None, *found, (columns[:, 0::3] + columns[:, 1::3]).T, to_out[0].sum(0)
