"""A fixed linear map as a sparse matrix, with its transpose for the gradient.

Both products sum row by row, so nothing is scattered and on a CPU the order of every sum is fixed.
(The module is not called `sparse`: SciPy takes a loaded module of that name for PyData's, and fails.)
"""

import warnings
from functools import cached_property
from typing import Any

import torch
from torch import Tensor


class SparseMap:
    """values [columns, F] → [rows, F] in float32, differentiable in the values.

    starts: [rows + 1], columns: [entries], both int32 (or int64); weights: [entries]. Row r holds the
    entries from starts[r] to starts[r + 1] (compressed rows); a column may occur in it more than once.
    The map lives on the device of these tensors and shares their memory. 8 bytes an entry, and as
    much again for the transpose, which is made when a first gradient needs it.
    """

    def __init__(self, starts: Tensor, columns: Tensor, weights: Tensor, shape: tuple[int, int]):
        self.matrix = _compressed_rows(starts, columns, weights.float(), shape)

    def __call__(self, values: Tensor) -> Tensor:
        return _Product.apply(self, values.float())

    @cached_property
    def transpose(self) -> Tensor:
        """The transposed matrix [columns, rows], in compressed rows too."""
        matrix = self.matrix
        starts, columns = matrix.crow_indices(), matrix.col_indices()
        rows = torch.arange(matrix.shape[0], dtype=columns.dtype, device=matrix.device)
        order = columns.argsort(stable=True)
        new_starts = torch.zeros(matrix.shape[1] + 1, dtype=starts.dtype, device=matrix.device)
        new_starts[1:] = torch.bincount(columns, minlength=matrix.shape[1]).cumsum(0)
        row_of = rows.repeat_interleave(starts.diff(), output_size=len(columns))
        return _compressed_rows(new_starts, row_of[order], matrix.values()[order], (matrix.shape[1], matrix.shape[0]))


def _compressed_rows(starts: Tensor, columns: Tensor, weights: Tensor, shape: tuple[int, int]) -> Tensor:
    with warnings.catch_warnings():
        warnings.filterwarnings(
            "ignore", message="Sparse (CSR tensor support is in beta|invariant checks are implicitly)"
        )
        return torch.sparse_csr_tensor(starts, columns, weights, shape, check_invariants=False)


def _multiply(matrix: Tensor, values: Tensor) -> Tensor:
    with torch.autocast(values.device.type, enabled=False):  # sparse products have no bf16 on the CPU
        if values.shape[1] == 1:  # as a vector: 2.5 times faster than as a matrix of one column (MKL)
            return (matrix @ values[:, 0].contiguous())[:, None]
        return matrix @ values


class _Product(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, owner: SparseMap, values: Tensor) -> Tensor:
        ctx.owner = owner
        return _multiply(owner.matrix, values)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[None, Tensor]:
        return None, _multiply(ctx.owner.transpose, gradients[0])
