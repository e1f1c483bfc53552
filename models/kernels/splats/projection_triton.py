"""`projection.project` in Triton: one kernel forward, one backward, with the gradients worked out by hand.

Σ = A Aᵀ + blur with A the linearised camera times rotation and scales, and the conic is Q = Σ⁻¹, so that
∂loss/∂Σ = -Q (∂loss/∂Q) Q. The rest is the chain rule through A = zoom (T₀ - slope_x T₂, T₁ - slope_y T₂),
T = R diag(scales).
"""

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor
from torch.autograd.function import once_differentiable

from models.kernels.dense import dense
from models.kernels.splats.projection import FRUSTUM_MARGIN, NEAR_PLANE

BLOCK = 128  # Gaussians a program
NEAR = tl.constexpr(NEAR_PLANE)


def project(
    means: Tensor, quats: Tensor, scales: Tensor, width: int, height: int, focal: float, blur: float
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """As its twin: means [N, 3], quats [N, 4], scales [N, 3] → means2d [N, 2], conics [N, 3], depths [N],
    visible [N]; float32. Differentiable in means2d and conics."""
    return _Project.apply(means, quats, scales, width, height, focal, blur)


class _Project(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, means: Tensor, quats: Tensor, scales: Tensor, width: int, height: int, focal: float, blur: float
    ) -> tuple[Tensor, ...]:
        means, quats, scales = dense(means, quats, scales)
        n = len(means)
        means2d, conics = means.new_empty(n, 2), means.new_empty(n, 3)
        depths, visible = means.new_empty(n), means.new_empty(n, dtype=torch.bool)
        ctx.camera = (width / 2, height / 2, *(FRUSTUM_MARGIN * side / (2 * focal) for side in (width, height)), focal)
        if n:
            _forward_kernel[(triton.cdiv(n, BLOCK),)](
                means, quats, scales, means2d, conics, depths, visible, *ctx.camera, blur, n, BLOCK=BLOCK
            )
        ctx.save_for_backward(means, quats, scales, conics, visible)
        ctx.mark_non_differentiable(depths, visible)
        return means2d, conics, depths, visible

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_means2d: Tensor, grad_conics: Tensor, *_: Any) -> tuple[Tensor | None, ...]:
        means, quats, scales, conics, visible = ctx.saved_tensors
        grads = torch.empty_like(means), torch.empty_like(quats), torch.empty_like(scales)
        if len(means):
            _backward_kernel[(triton.cdiv(len(means), BLOCK),)](
                *(means, quats, scales, conics, visible, grad_means2d.contiguous(), grad_conics.contiguous()),
                *(*grads, *ctx.camera, len(means)),
                BLOCK=BLOCK,
            )
        return *grads, None, None, None, None


@triton.jit
def _load3(pointer, i, here):
    return (
        tl.load(pointer + 3 * i, mask=here, other=1.0),
        tl.load(pointer + 3 * i + 1, mask=here, other=1.0),
        tl.load(pointer + 3 * i + 2, mask=here, other=1.0),
    )


@triton.jit
def _rotation(quats_ptr, i, here):
    """The quaternion made of length 1, its length before, and the nine entries of its matrix."""
    w = tl.load(quats_ptr + 4 * i, mask=here, other=1.0)
    x = tl.load(quats_ptr + 4 * i + 1, mask=here, other=0.0)
    y = tl.load(quats_ptr + 4 * i + 2, mask=here, other=0.0)
    z = tl.load(quats_ptr + 4 * i + 3, mask=here, other=0.0)
    length = tl.maximum(tl.sqrt(w * w + x * x + y * y + z * z), 1e-12)
    w, x, y, z = w / length, x / length, y / length, z / length
    r00, r01, r02 = 1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)
    r10, r11, r12 = 2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)
    r20, r21, r22 = 2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)
    return w, x, y, z, length, r00, r01, r02, r10, r11, r12, r20, r21, r22


@triton.jit
def _camera(means_ptr, i, here, limit_x, limit_y, focal):
    """x/z, y/z, the same within the limits, depth, the depth that is divided by, and focal / depth."""
    x, y, depth = _load3(means_ptr, i, here)
    z = tl.where(depth >= NEAR, depth, 1.0)
    slope_x, slope_y = x / z, y / z
    near_x = tl.minimum(tl.maximum(slope_x, -limit_x), limit_x)
    near_y = tl.minimum(tl.maximum(slope_y, -limit_y), limit_y)
    return slope_x, slope_y, near_x, near_y, depth, z, focal / z


