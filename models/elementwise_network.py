"""Coordinate networks that differ in their activation alone: an entry of models/kernels/network/activations.py."""

import itertools
from dataclasses import replace
from typing import Any, ClassVar

from torch import nn

from common.lattice import Lattice
from models.coordinate_network import CoordinateNetwork
from models.kernels.network.aligned import aligned, widened
from models.kernels.network.layers import Layer


class ElementwiseNetwork(CoordinateNetwork):
    """φ(s(Wx + b)) in a first and some hidden layers, then a linear output. The size dial is the width.

    A subclass names φ, and s where it is not the setting `omega`. Its `Config` has `hidden_layers`, which are those
    after the first.
    """

    activation: ClassVar[str]

    def __init__(self, config: Any, lattice: Lattice, channels: int, size: int):
        super().__init__(config, lattice, channels, size)
        widths = [self.dim, *[size] * (config.hidden_layers + 1)]
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in itertools.pairwise(widths))
        self.output = nn.Linear(size, channels)

    @property
    def scale(self) -> float:
        """s; by default the setting ω."""
        return float(self.config.omega)

    @property
    def constant(self) -> float:
        """What else φ asks for."""
        return 0.0

    def chain(self) -> list[Layer]:
        about: dict[str, Any] = {"activation": self.activation, "constants": (self.constant, 0.0)}
        first, *hidden = self.layers
        weight, bias = (aligned(self.scale * values, 0) for values in first.parameters())
        found = [Layer(weight, bias, **about)]
        found += [Layer(*widened(layer, self.scale), **about) for layer in hidden]  # scales weights, not activations
        return [*found[:-1], replace(found[-1], head=widened(self.output, output=True))]
