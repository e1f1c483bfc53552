"""A narrow network of filters (BACON) in bf16, several layers in a kernel, in which nothing travels through memory.

A program takes tiles of points through all layers. The backward pass makes the values again, goes back through the
layers, and sums the gradients of all weights over its tiles, in registers. More layers than have room there are cut
into groups of one kernel each, between which gradients travel. What is left to PyTorch is the sum over the programs.

A phase's gradient is the sum over the points of g c a, where g is the gradient of the unit's value, c the cosine of the
phase and a = Σ W z the argument that the sine multiplies. So it is Σ W M, of a matrix M that is the sum of g c z, as
the weight's own gradient is that of g s z, s the sine; nobody needs a once more.
"""

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from models.kernels.network.layers import Layer
from models.kernels.network.narrow.filters.backward import backward_kernel
from models.kernels.network.narrow.filters.forward import forward_kernel
from models.kernels.network.narrow.filters.layer import COLUMNS, PARTS, SPARE, UNITS
from models.kernels.network.narrow.filters.pack import pack_kernel
from models.kernels.network.narrow.tiles import Tiles, was_measured


@dataclass(frozen=True)
class Cut:
    """How a network is cut into kernels: groups of layers of the backward pass, and the tiles of both passes."""

    groups: tuple[tuple[int, int], ...]  # first layer and that after the last, from the top
    forward: Tiles
    backward: Tiles


CUTS = {  # by number of layers
    5: Cut(((0, 5),), Tiles(64, 4, 4), Tiles(128, 8, 1)),
    9: Cut(((5, 9), (0, 5)), Tiles(64, 4, 3), Tiles(128, 8, 1)),
}


def fits(layers: Sequence[Layer], points: Tensor, parts: int) -> bool:
    """Whether a network runs here: the paper's BACON at 1e4 parameters, in planes and in solids, in grey and in colour,
    on Hopper."""
    first, *others = layers
    return (
        parts == 1
        and len(layers) in CUTS
        and {len(layer.weight) for layer in layers} == {len(first.weight)}
        and UNITS.value // 2 < len(first.weight) <= UNITS.value
        and (first.activation == "sine" and not first.weight.requires_grad)
        and all(layer.activation == "filter" for layer in others)
        and sum(len(layer.head[0]) for layer in layers if layer.head is not None) <= SPARE.value
        and was_measured(layers, points)
    )


def heads(layers: Sequence[Layer], points: Tensor) -> Tensor:
    """What the heads say: points [N, d] → [H, N, C], float32.

    Tensors have no gaps in memory. Layers have one width, of at most UNITS; the first is a filter alone, and all others
    are multiplied by filters. CUTS says how many there are. Heads, of which one is at the end, have as many channels,
    together at most SPARE. d is at most 3.
    """
    pairs = [(layers[0].weight, layers[0].bias), *(layer.filter for layer in layers if layer.filter is not None)]
    keys = [(omega.data_ptr(), phase.data_ptr()) for omega, phase in pairs]  # a filter that layers share is one
    own = dict(zip(keys, pairs, strict=True))
    places = {key: k for k, key in enumerate(own)}
    omegas, phases = zip(*own.values(), strict=True)
    read = [layer.head for layer in layers if layer.head is not None]
    count = iter(range(len(read)))
    network = _Network(
        filters=tuple(places[key] for key in keys),
        heads=tuple(-1 if layer.head is None else next(count) for layer in layers),
        cut=CUTS[len(layers)],
    )
    tensors = [*phases, *(layer.weight for layer in layers[1:]), *(layer.bias for layer in layers[1:])]
    tensors += [weight for weight, _ in read] + [bias for _, bias in read]
    return _Heads.apply(points, network, omegas, *tensors)


@dataclass(frozen=True)
class _Network:
    """Which filter each layer has, which head reads it, -1 for none, and how it is cut."""

    filters: tuple[int, ...]
    heads: tuple[int, ...]
    cut: Cut

    def split(self, tensors: Sequence[Tensor]) -> list[tuple[Tensor, ...]]:
        """Phases, weights, biases, and the heads' weights and biases."""
        found, start = [], 0
        for length in (max(self.filters) + 1, *2 * [len(self.filters) - 1], *2 * [max(self.heads) + 1]):
            found.append(tuple(tensors[start : start + length]))
            start += length
        return found


class _Heads(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, points: Tensor, network: _Network, omegas: tuple[Tensor, ...], *tensors: Tensor) -> Tensor:
        phases, weights, biases, read, read_biases = network.split([x.detach() for x in tensors])
        (channels, width), count = read[0].shape, len(network.filters)
        about = {"HEADS": network.heads, "D": points.shape[1], "C": channels}
        matrices = points.new_empty(count, COLUMNS.value, COLUMNS.value, dtype=torch.bfloat16)
        waves = points.new_empty(len(phases), COLUMNS.value, PARTS.value, dtype=torch.bfloat16)
        pack_kernel[(count,)](weights, biases, omegas, phases, read, width, matrices, waves, **about)
        out = points.new_empty(len(read), len(points), channels)
        about["FILTERS"] = network.filters
        tiles = network.cut.forward
        forward_kernel[tiles.grid(points)](
            *(points, out, matrices, waves, read, read_biases, width, len(points)),
            **about,
            **tiles.options,
            maxnreg=tiles.registers,
        )
        # made here, so that whoever asks what the backward pass keeps is told of it
        edges = len(network.cut.groups) - 1
        between = points.new_empty(edges, len(points) if edges else 0, COLUMNS.value, dtype=torch.bfloat16)
        ctx.save_for_backward(points, matrices, waves, between)
        ctx.network, ctx.about, ctx.width = network, about, width
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        points, matrices, waves, between = ctx.saved_tensors
        network, width, tiles = ctx.network, ctx.width, ctx.network.cut.backward
        to_out, grid = gradients[0].contiguous(), tiles.grid(points)
        sums = points.new_empty(*grid, len(matrices) - 1, 2, COLUMNS.value, COLUMNS.value)
        edge_sums = points.new_empty(2, *grid, COLUMNS.value, PARTS.value)
        edges = [matrices, *between, matrices]  # at both ends there is none
        for (bottom, top), above, below in zip(network.cut.groups, edges, edges[1:], strict=False):
            backward_kernel[grid](
                *(points, to_out, above, below, sums, *edge_sums, matrices, waves, len(points)),
                BOTTOM=bottom,
                TOP=top,
                **ctx.about,
                **tiles.options,
                maxnreg=tiles.registers,
            )
        to_matrices, to_phases = sums.sum(0).unbind(1)  # [layers - 1, COLUMNS, COLUMNS] each
        to_first, to_last = edge_sums.sum(1)  # [COLUMNS, PARTS] each: SPARE columns are as many
        by_layer = [to_first[:, 0], *(to_phases * matrices[:-1]).sum(2)]
        found = []
        for place in range(max(network.filters) + 1):
            own = [x for x, filtered in zip(by_layer, network.filters, strict=True) if filtered == place]
            found.append(functools.reduce(torch.add, own)[:width])
        found += [*to_matrices[:, :width, :width], *to_matrices[:, :width, UNITS.value]]
        for spare, head in zip([*to_matrices[:, UNITS.value :], to_last.T], network.heads, strict=True):
            if head >= 0:
                found.append(spare[head * ctx.about["C"] :][: ctx.about["C"], :width])
        return None, None, None, *found, *to_out.sum(1)
