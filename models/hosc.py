"""HOSC: a coordinate network with sines that are sharpened to square waves (Serrano et al. 2024, "HOSC: A Periodic
Activation Function for Preserving Sharp Features in Implicit Neural Representations", section 3; ω is of Włodarczyk,
Serrano & Musialski 2026, "HOSC: A Periodic Activation with Saturation Control")."""

from dataclasses import dataclass
from typing import Annotated

import torch

from common.dials import Dial
from models.base import register
from models.coordinate_network import draw_sine_weights
from models.elementwise_network import ElementwiseNetwork


@register
class HOSC(ElementwiseNetwork):
    """tanh(β sin(ωz)) of z = Wx + b."""

    name = "HOSC"
    activation = "hosc"

    @dataclass(frozen=True)
    class Config:
        # learning rate of Adam; ours, from a few values on an image
        lr: Annotated[float, Dial(1e-4, 1e-2, "log", "ours, 1e-3, a decade each way")]
        # rad per unit of pre-activation, in every layer; ours, from a few values on an image
        omega: Annotated[float, Dial(4, 60, "log", "ours, 15, two octaves each way")]
        # β; ours, from a few values on an image
        sharpness: Annotated[float, Dial(0.5, 16, "log", "from nearly a sine to nearly a square wave")]
        hidden_layers: int  # after the first; as of the other networks

    @property
    def constant(self) -> float:
        return float(self.config.sharpness)

    def initialise(self, rng: torch.Generator) -> None:
        super().initialise(rng)  # the biases stay at PyTorch's default
        draw_sine_weights([*self.layers, self.output], self.config.omega, rng)
