"""What transform codecs share: a signal is a linear transform's few coefficients of largest magnitude.

Only the count is limited: coefficients are kept as they are, neither quantised nor entropy-coded. A
transform whose basis is orthonormal loses the least squared error that so many coefficients allow
(Parseval).
"""

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from common.lattice import Lattice
from common.needs import Needs
from models.base import Representation

RED, GREEN, BLUE = 0.299, 0.587, 0.114  # luma weights of ITU-R BT.601, which JPEG uses (JFIF 1.02)


def ycbcr_matrix() -> np.ndarray:
    """RGB → Y, Cb, Cr as in JPEG, without its offsets of one half: [3, 3]."""
    luma = np.array([RED, GREEN, BLUE])
    blue, red = np.array([0, 0, 1]), np.array([1, 0, 0])
    return np.stack([luma, (blue - luma) / (2 * (1 - BLUE)), (red - luma) / (2 * (1 - RED))])


class TransformCodec(Representation):
    """Keeps `size` coefficients of the signal on its training lattice, and has values nowhere else.

    The size dial is the number of kept coefficients over all channels, at most those there are. An
    index and a value each count as one stored value. Images of three channels are taken for RGB and
    coded in YCbCr; other channels are coded as they are.

    A subclass defines `coefficients` (how many there are a channel), `analyse` and `synthesise`.
    """

    label = "classical"
    lattice_only = True
    indices: Tensor

    def __init__(self, config: Any, lattice: Lattice, channels: int, size: int):
        super().__init__(config, lattice, channels, size)
        kept = min(size, channels * self.coefficients(config, lattice))
        self.values = nn.Parameter(torch.empty(kept), requires_grad=False)  # in order of their indices
        self.register_buffer("indices", torch.empty(kept, dtype=torch.int64))  # into all coefficients, [C · n]

    @classmethod
    def coefficients(cls, config: Any, lattice: Lattice) -> int:
        """How many coefficients n one channel has."""
        raise NotImplementedError

    def analyse(self, values: Tensor) -> Tensor:
        """The forward transform of each channel: float64 [C, *shape] → [C, n]."""
        raise NotImplementedError

    def synthesise(self, coefficients: Tensor) -> Tensor:
        """The inverse transform of each channel: float64 [C, n] → [C, *shape]."""
        raise NotImplementedError

    @classmethod
    def unsupported(cls, dim: int, channels: int, needs: Needs) -> str | None:
        if not needs.pointwise:
            return f"{cls.name} transforms values that are observed one by one at every sample, and here they are not."
        if needs.off_lattice:
            return f"{cls.name} has values at the samples it was given and nowhere between them."
        return None

    @classmethod
    def solve_size(cls, config: Any, lattice: Lattice, channels: int, budget: int) -> int | None:
        kept = min(budget // 2, channels * cls.coefficients(config, lattice))
        return kept if kept >= cls.smallest else None

    def count_values(self) -> int:
        """A value and an index for every kept coefficient."""
        return 2 * self.values.numel()

    def load_state_dict(self, *given: Any, **named: Any) -> Any:
        """As PyTorch's, and ValueError where an index, which may be a stranger's, points nowhere."""
        found = super().load_state_dict(*given, **named)
        total = self.channels * self.coefficients(self.config, self.lattice)
        if len(self.indices) and not (self.indices.min() >= 0 and self.indices.max() < total):
            raise ValueError(f"{self.name} has {total:,} coefficients, and one of its indices is none of theirs")
        return found

    def initialise(self, rng: torch.Generator) -> None:
        nn.init.zeros_(self.values)
        self.indices.zero_()

    @torch.no_grad()
    def solve(self, lattice: Lattice, target: Tensor) -> bool:
        self._check(lattice)
        mixed = torch.tensordot(self._mixing(), target.double(), dims=([1], [-1]))  # [C, *shape]
        coefficients = self.analyse(mixed).reshape(-1)
        # stable, so that of equal magnitudes the earlier ones are kept, on every device
        order = coefficients.abs().argsort(descending=True, stable=True)[: len(self.indices)].sort().values
        self.indices.copy_(order)
        self.values.copy_(coefficients[order])
        return True

    def on_lattice(self, lattice: Lattice) -> Tensor:
        """The inverse transform of what was kept: [*shape, C], in float64 until the end."""
        self._check(lattice)
        total = self.channels * self.coefficients(self.config, self.lattice)
        coefficients = torch.zeros(total, dtype=torch.float64, device=self.device)
        coefficients = coefficients.index_add(0, self.indices, self.values.double())
        mixed = self.synthesise(coefficients.reshape(self.channels, -1))
        return torch.tensordot(mixed, torch.linalg.inv(self._mixing()), dims=([0], [1])).float()

    def _mixing(self) -> Tensor:
        """The matrix [C, C] that takes a sample's channels to those that are coded."""
        matrix = ycbcr_matrix() if (self.dim, self.channels) == (2, 3) else np.eye(self.channels)
        return torch.as_tensor(matrix, device=self.device)

    def _check(self, lattice: Lattice) -> None:
        if not self.lattice.has_samples_of(lattice):
            raise ValueError(
                f"{self.name} has values on its training lattice of {'×'.join(map(str, self.lattice.shape))} samples "
                f"alone, and was asked for them on another one of {'×'.join(map(str, lattice.shape))}"
            )
