"""`rasterise.composite` in Triton, for one image.

A general rasteriser lists and sorts every pair of a Gaussian and a tile: tens of millions of pairs while
the Gaussians are large. Here only the Gaussians are sorted, once, by depth. A bit says of each whether its
box reaches a column of tiles, another whether it reaches a row of them. A tile looks for Gaussians that
have both, front to back and some at a time, tests exactly whether they touch those of its samples that have
not ended, keeps them in a ring, and meets the ring in groups, until no sample is left. As long as the ring
has room for all of them, the backward pass finds them there; its two formulas are the twin's. A Gaussian's
gradient is added up by the tiles that it touches, in any order, so its last bits differ from run to run; the
image's do not.

Nothing has a size that the device would have to tell the host. Beside what is proportional to Gaussians or
to samples alone there are the bits: N / 8 bytes for each row and each column of tiles.
"""

from typing import Any

import torch
import triton
from torch import Tensor
from torch.autograd.function import once_differentiable

from models.kernels.dense import dense
from models.kernels.splats.rasterise_kernels import backward_kernel, forward_kernel
from models.kernels.splats.reach_kernels import mark_kernel, sort_kernel

TILE = 8, 4  # samples along a tile's sides; one program serves a tile
WARPS = 4  # of a program
LENGTH, RUNS = 8, 4  # a group: each thread walks along runs of so many Gaussians, and there are so many runs
WORDS = 256  # of 32 Gaussians each, that a tile looks at together, and of whose Gaussians
LISTED = 512  # it takes at most so many whose boxes reach it, and tests
TESTED = 128  # together
CAPACITY = 1024  # Gaussians in a ring, at least LISTED and a group; 4 bytes each
BLOCK = 128  # Gaussians a program, where each is alone
MARKED = 32, 8  # words of Gaussians and rows or columns of tiles, whose bits are set by one program


def composite(
    means2d: Tensor, conics: Tensor, colours: Tensor, opacities: Tensor, depths: Tensor, columns: Tensor, rows: Tensor
) -> Tensor:
    """As its twin: blend 2D Gaussians front to back over black, [H, W, C], float32.

    means2d [N, 2], conics [N, 3], colours [N, C], opacities [N], depths [N]; columns [W], rows [H]: x and y
    of the samples in pixels, not decreasing.
    """
    return _Composite.apply(means2d, conics, colours, opacities, depths, columns, rows)


class _Composite(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, means2d: Tensor, conics: Tensor, colours: Tensor, opacities: Tensor, depths: Tensor,
        columns: Tensor, rows: Tensor,
    ) -> Tensor:  # fmt: skip
        means2d, conics, colours, opacities, columns, rows = dense(means2d, conics, colours, opacities, columns, rows)
        n, channels = colours.shape
        height, width = len(rows), len(columns)
        tiles_x, tiles_y = triton.cdiv(width, TILE[0]), triton.cdiv(height, TILE[1])
        words = triton.cdiv(n, 32)
        image = colours.new_zeros(height, width, channels)
        order = torch.argsort(depths, stable=True)
        row = 4 * triton.cdiv(6 + channels, 4)  # so that a Gaussian's values begin where 16 bytes do
        splats = colours.new_empty(n, row)  # mean x, y, conic xx, xy, yy, opacity, colour and filling, by depth
        integers: dict[str, Any] = {"dtype": torch.int32, "device": colours.device}
        boxes = torch.empty(4, 32 * words, **integers)
        bits = torch.empty(tiles_x + tiles_y, words, **integers)
        rings = torch.empty(tiles_x * tiles_y, CAPACITY, **integers)
        kept = torch.empty(tiles_x * tiles_y, **integers)
        if n:
            sort_kernel[(triton.cdiv(32 * words, BLOCK),)](
                *(means2d, conics, colours, opacities, order),
                *(columns, rows, splats, boxes, n, 32 * words, width, height),
                C=channels,
                ROW=row,
                WIDTH=TILE[0],
                HEIGHT=TILE[1],
                STEPS=max(tiles_x, tiles_y).bit_length(),
                BLOCK=BLOCK,
            )
            block, tiles = MARKED
            mark_kernel[(triton.cdiv(words, block), triton.cdiv(len(bits), tiles))](
                boxes, bits, words, tiles_x, len(bits), TILES=tiles, BLOCK=block
            )
            forward_kernel[(len(rings),)](
                *(splats, bits, rings, columns, rows, image, kept, words, width, height, tiles_x),
                C_PADDED=triton.next_power_of_2(channels),
                **_shape(channels, row),
            )
        ctx.save_for_backward(splats, bits, rings, kept, columns, rows, image, order)
        return image

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        splats, bits, rings, kept, columns, rows, image, order = ctx.saved_tensors
        height, width, channels = image.shape
        by_depth = torch.zeros_like(splats)
        if len(splats):
            backward_kernel[(len(rings),)](
                *(splats, bits, rings, columns, rows, image, grad.contiguous(), kept, by_depth),
                *(bits.shape[1], width, height, triton.cdiv(width, TILE[0])),
                WIDE=max(8, triton.next_power_of_2(channels)),
                **_shape(channels, splats.shape[1]),
            )
        result = torch.empty_like(by_depth)
        result[order] = by_depth
        grad_means2d, grad_conics, grad_opacities, grad_colours, _ = result.split(
            (2, 3, 1, channels, splats.shape[1] - 6 - channels), dim=1
        )
        return grad_means2d, grad_conics, grad_colours, grad_opacities[:, 0], None, None, None


def _shape(channels: int, row: int) -> dict[str, int]:
    """What the walking kernels are compiled for, and the warps they run on."""
    tile = {"WIDTH": TILE[0], "HEIGHT": TILE[1], "LENGTH": LENGTH, "RUNS": RUNS, "num_warps": WARPS}
    ring = {"WORDS": WORDS, "LISTED": LISTED, "TESTED": TESTED, "CAPACITY": CAPACITY}
    return {"C": channels, "ROW": row, **tile, **ring}
