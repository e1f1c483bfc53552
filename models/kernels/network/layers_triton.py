"""The layers of models/kernels/network/layers.py in Triton: a kernel a layer, with its activation inside; narrow ones
in one kernel together, where a network.py of narrow/elementwise, narrow/filters or narrow/gabor says so.

Between layers, values travel in bf16: in two parts whose sum has 16 bits, or in the first alone (see bf16x3.py).
With them a layer writes what its backward pass needs, the slope of its activation or its argument, in float16, whose
eleven bits are worth more there than a wide range. The backward kernel makes the gradient of a layer's argument from
that of the next one, and sums over its points what has to be summed: for the bias, the head, a filter's phase, and for
the first layer the coordinates' weights. The gradients of all other weights are products of bf16 matrices, by PyTorch.
Nothing is added atomically, here or in narrow networks.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
import triton
from torch import Tensor
from torch.autograd.function import once_differentiable
from triton.tools.tensor_descriptor import TensorDescriptor

from models.kernels.dense import dense
from models.kernels.network import layers as twin
from models.kernels.network.layers import Layer, Pair
from models.kernels.network.layers_kernels import STRIP, backward_kernel, forward_kernel
from models.kernels.network.narrow.elementwise import network as elementwise
from models.kernels.network.narrow.filters import network as filters
from models.kernels.network.narrow.gabor import network as gabor
from models.kernels.network.products import mm

PITCH = 64  # values of 16 bits: rows start at lines of the cache, of 128 bytes
NARROW = 192  # units up to which a tile is one strip wide
MOST = 1 << 24  # points at once: kernels count what they read and write in 32 bits, of Wire 96 values a point
PER_LAYER = 6  # tensors of a layer among the arguments: weight, bias, filter's ω and φ, head's weight and bias


def heads(layers: Sequence[Layer], points: Tensor, parts: int) -> Tensor:
    """What the heads of a network say: points [N, d] → [H, N, C], float32, as all that is given.

    Differentiable in what the layers hold but ω, and not in the points. parts: 2 for values of 16 bits, 1 for bf16.
    Aligned widths (aligned.py) are faster; gabor's are even.
    """
    if not len(points):  # of nothing, a descriptor cannot be made
        return twin.heads(layers, points.split(1, dim=1))
    if len(points) > MOST:
        return torch.cat([heads(layers, part, parts) for part in points.split(MOST)], dim=1)
    layers, (points,) = [_dense(layer) for layer in _woven(layers)], dense(points)
    for home in (elementwise, filters, gabor):
        if home.fits(layers, points, parts):
            return home.heads(layers, points)
    tensors: list[Tensor | None] = []
    for layer in layers:
        tensors += [layer.weight, layer.bias, *(layer.filter or (None, None)), *(layer.head or (None, None))]
    recording = torch.is_grad_enabled()  # which it never is inside of a Function
    return _Heads.apply(points, tuple(layers), parts, recording, *tensors)


def _woven(layers: Sequence[Layer]) -> list[Layer]:
    """The same network with every real part next to its imaginary one, so that a strip of units has both."""
    found, paired = [], False  # whether the layer before has pairs
    for layer in layers:
        pairs = layer.activation == "gabor"
        weight = _weave(layer.weight, 1) if paired else layer.weight
        if pairs:
            weight = _weave(weight, 0)
            head = layer.head and (_weave(layer.head[0], 1), layer.head[1])
            layer = replace(layer, bias=_weave(layer.bias, 0), head=head)
        found.append(replace(layer, weight=weight))
        paired = pairs
    return found


def _dense(layer: Layer) -> Layer:
    """The same, each tensor without gaps in memory."""

    def pair(x: Pair | None) -> Any:
        return x and dense(*x)

    weight, bias = dense(layer.weight, layer.bias)
    return replace(layer, weight=weight, bias=bias, filter=pair(layer.filter), head=pair(layer.head))


def _weave(x: Tensor, axis: int) -> Tensor:
    """The two halves of an axis in turns."""
    return torch.stack(x.chunk(2, axis), axis + 1).flatten(axis, axis + 1)


class _Heads(torch.autograd.Function):
    """Of points, layers, parts of values, whether PyTorch records for gradients, and the layers' tensors."""

    @staticmethod
    def forward(
        ctx: Any, points: Tensor, layers: tuple[Layer, ...], parts: int, recording: bool, *_: Tensor | None
    ) -> Tensor:
        found, kept, x = [], [], None
        reached = [recording and _is_reached(ctx, i) for i in range(len(layers))]
        for i, layer in enumerate(layers):
            x, saved, out = _forward(layer, points, x, parts, reached[i])
            if reached[-1]:
                kept += [x[0], saved]
            if layer.head is not None:
                found.append(out.sum(0).T + layer.head[1])
        ctx.save_for_backward(points, *kept)
        ctx.layers = layers
        return torch.stack(found)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        points, *kept = ctx.saved_tensors
        to_heads = list(gradients[0].transpose(1, 2).contiguous())  # [C, N] each
        found: list[Tensor | None] = []
        above = None  # the gradient of the next layer's argument, and that layer's weight
        count = len(ctx.layers)
        reached = [i for i in range(count) if _is_reached(ctx, i)]
        for i in reversed(reached):
            layer, value, saved = ctx.layers[i], kept[2 * i], kept[2 * i + 1]
            to_head = None if layer.head is None else to_heads.pop()
            to_argument, sums = _backward(layer, points, value, saved, above, to_head, first=i == 0)
            to_weight = None
            if i == 0:
                to_weight = sums["weight"].T
            elif ctx.needs_input_grad[4 + PER_LAYER * i]:
                to_weight = mm(to_argument.T, kept[2 * i - 2])
            to_bias_of_head = None if to_head is None else to_head.sum(1)
            found = [to_weight, sums["bias"], None, sums.get("phase"), sums.get("head"), to_bias_of_head, *found]
            above = to_argument, layer.weight.detach()
        return None, None, None, None, *(count - len(reached)) * PER_LAYER * [None], *found


