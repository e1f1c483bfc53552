"""Siren: a coordinate network with sine activations (Sitzmann et al. 2020, sections 3.1 and 3.2)."""

import itertools
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal

import torch
from torch import Tensor, nn

from common.dials import Choice, Dial
from common.lattice import Lattice
from models.base import register
from models.coordinate_network import CoordinateNetwork, draw_sine_weights
from models.kernels.network.aligned import aligned, widened
from models.kernels.network.layers import Layer
from models.kernels.network.sine import sine


@register
class Siren(CoordinateNetwork):
    """sin(ω(Wx + b)) in every layer. The size dial is the width."""

    name = "Siren"
    precision = "bf16x3"  # with phases multiplied by ω = 90, TF32 products lose up to 11 dB

    @dataclass(frozen=True)
    class Config:
        # learning rate of Adam
        lr: Annotated[float, Dial(3e-5, 3e-3, "log", "the paper's 1e-4, and what a lower ω bears")]
        # rad per unit of pre-activation, in every layer
        omega: Annotated[float, Dial(10, 120, "log", "Sitzmann et al. 2020 have 30, the paper 90")]
        hidden_layers: int  # after the first
        # whether the output is a sine layer too
        output: Annotated[Literal["sine", "linear"], Choice("Sitzmann et al. 2020 have a linear one, the paper a sine")]

    def __init__(self, config: Any, lattice: Lattice, channels: int, size: int):
        super().__init__(config, lattice, channels, size)
        widths = [self.dim, *[size] * (config.hidden_layers + 1), channels]
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in itertools.pairwise(widths))

    def initialise(self, rng: torch.Generator) -> None:
        super().initialise(rng)  # the biases stay at PyTorch's default
        draw_sine_weights(self.layers, self.config.omega, rng)

    def chain(self) -> list[Layer]:
        omega = self.config.omega
        first, *hidden, output = self.layers
        weight, bias = (aligned(omega * values, 0) for values in first.parameters())
        found = [Layer(weight, bias, "sine")]
        for layer in hidden:  # ω scales small weights rather than large activations
            found.append(Layer(*widened(layer, omega), "sine"))
        return [*found[:-1], replace(found[-1], head=widened(output, output=True))]

    def finish(self, heads: Tensor) -> Tensor:
        return sine(self.config.omega * heads) if self.config.output == "sine" else heads
