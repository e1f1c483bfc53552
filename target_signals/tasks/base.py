"""The contract of a task, and the registry through which one file adds one (docs/protocol.md, "Tasks")."""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

import numpy as np

from common.declarations import check_declarations
from common.errors import UsageError, suggest
from common.needs import Needs
from common.registry import Registry
from target_signals.base import Dim, Signal
from target_signals.tasks.task import Scoring, Task, misfit, needs_of

LEVELED = re.compile(r"(.+)_([0-9]+(?:\.[0-9]+)?)")


class TaskFamily:
    """What a model is asked to do with a signal. A subclass names itself and defines `build`.

    dims: the dimensions of the signals that have it.
    level, levels: what follows the name, as in `denoise_0.05`: its word, and the numbers that the bare name stands
        for. Empty for a task that has one form.
    needs: what it asks of a model.
    settings: the kind of data for which models' settings are tuned; None for the signal's own.
    draws: whether `build` draws anything at random.
    coarsening: how many samples of the signal, along each axis, one of the training lattice stands for.
    shares: the task whose fit is scored on this one too, where a signal brings a finer lattice.
    paper_suffix: of the columns with which the paper's published scores are compared.
    views: how an answer is shown other than as an image or a volume: `sinogram` shows its observation beside it.
    """

    name: ClassVar[str]
    dims: ClassVar[tuple[Dim, ...]] = (2, 3)
    level: ClassVar[str] = ""
    levels: ClassVar[tuple[float, ...]] = ()
    needs: ClassVar[Needs] = Needs()
    settings: ClassVar[str | None] = None
    draws: ClassVar[bool] = True
    coarsening: ClassVar[int] = 1
    shares: ClassVar[str | None] = None
    paper_suffix: ClassVar[str] = ""
    views: ClassVar[tuple[str, ...]] = ()

    @classmethod
    def build(cls, signal: Signal, level: float | None, seed: int, item: str) -> Task:
        """The task on a signal that `check` let pass, with one scoring, called `named(level)`; seed and item name what
        is drawn at random."""
        raise NotImplementedError

    @classmethod
    def scoring(cls, signal: Signal, level: float | None, where: np.ndarray | None = None) -> Scoring:
        """The answer at the signal's own samples, all or those of a mask [*shape], against the signal's values."""
        return Scoring(cls.named(level), signal.lattice, signal.channels_last, signal.binary, signal.rings, where=where)

    @classmethod
    def finer_scoring(cls, signal: Signal) -> Scoring:
        """How a fit of `shares` is scored on this task, for a signal that brings a finer lattice."""
        raise NotImplementedError

    @classmethod
    def title(cls, level: float | None) -> str:
        """The task in words for people."""
        return cls.name if level is None else f"{cls.name} {cls.level} {level:g}"

    @classmethod
    def check(cls, dim: int, finer: bool) -> None:
        """Raise UsageError unless signals of that dimension, which bring a finer lattice or not, have the task."""
        if dim not in cls.dims:
            allowed = " or ".join(map(str, cls.dims))
            raise UsageError(f"task '{cls.name}' is for signals with dim {allowed}, and this one has dim {dim}")

    @classmethod
    def check_shape(cls, shape: tuple[int, ...]) -> None:
        """Raise UsageError for a signal's lattice that leaves a training lattice too few samples."""
        if min(shape) < 2 * cls.coarsening:
            given = f"a lattice of {'×'.join(map(str, shape))}"
            small = f"{given} is too small to be downsampled by {cls.coarsening} to 2 samples an axis"
            raise UsageError(f"{small}; give a larger one, or leave task {cls.name} out")

    @classmethod
    def check_level(cls, level: float) -> None:
        """Raise UsageError for a level that the task does not have."""

    @classmethod
    def named(cls, level: float | None) -> str:
        """The name that rows have: `denoise_0.05`."""
        return cls.name if level is None else f"{cls.name}_{np.format_float_positional(level, trim='-')}"

    @classmethod
    def usage(cls) -> str:
        """How a person may write it: `denoise[_<sigma>]`."""
        return f"{cls.name}[_<{cls.level}>]" if cls.levels else cls.name


def _check(cls: type[TaskFamily]) -> None:
    check_declarations(cls, TaskFamily)
    if bool(cls.level) != bool(cls.levels):
        raise ValueError(f"{cls.__name__} has level {cls.level!r} and levels {cls.levels}; give both, or neither")


registry: Registry[type[TaskFamily]] = Registry("task", "target_signals.tasks", _check)
register = registry.register


