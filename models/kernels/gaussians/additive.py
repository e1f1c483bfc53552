"""Sums of Gaussians on a lattice, in no order, in plain PyTorch (Zhang et al. 2024, "GaussianImage", section 3.2).

The lattice is cut into blocks, and each is evaluated with the Gaussians that reach it. The backward pass evaluates
them again instead of keeping them, and needs of each Gaussian only the moments of ∂loss/∂σ about its mean, where the
weight is exp(-σ) and σ = ½|V(x - mean)|²:

    ∂loss/∂mean = -Vᵀ V m₁,   ∂loss/∂V = V m₂,   m₁ = Σ g (x - mean),   m₂ = Σ g (x - mean)(x - mean)ᵀ.
"""

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from models.kernels.blocks import Blocks
from models.kernels.full_precision import full_precision
from models.kernels.gaussians.boxes import LEAST_WEIGHT, boxes, rows

SIDES = {2: 8, 3: 4}  # samples along a block's side, by dimension
UNSEEN = 64.0  # a σ whose weight is surely below the least; larger ones would slow `exp` by underflowing
# Samples times Gaussians evaluated at once; about six float temporaries of that many are alive together
EVALUATIONS = {"cpu": 1 << 17, "cuda": 1 << 24}


def add(means: Tensor, whitening: Tensor, colours: Tensor, deviations: Tensor, axes: Sequence[Tensor]) -> Tensor:
    """Σ colour · exp(-½ |V (x - mean)|²) at the samples of a lattice: [*shape, C].

    means: [N, d], in the units of the axes. whitening: V [N, d, d], lower triangular.
    colours: [N, C]. deviations: [N, d], standard deviations along the axes, which only say where to look.
    axes: d tensors [n], not decreasing.
    """
    return _Add.apply(means, whitening, colours, *boxes(means, deviations, axes), axes)


class _Add(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, means: Tensor, whitening: Tensor, colours: Tensor, first: Tensor, behind: Tensor, axes: Any
    ) -> Tensor:
        blocks = Blocks(axes, SIDES[len(axes)])
        # One more Gaussian, without colour, takes the free places
        means, colours = F.pad(means, (0, 0, 0, 1)), F.pad(colours, (0, 0, 0, 1))
        whitening = F.pad(whitening, (0, 0, 0, 0, 0, 1))
        sums = means.new_zeros(blocks.number, colours.shape[1], blocks.side ** len(axes))
        with full_precision(means.device):
            for block, some in _portions(blocks, first, behind):
                weights, _ = _weigh(means[some], whitening[some], blocks.coordinates(block))
                sums.index_add_(0, block, torch.bmm(colours[some].mT, weights))
        ctx.blocks = blocks
        ctx.save_for_backward(means, whitening, colours, first, behind)
        return blocks.join(sums)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        means, whitening, colours, first, behind = ctx.saved_tensors
        blocks, d = ctx.blocks, means.shape[1]
        gradients = blocks.split(gradient)  # [blocks, C, side^d]
        to_colours, moments = torch.zeros_like(colours), means.new_zeros(len(means), 3**d)
        with full_precision(means.device):
            for block, some in _portions(blocks, first, behind):
                weights, offsets = _weigh(means[some], whitening[some], blocks.coordinates(block))
                own = gradients[block]
                to_colours.index_add_(0, some.flatten(), torch.bmm(weights, own.mT).flatten(0, 1))
                to_sigma = torch.bmm(colours[some], own).mul_(weights).neg_()
                moments.index_add_(0, some.flatten(), _moments(to_sigma, offsets))
            moments = moments.reshape(-1, *[3] * d)
            once = [[int(i == k) for i in range(d)] for k in range(d)]
            m1 = torch.stack([moments[(slice(None), *powers)] for powers in once], dim=1)  # [N + 1, d]
            pairs = [moments[(slice(None), *(a + b for a, b in zip(i, j, strict=True)))] for i in once for j in once]
            m2 = torch.stack(pairs, dim=1).reshape(-1, d, d)
            to_means = -(whitening.mT @ (whitening @ m1[..., None]))[..., 0]
            to_whitening = (whitening @ m2).tril()
        return to_means[:-1], to_whitening[:-1], to_colours[:-1], None, None, None


def _portions(blocks: Blocks, first: Tensor, behind: Tensor) -> Any:
    """The rows of `boxes.rows`, as many at once as may be evaluated together."""
    for block, some in rows(blocks, first, behind):
        at_once = max(1, EVALUATIONS[first.device.type] // (some.shape[1] * blocks.side ** len(blocks.shape)))
        yield from zip(block.split(at_once), some.split(at_once), strict=True)


def _weigh(means: Tensor, whitening: Tensor, coordinates: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
    """Weights [R, K, side^d] of K Gaussians at the samples of R blocks, and offsets from their means, d of
    [R, K, side]: means [R, K, d], whitening [R, K, d, d], coordinates d of [R, side]."""
    d = len(coordinates)
    offsets = [x[:, None] - means[..., k, None] for k, x in enumerate(coordinates)]
    spread = [x.reshape(*x.shape[:2], *(-1 if i == k else 1 for i in range(d))) for k, x in enumerate(offsets)]
    v = whitening.reshape(*whitening.shape, *[1] * d)  # [R, K, d, d, 1, …]
    sigma = means.new_zeros(())
    for i in range(d):
        u = v[:, :, i, 0] * spread[0]
        for j in range(1, i + 1):
            u = u + v[:, :, i, j] * spread[j]
        sigma = sigma + 0.5 * u * u
    weights = sigma.flatten(2).clamp_(max=UNSEEN).neg_().exp_()
    return torch.threshold_(weights, LEAST_WEIGHT, 0.0), offsets


def _moments(field: Tensor, offsets: list[Tensor]) -> Tensor:
    """Sums over a block's samples [R, K, side^d] times powers 0, 1, 2 of every offset [R, K, side]: [R K, 3^d]."""
    found = field.flatten(0, 1)
    for x in offsets:
        powers = torch.stack([torch.ones_like(x), x, x * x], dim=-1).flatten(0, 1)  # [R K, side, 3]
        # the axis at hand goes last, as powers, and the next one comes first
        found = (found.reshape(len(found), x.shape[-1], -1).mT @ powers).flatten(1)
    return found
