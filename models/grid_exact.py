"""Grid_exact: the grid whose squared error is least, in closed form (Van Loan 2000, "The ubiquitous Kronecker
product").

Interpolation on a lattice is a Kronecker product of one matrix an axis, so its singular value decomposition is that of
the axes.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from common.lattice import Lattice
from common.needs import Needs
from models.base import register
from models.grid import Grid
from models.kernels.interpolation import on_lattice as along_axes


@register
class GridExact(Grid):
    """The least squared error that training of Grid can end at; of several such grids, the one of least norm."""

    name = "Grid_exact"
    label = "classical"

    @dataclass(frozen=True)
    class Config:
        # Singular values of the whole interpolation below this share of the greatest are left out. With nearly as
        # many nodes as samples they go down to 0, and what the rest divides must survive being kept in float32.
        rtol: float

        def __post_init__(self) -> None:
            if not 0 < self.rtol < 1:
                raise ValueError(f"rtol: must be between 0 and 1, got {self.rtol}")

    @classmethod
    def unsupported(cls, dim: int, channels: int, needs: Needs) -> str | None:
        if not needs.pointwise:  # a part of the samples, or sums of them, is no product of one matrix an axis
            return f"{cls.name} solves for values that are observed one by one at every sample, and here they are not."
        return None

    def initialise(self, rng: torch.Generator) -> None:
        torch.nn.init.zeros_(self.values)

    @torch.no_grad()
    def solve(self, lattice: Lattice, target: Tensor) -> bool:
        """The pseudo-inverse of the whole interpolation, factored, applied to the target [*shape, C], in float64."""
        factors: list[list[Tensor]] = []  # one (U, singular values, Vᵀ) an axis
        matrices = self.constants(lattice)
        for k, matrix in enumerate(matrices):
            twin = next((j for j in range(k) if torch.equal(matrices[j], matrix)), None)
            if twin is not None:  # squares and cubes are factored once
                factors.append(factors[twin])
                continue
            # on the CPU, where matrices of this size are quicker and singular ones need no second algorithm
            parts = torch.linalg.svd(matrix.double().cpu(), full_matrices=False)
            factors.append([part.to(self.device) for part in parts])
        strength = torch.ones((), dtype=torch.float64, device=self.device)  # products of singular values: [*modes]
        for _, singular, _ in factors:
            strength = strength[..., None] * singular
        modes = along_axes(target.movedim(-1, 0).double(), tuple(u.T for u, _, _ in factors))  # [C, *modes]
        kept = strength > self.config.rtol * strength.max()
        modes = torch.where(kept, modes / strength.where(kept, 1), 0)
        self.values.copy_(along_axes(modes, tuple(vh.T for _, _, vh in factors)))
        return True
