"""The perspective projection of anisotropic 3D Gaussians to 2D ones on an image, in plain PyTorch.

The projection is linearised at each mean: Zwicker et al., "EWA Splatting" (2002); Kerbl et al., "3D
Gaussian Splatting for Real-Time Radiance Field Rendering" (2023). Constants are those of gsplat 1.5
in its "classic" mode (Ye et al., "gsplat: An Open-Source Library for Gaussian Splatting", 2025).
"""

import torch
import torch.nn.functional as F
from torch import Tensor

NEAR_PLANE = 0.01  # least depth, in units of the scene
FRUSTUM_MARGIN = 1.3  # the point of linearisation is at most this many half fields of view off the axis


def rotations(quats: Tensor) -> Tensor:
    """Rotation matrices of quaternions (w, x, y, z) of any length but zero: [N, 4] → [N, 3, 3]."""
    w, x, y, z = F.normalize(quats, dim=-1).unbind(-1)
    entries = [
        *(1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)),
        *(2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)),
        *(2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)),
    ]
    return torch.stack(entries, dim=-1).reshape(-1, 3, 3)


def project(
    means: Tensor, quats: Tensor, scales: Tensor, width: int, height: int, focal: float, blur: float
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Gaussians in camera space as 2D Gaussians on an image, the principal point at its centre.

    means: [N, 3], x right, y down, z away from the camera, in units of the scene.
    quats: [N, 4], (w, x, y, z); normalised here.
    scales: [N, 3], standard deviations along the rotated axes, in units of the scene.
    focal: in pixels, the same on both axes.
    blur: px², added to both variances on the image.

    Returns means2d [N, 2] (x, y in pixels, the first pixel's centre at ½), conics [N, 3] (the
    entries xx, xy, yy of the inverse covariance, px⁻²), depths [N] and visible [N], which is false
    before the near plane and where rounding has left no positive determinant.
    """
    x, y, depths = means.unbind(-1)
    in_front = depths >= NEAR_PLANE
    z = torch.where(in_front, depths, 1)  # keeps infinities out of the gradients of what is not seen
    slope_x, slope_y = x / z, y / z
    means2d = torch.stack([focal * slope_x + width / 2, focal * slope_y + height / 2], dim=-1)

    limit_x, limit_y = (FRUSTUM_MARGIN * side / (2 * focal) for side in (width, height))
    slope_x, slope_y = slope_x.clamp(-limit_x, limit_x), slope_y.clamp(-limit_y, limit_y)
    turned = rotations(quats) * scales[:, None, :]  # [N, 3, 3], its rows run along x, y, z
    zoom = (focal / z)[:, None]
    along_x = zoom * (turned[:, 0] - slope_x[:, None] * turned[:, 2])  # [N, 3]
    along_y = zoom * (turned[:, 1] - slope_y[:, None] * turned[:, 2])
    xx = (along_x * along_x).sum(-1) + blur
    xy = (along_x * along_y).sum(-1)
    yy = (along_y * along_y).sum(-1) + blur

    determinant = xx * yy - xy * xy
    visible = in_front & (determinant > 0)
    conics = torch.stack([yy, -xy, xx], dim=-1) / torch.where(visible, determinant, 1)[:, None]
    return means2d, conics, depths, visible
