"""KPlanes: products over planes, one for each pair of axes, at several resolutions (Fridovich-Keil et al. 2023,
"K-Planes: Explicit Radiance Fields in Space, Time, and Appearance", CVPR, section 3)."""

import itertools
import math
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import torch
from torch import Tensor, nn

from common.dials import Choice, Dial
from common.lattice import Lattice
from models.base import register
from models.feature_tables import FeatureTables, perceptron
from models.settings import check_counts, check_range


@register
class KPlanes(FeatureTables):
    """3D: xy · xz · yz at every scale, scales side by side, decoded. Two axes have one pair, so in 2D nothing is
    multiplied: planes of several resolutions and a decoder.

    The size dial is the number of nodes an axis of the finest planes. Features grow with it in the paper's proportion,
    from `least_features` on.
    """

    name = "KPlanes"
    smallest = 2

    @dataclass(frozen=True)
    class Config:
        # learning rate of Adam; the authors'
        lr: Annotated[float, Dial(1e-3, 1e-1, "log", "the authors' 1e-2, a decade each way")]
        scales: tuple[int, ...]  # resolutions of the planes, by proportion; the authors'
        # nodes along an axis of the finest planes for each feature; the authors' 512 for 32 features
        nodes_a_feature: Annotated[int, Dial(4, 64, "log", "the authors' 16, two octaves each way")]
        # features of each scale, at least; ours, for small budgets
        least_features: Annotated[int, Dial(1, 16, "log", "ours, 4, two octaves each way")]
        # a small network or a linear map: the paper's hybrid and explicit models
        decoder: Annotated[Literal["mlp", "linear"], Choice("the paper has both")]
        hidden: int  # width of the mlp's hidden layer; the authors'
        initial_range: tuple[float, float]  # uniform initial values of the planes; the authors'

        def __post_init__(self) -> None:
            check_counts("scales", self.scales)
            check_range("initial_range", self.initial_range)

    def __init__(self, config: Any, lattice: Lattice, channels: int, size: int):
        super().__init__(config, lattice, channels, size)
        features = max(config.least_features, size // config.nodes_a_feature)
        self.pairs = list(itertools.combinations(range(self.dim), 2))
        for scale in config.scales:
            nodes = max(2, round(size * scale / max(config.scales)))
            for pair in self.pairs:
                self.add_table(features, pair, (nodes, nodes))
        inputs = features * len(config.scales)
        mlp = config.decoder == "mlp"
        self.decoder = (
            perceptron(inputs, config.hidden, channels) if mlp else nn.Sequential(nn.Linear(inputs, channels))
        )

    def initialise(self, rng: torch.Generator) -> None:
        super().initialise(rng)  # the decoder stays at PyTorch's default
        least, greatest = self.config.initial_range
        for table in self.tables:
            nn.init.uniform_(table, least, greatest, generator=rng)

    def combine(self, parts: list[Tensor]) -> Tensor:
        k = len(self.pairs)
        return torch.cat([math.prod(parts[i + 1 : i + k], start=parts[i]) for i in range(0, len(parts), k)])
