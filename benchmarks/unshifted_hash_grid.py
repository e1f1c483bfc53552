"""The hash grid fed as in the paper's released code: coordinates in [-1, 1), which its encoding takes for [0, 1).

    python run.py --signal DIV2K --items 0064 --task fit --preset paper --length 160 --steps 400 --sizes 1e4 1e5 \
        --models Instant_NGP benchmarks/unshifted_hash_grid.py --device cpu

docs/results_real.md, "Where ours differs from the published value, and why" has what this costs.
"""

from dataclasses import dataclass

from torch import Tensor

from common.lattice import Lattice
from models.base import Representation, register
from models.instant_ngp import Instant_NGP


@register
class UnshiftedHashGrid(Instant_NGP):
    """Instant_NGP, but that coordinates are not taken to [0, 1)."""

    name = "UnshiftedHashGrid"

    @dataclass(frozen=True)
    class Config:
        """Instant_NGP's own settings."""

        lr: float = 1e-2
        levels: int = 16
        features: int = 2
        base_resolution: int = 16
        growth: float = 1.5
        hidden: int = 64
        initial_range: float = 1e-4
        table: str = "power_of_two"

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(2 * x - 1)  # of which it makes x

    def on_lattice(self, lattice: Lattice) -> Tensor:
        return Representation.on_lattice(self, lattice)
