"""How a signal is observed: from values on a lattice to what a model is trained on."""

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch
    from torch import Tensor


class Operator:
    """Linear map of values on the training lattice. A subclass defines `__call__`."""

    def __call__(self, values: "Tensor") -> "Tensor":
        """Values [heads, *shape, C] → [heads, *observed, C], on their device, differentiable by PyTorch."""
        raise NotImplementedError

    def observe(self, values: np.ndarray) -> np.ndarray:
        """The same map of one signal, to make a target: [*shape, C] → [*observed, C], float32."""
        import torch  # not at the top: pictures of rows need targets, and most have no operator of their own

        return self(torch.tensor(values, dtype=torch.float32)[None])[0].numpy()

    def display(self, observed: np.ndarray) -> np.ndarray:
        """An observation [*observed, C] to look at, with as many axes as the lattice: an image [H, W, C] or a volume
        [X, Y, Z, C]; by default itself."""
        return observed


class Identity(Operator):
    """Every value is observed as it is."""

    def __call__(self, values: "Tensor") -> "Tensor":
        return values

    def observe(self, values: np.ndarray) -> np.ndarray:
        return values.astype(np.float32, copy=False)


class Selection(Operator):
    """Some samples and no others: [heads, *shape, C] → [heads, S, C], in array (C) order.

    seen: bool [*shape], S of them True.
    """

    def __init__(self, seen: np.ndarray):
        self.seen = seen
        self._index: dict[torch.device, Tensor] = {}

    def __call__(self, values: "Tensor") -> "Tensor":
        if tuple(values.shape[1:-1]) != self.seen.shape:
            raise ValueError(
                f"a selection from {self.seen.shape} samples was given values of shape {tuple(values.shape)}"
            )
        if values.device not in self._index:
            import torch

            self._index[values.device] = torch.from_numpy(np.flatnonzero(self.seen)).to(values.device)
        return values.flatten(1, -2).index_select(1, self._index[values.device])

    def observe(self, values: np.ndarray) -> np.ndarray:
        return values[self.seen].astype(np.float32, copy=False)

    def display(self, observed: np.ndarray) -> np.ndarray:
        """Zero where nothing is seen."""
        values = np.zeros((*self.seen.shape, observed.shape[-1]), dtype=observed.dtype)
        values[self.seen] = observed
        return values
