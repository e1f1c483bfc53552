"""example_name: a weighted sum of random waves. (Say here what it is, and which paper it follows.)

    python run.py --signal Sierpinski --preset smoke --models ./example_name.py Grid
    python run.py --signal Sierpinski --preset quick --sizes 3e3 --models ./example_name.py

The first tries it beside Grid, the second says its place among the models whose results come with the suite. Each
version of this file has rows of its own: after a change, run the same line again. Copied into the folder `models`, it
joins `--models all`. The whole contract: models/base.py.
"""

from dataclasses import dataclass
from typing import Annotated, Any

import torch
from torch import Tensor, nn

from common.dials import Dial
from common.lattice import Lattice
from models.base import Representation, register


@register
class ExampleClass(Representation):
    """Linear in `size` fixed waves. The size dial is their number."""

    name = "example_name"  # in tables, --models and --set
    waves: Tensor

    @dataclass(frozen=True)
    class Config:
        """Settings, each with a default: `--set example_name.sigma=20` changes one.

        With a Dial, `python -m harness tune` searches its range; a plain `sigma: float = 10.0` is never tuned.
        """

        # learning rate of Adam
        lr: Annotated[float, Dial(1e-3, 1e-1, "log", "ten times below and above the default")] = 1e-2
        # standard deviation of the frequencies, rad per unit of x
        sigma: Annotated[float, Dial(1, 100, "log", "ten times below and above the default")] = 10.0

    def __init__(self, config: Any, lattice: Lattice, channels: int, size: int):
        """Make room, and draw nothing: the largest `size` within a budget is found by building and counting.

        self.dim is 2 or 3; channels is 1, or 3 for colours. Parameters count; buffers, which are not trained, do not.
        """
        super().__init__(config, lattice, channels, size)
        self.register_buffer("waves", torch.empty(self.dim, size))
        self.output = nn.Linear(size, channels)

    def initialise(self, rng: torch.Generator) -> None:
        """Draw every value from `rng`, so that a seed gives the same numbers again."""
        super().initialise(rng)  # PyTorch's own initial values, for layers such as nn.Linear
        self.waves.normal_(0, self.config.sigma, generator=rng)

    def forward(self, x: Tensor) -> Tensor:
        """Values at points: x [N, d], each coordinate in [-1, 1), → [N, C]. Signals are about in [0, 1]."""
        return self.output(torch.sin(x @ self.waves))


# What a model may define besides; models/base.py describes each, and leaving it out is never wrong:
#
# on_lattice       a faster way to the values of a whole lattice than point by point        models/grid.py
# chain            of a CoordinateNetwork, instead of forward: its layers, fused on a GPU   models/siren.py
# heads            with heads_on_lattice: several outputs; the last is the answer           models/coordinate_network.py
# penalty          what the loss adds to the mean squared error                             models/grid.py
# initialise_from  a start that sees the target                                             models/gaussian_adaptive.py
# rearrange        a hook between updates: move values, whose number stays                  models/gaussian_adaptive.py
# solve            the answer at once, without training                                     models/grid_exact.py
# unsupported      why it cannot take a dimension or a task: such rows give it as a reason  models/gaussian_splats.py
# smallest         the least value of the size dial (by default 1)                          models/grid.py
# solve_size       the size dial for a budget, where counting will not do                   models/instant_ngp.py
# backends         kernels beside the plain PyTorch, the preferred first                    models/instant_ngp.py
