"""Cutting an image into tiles, and finding the 2D Gaussians that each tile meets.

Kerbl et al., "3D Gaussian Splatting for Real-Time Radiance Field Rendering" (2023), section 6: one
sort of all (Gaussian, tile) pairs replaces a sort for every pixel.
"""

import math

import torch
from torch import Tensor

from models.kernels.blocks import Blocks


class Tiles(Blocks):
    """An image as tiles of side × side samples, numbered along rows of tiles.

    columns [W], rows [H]: x and y of the samples in pixels, not decreasing. Samples may lie anywhere, for a tile is a
    run of rows and a run of columns.
    """

    def __init__(self, columns: Tensor, rows: Tensor, side: int):
        super().__init__((rows, columns), side)
        self.columns, self.rows = columns, rows

    def offsets_to(self, means2d: Tensor, tiles: Tensor) -> tuple[Tensor, Tensor]:
        """Mean minus sample, in pixels: means2d [T, K, 2] for tiles [T] → dx, dy [T, K, side]."""
        y, x = self.coordinates(tiles)
        return means2d[..., 0:1] - x[:, None], means2d[..., 1:2] - y[:, None]

    def bin(
        self, means2d: Tensor, conics: Tensor, opacities: Tensor, depths: Tensor, min_alpha: float
    ) -> tuple[Tensor, Tensor]:
        """The Gaussians of each tile, nearest first; equal depths keep the order they came in.

        A Gaussian goes to every tile with a sample in the box outside which its alpha is below
        `min_alpha`: sqrt(2 ln(opacity / min_alpha)) standard deviations on either side. So binning
        changes no value.

        Returns the Gaussians of all pairs, [P] and tile after tile, and the limits of the tiles'
        runs, [tiles + 1].
        """
        xx, xy, yy = conics.double().unbind(-1)
        determinant = (xx * yy - xy * xy)[:, None]
        extent = 1.001 * torch.sqrt(2 * torch.log(opacities.double() / min_alpha))  # the excess is for rounding
        half = extent[:, None] * torch.sqrt(torch.stack([yy, xx], dim=-1) / determinant)  # [N, 2]
        half = torch.where(determinant > 0, half, math.inf)  # rounding left no ellipse, hence no box
        low, high = (means2d - half).T.contiguous(), (means2d + half).T.contiguous()  # [2, N], float64

        first, count = [], []  # of the tiles along x, then y: [N] each
        for axis, samples in enumerate((self.columns, self.rows)):
            begin = torch.searchsorted(samples.double(), low[axis])
            end = torch.searchsorted(samples.double(), high[axis], right=True)
            seen = (opacities >= min_alpha) & (end > begin)
            first.append(begin // self.side)
            count.append(torch.where(seen, (end - 1) // self.side - begin // self.side + 1, 0))

        front_to_back = torch.argsort(depths, stable=True)
        pairs = (count[0] * count[1])[front_to_back]
        gaussian = front_to_back.repeat_interleave(pairs)  # [P]
        nth = torch.arange(len(gaussian), device=pairs.device) - (pairs.cumsum(0) - pairs).repeat_interleave(pairs)
        tile_x = first[0][gaussian] + nth % count[0][gaussian]
        tile_y = first[1][gaussian] + nth // count[0][gaussian]
        tile, by_tile = torch.sort(tile_y * self.along[1] + tile_x, stable=True)
        return gaussian[by_tile], torch.searchsorted(tile, torch.arange(self.number + 1, device=pairs.device))
