"""Cutting an image into tiles, and finding the 2D Gaussians that each tile meets.

Kerbl et al., "3D Gaussian Splatting for Real-Time Radiance Field Rendering" (2023), section 6: one
sort of all (Gaussian, tile) pairs replaces a sort for every pixel.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor


class Tiles:
    """An image as tiles of h × w samples, numbered along rows of tiles.

    columns [W], rows [H]: x and y of the samples in pixels, not decreasing. Samples may lie
    anywhere, for a tile is a run of rows and a run of columns. The last tiles are filled up by
    repeating the last sample.
    """

    def __init__(self, columns: Tensor, rows: Tensor, side: int):
        self.columns, self.rows = columns, rows
        self.w, self.h = min(side, len(columns)), min(side, len(rows))
        self.x, self.y = _cut(columns, self.w), _cut(rows, self.h)  # [tiles along x, w], [tiles along y, h]
        self.number = len(self.x) * len(self.y)

    def from_image(self, image: Tensor) -> Tensor:
        """[H, W, C] → [tiles, C, h * w], zeros in the filling."""
        right, down = self.x.numel() - len(self.columns), self.y.numel() - len(self.rows)
        image = F.pad(image, (0, 0, 0, right, 0, down))
        blocks = image.reshape(len(self.y), self.h, len(self.x), self.w, -1).permute(0, 2, 4, 1, 3)
        return blocks.reshape(self.number, image.shape[2], self.h * self.w)

    def to_image(self, blocks: Tensor) -> Tensor:
        """[tiles, C, h * w] → [H, W, C]."""
        grid = blocks.reshape(len(self.y), len(self.x), -1, self.h, self.w).permute(0, 3, 1, 4, 2)
        image = grid.reshape(self.y.numel(), self.x.numel(), blocks.shape[1])
        return image[: len(self.rows), : len(self.columns)].contiguous()

    def offsets_to(self, means2d: Tensor, tiles: Tensor) -> tuple[Tensor, Tensor]:
        """Mean minus sample, in pixels: means2d [T, K, 2] for tiles [T] → dx [T, K, w], dy [T, K, h]."""
        x, y = self.x[tiles % len(self.x)], self.y[tiles // len(self.x)]
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
        for axis, (samples, side) in enumerate(((self.columns, self.w), (self.rows, self.h))):
            begin = torch.searchsorted(samples.double(), low[axis])
            end = torch.searchsorted(samples.double(), high[axis], right=True)
            seen = (opacities >= min_alpha) & (end > begin)
            first.append(begin // side)
            count.append(torch.where(seen, (end - 1) // side - begin // side + 1, 0))

        front_to_back = torch.argsort(depths, stable=True)
        pairs = (count[0] * count[1])[front_to_back]
        gaussian = front_to_back.repeat_interleave(pairs)  # [P]
        nth = torch.arange(len(gaussian), device=pairs.device) - (pairs.cumsum(0) - pairs).repeat_interleave(pairs)
        tile_x = first[0][gaussian] + nth % count[0][gaussian]
        tile_y = first[1][gaussian] + nth // count[0][gaussian]
        tile, by_tile = torch.sort(tile_y * len(self.x) + tile_x, stable=True)
        return gaussian[by_tile], torch.searchsorted(tile, torch.arange(self.number + 1, device=pairs.device))


def _cut(samples: Tensor, length: int) -> Tensor:
    filling = samples[-1:].expand(-len(samples) % length)
    return torch.cat([samples, filling]).reshape(-1, length)
