"""Wire: a coordinate network with complex Gabor wavelets as activations (Saragadam et al. 2023, section 3).

Complex numbers are kept as real pairs, [re | im] along the last axis: a complex layer is one real
product with [[Wr, -Wi], [Wi, Wr]], and the fused Adam, which refuses complex values, can be used.
"""

import math
from dataclasses import dataclass, replace
from typing import Annotated, Any

import torch
from torch import Tensor, nn

from common.dials import Dial
from common.lattice import Lattice
from models.base import register
from models.coordinate_network import CoordinateNetwork
from models.kernels.network.aligned import aligned
from models.kernels.network.layers import Layer


class ComplexLinear(nn.Module):
    """A complex affine map, whose 2 (a b + b) real values are its own."""

    def __init__(self, fan_in: int, fan_out: int):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(2, fan_out, fan_in))  # real, imaginary
        self.bias = nn.Parameter(torch.empty(2 * fan_out))  # real ones first

    def on_pairs(self) -> tuple[Tensor, Tensor]:
        """Weight [2 b', 2 a'] and bias [2 b'] of the same map on real pairs, a' and b' aligned."""
        real, imaginary = aligned(self.weight, 1, 2)
        block = torch.cat([torch.cat([real, -imaginary], dim=1), torch.cat([imaginary, real], dim=1)])
        return block, aligned(self.bias.reshape(2, -1), 1).flatten()


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
        # learning rate of Adam
        lr: Annotated[float, Dial(1e-4, 2e-2, "log", "Saragadam et al. 2023 have 5e-3, the paper 5e-4")]
        # ω₀, rad per unit of pre-activation
        omega: Annotated[float, Dial(4, 60, "log", "the paper's 15, two octaves each way")]
        # σ₀, inverse width of the Gaussian envelope
        sigma: Annotated[float, Dial(2.5, 40, "log", "the paper's 10, two octaves each way")]
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

    def chain(self) -> list[Layer]:
        gabor = self.config.omega, self.config.sigma
        weight, bias = (aligned(x, 0) for x in self.first.parameters())
        maps = [(torch.cat([weight, torch.zeros_like(weight)]), torch.cat([bias, torch.zeros_like(bias)]))]
        maps += [layer.on_pairs() for layer in self.hidden if isinstance(layer, ComplexLinear)]
        found = [Layer(weight, bias, "gabor", constants=gabor) for weight, bias in maps]
        to_output = aligned(self.output.weight.reshape(-1, 2, self.size), 2).flatten(1)
        return [*found[:-1], replace(found[-1], head=(to_output, self.output.bias))]
