"""The contract of a model, and the registry through which one file adds one."""

import weakref
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn

from common.declarations import check_declarations
from common.errors import UsageError, cause_of
from common.lattice import Lattice
from common.needs import Needs
from common.precision import Precision
from common.registry import Registry
from models.budget import largest_that_fits
from models.kernels.compiled import compiled

POINTS_PER_CALL = 1 << 18  # bounds what `on_lattice` holds at once when it evaluates points without gradients


class Representation(nn.Module):
    """A function from [-1, 1)^d to C channels with trainable values, sized by one dial.

    A subclass names itself, gives a frozen dataclass `Config` with at least `lr`, and defines
    `__init__(config, lattice, channels, size)` and `forward`. Construction only makes room (it must
    also work on the `meta` device); `initialise` draws every value from the generator it is given.
    Whole numbers in a `Config` go up to 65,536 (models/settings.py), tensors up to 4,096 (models/budget.py).
    A model that is only ever solved and never trained has no `lr` in its `Config`, and defines `solve`.

    config: the model's settings.
    lattice: the training lattice; a model whose shape depends on the resolution reads it here.
    channels: C.
    size: the dial (a width, a number of nodes, …), an integer of at least `smallest`; the number
        of stored values must not fall when it grows.
    """

    name: ClassVar[str]
    label: ClassVar[Literal["learned", "classical"]] = "learned"  # classical: solved, not trained
    lattice_only: ClassVar[bool] = False  # no scattered points, so no mini-batches and no chunks
    inverts: ClassVar[bool] = False  # solved for a classical inverse of what is observed; no other tasks
    smallest: ClassVar[int] = 1  # the least value of the size dial
    precision: ClassVar[Precision] = "fp32"  # of products on CUDA; a lower one where it was measured to be as good
    backends: ClassVar[tuple[str, ...]] = ("torch",)  # models/backends.py; the preferred one first, the twin last

    @dataclass(frozen=True)
    class Config:
        lr: float = 1e-3  # learning rate of Adam

    def __init__(self, config: Any, lattice: Lattice, channels: int, size: int):
        super().__init__()
        self.config = config
        self.lattice = lattice
        self.dim = lattice.dim
        self.channels = channels
        self.size = size
        self.backend = "torch"  # which of `backends` runs
        self.drawn_from: int | None = None  # the seed of the generator that drew its initial values, where it is known
        self._constants: weakref.WeakKeyDictionary[Lattice, tuple[Tensor, ...]] = weakref.WeakKeyDictionary()

    @classmethod
    def construct(cls, config: Any, lattice: Lattice, channels: int, size: int) -> "Representation":
        """A model without values. UsageError where its `__init__` does not begin with this class's, or makes complex
        values."""
        model, cause = cls.__new__(cls), ""
        try:
            cls.__init__(model, config, lattice, channels, size)
        except (AttributeError, TypeError) as error:  # what PyTorch and Python raise at a module that is not made yet
            if "_constants" in vars(model):
                raise
            cause = f" ({cause_of(error)})"
        if "_constants" not in vars(model):
            line = "super().__init__(config, lattice, channels, size)"
            raise UsageError(f"{cls.name}.__init__ must begin with {line}, and did not make that call{cause}")
        for name, value in model.named_parameters():
            if value.is_complex():  # would count as one value, and PyTorch's fused Adam takes none
                raise UsageError(
                    f"{cls.name}.{name} is complex, and values are real; keep its two parts as an axis more"
                )
        return model

    @classmethod
    def unsupported(cls, dim: int, channels: int, needs: Needs) -> str | None:
        """Why this model cannot take signals of that dimension, or a task with such needs, at all; or None."""
        return None

    def refuses(self, backend: str, precision: str) -> str | None:
        """Why a back end cannot serve a model of this shape in a precision, or None."""
        return None

    @property
    def recordable(self) -> bool:
        """False where a back end forbids that an update is recorded as a CUDA graph; otherwise it is tried."""
        return True

    @classmethod
    def solve_size(cls, config: Any, lattice: Lattice, channels: int, budget: int) -> int | None:
        """The size dial for a budget of trainable values, or None when even the smallest form is
        larger: by default the largest that fits, found by counting."""
        return largest_that_fits(partial(cls.construct, config, lattice, channels), budget, cls.smallest, cls.name)

    def initialise(self, rng: torch.Generator) -> None:
        """Draw the initial values, on the CPU, from `rng` alone.

        By default every submodule that can gets PyTorch's own initial values.
        """
        seed = int(torch.randint(2**62, (), generator=rng))
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            for module in self.modules():
                if module is not self and hasattr(module, "reset_parameters"):
                    module.reset_parameters()  # type: ignore[operator]

    def initialise_from(self, lattice: Lattice, target: Tensor, rng: torch.Generator) -> None:
        """Move the initial values towards what will be fitted, values [*shape, C] on a lattice, drawing from `rng`.

        Called once after `initialise`, on the CPU, where the values themselves are observed; by default nothing moves.
        target: a copy, which may be written over.
        """

    def rearrange(self, step: int, steps: int, residual: Callable[[], Tensor], rng: torch.Generator) -> None:
        """Move values between two updates, after pass `step` of `steps`; by default none.

        They are moved in place, for updates may be recorded, and their number stays. Called after every pass but the
        last where the values themselves are observed. Adam's moments of what moves stay; those of values that had no
        gradient yet are 0.

        residual: makes the target minus the answer [*shape, C], on the model's device. rng: there, too.
        """

    @classmethod
    def target_hooks(cls) -> list[str]:
        """Which of the two above a model defines."""
        hooks = ("initialise_from", "rearrange")
        return [name for name in hooks if getattr(cls, name) is not getattr(Representation, name)]

    def forward(self, x: Tensor) -> Tensor:
        """Values at scattered points: x [N, d] → [N, C]."""
        raise NotImplementedError(f"{self.name} has no values at scattered points")

    def heads(self, x: Tensor) -> Tensor:
        """All outputs that are trained: x [N, d] → [H, N, C]. The last head is the answer."""
        return self(x)[None]

    def heads_at(self, lattice: Lattice, index: Tensor) -> Tensor:
        """All outputs that are trained, at some of a lattice's points: flat indices [B], which rise → [H, B, C]."""
        return self.heads(lattice.points_at(index))

    def on_lattice(self, lattice: Lattice) -> Tensor:
        """Values on a lattice: [*shape, C]. By default the points, in chunks."""
        parts = [self._checked(points) for points in lattice.points(self.device).split(POINTS_PER_CALL)]
        return torch.cat(parts).reshape(*lattice.shape, self.channels)

    def _checked(self, points: Tensor) -> Tensor:
        """`forward` at points; UsageError where what it gives are no values at them."""
        if type(self).forward is Representation.forward:
            raise UsageError(f"{self.name} defines no forward; it must give values at points: x [N, d] → [N, C]")
        shape, where = (len(points), self.channels), f" for {len(points):,} points of {self.channels} channels"
        return self._values("forward", self(points), "[N, C]", shape, where)

    def _values(self, method: str, given: Any, axes: str, shape: tuple[int, ...], where: str = "") -> Tensor:
        """What a method gave; UsageError where that is no tensor of floats of a shape, whose axes are called so."""
        if isinstance(given, Tensor) and given.shape == shape and given.is_floating_point():
            return given
        what = type(given).__name__
        if isinstance(given, Tensor):
            what = f"a tensor {list(given.shape)} of {str(given.dtype).removeprefix('torch.')}"
        must = f"a tensor {axes}, here {list(shape)}, of floats"
        raise UsageError(f"{self.name}.{method} gave {what}{where}; it must give {must}")

    def heads_on_lattice(self, lattice: Lattice) -> Tensor:
        """All outputs that are trained, on a lattice: [H, *shape, C]. The last head is the answer."""
        shape = (*lattice.shape, self.channels)
        return self._values("on_lattice", self.on_lattice(lattice), "[*shape, C]", shape)[None]

    def solve(self, lattice: Lattice, target: Tensor) -> bool:
        """Solve for values [*shape, C] on a lattice at once, on the model's device; by default there is no such way.

        Returns True when the model now holds its answer, so that no updates are made. Asked once, and only where the
        values themselves are observed; a model that `inverts` gets what a classical method makes of the observation.
        target: a copy, which may be written over.
        """
        return False

    def run(self, method: Callable[..., Tensor], *arguments: Any) -> Tensor:
        """Call a method of this class on this model.

        It is compiled by PyTorch where the back end is not the twin and gradients are taken. For evaluations it is not,
        as PyTorch would compile it once more for them.
        """
        fast = self.backend != "torch" and torch.is_grad_enabled()
        return (compiled(method) if fast else method)(self, *arguments)

    def penalty(self) -> Tensor | float:
        """What the loss adds to the mean squared error; by default nothing."""
        return 0.0

    def count_values(self) -> int:
        """How many real values the model stores: by default the trainable ones."""
        return sum(p.numel() for p in self.parameters() if p.requires_grad)

    def lattice_constants(self, lattice: Lattice) -> tuple[Tensor, ...]:
        """What a lattice and values that are not trained determine (interpolation matrices, tables), on the model's
        device."""
        raise NotImplementedError

    def constants(self, lattice: Lattice) -> tuple[Tensor, ...]:
        """`lattice_constants`, computed once for each lattice that is alive, and anew where the model has moved."""
        found = self._constants.get(lattice)
        if found is None or any(constant.device != self.device for constant in found):
            found = self._constants[lattice] = self.lattice_constants(lattice)
        return found

    @property
    def device(self) -> torch.device:
        return next(self.parameters()).device


def _check(cls: type[Representation]) -> None:
    """ValueError for a class of which it shows, before a model is made, that it cannot be one."""
    check_declarations(cls, Representation)
    if "__dataclass_fields__" not in vars(cls.Config):  # a subclass of a dataclass is none before it is decorated, too
        raise ValueError(f"{cls.__name__}.Config is no dataclass; put @dataclass(frozen=True) before it")
    if cls.smallest < 1:
        raise ValueError(f"{cls.__name__}.smallest must be at least 1, got {cls.smallest}")
    if cls.backends[-1:] != ("torch",):
        raise ValueError(f"{cls.__name__}.backends must end with 'torch', the plain PyTorch, got {cls.backends}")
    if cls.heads is not Representation.heads and cls.heads_on_lattice is Representation.heads_on_lattice:
        raise ValueError(f"{cls.__name__} defines heads; let heads_on_lattice give as many")


registry: Registry[type[Representation]] = Registry("model", "models", _check)
register = registry.register
