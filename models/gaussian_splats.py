"""Gaussian splats: an image as anisotropic 3D Gaussians seen by one fixed camera.

Kerbl et al., "3D Gaussian Splatting for Real-Time Radiance Field Rendering" (2023), rendered with
the conventions of gsplat 1.5 (Ye et al. 2025).
"""

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from models.base import Representation, register
from models.kernels.projection import project
from models.kernels.rasterise import composite
from target_signals.lattice import Lattice


@register
class GSplat(Representation):
    """`size` Gaussians of 11 + C values each: mean 3, quaternion 4, scales 3, opacity 1, colour C.

    The camera looks along +z at the cube [-1, 1]³. Axis 1 of the lattice runs along x and is the
    image's width, axis 0 runs along y.
    """

    name = "GSplat"
    lattice_only = True

    @dataclass(frozen=True)
    class Config:
        lr: float  # learning rate of Adam, for all values alike; the reference's
        camera_distance: float  # from the centre of the cube, in units of the scene; the reference's
        field_of_view: float  # degrees, over the width; the reference's
        blur: float  # px², added to the variances on the image; gsplat's default `eps2d`

    def __init__(self, config: Any, lattice: Lattice, channels: int, size: int):
        super().__init__(config, lattice, channels, size)
        self.means = nn.Parameter(torch.empty(size, 3))
        self.quats = nn.Parameter(torch.empty(size, 4))  # (w, x, y, z), of any length
        self.scales = nn.Parameter(torch.empty(size, 3))  # standard deviations, used as they are
        self.opacities = nn.Parameter(torch.empty(size))  # before the sigmoid
        self.colours = nn.Parameter(torch.empty(size, channels))  # before the sigmoid

    @classmethod
    def unsupported(cls, dim: int, channels: int, task: str) -> str | None:
        if dim != 2:
            return f"GSplat renders images, so it takes 2D signals and not {dim}D ones."
        return None

    @torch.no_grad()
    def initialise(self, rng: torch.Generator) -> None:
        self.means.copy_(2 * torch.rand(self.size, 3, generator=rng) - 1)
        self.scales.copy_(torch.rand(self.size, 3, generator=rng))
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
        rows, columns = self.constants(lattice)
        focal = width / (2 * math.tan(math.radians(self.config.field_of_view) / 2))
        away = self.means.new_tensor([0.0, 0.0, self.config.camera_distance])
        means2d, conics, depths, visible = project(
            self.means + away, self.quats, self.scales, width, height, focal, self.config.blur
        )
        opacities = torch.sigmoid(self.opacities) * visible
        return composite(means2d, conics, torch.sigmoid(self.colours), opacities, depths, columns, rows)

    def lattice_constants(self, lattice: Lattice) -> tuple[Tensor, ...]:
        """Where the samples sit on the image, in pixels: rows [H], columns [W].

        Coordinate c lies at c + 1/n_train of [-1, 1], which puts the training samples on pixel
        centres, and a finer lattice whose sample centres are aligned with them on its own.
        """
        return tuple(
            torch.as_tensor((axis + 1 / trained + 1) / 2 * len(axis), dtype=torch.float32, device=self.device)
            for axis, trained in zip(lattice.axes, self.lattice.shape, strict=True)
        )
