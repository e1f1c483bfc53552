"""Where a plan's signals come from: what `--signal` and `--items` name."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import target_signals
from common.errors import UsageError, suggest
from harness.plan.config import Config
from harness.plan.own_files import OwnFile, dataset_of, own_files
from harness.store.names import unless_plain
from target_signals import item_names, user_file
from target_signals.base import Kind, RecordedFamily, SignalFamily
from target_signals.tasks.base import TaskFamily, family_of, known_family

MOST_POINTS = 1 << 27  # of a signal that is built again
LARGEST = 1 << 30  # points of a signal that somebody asks for


@dataclass(frozen=True)
class Source:
    """Where a plan's signals come from: a registered family, or files of the user's own, one an item.

    dataset: what several such files are called together.
    """

    family: type[SignalFamily]
    dim: int
    kind: Kind
    items: tuple[str | None, ...]
    files: tuple[OwnFile, ...] = ()
    dataset: str | None = None

    @property
    def name(self) -> str:
        """What people call it: the family, the one file of their own, or the folder of several."""
        return self.dataset or (item_names.name_of(self.files[0].item) if self.files else self.family.name)

    @property
    def length_key(self) -> str:
        """The key of its length in a preset: the dimension of synthetic signals, the kind of recorded ones."""
        return str(self.dim) if self.kind == "synthetic" else self.kind

    def path_of(self, item: str | None) -> str | None:
        """The path of one of the user's own files."""
        return next((file.path for file in self.files if file.item == item), None)


def choose_source(signal: str, dim: int | None, items: Sequence[str] | None = None) -> Source:
    """The family called `signal`, in the dimension asked for or the only one there is; some or all of its items."""
    family = target_signals.registry.get(signal)
    if dim is None and len(family.dims) > 1:
        raise UsageError(
            f"{signal} exists in several dimensions; give --dim {' or --dim '.join(map(str, family.dims))}"
        )
    dim = family.dims[0] if dim is None else dim
    family.check_dim(dim)
    if not issubclass(family, RecordedFamily):
        if items:
            raise UsageError(f"{signal} has no item '{items[0]}'; it has none, leave --items out")
        return Source(family, dim, family.kind, (None,))
    for item in items or ():
        family.check_item(item)
    return Source(family, dim, family.kind, tuple(dict.fromkeys(items or family.items)))


def find_source(
    signals: Sequence[str],
    dim: int | None,
    items: Sequence[str] | None,
    bandlimits: Sequence[float] | None,
    config: Config,
    preset: str,
) -> tuple[Source, list[str]]:
    """What a command line names, and what there is to say about it before anything runs."""
    names = target_signals.registry.names()
    paths = [text for text in signals if text not in names and not text.endswith(".py") and user_file.is_path(text)]
    if paths and len(paths) == len(signals):
        return _of_files(paths, dim, items, bandlimits)
    if len(signals) > 1:
        given = ", ".join(f"'{text}'" for text in signals)
        raise UsageError(f"--signal takes one registered signal, or paths of images or volumes; got {given}")
    signal = only_one_of(signals[0]) if signals[0].endswith(".py") else signals[0]
    names = named_signals()
    if signal == user_file.UserFile.name:
        raise UsageError(f"--signal {signal} names no file; give the path of an image or a volume")
    if signal not in names and not suggest(signal, names):
        nothing = f"'{signal}' is no registered signal, and no file or folder here{user_file.close_name(Path(signal))}"
        raise UsageError(f"{nothing}; give the path of an image or a volume, or one of: {', '.join(names)}")
    source = choose_source(signal, dim, items)
    family, notes = source.family, []
    if bandlimits and not family.bands:
        raise UsageError(f"{signal} has no bandlimit; leave --bandlimits out")
    wanted = items or config.preset(preset, family.name, source.dim).items
    if issubclass(family, RecordedFamily) and (missing := family.missing(wanted)) is not None:
        if family.stand_in is None or items:
            raise UsageError(missing)
        notes = [f"{family.stand_in} stands in for {family.name}: {missing}"]
        source = choose_source(family.stand_in, dim)
    if items is None and (chosen := config.preset(preset, source.family.name, source.dim).items):
        source = choose_source(source.family.name, source.dim, chosen)
    return source, notes


def named_signals() -> list[str]:
    """The registered signals that `--signal` takes by name."""
    return [name for name in target_signals.registry.names() if name != user_file.UserFile.name]


def only_one_of(path: str) -> str:
    """The name of the signal that a .py file registers."""
    name, *more = target_signals.registry.load_file(path)
    if more:
        raise UsageError(f"'{path}' registers several signals: {', '.join([name, *more])}; --signal takes one")
    return name


def _of_files(
    paths: Sequence[str], dim: int | None, items: Sequence[str] | None, bandlimits: Sequence[float] | None
) -> tuple[Source, list[str]]:
    if items:
        raise UsageError(
            f"'{paths[0]}' is no signal with items of its own; leave --items out, and name the files that you want"
        )
    if bandlimits:
        raise UsageError(f"'{paths[0]}' has no bandlimit, as it is a file; leave --bandlimits out")
    files, notes = own_files(paths, dim)
    kind, every = files[0].kind, tuple(file.item for file in files)
    return Source(user_file.UserFile, files[0].dim, kind, every, tuple(files), dataset_of(files)), notes


def check_name(signal: str) -> None:
    """Raise UsageError for a signal whose fits would lie in the folder of another one's task, where the figures of both
    would replace each other."""
    words = signal.split("_")
    for i in range(1, len(words)):
        other, task = "_".join(words[:i]), "_".join(words[i:])
        if unless_plain(task, task) and known_family(task) is not TaskFamily:
            clash = f"its results would lie in the folder of a signal '{other}' with the task {task}"
            raise UsageError(f"no signal may be called '{signal}', as {clash}; give it a name that does not end so")


def check_signal_seeds(source: Source, tasks: Sequence[str]) -> None:
    """UsageError for signal seeds of which every one would give the same numbers. tasks: as rows name them."""
    if not source.family.draws and (fixed := [task for task in tasks if not family_of(task).draws]):
        what = f"'{source.files[0].path}'" if source.files else source.family.name
        why = f"in task {' or '.join(fixed)} nothing of {what} is drawn at random"
        raise UsageError(f"--signal-seeds: {why}; leave it out, --seeds are of initial values")


def check_size(signal: str, dim: int, length: int | None, most: int = MOST_POINTS) -> None:
    """UsageError for a signal that nobody has room for. most: points; by default few, as a row may be anybody's."""
    family = target_signals.registry.get(signal)
    family.check_dim(dim)
    if (points := family.points(dim, length)) > most:
        raise UsageError(f"{signal} of length {length} has {points:.2g} points, and at most {most:,} are possible here")
