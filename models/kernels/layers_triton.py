"""The layers of models/kernels/layers.py in Triton: a kernel a layer, with its activation inside.

Between layers, values travel in bf16: in two parts whose sum has 16 bits, or in the first alone (see bf16x3.py).
With them a layer writes what its backward pass needs, the slope of its activation or its argument, in float16, whose
eleven bits are worth more there than a wide range. The backward kernel makes the gradient of a layer's argument from
that of the next one, and sums over its points what has to be summed: for the bias, the head, a filter's phase, and for
the first layer the coordinates' weights. The gradients of all other weights are products of bf16 matrices, by PyTorch.
"""

import math
import os
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor
from torch.autograd.function import once_differentiable
from triton.language.extra import libdevice
from triton.tools.tensor_descriptor import TensorDescriptor

from models.kernels.bf16x3 import mm
from models.kernels.layers import Layer

PITCH = 64  # values of 16 bits: rows start at lines of the cache, of 128 bytes
NARROW = 192  # units up to which a tile is one strip wide
PER_LAYER = 6  # tensors of a layer among the arguments: weight, bias, filter's ω and φ, head's weight and bias

INTERPRETED = tl.constexpr(os.environ.get("TRITON_INTERPRET") == "1")
STRIP = tl.constexpr(64)  # units whose activation is made at once; more would leave the registers
PER_TURN = tl.constexpr(1 / (2 * math.pi))
TURN_1, TURN_2 = tl.constexpr(6.28125), tl.constexpr(2 * math.pi - 6.28125)
LARGEST = tl.constexpr(65504.0)  # of float16
ROUNDING = tl.constexpr(1.5 * 2**23)  # added and taken off again, it leaves the nearest whole number


def heads(layers: Sequence[Layer], points: Tensor, parts: int) -> Tensor:
    """What the heads of a network say: points [N, d] → [H, N, C], float32.

    parts: 2 for values of 16 bits, 1 for bf16. Widths are multiples of 8.
    """
    layers = _woven(layers)
    tensors: list[Tensor | None] = []
    for layer in layers:
        tensors += [layer.weight, layer.bias, *(layer.filter or (None, None)), *(layer.head or (None, None))]
    values: Tensor = _Heads.apply(points.contiguous(), tuple(layers), parts, *tensors)
    return values


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


def _weave(x: Tensor, axis: int) -> Tensor:
    """The two halves of an axis in turns."""
    return torch.stack(x.chunk(2, axis), axis + 1).flatten(axis, axis + 1)


class _Heads(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, points: Tensor, layers: tuple[Layer, ...], parts: int, *_: Tensor | None) -> Tensor:
        found, kept, x = [], [], None
        for i, layer in enumerate(layers):
            x, saved, out = _forward(layer, points, x, parts, trained=_trained(ctx, i))
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
        for i in reversed(range(len(ctx.layers))):
            layer, value, saved = ctx.layers[i], kept[2 * i], kept[2 * i + 1]
            if not _trained(ctx, i):
                found = [*PER_LAYER * [None], *found]
                continue
            to_head = None if layer.head is None else to_heads.pop()
            to_argument, sums = _backward(layer, points, value, saved, above, to_head, first=i == 0)
            to_weight = sums["weight"].T if i == 0 else mm(to_argument.T, kept[2 * i - 2])
            to_bias_of_head = None if to_head is None else to_head.sum(1)
            found = [to_weight, sums["bias"], None, sums.get("phase"), sums.get("head"), to_bias_of_head, *found]
            above = to_argument, _split(layer.weight.detach(), 1)[0]
        return None, None, None, *found


def _trained(ctx: Any, i: int) -> bool:
    return any(ctx.needs_input_grad[3 + PER_LAYER * i :][:PER_LAYER])


