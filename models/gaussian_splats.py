"""GSplat: an image as anisotropic 3D Gaussians seen by one fixed camera (Kerbl et al. 2023, "3D Gaussian Splatting for
Real-Time Radiance Field Rendering").

It is rendered with the conventions of gsplat 1.5 (Ye et al. 2025).
"""

import math
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
import torch
from torch import Tensor, nn

from common.dials import ADDED, Dial
from common.lattice import Lattice
from common.needs import Needs
from models.base import Representation, register
from models.kernels.splats import projection, rasterise
from models.settings import check_part

PIXEL_CENTRE = 1e-4  # px; samples this near to pixel centres make an ordinary picture


@register
class GSplat(Representation):
    """`size` Gaussians of 11 + C values each: mean 3, quaternion 4, scales 3, opacity 1, colour C.

    The camera looks along +z at the cube [-1, 1]³. Axis 1 of the lattice runs along x and is the
    image's width, axis 0 runs along y.
    """

    name = "GSplat"
    lattice_only = True
    backends = ("triton", "gsplat", "torch")

    @dataclass(frozen=True)
    class Config:
        # learning rate of Adam, for all values alike; the reference's
        lr: Annotated[float, Dial(5e-3, 2e-1, "log", "the paper's 5e-2, down a decade and up two octaves")]
        camera_distance: float  # from the centre of the cube, in units of the scene; the reference's
        field_of_view: float  # degrees, over the width; the reference's
        blur: float  # px², added to the variances on the image; gsplat's default `eps2d`
        # how many of the Gaussians that the budget pays for there are, as a share
        share: Annotated[float, Dial(0.25, 1, "linear", "fewer overlap less; the paper has all"), ADDED] = 1.0
        # standard deviations start uniform below this, in units of the scene
        scale: Annotated[float, Dial(0.02, 1, "log", "the paper's 1, down to a pixel or two"), ADDED] = 1.0
        # means start uniform within ± this along the image's axes
        spread: Annotated[float, Dial(1, 8, "log", "the paper's 1 is an eighth of the width"), ADDED] = 1.0

        def __post_init__(self) -> None:
            check_part("share", self.share)
            if not 0 < self.field_of_view < 180:
                raise ValueError(f"field_of_view: must be between 0 and 180 degrees, got {self.field_of_view}")

    def __init__(self, config: Any, lattice: Lattice, channels: int, size: int):
        super().__init__(config, lattice, channels, size)
        self.means = nn.Parameter(torch.empty(size, 3))
        self.quats = nn.Parameter(torch.empty(size, 4))  # (w, x, y, z), of any length
        self.scales = nn.Parameter(torch.empty(size, 3))  # standard deviations, used as they are
        self.opacities = nn.Parameter(torch.empty(size))  # before the sigmoid
        self.colours = nn.Parameter(torch.empty(size, channels))  # before the sigmoid

    @classmethod
    def unsupported(cls, dim: int, channels: int, needs: Needs) -> str | None:
        if dim != 2:
            return f"GSplat renders images, so it takes 2D signals and not {dim}D ones."
        return None

    @classmethod
    def solve_size(cls, config: Any, lattice: Lattice, channels: int, budget: int) -> int | None:
        most = super().solve_size(config, lattice, channels, budget)
        return None if most is None else max(cls.smallest, round(config.share * most))

    @torch.no_grad()
    def initialise(self, rng: torch.Generator) -> None:
        means = 2 * torch.rand(self.size, 3, generator=rng) - 1
        means[:, :2] *= self.config.spread
        self.means.copy_(means)
        self.scales.copy_(self.config.scale * torch.rand(self.size, 3, generator=rng))
        # Uniform over rotations: Shoemake, "Uniform random rotations", Graphics Gems III (1992)
        u, *turns = torch.rand(3, self.size, generator=rng)
        a, b = (2 * math.pi * turn for turn in turns)
        inner, outer = torch.sqrt(1 - u), torch.sqrt(u)
        self.quats.copy_(torch.stack([inner * a.sin(), inner * a.cos(), outer * b.sin(), outer * b.cos()], dim=-1))
        self.opacities.fill_(1.0)
        self.colours.copy_(torch.rand(self.size, self.channels, generator=rng))

    def on_lattice(self, lattice: Lattice) -> Tensor:
        """The camera's picture with one pixel a sample of the lattice: [H, W, C]."""
        height, width = lattice.shape
        focal = width / (2 * math.tan(math.radians(self.config.field_of_view) / 2))
        x, y, z = self.means.unbind(dim=1)
        means = torch.stack([x, y, z + self.config.camera_distance], dim=1)
        opacities, colours = torch.sigmoid(self.opacities), torch.sigmoid(self.colours)
        splats, camera = (means, self.quats, self.scales), (width, height, focal, self.config.blur)
        if self.backend == "gsplat" and self._is_picture(lattice):
            from models.kernels.splats.render_gsplat import render

            return render(*splats, opacities, colours, *camera)
        projector: Any = projection
        rasteriser: Any = rasterise
        if self.backend == "triton":
            from models.kernels.splats import (  # Triton is imported where it runs alone
                projection_triton,
                rasterise_triton,
            )

            projector, rasteriser = projection_triton, rasterise_triton
        rows, columns = self.constants(lattice)
        means2d, conics, depths, visible = projector.project(*splats, *camera)
        return rasteriser.composite(means2d, conics, colours, opacities * visible, depths, columns, rows)

    def lattice_constants(self, lattice: Lattice) -> tuple[Tensor, ...]:
        """Where the samples sit on the image, in pixels: rows [H], columns [W].

        Coordinate c lies at c + 1/n_train of [-1, 1], which puts the training samples on pixel
        centres, and a finer lattice whose sample centres are aligned with them on its own.
        """
        return tuple(torch.as_tensor(at, dtype=torch.float32, device=self.device) for at in self._samples(lattice))

    def _samples(self, lattice: Lattice) -> list[np.ndarray]:
        trained = self.lattice.shape
        return [(axis + 1 / n + 1) / 2 * len(axis) for axis, n in zip(lattice.axes, trained, strict=True)]

    def _is_picture(self, lattice: Lattice) -> bool:
        """Whether the samples are pixel centres, which is all that gsplat renders."""
        return all(np.abs(at - np.arange(len(at)) - 0.5).max() < PIXEL_CENTRE for at in self._samples(lattice))
