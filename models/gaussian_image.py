"""GaussianImage: a signal as a sum of Gaussians in its own plane or space (Zhang et al. 2024, "GaussianImage: 1000 FPS
Image Representation and Compression by 2D Gaussian Splatting", ECCV, section 3)."""

from dataclasses import dataclass
from typing import Annotated, Any

import torch
from torch import Tensor, nn

from common.dials import Dial
from common.lattice import Lattice
from models.base import Representation, register
from models.kernels.gaussians import additive

LEAST_DEVIATION = 0.1  # samples; along an axis, given those before it. Narrower ones fall between the samples


@register
class GaussianImage(Representation):
    """Σ colour · exp(-½ |L⁻¹(x - mean)|²) over `size` Gaussians, without order, opacity or camera.

    A Gaussian stores d values of its mean, d(d + 1)/2 of the Cholesky factor L of its covariance, and C of its colour:
    8 for an image in colour. The paper's are 2D; in 3D the same is done with one axis more.
    """

    name = "GaussianImage"
    lattice_only = True
    backends = ("triton", "torch")

    @dataclass(frozen=True)
    class Config:
        # learning rate of Adam, for all values alike
        lr: Annotated[float, Dial(2e-3, 2e-1, "log", "ours, 2e-2, a decade each way")]
        # mean distance between Gaussians over the unit of their Cholesky factors L, which starts them that dense
        spacing: Annotated[float, Dial(1.2, 4.8, "log", "the authors' at their density, an octave each way")]
        # units of L that a mean moves where its stored position changes by 1, in the middle of the signal
        stride: Annotated[float, Dial(10, 250, "log", "ours, 50, by five each way")]

    def __init__(self, config: Any, lattice: Lattice, channels: int, size: int):
        super().__init__(config, lattice, channels, size)
        d = self.dim
        self.positions = nn.Parameter(torch.empty(size, d))  # of the means, before tanh
        self.cholesky = nn.Parameter(torch.empty(size, d * (d + 1) // 2))  # of L by rows, ½ less on the diagonal
        self.colours = nn.Parameter(torch.empty(size, channels))

    @property
    def unit(self) -> float:
        """What L is measured in, in samples: a share of the mean distance between Gaussians, so that the start covers a
        signal equally densely whatever the budget. The paper's is one sample."""
        return float((len(self.lattice) / self.size) ** (1 / self.dim) / self.config.spacing)

    @torch.no_grad()
    def initialise(self, rng: torch.Generator) -> None:
        """Means uniform over the signal, L and colours U(0, 1): the paper's random start."""
        uniform = torch.rand(self.positions.shape, generator=rng).clamp(1e-6, 1 - 1e-6)
        self.positions.copy_(torch.atanh(2 * uniform - 1) / torch.tensor(self._steepness()))
        self.cholesky.copy_(torch.rand(self.cholesky.shape, generator=rng))
        self.colours.copy_(torch.rand(self.colours.shape, generator=rng))

    def on_lattice(self, lattice: Lattice) -> Tensor:
        return self.render(lattice, slice(None), self.colours)

    def render(self, lattice: Lattice, some: slice, colours: Tensor) -> Tensor:
        """The sum of some of the Gaussians in colours [n, C'] of their own: [*shape, C']."""
        adder: Any = additive
        if self.backend == "triton":
            from models.kernels.gaussians import additive_triton  # Triton is imported where it runs alone

            adder = additive_triton
        lower = self.factors()[some]
        deviations, axes = lower.norm(dim=2), self.constants(lattice)
        return adder.add(self.means()[some], _inverse(lower), colours, deviations, axes)

    def means(self) -> Tensor:
        """In samples of the training lattice: [N, d]. The signal reaches half a sample beyond the first and last."""
        means = [
            (torch.tanh(steepness * position) + 1) / 2 * n - 0.5
            for position, steepness, n in zip(
                self.positions.unbind(1), self._steepness(), self.lattice.shape, strict=True
            )
        ]
        return torch.stack(means, dim=1)

    def _steepness(self) -> list[float]:
        """What a stored position is multiplied by before tanh, by axis."""
        return [2 * self.config.stride * self.unit / n for n in self.lattice.shape]

    def factors(self) -> Tensor:
        """L in samples: [N, d, d], lower triangular, its diagonal at least LEAST_DEVIATION."""
        d, columns = self.dim, iter(self.cholesky.unbind(1))
        zero, rows = torch.zeros_like(self.cholesky[:, 0]), []
        for i in range(d):
            below = [self.unit * next(columns) for _ in range(i)]
            diagonal = self.unit * (next(columns) + 0.5)
            diagonal = torch.sqrt(diagonal * diagonal + LEAST_DEVIATION**2)
            rows.append(torch.stack([*below, diagonal, *[zero] * (d - i - 1)], dim=1))
        return torch.stack(rows, dim=1)

    def lattice_constants(self, lattice: Lattice) -> tuple[Tensor, ...]:
        """Where a lattice's samples are, in samples of the training lattice: d axes [n]."""
        return tuple(
            torch.as_tensor((axis + 1) / 2 * n, dtype=torch.float32, device=self.device)
            for axis, n in zip(lattice.axes, self.lattice.shape, strict=True)
        )


def _inverse(lower: Tensor) -> Tensor:
    """Of lower triangular matrices: [N, d, d]. Written out, as solvers for batches wait for the device."""
    d = lower.shape[1]
    rows: list[list[Tensor]] = []
    for i in range(d):
        scale = 1 / lower[:, i, i]
        row = [
            -scale * torch.stack([lower[:, i, k] * rows[k][j] for k in range(j, i)]).sum(0) if j < i else scale
            for j in range(i + 1)
        ]
        rows.append(row + [torch.zeros_like(scale)] * (d - i - 1))
    return torch.stack([torch.stack(row, dim=1) for row in rows], dim=1)
