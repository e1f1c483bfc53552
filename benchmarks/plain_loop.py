"""The loops that the suite's own is measured against: a plain one, and one written with some care.

Plain, as reference implementations have it: single precision; every pass permutes all points on the CPU, gathers
them and their targets there and copies them to the device; ordinary modules at scattered points; Adam unfused.
Careful: points and targets stay on the device, in their order; TF32 products; fused Adam. Neither knows lattices,
graphs or kernels of the suite's own. A model for lattices alone has no points to permute; plainly, its target
crosses to the device at every update. The careful loop can also have its model compiled.
"""

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F

from harness.train.precision import matmul_precision
from models.base import Representation
from target_signals.tasks.task import Task


class PlainLoop:
    """Updates a model, where it is, on a task that observes values themselves, in the batches of SPEC 3.

    compiler: of the function that gives the model's heads, such as torch.compile.
    """

    def __init__(
        self,
        model: Representation,
        task: Task,
        lr: float,
        minibatch: int | None,
        careful: bool,
        compiler: Callable[[Any], Any] = lambda function: function,
    ):
        self.model = model
        self.lattice = task.lattice
        self.careful = careful
        self.batch = minibatch or task.lattice.size
        home = model.device if careful else torch.device("cpu")
        self.target = torch.as_tensor(task.target, device=home).flatten(0, task.lattice.dim - 1)  # [N, C]
        self.heads = compiler(model.heads_on_lattice if model.lattice_only else model.heads)
        self.points = None if model.lattice_only else task.lattice.points(home)  # [N, d]
        self.optimiser = torch.optim.Adam(model.parameters(), lr=lr, foreach=False, fused=careful)

    def one_pass(self) -> int:
        """Update on every point once; the number of updates."""
        with matmul_precision("tf32" if self.careful else "fp32"):
            if self.points is None:
                self._update(self.heads(self.lattice).flatten(1, -2), self.target)
                return 1
            order = None if self.careful else torch.randperm(len(self.points))
            starts = range(0, len(self.points), self.batch)
            for start in starts:
                part = slice(start, start + self.batch)
                chosen = part if order is None else order[part]
                self._update(self.heads(self.points[chosen].to(self.model.device)), self.target[chosen])
            return len(starts)

    def _update(self, heads: torch.Tensor, target: torch.Tensor) -> None:
        """heads [H, B, C], with their gradient; target [B, C], wherever it is."""
        self.optimiser.zero_grad()
        loss = F.mse_loss(heads, target.to(heads.device).expand_as(heads)) + self.model.penalty()
        loss.backward()
        self.optimiser.step()
