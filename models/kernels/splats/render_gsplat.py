"""Gaussian splats through gsplat 1.5, whose conventions the twin follows (Ye et al. 2025)."""

import torch
from torch import Tensor


def render(
    means: Tensor,
    quats: Tensor,
    scales: Tensor,
    opacities: Tensor,
    colours: Tensor,
    width: int,
    height: int,
    focal: float,
    blur: float,
) -> Tensor:
    """The picture of a camera at the origin that looks along +z, at pixel centres: [H, W, C].

    means [N, 3], quats [N, 4], scales [N, 3], opacities [N], colours [N, C]: as `projection.project` and
    `rasterise.composite` take them. focal: in pixels. blur: px².
    """
    import gsplat  # compiles itself when it is first used after an ordinary installation

    camera = [[focal, 0.0, width / 2], [0.0, focal, height / 2], [0.0, 0.0, 1.0]]
    images, _, _ = gsplat.rasterization(
        *(means, quats, scales, opacities, colours),
        viewmats=torch.eye(4, device=means.device)[None],
        Ks=torch.tensor([camera], device=means.device),
        width=width,
        height=height,
        eps2d=blur,
        packed=False,
    )
    return images[0]
