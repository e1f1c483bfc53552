"""The optimiser of a fit, and its learning rate along the passes (docs/protocol.md, "Training")."""

import math
from collections.abc import Callable, Iterable
from itertools import chain
from typing import Any

import torch
from torch import Tensor, nn

from harness.plan.trial import ADAM, CONSTANT, COSINE, MUON
from harness.train.loss import Schedule
from models.base import Representation

END = 0.1  # of the first learning rate, where a cosine ends

# by name: the share of the learning rate that a pass has, by how much of the passes is gone: 0 at the first pass, 1 at
# the last
SHARES: dict[str, Callable[[float], float]] = {
    CONSTANT: lambda gone: 1.0,
    COSINE: lambda gone: END + (1 - END) * (1 + math.cos(math.pi * gone)) / 2,
}


class Optimiser:
    """PyTorch's optimisers of a model's values, as one.

    A learning rate that changes is a tensor on CUDA, which a recorded update reads anew, and a number elsewhere.
    """

    def __init__(self, model: Representation, schedule: Schedule):
        assert schedule.lr is not None
        self.schedule = schedule
        read_anew = schedule.lr_schedule != CONSTANT and model.device.type == "cuda"
        lr: Any = torch.full((), schedule.lr, device=model.device) if read_anew else schedule.lr
        self.parts = PARTS[schedule.optimiser](model, schedule, lr)

    @property
    def state(self) -> dict[Any, Any]:
        """What is kept of every trained tensor."""
        return dict(chain.from_iterable(part.state.items() for part in self.parts))

    def zero_grad(self) -> None:
        for part in self.parts:
            part.zero_grad()

    def step(self) -> None:
        for part in self.parts:
            part.step()

    def set_pass(self, step: int) -> None:
        """Take the learning rate of a pass, the first of which is 1."""
        if self.schedule.lr_schedule == CONSTANT:
            return
        lr = lr_at(self.schedule, step)
        for group in chain.from_iterable(part.param_groups for part in self.parts):
            if isinstance(group["lr"], Tensor):
                group["lr"].fill_(lr)
            else:
                group["lr"] = lr

    def make_capturable(self) -> None:
        """Make the step recordable, right before updates are recorded. Earlier, Adam would warn of steps that are not;
        a fused step is the same."""
        for group in chain.from_iterable(part.param_groups for part in self.parts):
            if "capturable" in group:
                group["capturable"] = True


def lr_at(schedule: Schedule, step: int) -> float:
    """The learning rate of a pass, the first of which is 1."""
    assert schedule.lr is not None
    gone = (step - 1) / max(1, schedule.steps - 1)
    return schedule.lr * SHARES[schedule.lr_schedule](gone)


def adam(values: Iterable[nn.Parameter], schedule: Schedule, lr: Any) -> torch.optim.Optimizer:
    return torch.optim.Adam(values, lr=lr, betas=schedule.adam_betas, fused=True)


def muon(model: Representation, schedule: Schedule, lr: Any) -> list[torch.optim.Optimizer]:
    """Muon of the matrices within a network, and Adam of the others.

    Muon is PyTorch's (K. Jordan et al. 2024), without weight decay, its updates scaled to the size of Adam's (J. Liu
    et al. 2025, section 2.2), so that both have one learning rate.
    """
    matrices = matrices_of(model)
    apart = {id(values) for values in matrices}
    others = [values for values in model.parameters() if id(values) not in apart]
    parts = [adam(others, schedule, lr)] if others else []
    if matrices:
        parts.append(torch.optim.Muon(matrices, lr=lr, weight_decay=0.0, adjust_lr_fn="match_rms_adamw"))
    return parts


def matrices_of(model: Representation) -> list[nn.Parameter]:
    """What Muon is for: weights of linear layers that lead neither from the coordinates nor to the channels.

    Layers may share one, and what a parametrization computes anew each time is no weight that is stored.
    """
    ends = max(model.dim, model.channels)
    weights = (layer.weight for layer in model.modules() if isinstance(layer, nn.Linear))
    found = (weight for weight in weights if isinstance(weight, nn.Parameter) and min(weight.shape) > ends)
    return list({id(weight): weight for weight in found}.values())


# by name: makes the optimisers that share a model's values among them. The learning rate is given as they are to hold
# it, a number or a tensor. What they keep of a value must be tensors that begin at 0, which stepper.py sets them to
# again after it has tried out an update
PARTS: dict[str, Callable[[Representation, Schedule, Any], list[torch.optim.Optimizer]]] = {
    ADAM: lambda model, schedule, lr: [adam(model.parameters(), schedule, lr)],
    MUON: muon,
}
