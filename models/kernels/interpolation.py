"""Interpolation of node values, corners aligned, with border padding: linear and cubic.

Node j of an axis of m sits at -1 + 2 j / (m - 1). On a lattice the interpolation is a product of one
small dense matrix an axis; at scattered points it is `torch.nn.functional.grid_sample`. The cubic
kernel is Keys' with a = -0.75 (Keys 1981, "Cubic convolution interpolation"), as in grid_sample.
"""

from typing import Any, Literal

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

Order = Literal["linear", "cubic"]
KEYS_A = -0.75


def _weights(fraction: np.ndarray, order: Order) -> dict[int, np.ndarray]:
    """Weight of the neighbours at integer offsets from the node below."""
    if order == "linear":
        return {0: 1 - fraction, 1: fraction}

    def near(t: np.ndarray) -> np.ndarray:  # |t| <= 1
        return ((KEYS_A + 2) * t - (KEYS_A + 3)) * t * t + 1

    def far(t: np.ndarray) -> np.ndarray:  # 1 < |t| < 2
        return KEYS_A * (((t - 5) * t + 8) * t - 4)

    return {-1: far(fraction + 1), 0: near(fraction), 1: near(1 - fraction), 2: far(2 - fraction)}


def axis_matrix(axis: np.ndarray, nodes: int, order: Order, device: torch.device) -> Tensor:
    """The matrix [n, nodes], float32, that takes node values to the samples at `axis` [n]."""
    position = np.clip((axis + 1) / 2 * (nodes - 1), 0, nodes - 1)
    below = np.floor(position).astype(int)
    matrix = np.zeros((len(axis), nodes))
    for offset, weight in _weights(position - below, order).items():
        np.add.at(matrix, (np.arange(len(axis)), np.clip(below + offset, 0, nodes - 1)), weight)
    return torch.as_tensor(matrix, dtype=torch.float32, device=device)


def on_lattice(values: Tensor, matrices: tuple[Tensor, ...]) -> Tensor:
    """Node values [F, *nodes] → [F, *shape], by one matrix [n_k, nodes_k] an axis.

    The last axis is one product, the others are batches of them, so nothing is transposed in memory;
    from the last to the first, so that the largest products have long rows.
    """
    with torch.autocast(values.device.type, enabled=False):  # float32, as autocast leaves grid_sample
        *leading, last = matrices
        values = values @ last.T
        for k, matrix in reversed(list(enumerate(leading, start=1))):
            values = along(values, matrix, k)
    return values


def along(values: Tensor, matrix: Tensor, axis: int) -> Tensor:
    """Values with nodes along an axis, which is not the last → with samples there, by its matrix [n, nodes]."""
    before, after = values.shape[:axis], values.shape[axis + 1 :]
    blocks = values.reshape(before.numel(), -1, after.numel())
    return torch.bmm(matrix.expand(len(blocks), -1, -1), blocks).reshape(*before, -1, *after)


def at_points(values: Tensor, x: Tensor, order: Order) -> Tensor:
    """Node values [F, *nodes] with d axes, points x [N, d] in [-1, 1] → [N, F].

    d = 1, 2, 3 for linear and d = 2 for cubic interpolation.
    """
    if values.ndim == 2:  # grid_sample starts at two axes: a line is an image one pixel wide
        values, x = values[..., None], torch.cat([x, torch.zeros_like(x)], dim=1)
    mode = "bicubic" if order == "cubic" else "bilinear"
    # grid_sample names the last axis first
    grid = x.flip(-1).reshape(1, len(x), *[1] * (x.shape[1] - 1), x.shape[1])
    sampled = F.grid_sample(values[None], grid, mode=mode, padding_mode="border", align_corners=True)
    return sampled.reshape(len(values), len(x)).T


def pick(values: Tensor, index: Tensor) -> Tensor:
    """Columns of values [F, N], no two the same: index [B] → [F, B]. Nothing need be added in the gradient."""
    return _Pick.apply(values, index)


class _Pick(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, values: Tensor, index: Tensor) -> Tensor:
        ctx.save_for_backward(index)
        ctx.columns = values.shape[1]
        return values.index_select(1, index)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        (index,) = ctx.saved_tensors
        spread = gradients[0].new_zeros(len(gradients[0]), ctx.columns)
        return spread.index_copy_(1, index, gradients[0]), None
