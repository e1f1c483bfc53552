"""`rasterise.composite` in Triton, for one image and up to some hundred thousand Gaussians.

A general rasteriser lists and sorts every pair of a Gaussian and a tile: tens of millions of pairs while
the Gaussians are large. Here only the Gaussians are sorted, once, by depth. Each bin of the image (some
tiles by some tiles) keeps those that reach it, still in order, and each tile walks over its bin's list,
skips what does not reach the tile, and stops when all its pixels have ended. Nothing has a size that
the device would have to tell the host. The backward pass walks the same way; its two formulas are the
twin's.
"""

from typing import Any

import torch
import triton
from torch import Tensor
from torch.autograd.function import once_differentiable

from models.kernels.splats.rasterise_kernels import backward_kernel, forward_kernel
from models.kernels.splats.reach_kernels import list_kernel, sort_kernel

TILE = 8  # samples along a tile's side; one warp serves a tile
BIN = 16  # tiles along a bin's side; at most 128, as their numbers share a signed integer
LISTED = 1024  # Gaussians that a bin looks at together
WALKED = 32  # entries of its bin's list that a tile looks at together
TOGETHER = 4  # Gaussians that a tile meets together, so that one does not wait for another's memory
BLOCK = 128  # Gaussians a program, where each is alone


def composite(
    means2d: Tensor, conics: Tensor, colours: Tensor, opacities: Tensor, depths: Tensor, columns: Tensor, rows: Tensor
) -> Tensor:
    """As its twin: blend 2D Gaussians front to back over black, [H, W, C], float32.

    means2d [N, 2], conics [N, 3], colours [N, C], opacities [N], depths [N]; columns [W], rows [H]: x and y
    of the samples in pixels, not decreasing.
    """
    image: Tensor = _Composite.apply(means2d, conics, colours, opacities, depths, columns, rows)
    return image


class _Composite(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, means2d: Tensor, conics: Tensor, colours: Tensor, opacities: Tensor, depths: Tensor,
        columns: Tensor, rows: Tensor,
    ) -> Tensor:  # fmt: skip
        n, channels = colours.shape
        height, width = len(rows), len(columns)
        tiles_x, tiles_y = triton.cdiv(width, TILE), triton.cdiv(height, TILE)
        bins_x, bins_y = triton.cdiv(tiles_x, BIN), triton.cdiv(tiles_y, BIN)
        image = colours.new_zeros(height, width, channels)
        order = torch.argsort(depths, stable=True)
        splats = colours.new_empty(n, 6 + channels)  # mean x, y, conic xx, xy, yy, opacity and colour, by depth
        lists = torch.empty(bins_x * bins_y, n, 2, dtype=torch.int32, device=colours.device)
        counts = torch.empty(bins_x * bins_y, dtype=torch.int32, device=colours.device)
        walked = torch.empty(tiles_x * tiles_y, dtype=torch.int32, device=colours.device)
        if n:
            reach = torch.empty(n, 2, dtype=torch.int32, device=colours.device)
            sort_kernel[(triton.cdiv(n, BLOCK),)](
                *(means2d.contiguous(), conics.contiguous(), colours.contiguous(), opacities.contiguous(), order),
                *(columns, rows, splats, reach, n, width, height),
                C=channels, C_PADDED=triton.next_power_of_2(channels), SIDE=TILE,
                STEPS=max(tiles_x, tiles_y).bit_length(), BLOCK=BLOCK,
            )  # fmt: skip
            list_kernel[(bins_x * bins_y,)](reach, lists, counts, n, bins_x, SIDE=BIN, BLOCK=LISTED)
            forward_kernel[(tiles_x * tiles_y,)](
                *(splats, lists, counts, columns, rows, image, walked, n, width, height, tiles_x, bins_x),
                **_shape(channels),
            )
        ctx.save_for_backward(splats, lists, columns, rows, image, walked, order)
        return image

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        splats, lists, columns, rows, image, walked, order = ctx.saved_tensors
        height, width, channels = image.shape
        tiles_x = triton.cdiv(width, TILE)
        by_depth = torch.zeros_like(splats)
        if len(splats):
            backward_kernel[(len(walked),)](
                *(splats, lists, walked, columns, rows, image, grad.contiguous(), by_depth),
                *(len(splats), width, height, tiles_x, triton.cdiv(tiles_x, BIN)),
                **_shape(channels),
            )
        result = torch.empty_like(by_depth)
        result[order] = by_depth
        grad_means2d, grad_conics, grad_opacities, grad_colours = result.split((2, 3, 1, channels), dim=1)
        return grad_means2d, grad_conics, grad_colours, grad_opacities[:, 0], None, None, None


def _shape(channels: int) -> dict[str, int]:
    """What the walking kernels are compiled for, and the warps they run on."""
    padded = triton.next_power_of_2(channels)
    return {
        "C": channels,
        "C_PADDED": padded,
        "SIDE": TILE,
        "BIN": BIN,
        "CHUNK": WALKED,
        "TOGETHER": TOGETHER,
        "num_warps": 1,
    }
