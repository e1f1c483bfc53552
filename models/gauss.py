"""Gauss: a coordinate network with Gaussian activations (Ramasinghe & Lucey 2022, "Beyond Periodicity", section 4)."""

from dataclasses import dataclass
from typing import Annotated

from common.dials import Dial
from models.base import register
from models.elementwise_network import ElementwiseNetwork


@register
class Gauss(ElementwiseNetwork):
    """exp(-(sz)²) of z = Wx + b, from PyTorch's own initial values."""

    name = "Gauss"
    activation = "gauss"

    @dataclass(frozen=True)
    class Config:
        # learning rate of Adam; that of Liu et al. 2024, who compare it on images
        lr: Annotated[float, Dial(5e-4, 5e-2, "log", "their 5e-3, a decade each way")]
        # s, per unit of pre-activation; ours, as that of Liu et al. 2024, 30, is for wider networks
        inverse_width: Annotated[float, Dial(2.5, 60, "log", "ours, 10, two octaves down; theirs, an octave up")]
        hidden_layers: int  # after the first; as of the other networks

    @property
    def scale(self) -> float:
        return float(self.config.inverse_width)
