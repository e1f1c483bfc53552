"""What of a model's settings may be tuned, over which range and why, declared beside the setting itself:

    sigma: Annotated[float, Dial(1, 100, "log", "the paper's 20 within a factor of 20")]

`Dial` is for numbers, `Choice` for a `Literal`. `harness/plan/search.py` draws from them (docs/tuning.md, "Spaces").
"""

import dataclasses
import functools
import math
import typing
from dataclasses import dataclass
from typing import Any, Literal

from common.errors import UsageError

SCALES = ("linear", "log")
MOST_DIALS = 4  # of a model's own
ROUNDING = 1e-9  # of a range, which includes its ends


@dataclass(frozen=True)
class Dial:
    """A number within [low, high], drawn evenly or evenly in its logarithm; a whole number where the setting is one.

    source: where the range comes from.
    """

    low: float
    high: float
    scale: Literal["linear", "log"]
    source: str

    def __post_init__(self) -> None:
        if self.scale not in SCALES:
            raise ValueError(f"a dial's scale is one of {', '.join(SCALES)}, got '{self.scale}'")
        if not (self.low < self.high and (self.scale == "linear" or self.low > 0)):
            raise ValueError(f"a dial needs low < high, above 0 where it is logarithmic, got {self.low}, {self.high}")

    def at(self, share: float) -> float:
        """The value at a share of the range, 0 to 1."""
        if self.scale == "log":
            return math.exp((1 - share) * math.log(self.low) + share * math.log(self.high))
        return (1 - share) * self.low + share * self.high

    def share(self, value: float) -> float:
        """Where a value lies in the range; outside [0, 1] where it lies beyond it."""
        low, high, at = (math.log(v) if self.scale == "log" else v for v in (self.low, self.high, value))
        return (at - low) / (high - low)


@dataclass(frozen=True)
class Choice:
    """One of the values of a `Literal`, each as likely. source: why it is a choice."""

    source: str


# Marks a setting that its model gained after rows had been published. At its default, the model's behaviour before, it
# is left out of a trial's digest, so that those rows keep their names.
ADDED = object()


@dataclass(frozen=True)
class Setting:
    """A setting that may be tuned. options: of a choice. whole: whether it is a whole number."""

    name: str
    dial: Dial | Choice
    options: tuple[Any, ...] = ()
    whole: bool = False

    def at(self, share: float) -> Any:
        """The value at a share of the space, 0 to below 1."""
        if isinstance(self.dial, Choice):
            return self.options[int(share * len(self.options))]
        value = self.dial.at(share)
        return round(value) if self.whole else value

    def holds(self, value: Any) -> bool:
        """Whether the space has this value, which may be anything."""
        if isinstance(self.dial, Choice):
            return value in self.options
        if not isinstance(value, (int, float)) or (self.dial.scale == "log" and value <= 0):
            return False
        return -ROUNDING <= self.dial.share(value) <= 1 + ROUNDING

    def __str__(self) -> str:
        if isinstance(self.dial, Choice):
            return f"{self.name}: {', '.join(map(str, self.options))}"
        return f"{self.name}: {self.dial.low:g} to {self.dial.high:g}, {self.dial.scale}"


@functools.cache
def dials_of(config: type) -> tuple[Setting, ...]:
    """The settings of a `Config` that may be tuned, in its order. UsageError for more than MOST_DIALS, and for a dial
    on something that is no number or a choice that is no `Literal`."""
    found = [_setting(f"{config.__qualname__}.{name}", name, hint) for name, hint in _annotated(config).items()]
    dials = tuple(setting for setting in found if setting is not None)
    if len(dials) > MOST_DIALS:
        names = ", ".join(setting.name for setting in dials)
        most = f"{MOST_DIALS} are the most; give some a plain type"
        raise UsageError(f"{config.__qualname__} has {len(dials)} dials ({names}), and {most}")
    return dials


def digested(settings: Any) -> dict[str, Any]:
    """A model's settings as a digest takes them: without those that were ADDED and stand at their default."""
    kind: Any = type(settings)
    added = _added(kind)
    values = {field.name: getattr(settings, field.name) for field in dataclasses.fields(settings)}
    return {name: value for name, value in values.items() if name not in added or value != added[name]}


@functools.cache
def _added(config: Any) -> dict[str, Any]:
    defaults = {field.name: field.default for field in dataclasses.fields(config)}
    return {name: defaults[name] for name, hint in _annotated(config).items() if ADDED in hint.__metadata__}


def _annotated(config: type) -> dict[str, Any]:
    hints = typing.get_type_hints(config, include_extras=True)
    return {f.name: hints[f.name] for f in dataclasses.fields(config) if hasattr(hints[f.name], "__metadata__")}


def _setting(where: str, name: str, hint: Any) -> Setting | None:
    """where: what messages call it."""
    kind, *marks = typing.get_args(hint)
    for mark in marks:
        if isinstance(mark, Choice):
            if typing.get_origin(kind) is not Literal:
                raise UsageError(f"{where}: a Choice is for a Literal, not for {_called(kind)}")
            return Setting(name, mark, typing.get_args(kind))
        if isinstance(mark, Dial):
            if kind not in (int, float):
                raise UsageError(f"{where}: a Dial is for a float or an int, not for {_called(kind)}")
            return Setting(name, mark, whole=kind is int)
    return None


def _called(kind: Any) -> str:
    return getattr(kind, "__name__", None) or str(kind)
