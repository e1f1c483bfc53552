"""Wire: a coordinate network with complex Gabor wavelets as activations (Saragadam et al. 2023, section 3).

Complex numbers are kept as real pairs, [re | im] along the last axis: a complex layer is one real
product with [[Wr, -Wi], [Wi, Wr]], and the fused Adam, which refuses complex values, can be used.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.base import register
from models.coordinate_network import CoordinateNetwork, affine
from models.kernels.aligned import aligned
from models.kernels.sine import sine_values
from target_signals.lattice import Lattice


class ComplexLinear(nn.Module):
    """A complex affine map on real pairs, a and b aligned: [N, 2 a'] → [N, 2 b']; 2 (a b + b) real values."""

    def __init__(self, fan_in: int, fan_out: int):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(2, fan_out, fan_in))  # real, imaginary
        self.bias = nn.Parameter(torch.empty(2 * fan_out))

    def forward(self, x: Tensor) -> Tensor:
        real, imaginary = aligned(self.weight, 1, 2)
        block = torch.cat([torch.cat([real, -imaginary], dim=1), torch.cat([imaginary, real], dim=1)])
        return F.linear(x, block, aligned(self.bias.reshape(2, -1), 1).flatten())


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


@register
class Wire(CoordinateNetwork):
    """First layer real → complex, hidden complex layers, complex linear output, real part of it.

    The size dial is the complex width. The imaginary part of the output's bias never reaches the
    answer, so it is not stored.
    """

    name = "Wire"
    precision = "bf16x3"  # TF32 products cost 0.3 dB of 40 on Bandlimited 0.5 at 1e5 parameters

    @dataclass(frozen=True)
    class Config:
        lr: float  # learning rate of Adam
        omega: float  # ω₀, rad per unit of pre-activation
        sigma: float  # σ₀, inverse width of the Gaussian envelope
        hidden_layers: int  # complex layers after the first

    def __init__(self, config: Any, lattice: Lattice, channels: int, size: int):
        super().__init__(config, lattice, channels, size)
        self.first = nn.Linear(self.dim, size)
        self.hidden = nn.ModuleList(ComplexLinear(size, size) for _ in range(config.hidden_layers))
        self.output = nn.Linear(2 * size, channels)  # weights [Re | -Im]: the real part of a complex product

    def initialise(self, rng: torch.Generator) -> None:
        """PyTorch's default U(±1/√fan_in), a complex fan counted once."""
        for layer in [self.first, *self.hidden, self.output]:
            fan_in = self.dim if layer is self.first else self.size
            for values in layer.parameters():
                nn.init.uniform_(values, -1 / math.sqrt(fan_in), 1 / math.sqrt(fan_in), generator=rng)

    def network(self, coordinates: Sequence[Tensor]) -> Tensor:
        real = affine(coordinates, aligned(self.first.weight, 0), aligned(self.first.bias, 0))
        values = self._gabor(torch.cat([real, torch.zeros_like(real)], dim=-1))
        for layer in self.hidden:
            values = self._gabor(layer(values))
        pairs = self.output.weight.reshape(-1, 2, self.size)
        return F.linear(values, aligned(pairs, 2).flatten(1), self.output.bias)[None]

    def _gabor(self, z: Tensor) -> Tensor:
        return Gabor.apply(z, self.config.omega, self.config.sigma)
