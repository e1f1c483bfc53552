"""Updates that see quantised values: the straight-through estimator (Bengio, Léonard & Courville 2013, section 4).

The loss and its gradient are those of a model whose values are rounded to the levels that a compressed file has
(harness/train/compressed.py); the gradient then moves the values themselves. Nothing of a model need know of it.
"""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from models.base import Representation


@dataclass(frozen=True)
class Requantised:
    """A fit's end once more, with updates that saw quantised values.

    state: the model's values after them. error: squared error of what is trained on, once these are rounded; plain: the
    same of the values that no such update moved.
    """

    state: dict[str, Tensor]
    error: float
    plain: float

    @property
    def pays(self) -> bool:
        return self.error < self.plain


class Rounding:
    """Rounds a model's values in place for a while, on buffers of its own, without waiting for the device.

    steps: between the least and the greatest level, a scalar on the device, so that a recorded update serves any bits.
    """

    def __init__(self, model: Representation):
        self.values = [value for value in model.parameters() if value.dtype == torch.float32]  # others are kept exact
        self.kept = [torch.empty_like(value) for value in self.values]
        self.steps = torch.full((), 255.0, device=model.device)

    def set_bits(self, bits: int) -> None:
        self.steps.fill_(2**bits - 1)

    @contextlib.contextmanager
    def rounded(self) -> Iterator[None]:
        """A context in which the model holds rounded values; afterwards it has its own again, and the gradients that
        were added."""
        with torch.no_grad():
            for kept, value in zip(self.kept, self.values, strict=True):
                kept.copy_(value)
                if value.numel():
                    value.copy_(to_levels(value, self.steps))
        try:
            yield
        finally:
            with torch.no_grad():
                for kept, value in zip(self.kept, self.values, strict=True):
                    value.copy_(kept)


def to_levels(values: Tensor, steps: Tensor) -> Tensor:
    """The nearest of steps + 1 levels from the least to the greatest value; values as they are where all are one."""
    low, high = values.aminmax()
    step = (high - low) / steps
    rounded = low + torch.round((values - low) / step) * step
    return torch.where(step > 0, rounded, values)