def _forward(
    layer: Layer, points: Tensor, x: Tensor | None, parts: int, trained: bool
) -> tuple[Tensor, Tensor, Tensor]:
    """A layer's values [parts, N, n] of the one before, None for the first; what its backward pass needs [N, n]; and
    its head's values without bias, by strips of units [strips, C, N]."""
    n, width = len(points), len(layer.weight)
    shape, tiles = _shape(width), _tiles(n, width)
    y = _room(points, parts, n, width)
    saves = trained and layer.activation in ("sine", "filter", "gabor")
    saved = _room(points, n, width, dtype=torch.float16) if saves else y[0]
    channels = 0 if layer.head is None else len(layer.head[0])
    strips = triton.cdiv(width, shape["COLUMNS"]) * shape["COLUMNS"] // STRIP.value  # beyond the width, too: zeros
    out = points.new_empty(strips, channels, n)
    values, weight = layer.weight, layer.weight.detach()
    if x is not None:
        values = _descriptor(x, 1, shape["ROWS"], shape["DEPTH"])
        weight = _descriptor(_split(weight, parts), 1, shape["COLUMNS"], shape["DEPTH"])
    strip = shape["ROWS"], STRIP.value
    _forward_kernel[tiles](
        *(values, weight, layer.bias, _descriptor(y, 1, *strip), _descriptor(saved, *strip)),
        *(layer.bias if layer.head is None else layer.head[0], out, layer.weight.shape[1]),
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
    shape, tiles = _shape(width), _tiles(n, width)
    channels = 0 if layer.head is None else len(layer.head[0])
    lengths = {"bias": 1, "weight": points.shape[1] if first else 0, "head": channels}
    lengths["phase"] = 1 if layer.activation == "filter" else 0
    sums = points.new_empty(triton.cdiv(n, shape["ROWS"]), sum(lengths.values()), width)
    to_argument = value if first else _room(points, n, width)
    products, depth = (saved, saved), 0
    if above is not None:
        depth = len(above[1])
        products = (
            _descriptor(above[0], shape["ROWS"], shape["DEPTH"]),
            _descriptor(above[1], shape["DEPTH"], shape["COLUMNS"]),
        )
    _backward_kernel[tiles](
        *products,
        *(_descriptor(x, shape["ROWS"], STRIP.value) for x in (value, saved, to_argument)),
        *(layer.bias if layer.head is None else layer.head[0], points if to_head is None else to_head, sums, depth),
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
    return points, omega, phase, *(layer.gabor or (0.0, 0.0)), len(points), len(layer.weight), points.shape[1]


def _shape(width: int) -> dict[str, int]:
    """How a kernel is cut: points and units of a tile, depth of a step of its product; warps and steps ahead."""
    columns = STRIP.value if width <= NARROW else 2 * STRIP.value
    return {"ROWS": 128, "COLUMNS": columns, "DEPTH": 64, "num_warps": 4, "num_stages": 3}


def _tiles(n: int, width: int) -> tuple[int]:
    shape = _shape(width)
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


@triton.jit
def _sine_and_cosine(x):
    """To 1e-6, and what one rounding of x makes: whole turns are taken off in two parts, the first of so few bits that
    its multiples are exact; the hardware does the rest."""
    turns = x * PER_TURN + ROUNDING - ROUNDING
    r = x - turns * TURN_1
    r = r - turns * TURN_2
    if INTERPRETED:
        sine, cosine = tl.sin(r), tl.cos(r)
    else:
        sine, cosine = libdevice.fast_sinf(r), libdevice.fast_cosf(r)
    return sine, cosine


@triton.jit
def _high(x):
    """x rounded to bf16, in float32."""
    return ((x.to(tl.int32, bitcast=True) + 0x8000) & -0x10000).to(tl.float32, bitcast=True)


@triton.jit
def _dot(a, b, total):
    """total + a b for matrices of bf16, of which Triton's interpreter has no products."""
    if INTERPRETED:
        a, b = a.to(tl.float32), b.to(tl.float32)
    return tl.dot(a, b, total, input_precision="ieee")


@triton.jit
def _strips(x, ROWS: tl.constexpr, COLUMNS: tl.constexpr):
    """A tile's two strips; the tile itself, twice, where it has only one."""
    if COLUMNS == STRIP:
        left, right = x, x
    else:
        left, right = tl.split(tl.permute(tl.reshape(x, (ROWS, 2, STRIP)), (0, 2, 1)))
    return left, right


@triton.jit
def _pairs(x, ROWS: tl.constexpr):
    """Real and imaginary parts of a strip."""
    return tl.split(tl.reshape(x, (ROWS, STRIP // 2, 2)))


@triton.jit
def _affine(points, weight, bias, rows, units, n, width, D: tl.constexpr):
    """W x + b at a tile of points and units."""
    used = units < width
    total = tl.load(bias + units, mask=used, other=0.0)[None, :]
    for k in tl.static_range(D):
        x = tl.load(points + rows * D + k, mask=rows < n, other=0.0)
        total = total + x[:, None] * tl.load(weight + units * D + k, mask=used, other=0.0)[None, :]
    return total


@triton.jit
def _forward_kernel(
    x, w, bias, y, saved, head, out, depth, points, omega, phase, gabor_omega, gabor_sigma, n, width,
    D: tl.constexpr, FIRST: tl.constexpr, PARTS: tl.constexpr, SAVES: tl.constexpr, C: tl.constexpr,
    ACTIVATION: tl.constexpr, ROWS: tl.constexpr, COLUMNS: tl.constexpr, DEPTH: tl.constexpr,
):  # fmt: skip
    tiles = tl.cdiv(width, COLUMNS)
    row, column = tl.program_id(0) // tiles * ROWS, tl.program_id(0) % tiles * COLUMNS
    rows = row + tl.arange(0, ROWS)
    total = tl.zeros((ROWS, COLUMNS), tl.float32)
    if not FIRST:
        # x₁w₁, x₂w₁ and x₁w₂ take turns: several products in one step would each wait for the one before
        PRODUCTS: tl.constexpr = 3 if PARTS == 2 else 1
        for step in range(PRODUCTS * tl.cdiv(depth, DEPTH)):
            k, turn = step // PRODUCTS * DEPTH, step % PRODUCTS
            a = tl.reshape(x.load([turn % 2, row, k]), (ROWS, DEPTH))
            b = tl.reshape(w.load([turn // 2, column, k]), (COLUMNS, DEPTH))
            total = _dot(a, b.T, total)
    left, right = _strips(total, ROWS, COLUMNS)
    for strip in tl.static_range(COLUMNS // STRIP):
        first = column + strip * STRIP
        units = first + tl.arange(0, STRIP)
        used = units < width
        if FIRST:  # w is W itself
            argument = _affine(points, w, bias, rows, units, n, width, D)
        else:
            argument = (left if strip == 0 else right) + tl.load(bias + units, mask=used, other=0.0)[None, :]
        value, kept = argument, argument
        if ACTIVATION == "sine":
            value, kept = _sine_and_cosine(argument)
        elif ACTIVATION == "relu":
            value = tl.maximum(argument, 0.0)
        elif ACTIVATION == "filter":
            factor, _ = _sine_and_cosine(_affine(points, omega, phase, rows, units, n, width, D))
            value = factor * argument
        elif ACTIVATION == "gabor":
            a, b = _pairs(argument, ROWS)
            modulus = tl.exp(-gabor_omega * b - gabor_sigma * gabor_sigma * (a * a + b * b))
            sine, cosine = _sine_and_cosine(gabor_omega * a)
            value = tl.reshape(tl.join(modulus * cosine, modulus * sine), (ROWS, STRIP))
        high = _high(value)
        y.store([0, row, first], tl.reshape(high.to(tl.bfloat16), (1, ROWS, STRIP)))
        if PARTS == 2:
            y.store([1, row, first], tl.reshape((value - high).to(tl.bfloat16), (1, ROWS, STRIP)))
        if SAVES:
            if ACTIVATION != "sine":
                kept = tl.minimum(tl.maximum(kept, -LARGEST), LARGEST)
            saved.store([row, first], kept.to(tl.float16))
        for c in tl.static_range(C):
            weights = tl.load(head + c * width + units, mask=used, other=0.0)
            read = tl.sum(value * weights[None, :], axis=1)
            tl.store(out + (first // STRIP * C + c) * n + rows, read, mask=rows < n)


@triton.jit
def _backward_kernel(
    next_gradient, next_weight, y, saved, to_argument, head, to_head, sums, depth, points, omega, phase, gabor_omega,
    gabor_sigma, n, width, D: tl.constexpr, FIRST: tl.constexpr, LAST: tl.constexpr, C: tl.constexpr,
    SUMS: tl.constexpr, ACTIVATION: tl.constexpr, ROWS: tl.constexpr, COLUMNS: tl.constexpr, DEPTH: tl.constexpr,
):  # fmt: skip
    tiles = tl.cdiv(width, COLUMNS)
    row_tile, column = tl.program_id(0) // tiles, tl.program_id(0) % tiles * COLUMNS
    row = row_tile * ROWS
    rows = row + tl.arange(0, ROWS)
    total = tl.zeros((ROWS, COLUMNS), tl.float32)
    if not LAST:
        for k in range(0, depth, DEPTH):
            total = _dot(next_gradient.load([row, k]), next_weight.load([k, column]), total)
    left, right = _strips(total, ROWS, COLUMNS)
    HEAD: tl.constexpr = 1 + D if FIRST else 1  # of the sums, where the head's begin
    for strip in tl.static_range(COLUMNS // STRIP):
        first = column + strip * STRIP
        units = first + tl.arange(0, STRIP)
        used = units < width
        gradient = left if strip == 0 else right
        to_sums = sums + row_tile * SUMS * width + units
        if (C > 0) or (ACTIVATION == "relu") or (ACTIVATION == "gabor"):
            value = y.load([row, first]).to(tl.float32)
        for c in tl.static_range(C):
            given = tl.load(to_head + c * n + rows, mask=rows < n, other=0.0)[:, None]
            gradient += given * tl.load(head + c * width + units, mask=used, other=0.0)[None, :]
            tl.store(to_sums + (HEAD + c) * width, tl.sum(given * value, axis=0), mask=used)
        if ACTIVATION == "sine":
            gradient *= saved.load([row, first]).to(tl.float32)
        elif ACTIVATION == "relu":
            gradient = tl.where(value > 0, gradient, 0.0)
        elif ACTIVATION == "filter":
            factor, slope = _sine_and_cosine(_affine(points, omega, phase, rows, units, n, width, D))
            to_phase = gradient * saved.load([row, first]).to(tl.float32) * slope
            tl.store(to_sums + (HEAD + C) * width, tl.sum(to_phase, axis=0), mask=used)
            gradient *= factor
        elif ACTIVATION == "gabor":
            a, b = _pairs(saved.load([row, first]).to(tl.float32), ROWS)
            real, imaginary = _pairs(value, ROWS)
            to_real, to_imaginary = _pairs(gradient, ROWS)
            radial = to_real * real + to_imaginary * imaginary  # towards a larger modulus
            angular = to_imaginary * real - to_real * imaginary  # towards a larger phase
            twice = 2 * gabor_sigma * gabor_sigma
            to_a = gabor_omega * angular - twice * a * radial
            to_b = -(gabor_omega + twice * b) * radial
            gradient = tl.reshape(tl.join(to_a, to_b), (ROWS, STRIP))
        tl.store(to_sums, tl.sum(gradient, axis=0), mask=used)
        if FIRST:
            for k in tl.static_range(D):
                coordinate = tl.load(points + rows * D + k, mask=rows < n, other=0.0)[:, None]
                tl.store(to_sums + (1 + k) * width, tl.sum(gradient * coordinate, axis=0), mask=used)
        else:
            to_argument.store([row, first], gradient.to(tl.bfloat16))
