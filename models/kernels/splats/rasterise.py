"""A differentiable rasteriser of 2D Gaussians, in plain PyTorch.

Kerbl et al., "3D Gaussian Splatting for Real-Time Radiance Field Rendering" (2023), section 6; the
thresholds are those of gsplat 1.5 (Ye et al., "gsplat: An Open-Source Library for Gaussian
Splatting", 2025).

Every tile meets its Gaussians front to back, a chunk at a time. The backward pass walks the same
chunks again instead of keeping them. With `after_k` the transmittance behind Gaussian k,
`odds = alpha / (1 - alpha)` and `behind_k` what the Gaussians further away add to
pixel . dL/d pixel, both passes rest on two formulas:

    weight_k = alpha_k after_{k-1} = odds_k after_k,
    dL/d sigma_k = odds_k behind_k - weight_k (colour_k . dL/d pixel).
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from models.kernels.full_precision import full_precision
from models.kernels.splats.tiling import Tiles

MIN_ALPHA = 1 / 255  # fainter is skipped
MAX_ALPHA = 0.999
MIN_TRANSMITTANCE = 1e-4  # the Gaussian that would leave this or less ends its pixel and is not blended
UNSEEN = 64.0  # a sigma whose alpha is surely below MIN_ALPHA; larger ones would slow `exp` by underflowing

TILE = 16  # samples along a tile's side
CHUNK = 128  # Gaussians a tile meets at once, at most
SHORT_CHUNK = 8  # and at least, when there are many tiles
# Samples times Gaussians evaluated at once; about eight float temporaries of that many are alive
# together. On a CPU they stay in the caches; on a GPU they fill the machine and take about 600 MB.
EVALUATIONS = {"cpu": 1 << 17, "cuda": 1 << 24}


def composite(
    means2d: Tensor,
    conics: Tensor,
    colours: Tensor,
    opacities: Tensor,
    depths: Tensor,
    columns: Tensor,
    rows: Tensor,
    tile: int = TILE,
    chunk: int = CHUNK,
) -> Tensor:
    """Blend 2D Gaussians front to back over black: [H, W, C].

    means2d [N, 2], conics [N, 3], depths [N]: as `projection.project` gives them; depths only order.
    colours: [N, C]. opacities: [N] in [0, 1]; 0 hides a Gaussian.
    columns [W], rows [H]: x and y of the samples in pixels, not decreasing; i + ½ are pixel centres.
    tile, chunk: how the work is cut; the values do not depend on them.
    """
    splats = torch.cat([means2d, conics, opacities[:, None]], dim=1)  # [N, 6]
    return _Composite.apply(splats, colours, depths, Tiles(columns, rows, tile), chunk)


class _Composite(torch.autograd.Function):
    """splats [N, 6] (mean x, y, conic xx, xy, yy, opacity), colours [N, C], depths [N] → [H, W, C]."""

    @staticmethod
    def forward(ctx: Any, splats: Tensor, colours: Tensor, depths: Tensor, tiles: Tiles, chunk: int) -> Tensor:
        # One more Gaussian, fully transparent, fills up the chunks of tiles that have no more of theirs.
        splats, colours = F.pad(splats, (0, 0, 0, 1)), F.pad(colours, (0, 0, 0, 1))
        gaussians, limits = tiles.bin(splats[:, :2], splats[:, 2:5], splats[:, 5], F.pad(depths, (0, 1)), MIN_ALPHA)
        gaussians = F.pad(gaussians, (0, 1), value=len(depths))

        pixels = tiles.side**2
        evaluations = EVALUATIONS[splats.device.type]
        image = splats.new_zeros(tiles.number, colours.shape[1], pixels)
        transmittance = splats.new_ones(tiles.number, pixels)
        chunks = []
        occupied = (limits[1:] > limits[:-1]).nonzero()[:, 0]
        with full_precision(splats.device):
            for group in occupied.split(max(1, evaluations // (SHORT_CHUNK * pixels))):
                at, end = limits[group], limits[group + 1]
                while len(group):
                    length = min(chunk, max(SHORT_CHUNK, evaluations // (len(group) * pixels)))
                    index = at[:, None] + torch.arange(length, device=at.device)
                    ids = gaussians[torch.where(index < end[:, None], index, -1)]  # [T, K]
                    chunks.append((group, ids))
                    dx, dy = tiles.offsets_to(splats[ids], group)
                    _, odds, after = _blend(splats[ids], dx, dy, transmittance[group])
                    transmittance[group] = after[:, -1]
                    image[group] += torch.bmm(colours[ids].mT, odds.mul_(after))

                    at = at + length
                    unfinished = (at < end) & (after[:, -1].amax(dim=1) > 0)
                    group, at, end = group[unfinished], at[unfinished], end[unfinished]

        ctx.tiles, ctx.chunks = tiles, chunks
        ctx.save_for_backward(splats, colours, image)
        return tiles.join(image)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_image: Tensor) -> tuple[Tensor | None, ...]:
        splats, colours, image = ctx.saved_tensors
        grad = ctx.tiles.split(grad_image)  # [tiles, C, side²]
        behind = (image * grad).sum(1)  # [tiles, side²], of the Gaussians not yet met
        transmittance = torch.ones_like(behind)
        grad_splats, grad_colours = torch.zeros_like(splats), torch.zeros_like(colours)
        # `behind` at the last Gaussian is a difference of equal sums, and odds reach 999
        with full_precision(splats.device):
            for group, ids in ctx.chunks:
                dx, dy = ctx.tiles.offsets_to(splats[ids], group)
                alpha, odds, after = _blend(splats[ids], dx, dy, transmittance[group])
                transmittance[group] = after[:, -1]
                weight = after.mul_(odds)
                grad_colours.index_add_(0, ids.flatten(), torch.bmm(weight, grad[group].mT).flatten(0, 1))
                own = torch.bmm(colours[ids], grad[group]).mul_(weight)
                rest = behind[group][:, None] - own.cumsum(dim=1)
                behind[group] = rest[:, -1]
                grad_sigma = rest.mul_(odds).sub_(own).mul_(alpha.lt_(MAX_ALPHA))  # a clamped alpha stays
                grad_splats.index_add_(0, ids.flatten(), _pull_back(splats[ids], dx, dy, grad_sigma))
        return grad_splats[:-1], grad_colours[:-1], None, None, None


def _blend(splats: Tensor, dx: Tensor, dy: Tensor, before: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Meet the next K Gaussians of T tiles: splats [T, K, 6], dx and dy [T, K, side].

    before: [T, side²], the transmittance in front of them; 0 where the pixel has ended.

    Returns alpha, odds and the transmittance behind each Gaussian, [T, K, side²] each.
    """
    xx, xy, yy, opacity = splats[..., 2:, None].unbind(2)  # [T, K, 1]
    sigma = (0.5 * xx * dx * dx)[:, :, None, :] + (0.5 * yy * dy * dy)[:, :, :, None]  # [T, K, side, side]
    sigma = sigma.addcmul_((xy * dx)[:, :, None, :], dy[:, :, :, None]).flatten(2)
    torch.threshold_(sigma, -torch.finfo(sigma.dtype).tiny, UNSEEN)  # a sigma below 0, by rounding, is skipped
    alpha = sigma.clamp_(max=UNSEEN).neg_().exp_().mul_(opacity)
    torch.threshold_(alpha, MIN_ALPHA, 0.0).clamp_(max=MAX_ALPHA)

    passing = 1 - alpha
    odds = alpha / passing
    passing[:, 0] *= before
    # Transmittance only falls, so everything after the Gaussian that ends a pixel gets 0 as well.
    after = torch.threshold_(passing.cumprod(dim=1), MIN_TRANSMITTANCE, 0.0)
    return alpha, odds, after