@triton.jit
def _forward_kernel(
    means_ptr, quats_ptr, scales_ptr, means2d_ptr, conics_ptr, depths_ptr, visible_ptr,
    centre_x, centre_y, limit_x, limit_y, focal, blur, count, BLOCK: tl.constexpr,
):  # fmt: skip
    """What project() returns, of BLOCK Gaussians. centre: px, half the image. limit: of x/z and y/z at which the
    projection is linearised."""
    i = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    here = i < count
    slope_x, slope_y, near_x, near_y, depth, _, zoom = _camera(means_ptr, i, here, limit_x, limit_y, focal)
    s0, s1, s2 = _load3(scales_ptr, i, here)
    _, _, _, _, _, r00, r01, r02, r10, r11, r12, r20, r21, r22 = _rotation(quats_ptr, i, here)
    a0, b0 = zoom * s0 * (r00 - near_x * r20), zoom * s0 * (r10 - near_y * r20)
    a1, b1 = zoom * s1 * (r01 - near_x * r21), zoom * s1 * (r11 - near_y * r21)
    a2, b2 = zoom * s2 * (r02 - near_x * r22), zoom * s2 * (r12 - near_y * r22)
    xx = a0 * a0 + a1 * a1 + a2 * a2 + blur
    xy = a0 * b0 + a1 * b1 + a2 * b2
    yy = b0 * b0 + b1 * b1 + b2 * b2 + blur
    determinant = xx * yy - xy * xy
    visible = (depth >= NEAR) & (determinant > 0)
    determinant = tl.where(visible, determinant, 1.0)
    tl.store(means2d_ptr + 2 * i, focal * slope_x + centre_x, mask=here)
    tl.store(means2d_ptr + 2 * i + 1, focal * slope_y + centre_y, mask=here)
    tl.store(conics_ptr + 3 * i, yy / determinant, mask=here)
    tl.store(conics_ptr + 3 * i + 1, -xy / determinant, mask=here)
    tl.store(conics_ptr + 3 * i + 2, xx / determinant, mask=here)
    tl.store(depths_ptr + i, depth, mask=here)
    tl.store(visible_ptr + i, visible, mask=here)