def make_task(name: str, signal: Signal, seed: int = 0, item: str = "") -> Task:
    """The task that rows call `name` on a signal; where its fit gives the rows of others as well, with their scorings.

    seed, item: what names the noise or the samples that a task draws.
    Raises UsageError for an unknown name, a signal that does not have such a task, or what `build` may not give.
    """
    finer = signal.finer is not None
    check_task(name, signal.dim, finer)
    trained = trained_on(name, finer)
    family, level = _find(trained)
    values = signal.values.copy()
    task = family.build(signal, level, seed, item)
    if not np.array_equal(values, signal.values):
        signal.values[...] = values  # other tasks share the signal
        raise UsageError(f"{family.name}.build changes the signal's values in place; let it work on a copy")
    if not isinstance(task, Task):
        raise UsageError(f"{family.name}.build gave {type(task).__name__}; it must give a Task")
    if (names := [scoring.task for scoring in task.scorings]) != [trained]:
        given = f"scorings called {', '.join(names)}" if names else "no scorings"
        must = f"it must give one, called {trained}, as cls.named(level) is"
        raise UsageError(f"{family.name}.build gave {given}; {must}")
    if (wrong := misfit(task)) is not None:
        raise UsageError(f"{family.name}.build gave {wrong}")
    if (needs := needs_of(task)) != family.needs:
        raise UsageError(f"{family.name}.build gave a task of {needs}; let needs be that, and not {family.needs}")
    # as PyTorch takes them; where the truth itself is observed, both stay one
    truth = np.require(task.truth, np.float32)
    target = truth if task.target is task.truth else np.require(task.target, np.float32)
    task = replace(task, truth=truth, target=target)
    shared = [registry.get(other).finer_scoring(signal) for other in scored_on(trained, finer)[1:]]
    return replace(task, scorings=(*task.scorings, *shared)) if shared else task


def expand_tasks(given: Sequence[str]) -> list[str]:
    """Names and files as people give them → names as rows have them: `denoise` is one task for each of its levels, and
    the path of a .py file all tasks that it registers. Raises UsageError for an unknown one."""
    files = {text: registry.load_file(text) for text in given if text.endswith(".py")}
    found: list[str] = []
    for name in (name for text in given for name in files.get(text, [text])):
        family, level = _parsed(name)
        found += map(family.named, family.levels if level is None and family.levels else [level])
    return list(dict.fromkeys(found))


def check_task(name: str, dim: int, finer: bool) -> None:
    """Raise UsageError unless signals of that dimension, which bring a finer lattice or not, have the task."""
    family_of(name).check(dim, finer)


def trained_on(name: str, finer: bool) -> str:
    """The task whose fit gives the row of this one. finer: whether the signal brings a finer lattice."""
    return (family_of(name).shares if finer else None) or name


def scored_on(name: str, finer: bool) -> tuple[str, ...]:
    """The tasks of the rows that a fit to this one gives, itself the first."""
    families = map(registry.get, registry.names()) if finer else ()
    return (name, *(family.name for family in families if family.shares == name))


def family_of(name: str) -> type[TaskFamily]:
    """The family of the task that rows call `name`. Raises UsageError for an unknown one."""
    return _find(name)[0]


def known_family(name: str) -> type[TaskFamily]:
    """The same for rows of anybody's: TaskFamily itself, which asks for nothing special, for an unknown one."""
    try:
        return family_of(name)
    except UsageError:
        return TaskFamily


def title_of(name: str) -> str:
    """A task in words for people: `denoise σ = 0.05`."""
    try:
        family, level = _find(name)
    except UsageError:
        return name.replace("_", " ")
    return family.title(level)


def _find(name: str) -> tuple[type[TaskFamily], float | None]:
    """The family and the level of the task that rows call `name`."""
    family, level = _parsed(name)
    if level is None and family.levels:
        raise UsageError(f"task '{name}' is named with its {family.level}, as in {family.named(family.levels[0])}")
    if family.named(level) != name:
        raise UsageError(f"task '{name}' is called {family.named(level)}")
    return family, level


def _parsed(text: str) -> tuple[type[TaskFamily], float | None]:
    """The family, and the level where one is given, of a name that people may have written."""
    known, match = registry.names(), LEVELED.fullmatch(text)
    if text in known:
        return registry.get(text), None
    if match is None or match[1] not in known or not registry.get(match[1]).levels:
        usages = ", ".join(registry.get(name).usage() for name in known)
        raise UsageError(f"unknown task '{text}'{suggest(text, known)}; known: {usages}")
    family, level = registry.get(match[1]), float(match[2])
    family.check_level(level)
    return family, level
