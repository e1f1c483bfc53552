"""GaussianAdaptive: GaussianImage that starts where a signal changes and grows where the error is largest (Zhang et al.
2025, "Image-GS: Content-Adaptive Image Representation via 2D Gaussians", SIGGRAPH, section 4)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

import torch
import torch.nn.functional as F
from torch import Tensor

from common.dials import Dial
from common.lattice import Lattice
from models.base import register
from models.gaussian_image import GaussianImage

LARGEST = 4.0  # of a Gaussian at the start, for one of the mean size; and the reciprocal of the smallest


@register
class GaussianAdaptive(GaussianImage):
    """Half of the Gaussians are drawn by the size of the signal's gradient. The others join in a few groups early in
    the training, drawn by the squared error and coloured by what is missing there. Before, they are stored and unseen.

    Where the values themselves are not observed (CT, inpainting), it is GaussianImage.
    """

    name = "GaussianAdaptive"

    @dataclass(frozen=True)
    class Config(GaussianImage.Config):
        # share of the start that is drawn uniformly; the paper's
        uniform: Annotated[float, Dial(0.05, 1, "linear", "the paper's 0.3, nearly none to all")]
        first: float  # share of the Gaussians that the start has; the paper's
        growths: int  # how many times others join; the paper's
        every: float  # how long from one growth to the next, as a share of the training; the paper's

        def __post_init__(self) -> None:
            for name in ("uniform", "first"):
                if not 0 <= (share := getattr(self, name)) <= 1:
                    raise ValueError(f"{name}: must be a share from 0 to 1, got {share}")
            if self.growths > 0 and not 0 < self.growths * self.every < 1:  # others would be stored and never seen
                limit = f"more than 0, and less than 1/{self.growths} for as many growths before the training ends"
                raise ValueError(f"every: must be {limit}, got {self.every}")

    def __init__(self, config: Any, lattice: Lattice, channels: int, size: int):
        super().__init__(config, lattice, channels, size)
        self.seen: Tensor
        self.register_buffer("seen", torch.tensor(size))  # Gaussians, the first ones

    @torch.no_grad()
    def initialise(self, rng: torch.Generator) -> None:
        super().initialise(rng)
        self.seen.fill_(self.size)

    def means(self) -> Tensor:
        """Those of Gaussians that are not yet seen are beyond every lattice."""
        seen = torch.arange(self.size, device=self.device) < self.seen
        return torch.where(seen[:, None], super().means(), -1e9)

    @torch.no_grad()
    def initialise_from(self, lattice: Lattice, target: Tensor, rng: torch.Generator) -> None:
        axes = [k for k, n in enumerate(lattice.shape) if n > 1]
        changes = torch.gradient(target, dim=axes) if axes else (torch.zeros_like(target),)
        slope = torch.stack(changes).square().sum(dim=(0, -1)).sqrt()  # [*shape]
        uniform, total = 1 / len(lattice), slope.sum()
        share = self.config.uniform if total > 0 else 1.0
        density = (1 - share) * slope / total.clamp(min=1e-30) + share * uniform
        nearby = self._blurred(density) * len(lattice)  # 1 where Gaussians are as dense as on average
        self._place(0, self._held(0, 1), density, target, rng, nearby)

    @torch.no_grad()
    def rearrange(self, step: int, steps: int, residual: Callable[[], Tensor], rng: torch.Generator) -> None:
        before, now = self._held(step - 1, steps), self._held(step, steps)
        if now > before:
            missing = residual()
            self._place(before, now, missing.square().sum(-1), missing, rng)

    def _held(self, step: int, steps: int) -> int:
        """How many Gaussians are seen after that many passes."""
        growths = min(self.config.growths, int(step / (steps * self.config.every) + 1e-6))
        share = self.config.first + (1 - self.config.first) * growths / self.config.growths
        return max(1, round(share * self.size))

    def _place(
        self, first: int, behind: int, density: Tensor, values: Tensor, rng: torch.Generator,
        nearby: Tensor | None = None,
    ) -> None:  # fmt: skip
        """Draw Gaussians by a density [*shape] and let them be seen, with the colours that sum to values [*shape, C].

        nearby: how densely they lie [*shape], for one on average; where they do, they are smaller.
        """
        shape, d, some = density.shape, self.dim, slice(first, behind)
        cumulated = density.flatten().double().cumsum(0)
        drawn = torch.rand(behind - first, generator=rng, device=rng.device, dtype=torch.float64) * cumulated[-1]
        index = torch.searchsorted(cumulated, drawn).clamp(max=density.numel() - 1)
        at = torch.stack(torch.unravel_index(index, shape), dim=1)
        at = at + torch.rand(at.shape, generator=rng, device=rng.device)  # in [0, n), half a sample on
        for k, (steepness, n) in enumerate(zip(self._steepness(), shape, strict=True)):
            place = (2 * at[:, k] / n - 1).clamp(-1 + 1e-6, 1 - 1e-6)
            self.positions[some, k] = torch.atanh(place) / steepness
        factors = torch.rand(len(index), self.cholesky.shape[1], generator=rng, device=rng.device)
        diagonal = torch.tensor([k * (k + 3) // 2 for k in range(d)], device=rng.device)
        factors[:, diagonal] += 0.5
        if nearby is not None:
            closer = self.size / (behind - first) / nearby.flatten()[index]
            factors *= (closer ** (1 / d)).clamp(1 / LARGEST, LARGEST)[:, None]
        factors[:, diagonal] -= 0.5
        self.cholesky[some] = factors
        self.seen.fill_(behind)
        covered = self.render(self.lattice, some, torch.ones_like(self.colours[some, :1])).clamp(min=1)
        self.colours[some] = (values / covered).flatten(0, -2)[index]

    def _blurred(self, density: Tensor) -> Tensor:
        """The mean over a window of the size of the mean distance between Gaussians: [*shape] → [*shape]."""
        reach = [min(round(self.unit * self.config.spacing / 2), (n - 1) // 2) for n in density.shape]
        pool: Any = F.avg_pool2d if self.dim == 2 else F.avg_pool3d
        window = [2 * n + 1 for n in reach]
        return pool(density[None, None], window, 1, reach, count_include_pad=False)[0, 0]
