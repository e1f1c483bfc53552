"""A narrow network's heads, its layers in one kernel: nothing but points, heads and their gradients travels through
memory.

A program takes tiles of points through all layers. The backward pass makes the values again, goes back through the
layers, and sums the gradients of all weights over its tiles, in registers; what is left to PyTorch is the sum over the
programs. Deep networks go back in groups of layers, between which gradients do travel. Values, slopes and gradients are
rounded as layers_triton.py has it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import triton
from torch import Tensor
from torch.autograd.function import once_differentiable

from models.kernels.network.layers import Layer
from models.kernels.network.narrow.backward import backward_kernel
from models.kernels.network.narrow.forward import forward_kernel
from models.kernels.network.narrow.layer import AXES, COLUMNS
from models.kernels.network.narrow.pack import pack_kernel

WIDTHS = (16, 32, 64)  # to one of which all layers are filled up; a unit beyond their own carries the biases' gradients
DEEPEST = 9  # layers; each makes the kernels longer
GROUP = 4  # layers whose weights' gradients have room in the registers of one kernel
FORWARD, BACKWARD = {"ROWS": 64, "num_warps": 4}, {"ROWS": 128, "num_warps": 8}  # points of a tile
FORWARD_PROGRAMS, BACKWARD_PROGRAMS = 4, 1  # that a multiprocessor has room for
HOPPER = (9, 0)  # the kernels are cut to its registers and shared memory


def fits(layers: Sequence[Layer], points: Tensor) -> bool:
    """Whether a network is as narrow and shallow, and its device such, that the kernels of this package are for it."""
    channels = {len(layer.head[0]) for layer in layers if layer.head is not None}
    return (
        2 <= len(layers) <= DEEPEST
        and all(len(layer.weight) < WIDTHS[-1] for layer in layers)
        and layers[0].filter is None
        and len(channels) == 1
        and 3 * max(channels) <= COLUMNS.value
        and 2 * points.shape[1] < COLUMNS.value
        and (not points.is_cuda or torch.cuda.get_device_capability(points.device) == HOPPER)
    )


def heads(layers: Sequence[Layer], points: Tensor, parts: int) -> Tensor:
    """As layers_triton.heads; tensors have no gaps in memory."""
    tensors: list[Tensor | None] = []
    for layer in layers:
        tensors += [layer.weight, layer.bias, *(layer.filter or (None, None)), *(layer.head or (None, None))]
    values: Tensor = _Heads.apply(points, _Network(tuple(layers), points.shape[1], parts), *tensors)
    return values


@dataclass(frozen=True)
class _Network:
    """Layers, and what the kernels are told of them."""

    layers: tuple[Layer, ...]
    dim: int
    parts: int
    least: int = 0

    @property
    def widths(self) -> tuple[int, ...]:
        return tuple(len(layer.weight) for layer in self.layers)

    @property
    def width(self) -> int:
        return self.least or next(width for width in WIDTHS if max(self.widths) < width)

    @property
    def channels(self) -> int:
        return next(len(layer.head[0]) for layer in self.layers if layer.head is not None)

    @property
    def read(self) -> list[int]:
        """Which head reads a layer, -1 for none."""
        places = iter(range(len(self.layers)))
        return [-1 if layer.head is None else next(places) for layer in self.layers]

    @property
    def groups(self) -> list[tuple[int, int]]:
        """The first layer of each group and that after its last, from the last group to the first."""
        count = triton.cdiv(len(self.layers), GROUP)
        ends = [triton.cdiv(len(self.layers) * k, count) for k in range(count + 1)]
        return list(zip(ends[-2::-1], ends[:0:-1], strict=True))

    @property
    def constants(self) -> tuple[float, ...]:
        return tuple(float(constant) for layer in self.layers for constant in layer.constants)

    @property
    def about(self) -> dict[str, Any]:
        """The arguments that both kernels are compiled for."""
        activations = tuple(layer.activation for layer in self.layers)
        found = {"D": self.dim, "C": self.channels, "ACTIVATIONS": activations, "READ": tuple(self.read)}
        return found | {"PARTS": self.parts, "WIDTH": self.width}

    def pack(self, points: Tensor) -> tuple[Tensor, Tensor]:
        """Weights in parts [2, layers - 1, width, width], and all vectors [layers, V, width]."""
        count, width = len(self.layers), self.width
        matrices = points.new_empty(2, count - 1, width, width, dtype=torch.bfloat16)
        vectors = points.new_empty(count, AXES.value + self.dim + self.channels + 1, width)

        def each(choose: Callable[[Layer], Tensor | None]) -> tuple[Tensor, ...]:
            found = (choose(layer) for layer in self.layers)
            return tuple(points if x is None else x.detach() for x in found)

        pack_kernel[(count,)](
            each(lambda layer: layer.weight),
            each(lambda layer: layer.bias),
            each(lambda layer: layer.filter and layer.filter[0]),
            each(lambda layer: layer.filter and layer.filter[1]),
            each(lambda layer: layer.head and layer.head[0]),
            each(lambda layer: layer.head and layer.head[1]),
            *(self.widths, matrices, vectors),
            FILTERS=tuple(layer.filter is not None for layer in self.layers),
            READ=tuple(self.read),
            D=self.dim,
            C=self.channels,
            WIDTH=width,
        )
        return matrices, vectors


class _Heads(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, points: Tensor, network: _Network, *_: Tensor | None) -> Tensor:
        matrices, vectors = network.pack(points)
        out = points.new_empty(max(network.read) + 1, len(points), network.channels)
        forward_kernel[_programs(points, FORWARD_PROGRAMS)](
            *(points, out, matrices, vectors, matrices, vectors, network.constants, network.widths, len(points)),
            **network.about,
            **FORWARD,
            SAVES=False,
        )
        # made here, so that whoever asks what the backward pass keeps is told of it
        between = points.new_empty(len(network.groups) - 1, len(points), network.width, dtype=torch.bfloat16)
        ctx.save_for_backward(points, matrices, vectors, between)
        ctx.network = network
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        points, matrices, vectors, between = ctx.saved_tensors
        network, programs, to_out = ctx.network, _programs(points, BACKWARD_PROGRAMS), gradients[0].contiguous()
        count, width, read = len(network.layers), network.width, network.read
        to_matrices = points.new_empty(*programs, count - 1, width, width)
        to_vectors = points.new_zeros(len(network.groups), *programs, 2 + len(to_out), width, COLUMNS.value)
        nothing = matrices  # stands for a gradient that there is not
        edges = [nothing, *between, nothing]
        for (bottom, top), sums, above, below in zip(network.groups, to_vectors, edges, edges[1:], strict=False):
            backward_kernel[programs](
                *(points, to_out, above, below, to_matrices, sums, matrices, vectors, network.constants),
                *(network.widths, len(points)),
                BOTTOM=bottom,
                TOP=top,
                HEADS=len(to_out),
                READ_BELOW=sum(place >= 0 for place in read[:bottom]),
                **network.about,
                **BACKWARD,
            )
        to_weights = to_matrices.sum(0)
        to_first, to_phases, *to_heads = to_vectors.flatten(0, 1).sum(0)  # [width, COLUMNS] each
        to_head_bias = to_out.sum(1)
        found: list[Tensor | None] = []
        for i, layer in enumerate(network.layers):
            n, depth = layer.weight.shape
            own = to_weights[i - 1, :n, :depth], to_weights[i - 1, :n, depth]
            if i == 0:
                own = to_first[:n, 1 : 1 + 2 * depth : 2] + to_first[:n, 2 : 2 + 2 * depth : 2], to_first[:n, 0]
            found += [*own, None, None if layer.filter is None else to_phases[:n, i]]
            if read[i] < 0:
                found += [None, None]
            else:
                columns = to_heads[read[i]][:n, : 3 * network.channels]
                found += [(columns[:, 0::3] + columns[:, 1::3]).T, to_head_bias[read[i]]]
        return None, None, *found


def _programs(points: Tensor, each: int) -> tuple[int]:
    """`each` on a multiprocessor; two where there are none."""
    if not points.is_cuda:
        return (2,)
    return (each * torch.cuda.get_device_properties(points.device).multi_processor_count,)


WIDER = {"ROWS": 128, "num_warps": 8}


def forward_and_save(layers, points, parts):
    network = _Network(tuple(layers), points.shape[1], parts, 128)
    matrices, vectors = network.pack(points)
    out = points.new_empty(max(network.read) + 1, len(points), network.channels)
    values = points.new_empty(len(layers), len(points), network.width, dtype=torch.bfloat16)
    kept = points.new_empty(len(layers), len(points), network.width, dtype=torch.float16)
    forward_kernel[_programs(points, 1)](
        *(points, out, values, kept.view(torch.int32), matrices, vectors, network.constants, network.widths, len(points)),
        **network.about,
        **WIDER,
        SAVES=True,
    )
    return out, values, kept
