"""Finer: sines whose frequency grows with their argument (Liu et al. 2024, "FINER", CVPR, section 3)."""

from dataclasses import dataclass
from typing import Annotated

import torch
from torch import nn

from common.dials import Dial
from models.base import register
from models.coordinate_network import draw_sine_weights
from models.elementwise_network import ElementwiseNetwork


@register
class Finer(ElementwiseNetwork):
    """sin(ω(|z| + 1)z) of z = Wx + b. Large biases of the first layer give it the higher frequencies at the start.

    As in the authors' code, |z| is a constant for the gradient, and the output is linear.
    """

    name = "Finer"
    activation = "finer"

    @dataclass(frozen=True)
    class Config:
        # learning rate of Adam; the authors' for images
        lr: Annotated[float, Dial(5e-5, 5e-3, "log", "the authors' 5e-4, a decade each way")]
        # rad per unit of pre-activation, in every layer; the paper's
        omega: Annotated[float, Dial(7.5, 120, "log", "the paper's 30, two octaves each way")]
        # k; the first layer's biases are U(-k, k); the authors' for images
        first_bias: Annotated[float, Dial(0.1, 20, "log", "the paper tries up to 20")]
        hidden_layers: int  # after the first; the paper's

    @property
    def constant(self) -> float:
        return 1 / self.scale

    def initialise(self, rng: torch.Generator) -> None:
        super().initialise(rng)  # the other biases stay at PyTorch's default
        draw_sine_weights([*self.layers, self.output], self.config.omega, rng)
        nn.init.uniform_(
            self.layers[0].get_parameter("bias"), -self.config.first_bias, self.config.first_bias, generator=rng
        )