@triton.jit
def _backward_kernel(
    means_ptr, quats_ptr, scales_ptr, conics_ptr, visible_ptr, grad_means2d_ptr, grad_conics_ptr,
    grad_means_ptr, grad_quats_ptr, grad_scales_ptr,
    centre_x, centre_y, limit_x, limit_y, focal, count, BLOCK: tl.constexpr,
):  # fmt: skip
    """Gradients of means [N, 3], quats [N, 4] and scales [N, 3] from those of means2d [N, 2] and conics [N, 3], which
    do not count where a Gaussian is not visible."""
    i = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    here = i < count
    seen = here & (tl.load(visible_ptr + i, mask=here, other=0) != 0)
    slope_x, slope_y, near_x, near_y, _, depth, zoom = _camera(means_ptr, i, here, limit_x, limit_y, focal)
    s0, s1, s2 = _load3(scales_ptr, i, here)
    w, x, y, z, length, r00, r01, r02, r10, r11, r12, r20, r21, r22 = _rotation(quats_ptr, i, here)
    a0, b0 = zoom * s0 * (r00 - near_x * r20), zoom * s0 * (r10 - near_y * r20)
    a1, b1 = zoom * s1 * (r01 - near_x * r21), zoom * s1 * (r11 - near_y * r21)
    a2, b2 = zoom * s2 * (r02 - near_x * r22), zoom * s2 * (r12 - near_y * r22)

    # from the conic Q = [p q; q r] to the covariance: -Q G Q
    p, q, r = _load3(conics_ptr, i, here)
    g_p = tl.load(grad_conics_ptr + 3 * i, mask=seen, other=0.0)
    g_q = tl.load(grad_conics_ptr + 3 * i + 1, mask=seen, other=0.0) / 2
    g_r = tl.load(grad_conics_ptr + 3 * i + 2, mask=seen, other=0.0)
    t00, t01 = p * g_p + q * g_q, p * g_q + q * g_r
    t10, t11 = q * g_p + r * g_q, q * g_q + r * g_r
    g_xx, g_xy, g_yy = -(t00 * p + t01 * q), -2 * (t00 * q + t01 * r), -(t10 * q + t11 * r)

    # to the rows of A, then to T, slopes and zoom
    g_a0, g_b0 = 2 * g_xx * a0 + g_xy * b0, 2 * g_yy * b0 + g_xy * a0
    g_a1, g_b1 = 2 * g_xx * a1 + g_xy * b1, 2 * g_yy * b1 + g_xy * a1
    g_a2, g_b2 = 2 * g_xx * a2 + g_xy * b2, 2 * g_yy * b2 + g_xy * a2
    g_zoom = (g_a0 * a0 + g_a1 * a1 + g_a2 * a2 + g_b0 * b0 + g_b1 * b1 + g_b2 * b2) / zoom
    g_near_x = -zoom * (g_a0 * s0 * r20 + g_a1 * s1 * r21 + g_a2 * s2 * r22)
    g_near_y = -zoom * (g_b0 * s0 * r20 + g_b1 * s1 * r21 + g_b2 * s2 * r22)
    h00, h10, h20 = zoom * g_a0, zoom * g_b0, -zoom * (near_x * g_a0 + near_y * g_b0)
    h01, h11, h21 = zoom * g_a1, zoom * g_b1, -zoom * (near_x * g_a1 + near_y * g_b1)
    h02, h12, h22 = zoom * g_a2, zoom * g_b2, -zoom * (near_x * g_a2 + near_y * g_b2)

    g_slope_x = focal * tl.load(grad_means2d_ptr + 2 * i, mask=seen, other=0.0)
    g_slope_y = focal * tl.load(grad_means2d_ptr + 2 * i + 1, mask=seen, other=0.0)
    g_slope_x += tl.where(slope_x == near_x, g_near_x, 0.0)
    g_slope_y += tl.where(slope_y == near_y, g_near_y, 0.0)
    tl.store(grad_means_ptr + 3 * i, g_slope_x / depth, mask=here)
    tl.store(grad_means_ptr + 3 * i + 1, g_slope_y / depth, mask=here)
    g_depth = -(g_slope_x * slope_x + g_slope_y * slope_y + g_zoom * zoom) / depth
    tl.store(grad_means_ptr + 3 * i + 2, tl.where(seen, g_depth, 0.0), mask=here)

    tl.store(grad_scales_ptr + 3 * i, h00 * r00 + h10 * r10 + h20 * r20, mask=here)
    tl.store(grad_scales_ptr + 3 * i + 1, h01 * r01 + h11 * r11 + h21 * r21, mask=here)
    tl.store(grad_scales_ptr + 3 * i + 2, h02 * r02 + h12 * r12 + h22 * r22, mask=here)

    # to the quaternion of length 1, and to the one that was given
    h00, h10, h20 = h00 * s0, h10 * s0, h20 * s0
    h01, h11, h21 = h01 * s1, h11 * s1, h21 * s1
    h02, h12, h22 = h02 * s2, h12 * s2, h22 * s2
    g_w = 2 * (x * (h21 - h12) + y * (h02 - h20) + z * (h10 - h01))
    g_x = 2 * (w * (h21 - h12) + y * (h01 + h10) + z * (h02 + h20) - 2 * x * (h11 + h22))
    g_y = 2 * (w * (h02 - h20) + x * (h01 + h10) + z * (h12 + h21) - 2 * y * (h00 + h22))
    g_z = 2 * (w * (h10 - h01) + x * (h02 + h20) + y * (h12 + h21) - 2 * z * (h00 + h11))
    along = w * g_w + x * g_x + y * g_y + z * g_z
    tl.store(grad_quats_ptr + 4 * i, (g_w - w * along) / length, mask=here)
    tl.store(grad_quats_ptr + 4 * i + 1, (g_x - x * along) / length, mask=here)
    tl.store(grad_quats_ptr + 4 * i + 2, (g_y - y * along) / length, mask=here)
    tl.store(grad_quats_ptr + 4 * i + 3, (g_z - z * along) / length, mask=here)
