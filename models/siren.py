"""Siren: a coordinate network with sine activations (Sitzmann et al. 2020, sections 3.1 and 3.2)."""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.base import register
from models.coordinate_network import CoordinateNetwork, affine
from models.kernels.aligned import aligned, widened
from models.kernels.sine import sine
from target_signals.lattice import Lattice


@register
class Siren(CoordinateNetwork):
    """sin(ω(Wx + b)) in every layer. The size dial is the width."""

    name = "Siren"
    precision = "bf16x3"  # with phases multiplied by ω = 90, TF32 products lose up to 11 dB

    @dataclass(frozen=True)
    class Config:
        lr: float  # learning rate of Adam
        omega: float  # rad per unit of pre-activation, in every layer
        hidden_layers: int  # after the first
        output: Literal["sine", "linear"]  # whether the output is a sine layer too

    def __init__(self, config: Any, lattice: Lattice, channels: int, size: int):
        super().__init__(config, lattice, channels, size)
        widths = [self.dim, *[size] * (config.hidden_layers + 1), channels]
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in itertools.pairwise(widths))

    def initialise(self, rng: torch.Generator) -> None:
        super().initialise(rng)  # the biases stay at PyTorch's default
        for i, layer in enumerate(self.layers):
            weight = layer.get_parameter("weight")  # [out, in]
            fan_in = weight.shape[1]
            bound = 1 / fan_in if i == 0 else math.sqrt(6 / fan_in) / self.config.omega
            nn.init.uniform_(weight, -bound, bound, generator=rng)

    def network(self, coordinates: Sequence[Tensor]) -> Tensor:
        omega = self.config.omega
        first, *hidden, output = self.layers
        x = sine(affine(coordinates, *(aligned(omega * values, 0) for values in first.parameters())))
        for layer in hidden:  # ω scales small weights rather than large activations
            x = sine(F.linear(x, *widened(layer, omega)))
        x = F.linear(x, *widened(output, output=True))
        return (sine(omega * x) if self.config.output == "sine" else x)[None]
