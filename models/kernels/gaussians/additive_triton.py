"""`additive.add` in Triton, for images and volumes of any size.

Sums have no order, so nothing is sorted and no block has a list: some programs share a Gaussian and walk over the
samples of its box. Forward they add to the answer; backward they read its gradient and keep sums in registers. Nothing
has a size that the device would have to tell the host, and no memory is taken beyond the answer's.

Additions are atomic, so the last bits of values and gradients differ from run to run. A lattice has fewer than 2³¹
samples.
"""

import math
from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
import triton
from torch import Tensor
from torch.autograd.function import once_differentiable

from models.kernels.dense import dense
from models.kernels.gaussians.additive_kernels import SUMS, backward_kernel, forward_kernel
from models.kernels.gaussians.boxes import boxes

BLOCK = 128  # samples that a program looks at together
PROGRAMS = 1 << 15  # which fill a machine; few Gaussians have many each
MOST = 64  # programs of one Gaussian


def add(means: Tensor, whitening: Tensor, colours: Tensor, deviations: Tensor, axes: Sequence[Tensor]) -> Tensor:
    """As its twin: means [N, d], whitening [N, d, d], colours [N, C], deviations [N, d], d axes [n] → [*shape, C],
    float32."""
    return _Add.apply(means, whitening, colours, *boxes(means, deviations, axes), tuple(axes))


class _Add(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, means: Tensor, whitening: Tensor, colours: Tensor, first: Tensor, behind: Tensor, axes: Any
    ) -> Tensor:
        missing = 3 - len(axes)  # an image is a volume of one layer, at 0, where every Gaussian is
        means, whitening, colours, *axes = dense(means, whitening, colours, *[means.new_zeros(1)] * missing, *axes)
        splats = F.pad(means, (missing, 0)), F.pad(whitening, (missing, 0, missing, 0))
        limits = F.pad(first, (missing, 0)).int(), F.pad(behind, (missing, 0), value=1).int()
        shape = [len(axis) for axis in axes]
        values = colours.new_zeros(*shape[missing:], colours.shape[1])
        inputs = *splats, colours, *limits, *axes
        if len(colours):
            forward_kernel[_programs(len(colours), math.prod(shape))](*inputs, values, *shape[1:], **_shape(colours))
        ctx.save_for_backward(*inputs)
        ctx.missing = missing
        return values

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        inputs = ctx.saved_tensors
        _, whitening, colours, *_, x, y, z = inputs
        n, c = colours.shape
        sums = colours.new_zeros(n, SUMS.value + c)
        if n:
            arguments = *inputs, gradient.contiguous(), sums, len(y), len(z)
            backward_kernel[_programs(n, len(x) * len(y) * len(z))](
                *arguments, C_PADDED=triton.next_power_of_2(c), **_shape(colours)
            )
        to_u, to_whitening, to_colours = sums.split((3, 9, c), dim=1)
        to_means, k = -(whitening * to_u[..., None]).sum(1), ctx.missing  # no product, whose precision is not ours
        return to_means[:, k:], to_whitening.reshape(-1, 3, 3)[:, k:, k:], to_colours, None, None, None


def _programs(n: int, samples: int) -> tuple[int, int]:
    return n, min(MOST, triton.cdiv(PROGRAMS, n), triton.cdiv(samples, BLOCK))


def _shape(colours: Tensor) -> dict[str, int]:
    """What both kernels are compiled for, and the warps they run on."""
    return {"C": colours.shape[1], "BLOCK": BLOCK, "num_warps": 4}
