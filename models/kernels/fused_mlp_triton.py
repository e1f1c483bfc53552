"""Coordinate networks in Triton: all layers of a tile of points in one kernel, forward and backward.

h₀ = a(W₀x + b₀), hₗ = a(Wₗhₗ₋₁ + bₗ), outputs V hₗ + c, with an activation a that is a sine, a Gabor
wavelet on real pairs, or the product with a filter sin(ωₗx + φₗ) (then h₀ is the first filter). The
forward pass keeps nothing. The backward pass goes through the points in chunks, computes a chunk's
activations again, and never holds more than these.
"""

from dataclasses import dataclass
from typing import Any, Literal

import torch
import torch.nn.functional as F
import triton
from torch import Tensor
from torch.autograd.function import once_differentiable

from models.kernels.fused_layers_triton import backward_kernel, forward_kernel, weights_kernel

POINTS = 64  # a tile
WARPS = 4
PROGRAMS = 2  # a multiprocessor
DEPTH = 32  # of one step of a product along its sum
STAGES = 2  # such steps under way
COLUMNS = 64  # of one step of a product across
CHUNK = 32 << 20  # bytes of one layer of a chunk: two of each layer are held
INTERPRETED_PROGRAMS = 4  # where there are no multiprocessors
KINDS = ("sine", "gabor", "filter")


@dataclass(frozen=True)
class Network:
    """What is not trained. kind: the activation, with its omega and sigma where it has them. read: the
    layers that have an output, in order; layer 0 is the first."""

    kind: Literal["sine", "gabor", "filter"]
    read: tuple[int, ...]
    omega: float = 1.0
    sigma: float = 1.0


def network(
    how: Network, x: Tensor, first: Tensor, phase: Tensor, weights: Tensor, biases: Tensor, outputs: Tensor, c: Tensor
) -> Tensor:
    """The outputs of all heads at points x [N, d]: [H, N, C], float32.

    first: [w, d] and phase: [w], of the first layer; with filters [L + 1, w, d], which get no gradient, and
    [L + 1, w]. weights: [L, w, w]. biases: [L, w]. outputs: [H, C, w]. c: [H, C]. With Gabor wavelets on w
    pairs, weights, biases and outputs have 2w, the real parts first, and the first layer is real. Products
    are as exact as float32 where PyTorch's matmul precision is "highest", and TF32 otherwise. There is no
    gradient with respect to x.
    """
    if x.requires_grad:
        raise ValueError("the fused network has no gradient with respect to points; use the back end torch")
    pairs = 2 if how.kind == "gabor" else 1
    width = weights.shape[-1] // pairs
    padding = padded(width) - width

    def pad(values: Tensor, *axes: int, parts: int = pairs) -> Tensor:
        """Zeros after each part of these axes."""
        for axis in axes:
            cut = values.unflatten(axis, (parts, width))
            values = F.pad(cut, [0, 0] * (cut.dim() - axis - 2) + [0, padding]).flatten(axis, axis + 1)
        return values.contiguous()

    values: Tensor = _Network.apply(
        *(how, x.contiguous(), pad(first, first.dim() - 2, parts=1), pad(phase, phase.dim() - 1, parts=1)),
        *(pad(weights, 1, 2), pad(biases, 1), pad(outputs, 2), c.contiguous()),
    )
    return values


def padded(width: int) -> int:
    """The width that the kernels take: 16, 32 or a multiple of 64."""
    return max(16, triton.next_power_of_2(width)) if width <= COLUMNS else -(-width // COLUMNS) * COLUMNS


class _Network(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, how: Network, x: Tensor, *values: Tensor) -> Tensor:
        first, phase, weights, biases, outputs, c = values
        out = x.new_empty(len(outputs), len(x), outputs.shape[1])
        programs = _programs(x)
        stride = programs * POINTS * weights.shape[-1]
        if len(x):
            forward_kernel[(programs,)](
                *(x, first, phase, weights, biases, outputs, c, x.new_empty(2 * stride), out, len(x), stride),
                *(how.omega, how.sigma, sum(1 << layer for layer in how.read)),
                **_shape(how, x, weights, outputs),
            )
        ctx.save_for_backward(x, *values)
        ctx.how = how
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, first, phase, weights, biases, outputs, _ = ctx.saved_tensors
        how, grad = ctx.how, grad.contiguous()
        layers, width = biases.shape
        rows = min(-(-len(x) // POINTS), CHUNK // (4 * width * POINTS)) * POINTS  # a chunk
        h, pre = (x.new_empty(layers + 1, rows, width) for _ in range(2))
        own = [layers + 1] if how.kind == "filter" else [1, x.shape[1]]
        sizes = [layers, *own, grad.shape[0] * grad.shape[2]]
        vectors = x.new_zeros(_programs(x), sum(sizes), width)
        side = min(width, COLUMNS)
        blocks = (width // side) ** 2
        splits = -(-_programs(x) // (blocks * layers))
        matrices = x.new_zeros(splits, *weights.shape)
        shape = _shape(how, x, weights, outputs)
        for start in range(0, len(x), max(rows, 1)):
            end = min(start + rows, len(x))
            backward_kernel[(len(vectors),)](
                *(x, first, phase, weights, biases, outputs, grad, h, pre, vectors, start, end, len(x)),
                *(rows * width, how.omega, how.sigma, sum(1 << layer for layer in how.read)),
                HEADS=len(outputs),
                **shape,
            )
            weights_kernel[(blocks, layers, splits)](
                *(h, pre, matrices, end - start, rows * width),
                WIDTH=width,
                POINTS=DEPTH,
                SIDE=side,
                STAGES=STAGES,
                PRECISION=shape["PRECISION"],
                num_warps=WARPS,
                num_stages=1,
            )
        to_biases, *to_own, to_outputs = vectors.sum(0).split(sizes)
        if how.kind == "filter":
            to_first, to_phase = None, to_own[0]
        else:
            to_first, to_phase = to_own[1].T[: len(phase)], to_own[0][0, : len(phase)]
        return None, None, to_first, to_phase, matrices.sum(0), to_biases, to_outputs.view_as(outputs), grad.sum(1)


def _programs(x: Tensor) -> int:
    if not x.is_cuda:
        return INTERPRETED_PROGRAMS
    return PROGRAMS * torch.cuda.get_device_properties(x.device).multi_processor_count


def _shape(how: Network, x: Tensor, weights: Tensor, outputs: Tensor) -> dict[str, Any]:
    """What the kernels are compiled for."""
    layers, width, _ = weights.shape
    exact = torch.get_float32_matmul_precision() == "highest"
    return {
        "LAYERS": layers,
        "KIND": KINDS.index(how.kind),
        "D": x.shape[1],
        "C": outputs.shape[1],
        "WIDTH": width,
        "BLOCK": POINTS,
        "COLUMNS": min(width // (2 if how.kind == "gabor" else 1), COLUMNS),
        "DEPTH": min(width, DEPTH),
        "STAGES": STAGES,
        "PRECISION": "tf32x3" if exact else "tf32",  # three products in TF32 are as good as one in float32
        "num_warps": WARPS,
        "num_stages": 1,
    }
