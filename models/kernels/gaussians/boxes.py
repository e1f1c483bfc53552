"""Which samples of a lattice a Gaussian reaches, and the blocks of a lattice that it meets."""

import math
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from models.kernels.blocks import Blocks

LEAST_WEIGHT = 1 / 255  # a Gaussian that weighs no more than this at a sample leaves it alone, as in gsplat 1.5
REACH = 1.001 * math.sqrt(2 * math.log(1 / LEAST_WEIGHT))  # standard deviations to there; the excess is for rounding
PAIRS = 1 << 22  # of a Gaussian and a block, listed at once: 200 MB
TOGETHER = 16  # Gaussians in a row of a list


@torch.no_grad()
def boxes(means: Tensor, deviations: Tensor, axes: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """The first sample of each Gaussian's box along every axis, and the one behind its last: [N, d] each, int64.

    means, deviations: [N, d]. axes: d tensors [n], not decreasing, in the same units.
    """
    low, high = (means - REACH * deviations).T.contiguous(), (means + REACH * deviations).T.contiguous()
    axes = [axis.contiguous() for axis in axes]  # searchsorted warns of gaps
    first = [torch.searchsorted(axis, at) for axis, at in zip(axes, low, strict=True)]
    behind = [torch.searchsorted(axis, at, right=True) for axis, at in zip(axes, high, strict=True)]
    return torch.stack(first, dim=1), torch.stack(behind, dim=1)


def rows(blocks: Blocks, first: Tensor, behind: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """The Gaussians that boxes reach in each block, in rows: blocks [R] and Gaussians [R, TOGETHER].

    A block has as many rows as it needs; their free places hold N, the number of Gaussians. Large sets come in
    parts, so that what is listed at once is bounded.
    """
    along = torch.tensor(blocks.along, device=first.device)
    start = first // blocks.side
    count = torch.where(behind > first, (behind - 1) // blocks.side - start + 1, 0)  # [N, d]
    pairs = count.prod(dim=1)
    (seen,) = torch.where(pairs > 0)
    part = ((pairs.cumsum(0) - pairs) // PAIRS)[seen]
    for number in part.unique():
        some = seen[part == number]
        which = some.repeat_interleave(pairs[some])  # [P]
        nth = torch.arange(len(which), device=which.device)
        nth -= (pairs[some].cumsum(0) - pairs[some]).repeat_interleave(pairs[some])
        block, stride = torch.zeros_like(which), 1
        for k in reversed(range(len(along))):
            block += stride * (start[which, k] + nth % count[which, k])
            nth //= count[which, k]
            stride *= blocks.along[k]
        yield _in_rows(blocks.number, block, which, len(first))


def _in_rows(number: int, block: Tensor, which: Tensor, nobody: int) -> tuple[Tensor, Tensor]:
    block, order = torch.sort(block, stable=True)
    held = torch.bincount(block, minlength=number)
    needed = (held + TOGETHER - 1) // TOGETHER  # rows of a block
    place = torch.arange(len(block), device=block.device) - (held.cumsum(0) - held)[block]  # within the block
    place += TOGETHER * (needed.cumsum(0) - needed)[block]
    taken = which.new_full((int(needed.sum()), TOGETHER), nobody)
    taken.view(-1)[place] = which[order]
    return torch.arange(number, device=block.device).repeat_interleave(needed), taken
