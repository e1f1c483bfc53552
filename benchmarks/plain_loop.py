"""The loops that the suite's own is measured against: a plain one, and one written with some care.

Plain does what the paper's released code does: single precision; points and targets stay on the device; every pass
draws a permutation on the CPU and gathers points and targets by it on the device, but for images and CT slices, which
that code takes in order (`permuted`); ordinary modules at scattered points, whose first layers are matrix products;
Adam with PyTorch's defaults. Careful: nothing is permuted; TF32 products; fused Adam. Neither knows lattices, graphs
or kernels of the suite's own. The careful loop can also have its model compiled.
"""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
import torch.nn.functional as F

from harness.train.precision import matmul_precision
from models.base import Representation
from models.kernels.network import layers
from target_signals.tasks.task import Task


@contextlib.contextmanager
def first_layers_as_products() -> Iterator[None]:
    """A context in which coordinate networks read their coordinates by a matrix product, as nn.Linear does."""

    def product(coordinates: Sequence[torch.Tensor], weight: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        return F.linear(torch.cat(tuple(coordinates), dim=-1), weight, bias)

    before = layers.affine
    layers.affine = product
    try:
        yield
    finally:
        layers.affine = before


class PlainLoop:
    """Updates a model, where it is, on a task that observes values themselves.

    minibatch: points an update; None for all. permuted: whether a plain pass permutes the points; batches always do.
    compiler: of the function that gives the model's heads, such as torch.compile.
    """

    def __init__(
        self,
        model: Representation,
        task: Task,
        lr: float,
        minibatch: int | None,
        careful: bool,
        permuted: bool = True,
        compiler: Callable[[Any], Any] = lambda function: function,
    ):
        self.model = model
        self.lattice = task.lattice
        self.careful = careful
        self.batch = minibatch or len(task.lattice)
        self.permuted = not careful and (permuted or minibatch is not None)
        self.target = torch.as_tensor(task.target, device=model.device).flatten(0, task.lattice.dim - 1)  # [N, C]
        self.heads = compiler(model.heads_on_lattice if model.lattice_only else model.heads)
        self.points = None if model.lattice_only else task.lattice.points(model.device)  # [N, d]
        self.optimiser = torch.optim.Adam(model.parameters(), lr=lr, fused=True if careful else None)

    def one_pass(self) -> int:
        """Update on every point once; the number of updates."""
        with matmul_precision("tf32" if self.careful else "fp32"), first_layers_as_products():
            if self.points is None:
                self._update(self.heads(self.lattice).flatten(1, -2), self.target)
                return 1
            order = torch.randperm(len(self.points)).to(self.model.device) if self.permuted else None
            starts = range(0, len(self.points), self.batch)
            for start in starts:
                part = slice(start, start + self.batch)
                chosen = part if order is None else order[part]
                self._update(self.heads(self.points[chosen]), self.target[chosen])
            return len(starts)

    def _update(self, heads: torch.Tensor, target: torch.Tensor) -> None:
        """heads [H, B, C], with their gradient; target [B, C]."""
        self.optimiser.zero_grad()
        loss = F.mse_loss(heads, target.expand_as(heads)) + self.model.penalty()
        loss.backward()
        self.optimiser.step()
