"""HOSC: a coordinate network with sines that are sharpened to square waves (Serrano et al. 2024, "HOSC: A Periodic
Activation Function for Preserving Sharp Features in Implicit Neural Representations", section 3)."""

from dataclasses import dataclass

import torch

from models.base import register
from models.elementwise_network import ElementwiseNetwork, draw_sine_weights


@register
class HOSC(ElementwiseNetwork):
    """tanh(β sin(ωz)) of z = Wx + b."""

    name = "HOSC"
    activation = "hosc"

    @dataclass(frozen=True)
    class Config:
        lr: float  # learning rate of Adam; ours, from a few values on an image
        omega: float  # rad per unit of pre-activation, in every layer; ours, likewise
        sharpness: float  # β; ours, likewise
        hidden_layers: int  # after the first; as of the other networks

    @property
    def scale(self) -> float:
        return float(self.config.omega)

    @property
    def constant(self) -> float:
        return float(self.config.sharpness)

    def initialise(self, rng: torch.Generator) -> None:
        super().initialise(rng)  # the biases stay at PyTorch's default
        draw_sine_weights([*self.layers, self.output], self.config.omega, rng)