def _pull_back(splats: Tensor, dx: Tensor, dy: Tensor, grad_sigma: Tensor) -> Tensor:
    """Gradients from sigma [T, K, side²] to the splat of each pair: [T * K, 6].

    All are moments of `grad_sigma`: sums over the tile times powers of dx and of dy.
    """
    powers_x = torch.stack([torch.ones_like(dx), dx, dx * dx], dim=2).flatten(0, 1)  # [T * K, 3, side]
    powers_y = torch.stack([torch.ones_like(dy), dy, dy * dy], dim=2).flatten(0, 1)  # [T * K, 3, side]
    field = grad_sigma.reshape(-1, powers_y.shape[2], powers_x.shape[2])  # [T * K, side, side]
    moments = powers_y @ field @ powers_x.mT  # [T * K, 3, 3], power of dy by power of dx
    xx, xy, yy, opacity = splats[..., 2:].flatten(0, 1).unbind(-1)
    grads = [
        xx * moments[:, 0, 1] + xy * moments[:, 1, 0],
        xy * moments[:, 0, 1] + yy * moments[:, 1, 0],
        moments[:, 0, 2] / 2,
        moments[:, 1, 1],
        moments[:, 2, 0] / 2,
        -moments[:, 0, 0] / opacity.clamp(min=MIN_ALPHA),  # alpha = opacity exp(-sigma)
    ]
    return torch.stack(grads, dim=-1)