def _is_reached(ctx: Any, i: int) -> bool:
    """Whether a gradient goes back to a layer: something of it, or of one before it, is trained."""
    return any(ctx.needs_input_grad[4:][: PER_LAYER * (i + 1)])


def _forward(
    layer: Layer, points: Tensor, x: Tensor | None, parts: int, reached: bool
) -> tuple[Tensor, Tensor, Tensor]:
    """A layer's values [parts, N, n] of the one before, None for the first; what its backward pass needs [N, n]; and
    its head's values without bias, by strips of units [strips, C, N]."""
    n, width = len(points), len(layer.weight)
    shape, tiles = tile_shape(width), _tiles(n, width)
    y = _room(points, parts, n, width)
    saves = reached and layer.activation not in ("none", "relu")
    saved = _room(points, n, width, dtype=torch.float16) if saves else y[0]
    head, channels = _head(layer)
    strips = triton.cdiv(width, shape["COLUMNS"]) * shape["COLUMNS"] // STRIP.value  # beyond the width, too: zeros
    out = points.new_empty(strips, channels, n)
    values, weight = layer.weight, layer.weight.detach()
    if x is not None:
        values = _descriptor(x, 1, shape["ROWS"], shape["DEPTH"])
        weight = _descriptor(_split(weight, parts), 1, shape["COLUMNS"], shape["DEPTH"])
    strip = shape["ROWS"], STRIP.value
    forward_kernel[tiles](
        *(values, weight, layer.bias, _descriptor(y, 1, *strip), _descriptor(saved, *strip)),
        *(head, out, layer.weight.shape[1]),
        *_about(layer, points),
        FIRST=x is None,
        PARTS=parts,
        SAVES=saves,
        C=channels,
        ACTIVATION=layer.activation,
        **shape,
    )
    return y, saved, out


def _backward(
    layer: Layer, points: Tensor, value: Tensor, saved: Tensor, above: tuple[Tensor, Tensor] | None,
    to_head: Tensor | None, first: bool,
) -> tuple[Tensor, dict[str, Tensor]]:  # fmt: skip
    """The gradient of a layer's argument [N, n], which the first layer does without, and sums over the points."""
    n, width = len(points), len(layer.weight)
    shape, tiles = tile_shape(width), _tiles(n, width)
    head, channels = _head(layer)
    lengths = {"bias": 1, "weight": points.shape[1] if first else 0, "head": channels}
    lengths["phase"] = 1 if layer.activation == "filter" else 0
    sums = points.new_empty(triton.cdiv(n, shape["ROWS"]), sum(lengths.values()), width)
    to_argument = value if first else _room(points, n, width)
    products, depth = (saved, saved), 0
    if above is not None:
        gradient, weight = above
        depth = len(weight)
        products = (
            _descriptor(gradient, shape["ROWS"], shape["DEPTH"]),
            _descriptor(_split(weight, 1)[0], shape["DEPTH"], shape["COLUMNS"]),
        )
    backward_kernel[tiles](
        *products,
        *(_descriptor(x, shape["ROWS"], STRIP.value) for x in (value, saved, to_argument)),
        *(head, points if to_head is None else to_head, sums, depth),
        *_about(layer, points),
        FIRST=first,
        LAST=above is None,
        C=channels,
        SUMS=sums.shape[1],
        ACTIVATION=layer.activation,
        **shape,
    )
    summed = dict(zip(lengths, sums.sum(0).split(list(lengths.values())), strict=True))
    return to_argument, {name: x if name in ("weight", "head") else x[0] for name, x in summed.items() if len(x)}


def _about(layer: Layer, points: Tensor) -> tuple[Any, ...]:
    """The arguments of both kernels from `points` to `D`."""
    omega, phase = layer.filter or (points, points)
    return points, omega, phase, *layer.constants, len(points), len(layer.weight), points.shape[1]


def _head(layer: Layer) -> tuple[Tensor, int]:
    """The weight of what is read here, and how many channels it has: none of any tensor where nothing is."""
    return (layer.bias, 0) if layer.head is None else (layer.head[0], len(layer.head[0]))


def tile_shape(width: int) -> dict[str, int]:
    """How a kernel is cut: points and units of a tile, depth of a step of its product; warps and steps ahead."""
    columns = STRIP.value if width <= NARROW else 2 * STRIP.value
    return {"ROWS": 128, "COLUMNS": columns, "DEPTH": 64, "num_warps": 4, "num_stages": 3}


def _tiles(n: int, width: int) -> tuple[int]:
    shape = tile_shape(width)
    return (triton.cdiv(n, shape["ROWS"]) * triton.cdiv(width, shape["COLUMNS"]),)


def _room(like: Tensor, *size: int, dtype: torch.dtype = torch.bfloat16) -> Tensor:
    """A tensor of that size, not yet written, its rows aligned to PITCH."""
    *leading, columns = size
    return like.new_empty(*leading, PITCH * triton.cdiv(columns, PITCH), dtype=dtype)[..., :columns]


def _split(x: Tensor, parts: int) -> Tensor:
    """[n, k] → [parts, n, k] in bf16, whose sum over the parts is x as well as it can be."""
    split = _room(x, parts, *x.shape)
    split[0].copy_(x)
    if parts == 2:
        split[1].copy_(x - split[0])
    return split


def _descriptor(x: Tensor, *block: int) -> TensorDescriptor:
    return TensorDescriptor.from_tensor(x, list(block))
