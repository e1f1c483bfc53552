"""The layers of models/kernels/network/layers.py in Triton, all of a narrow network in one kernel.

A program takes tiles of points through all layers, so that nothing but points, heads and their gradients travels
through memory. The backward pass makes the values again, goes back through the layers, and sums the gradients of all
weights over its tiles; what is left to PyTorch is the sum over programs. Values, slopes and gradients are rounded as
layers_triton.py has it.
"""

from collections.abc import Sequence
from typing import Any

import torch
import triton
from torch import Tensor
from torch.autograd.function import once_differentiable

from models.kernels.network.fused_kernels import AXES, COLUMNS, backward_kernel, forward_kernel, pack_kernel
from models.kernels.network.layers import Layer

WIDTHS = (16, 32, 64)  # to one of which all layers are filled up; one unit more than there are carries the biases
FORWARD: dict[str, int] = {"ROWS": 64, "num_warps": 4}  # points of a tile
BACKWARD: dict[str, int] = {"ROWS": 128, "num_warps": 8}
AT_ONCE = {"forward": 4, "backward": 1}  # programs on a multiprocessor
GROUP = 4  # layers whose gradients one kernel makes
DEEPEST = 9  # layers whose weights' gradients have room in registers


def fits(layers: Sequence[Layer], dim: int) -> bool:
    """Whether a network is narrow and shallow enough."""
    channels = {len(layer.head[0]) for layer in layers if layer.head is not None}
    return (
        2 <= len(layers) <= DEEPEST
        and max(len(layer.weight) for layer in layers) < WIDTHS[-1]
        and len(channels) == 1
        and 3 * max(channels) <= COLUMNS.value
        and 2 * dim < COLUMNS.value
        and layers[0].filter is None
    )


def heads(layers: Sequence[Layer], points: Tensor, parts: int) -> Tensor:
    """As layers_triton.heads."""
    tensors: list[Tensor | None] = []
    for layer in layers:
        tensors += [layer.weight, layer.bias, *(layer.filter or (None, None)), *(layer.head or (None, None))]
    values: Tensor = _Heads.apply(points, tuple(layers), parts, *tensors)
    return values


class _Heads(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, points: Tensor, layers: tuple[Layer, ...], parts: int, *_: Tensor | None) -> Tensor:
        matrices, table, about = _packed(layers, points, parts)
        out = points.new_empty(about["READ"][-1] + 1 if about["READ"][-1] >= 0 else max(about["READ"]) + 1,
                               len(points), about["C"])
        forward_kernel[_programs(points, AT_ONCE["forward"])](
            points, out, matrices, table, _constants(layers), len(points), **about, **FORWARD
        )
        ctx.save_for_backward(points, matrices, table)
        ctx.layers, ctx.about = layers, about
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        points, matrices, table = ctx.saved_tensors
        layers, about = ctx.layers, ctx.about
        programs, width, columns = _programs(points, AT_ONCE["backward"]), about["WIDTH"], COLUMNS.value
        to_matrices = points.new_empty(*programs, len(layers) - 1, width, width)
        towards = gradients[0].contiguous()  # [H, N, C]
        groups = list(zip(range(0, len(layers), GROUP), [*range(GROUP, len(layers), GROUP), len(layers)], strict=True))
        to_table = points.new_zeros(len(groups), *programs, 2 + len(towards), width, columns)
        above = below = matrices  # the gradient of the argument of the layer between two groups
        for part, (bottom, top) in reversed(list(zip(to_table, groups, strict=True))):
            above, below = below, points.new_empty(len(points), width, dtype=torch.bfloat16) if bottom else below
            backward_kernel[programs](
                *(points, towards, above, below, to_matrices, part, matrices, table, _constants(layers)),
                *(tuple(len(layer.weight) for layer in layers), len(points)),
                **about, BOTTOM=bottom, TOP=top, HEADS=len(towards),
                READ_BELOW=sum(place >= 0 for place in about["READ"][:bottom]), **BACKWARD,
            )  # fmt: skip
        to_bias_of_head = towards.sum(1)  # [H, C]
        to_weights = to_matrices.sum(0)  # [L - 1, width, width]
        to_first, to_phases, *to_heads = to_table.flatten(0, 1).sum(0)
        of = 3 * about["C"]
        axes = 2 * points.shape[1]
        to_first_weight = to_first[:, 1 : 1 + axes : 2] + to_first[:, 2 : 2 + axes : 2]
        found: list[Tensor | None] = []
        for i, layer in enumerate(layers):
            n = len(layer.weight)
            if i == 0:
                found += [to_first_weight[:n], to_first[:n, 0]]
            else:
                depth = layer.weight.shape[1]
                found += [to_weights[i - 1, :n, :depth], to_weights[i - 1, :n, depth]]
            found += [None, None if layer.filter is None else to_phases[:n, i]]
            read = about["READ"][i]
            found += [None, None] if read < 0 else [(to_heads[read][:n, 0:of:3] + to_heads[read][:n, 1:of:3]).T, to_bias_of_head[read]]
        return None, None, None, *found


def _packed(layers: tuple[Layer, ...], points: Tensor, parts: int) -> tuple[Tensor, Tensor, dict[str, Any]]:
    """Weights and vectors as the kernels want them, and the kernels' constants."""
    widths = tuple(len(layer.weight) for layer in layers)
    width = next(room for room in WIDTHS if max(widths) < room)
    channels = next(len(layer.head[0]) for layer in layers if layer.head is not None)
    dim, reads, read = points.shape[1], 0, []
    for layer in layers:
        read.append(-1 if layer.head is None else reads)
        reads += layer.head is not None
    matrices = points.new_empty(2, len(layers) - 1, width, width, dtype=torch.bfloat16)
    table = points.new_empty(len(layers), AXES.value + dim + channels + 1, width)

    def each(choose: Any) -> tuple[Tensor, ...]:
        return tuple(points if (x := choose(layer)) is None else x.detach() for layer in layers)

    pack_kernel[(len(layers),)](
        each(lambda layer: layer.weight),
        each(lambda layer: layer.bias),
        *(each(lambda layer, k=k: layer.filter and layer.filter[k]) for k in (0, 1)),
        *(each(lambda layer, k=k: layer.head and layer.head[k]) for k in (0, 1)),
        *(widths, matrices, table),
        D=dim,
        CHANNELS=tuple(0 if layer.head is None else channels for layer in layers),
        FILTERS=tuple(layer.filter is not None for layer in layers),
        C=channels,
        WIDTH=width,
    )
    about = {"D": dim, "C": channels, "ACTIVATIONS": tuple(layer.activation for layer in layers)}
    return matrices, table, about | {"READ": tuple(read), "PARTS": parts, "WIDTH": width}


def _constants(layers: tuple[Layer, ...]) -> tuple[float, ...]:
    return tuple(float(constant) for layer in layers for constant in layer.constants)


def _programs(points: Tensor, each: int) -> tuple[int]:
    """As many programs as the device runs at once, `each` on a multiprocessor."""
    if not points.is_cuda:
        return (2,)
    return (each * torch.cuda.get_device_properties(points.device).multi_processor_count,)
