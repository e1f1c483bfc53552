"""Sinc: a coordinate network with cardinal sines as activations (Saratchandran et al. 2024, "A Sampling Theory
Perspective on Activations for Implicit Neural Representations", ICML, section 3)."""

from dataclasses import dataclass
from typing import Annotated

from common.dials import Dial
from models.base import register
from models.elementwise_network import ElementwiseNetwork


@register
class Sinc(ElementwiseNetwork):
    """sin(ωz)/(ωz) of z = Wx + b, from PyTorch's own initial values."""

    name = "Sinc"
    activation = "sinc"

    @dataclass(frozen=True)
    class Config:
        # learning rate of Adam; ours, from a few values on an image
        lr: Annotated[float, Dial(5e-4, 5e-2, "log", "ours, 5e-3, a decade each way")]
        # rad per unit of pre-activation, in every layer; ours, from a few values on an image
        omega: Annotated[float, Dial(2.5, 40, "log", "ours, 10, two octaves each way")]
        hidden_layers: int  # after the first; as of the other networks
