"""Networks of layers, as models declare them, and their values in plain PyTorch.

models/kernels/network/layers_triton.py runs the same declaration fused.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from models.kernels.network.activations import ELEMENTWISE
from models.kernels.network.sine import sine, sine_values

Pair = tuple[Tensor, Tensor]


@dataclass(frozen=True)
class Layer:
    """y = activation(W x + b); the first layer of a network reads coordinates, every other the layer before it.

    weight: W [n, k]. bias: b [n].
    activation: a name of activations.py, or one of two that look at more than one unit's argument: `filter` multiplies
        by sin(ω·r + φ) of the coordinates r; `gabor` takes the first half of the units as real and the second as
        imaginary parts.
    filter: ω [n, d], which is not trained, and φ [n].
    constants: of the activation; gabor's are ω and σ, the others' is the first.
    head: weight [C, n] and bias [C] of an output of the network that is read here.
    """

    weight: Tensor
    bias: Tensor
    activation: str
    filter: Pair | None = None
    constants: tuple[float, float] = (0.0, 0.0)
    head: Pair | None = None


def heads(layers: Sequence[Layer], coordinates: Sequence[Tensor]) -> Tensor:
    """What the heads of a network say: d coordinates that broadcast to [*points, 1] → [H, *points, C]."""
    first, *others = layers
    x = _activate(affine(coordinates, first.weight, first.bias), first)
    own = [] if first.head is None else [F.linear(x, *first.head)]
    return torch.stack([*own, *following(others, x, coordinates)])


def following(layers: Sequence[Layer], x: Tensor, coordinates: Sequence[Tensor] = ()) -> list[Tensor]:
    """The same of the layers after one whose values are x [*points, k], one [*points, C] a head; only filters ask for
    the coordinates."""
    found, omega, phase, factor = [], None, None, None
    for layer in layers:
        if layer.filter is not None and (layer.filter[0] is not omega or layer.filter[1] is not phase):
            omega, phase = layer.filter
            factor = sine(affine(coordinates, omega, phase))
        x = _activate(F.linear(x, layer.weight, layer.bias), layer, factor)
        if layer.head is not None:
            found.append(F.linear(x, *layer.head))
    return found


def affine(coordinates: Sequence[Tensor], weight: Tensor, bias: Tensor) -> Tensor:
    """W x + b: d coordinates that broadcast to [*points, 1], weight [w, d], bias [w] → [*points, w].

    Written as a sum and not as a matrix product, because phases of hundreds of radians need all of float32
    even where products are made in TF32 or bf16; and so that on a lattice it is a sum of one-axis tables.
    """
    total = bias
    for x, column in zip(coordinates, weight.unbind(1), strict=True):
        total = total + x * column
    return total


def _activate(x: Tensor, layer: Layer, factor: Tensor | None = None) -> Tensor:
    if layer.activation == "filter":
        assert factor is not None
        return factor * x
    if layer.activation == "gabor":
        return Gabor.apply(x, *layer.constants)
    return ELEMENTWISE[layer.activation](x, layer.constants[0])


class Gabor(torch.autograd.Function):
    """exp(iωz - |σz|²) of z = a + ib, on pairs [N, 2 w].

    The gradient needs the argument and the value alone, so nothing else is kept and nothing
    transcendental is computed twice.
    """

    @staticmethod
    def forward(ctx: Any, z: Tensor, omega: float, sigma: float) -> Tensor:
        a, b = z.reshape(*z.shape[:-1], 2, 1, z.shape[-1] // 2).unbind(-3)  # [N, 1, w]
        modulus = torch.exp(-omega * b - sigma**2 * (a.square() + b.square()))
        # a cosine is a sine a quarter turn on; joined from two parts, a compiled value would be computed twice
        quarter = (math.pi / 2) * torch.arange(1, -1, -1, dtype=z.dtype, device=z.device)[:, None]
        value = (modulus * sine_values(omega * a + quarter)).flatten(-2)
        ctx.save_for_backward(z, value)
        ctx.omega, ctx.sigma = omega, sigma
        return value

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        z, value = ctx.saved_tensors
        a, b = z.chunk(2, dim=-1)
        real, imaginary = value.chunk(2, dim=-1)
        to_real, to_imaginary = gradients[0].chunk(2, dim=-1)
        radial = to_real * real + to_imaginary * imaginary  # towards a larger modulus
        angular = to_imaginary * real - to_real * imaginary  # towards a larger phase
        to_a = ctx.omega * angular - 2 * ctx.sigma**2 * a * radial
        to_b = -(ctx.omega + 2 * ctx.sigma**2 * b) * radial
        return torch.cat([to_a, to_b], dim=-1), None, None
