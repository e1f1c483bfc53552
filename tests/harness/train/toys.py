"""Small tasks, models and schedules of the tests of training, and gradients by hand."""

import dataclasses

import numpy as np
import torch
from torch import nn

from harness.train.loss import Schedule
from models.base import Representation
from target_signals.tasks.operators import Identity, Operator
from target_signals.tasks.task import Scoring, Task
from tests.harness.tables import MODELS

CPU = torch.device("cpu")
SHAPES = {2: (12, 10), 3: (6, 5, 4)}  # uneven on purpose
THIN = 1e-9  # GiB: slabs of one layer
SCATTERED = [name for name in MODELS if name != "GSplat"]  # that have values at scattered points
TIMES = (
    *("seconds", "ms_per_update", "ms_per_pass", "ready_seconds", "processor_seconds", "load_at_start"),
    *("peak_memory_bytes", "started"),
)  # what may differ between equal trials


class BlockMean(Operator):
    """Averages 2 x 2 blocks of the first two axes: a linear operator that couples points."""

    def __call__(self, values):
        blocks = values.unflatten(2, (-1, 2)).unflatten(1, (-1, 2))  # [H, n/2, 2, m/2, 2, …]
        return blocks.mean(dim=(2, 4))


class Odd(Representation):
    """A model as somebody else may write it: a layer that is used twice, types that are not float32, an empty tensor,
    and what `__init__` computes, which its state leaves out."""

    name = "Odd"

    def __init__(self, config, lattice, channels, size):
        super().__init__(config, lattice, channels, size)
        self.first, layer = nn.Linear(self.dim, size), nn.Linear(size, size)
        self.hidden = nn.ModuleList([layer, layer])
        self.output = nn.Linear(size, channels)
        self.factors = nn.Parameter(torch.empty(3, dtype=torch.bfloat16))
        self.register_buffer("mask", torch.empty(size, dtype=torch.bool))
        self.register_buffer("none", torch.empty(0, 2, dtype=torch.int64))
        self.register_buffer("waves", 2.0 ** torch.arange(self.dim), persistent=False)

    def initialise(self, rng):
        super().initialise(rng)
        nn.init.uniform_(self.factors, generator=rng)
        self.mask.copy_(torch.rand(len(self.mask), generator=rng) < 0.5)

    def forward(self, x):
        values = torch.sin(self.first(x * self.waves))
        for layer in self.hidden:
            values = self.mask * torch.sin(layer(values))
        return self.output(values) * self.factors.float().sum()


class Loose(Representation):
    """A model as PyTorch's tutorials have them: it draws from PyTorch's own generator, a part of it outside its state,
    and some of its layers are another function while they train."""

    name = "Loose"

    def __init__(self, config, lattice, channels, size):
        super().__init__(config, lattice, channels, size)
        self.waves = 5 * torch.randn(self.dim, size)
        self.weights = nn.Parameter(torch.empty(size, size))
        self.norm, self.drop, self.output = nn.BatchNorm1d(size), nn.Dropout(0.2), nn.Linear(size, channels)

    def initialise(self, rng):
        super().initialise(rng)
        nn.init.xavier_normal_(self.weights)

    def forward(self, x):
        return self.output(self.drop(self.norm(torch.sin(x @ self.waves) @ self.weights)))


class Slope(Representation):
    """One value everywhere, from 0: its course under Adam is known by hand."""

    name = "Slope"

    def __init__(self, config, lattice, channels, size):
        super().__init__(config, lattice, channels, size)
        self.value = nn.Parameter(torch.empty(()))

    @classmethod
    def solve_size(cls, config, lattice, channels, budget):
        return 1

    def initialise(self, rng):
        nn.init.zeros_(self.value)

    def forward(self, x):
        return self.value.expand(len(x), self.channels)


def make_task(lattice, channels=1, operator=None, truth=None):
    """A truth, random unless it is given, and what the operator sees of it."""
    if truth is None:
        truth = np.random.default_rng(0).random((*lattice.shape, channels), dtype=np.float32)
    operator = operator or Identity()
    target = operator(torch.as_tensor(truth)[None])[0].numpy()
    return Task(lattice, target, truth, operator, (Scoring("fit", lattice, truth, False),))


def schedule(**changes):
    plain = Schedule(
        1e-3, (0.9, 0.999), steps=5, evaluate_every=2, minibatch=None, activation_gib=4.0, precision="fp32"
    )
    return dataclasses.replace(plain, **changes)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def loss_by_hand(model, x, target):
    """Mean over heads of the mean squared error, and λ · TV, in plain words: x [N, d], target [N, C]."""
    loss = sum(((head - target) ** 2).mean() for head in model.heads(x)) / len(model.heads(x))
    if model.name == "Grid_TV":
        nodes = model.values[0]
        here = nodes[tuple([slice(None, -1)] * nodes.dim())]
        squares = torch.zeros_like(here)
        for axis in range(nodes.dim()):
            squares = squares + (nodes.narrow(axis, 1, nodes.shape[axis] - 1)[tuple(
                slice(None) if k == axis else slice(None, -1) for k in range(nodes.dim())
            )] - here) ** 2  # fmt: skip
        loss = loss + model.config.tv_weight * torch.sqrt(torch.clamp(squares, min=model.config.tv_floor)).mean()
    return loss


def gradients(model):
    return [torch.zeros_like(p) if p.grad is None else p.grad.clone() for p in model.parameters()]


def assert_close(found, expected, tolerance=2e-4):
    for one, other in zip(found, expected, strict=True):
        assert (one - other).norm() <= tolerance * other.norm() + 1e-7
