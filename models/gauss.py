"""Gauss: a coordinate network with Gaussian activations (Ramasinghe & Lucey 2022, "Beyond Periodicity", section 4)."""

from dataclasses import dataclass

from models.base import register
from models.elementwise_network import ElementwiseNetwork


@register
class Gauss(ElementwiseNetwork):
    """exp(-(sz)²) of z = Wx + b, from PyTorch's own initial values."""

    name = "Gauss"
    activation = "gauss"

    @dataclass(frozen=True)
    class Config:
        lr: float  # learning rate of Adam; Liu et al. 2024, who compare it on images
        inverse_width: float  # s, per unit of pre-activation; ours, as theirs, 30, is for wider networks
        hidden_layers: int  # after the first; the same

    @property
    def scale(self) -> float:
        return float(self.config.inverse_width)
