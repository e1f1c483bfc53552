"""TensoRF: sums of outer products of vectors and matrices (Chen et al. 2022, "TensoRF: Tensorial Radiance
Fields", ECCV, section 3)."""

from dataclasses import dataclass
from typing import Annotated, Any

import torch
from torch import Tensor, nn

from common.dials import Dial
from common.lattice import Lattice
from models.base import register
from models.feature_tables import FeatureTables


@register
class TensoRF(FeatureTables):
    """3D, vector-matrix: x·yz, y·xz and z·xy, and a linear decoder. Two axes leave no matrix beside a vector, so in 2D
    it is the paper's other form, CP: x·y.

    The size dial is the number of features times the length of the longest axis. It buys features on tables of the
    lattice's own lengths; where it would buy fewer than `least_features`, the tables shrink instead.
    """

    name = "TensoRF"

    @dataclass(frozen=True)
    class Config:
        # learning rate of Adam; the authors' for tables
        lr: Annotated[float, Dial(2e-3, 2e-1, "log", "the authors' 2e-2, a decade each way")]
        # features of a term, below which tables shrink instead; ours
        least_features: Annotated[int, Dial(1, 32, "log", "ours, 4, two octaves down and three up")]
        # standard deviation of the tables' initial values; the authors' of vector-matrix, whose CP has 0.2
        initial_sigma: Annotated[float, Dial(1e-2, 1, "log", "the authors' 0.1, a decade each way")]

    def __init__(self, config: Any, lattice: Lattice, channels: int, size: int):
        super().__init__(config, lattice, channels, size)
        longest = max(lattice.shape)
        features = max(config.least_features, size // longest)
        shrink = min(1.0, size / (features * longest))
        nodes = [max(2, round(shrink * n)) for n in lattice.shape]
        self.terms = 1 if self.dim == 2 else 3
        for k in range(self.terms):  # a vector, then what it is multiplied by
            for axes in ((k,), tuple(j for j in range(self.dim) if j != k)):
                self.add_table(features, axes, [nodes[j] for j in axes])
        self.decoder = nn.Sequential(nn.Linear(self.terms * features, channels))

    def initialise(self, rng: torch.Generator) -> None:
        super().initialise(rng)  # the decoder stays at PyTorch's default
        for table in self.tables:
            nn.init.normal_(table, 0, self.config.initial_sigma, generator=rng)

    def combine(self, parts: list[Tensor]) -> Tensor:
        return torch.cat([parts[i] * parts[i + 1] for i in range(0, len(parts), 2)])
