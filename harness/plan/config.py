"""hyperparameters.json → frozen dataclasses. An unknown key or a wrong type is an error that names its path."""

import dataclasses
import json
import shlex
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

from common.errors import UsageError, suggest
from common.files import ROOT, in_clone
from common.typed_json import kind_of, read
from harness.plan.set_option import apply_setting
from harness.plan.trial import ADAM, OPTIMISERS
from harness.plan.tuned import Tuned, load_tuned
from harness.plan.want import Reference

DEFAULT_CONFIG = ROOT / "hyperparameters.json"
GROUPS = ("all", "newer")  # of models, which `--models` takes beside their names
EXTENT_OF = "extent_of"  # the key of a preset that names another one, whose values hold where it has none
MOST_BYTES = 1 << 24  # of the file
MOST_STEPS = 10**9  # of which the fastest model makes as many in a day
MOST_VALUES = 10**15  # no machine holds more; beyond it PyTorch cannot even count


@dataclass(frozen=True)
class Protocol:
    """What every trial shares."""

    adam_betas: tuple[float, float]
    activation_gib: float  # what one backward pass may keep; lattices that need more go in slabs
    models: tuple[str, ...]  # the paper's and the yardsticks: "all", with any that no list names; in this order
    newer: tuple[str, ...] = ()  # the representations that came after them: "newer"
    # yardsticks of one task: among "all", and expected where that task was run
    of_task: dict[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def order(self) -> tuple[str, ...]:
        """The models in the order of runs, tables and colours; those that no list names follow."""
        return (*self.models, *self.newer, *(model for own in self.of_task.values() for model in own))

    def group(self, name: str, known: Iterable[str]) -> list[str]:
        """The known models of one of GROUPS: `newer`, or all others."""
        return [model for model in known if (model in self.newer) == (name == "newer")]

    def without_groups(self, words: Iterable[str], known: Collection[str]) -> list[str]:
        """The words of `--models`, each group's name replaced by its known models where there are some."""
        named = {name: self.group(name, known) for name in GROUPS}
        return list(dict.fromkeys(chain.from_iterable(named.get(word) or [word] for word in words)))

    def __post_init__(self) -> None:
        _require(self.activation_gib > 0, "activation_gib", self.activation_gib, "more than 0")
        _require(all(0 <= b < 1 for b in self.adam_betas), "adam_betas", self.adam_betas, "each from 0 to below 1")


@dataclass(frozen=True)
class Minibatch:
    """The budget from which on an epoch of random batches takes the place of one full update."""

    points: int
    from_size: int
    from_size_by_model: dict[str, int]

    def __post_init__(self) -> None:
        _require(self.points > 0, "points", self.points, "at least 1")

    def points_for(self, model: str, size: int) -> int | None:
        """Points a batch for a model at a budget; None for full updates."""
        return self.points if size >= self.from_size_by_model.get(model, self.from_size) else None


@dataclass(frozen=True)
class Preset:
    """The extent of an experiment. name: its key in the file."""

    length: dict[str, int | None]  # samples along the longest axis, by dimension of synthetic signals and by
    # kind of recorded ones, which null leaves as they are
    sizes: tuple[int, ...]  # parameter budgets
    bandlimits: tuple[float, ...]
    seeds: tuple[int, ...]
    steps: int  # passes over the lattice
    evaluate_every: int  # passes; the first and the last are always evaluated
    minibatch: Minibatch | None  # null: every update uses every point
    items: tuple[str, ...] | None = None  # of a recorded signal; null: all
    optimiser: str = ADAM  # muon: of matrices, where a model has any
    tuned_at: str | None = None  # the preset at which models' settings were tuned; null: they are the file's own
    signal_seeds: tuple[int, ...] | None = None  # each with every seed; null: each seed draws its own signal
    name: str = ""

    def __post_init__(self) -> None:
        _require(self.steps > 0, "steps", self.steps, "at least 1")
        _require(self.steps <= MOST_STEPS, "steps", self.steps, f"at most {MOST_STEPS:,}")
        _require(self.optimiser in OPTIMISERS, "optimiser", self.optimiser, f"one of {', '.join(OPTIMISERS)}")
        _require(self.evaluate_every > 0, "evaluate_every", self.evaluate_every, "at least 1")
        for name in ("sizes", "bandlimits", "seeds", "signal_seeds"):
            _require(getattr(self, name) != (), name, "none", "at least one")
        _require(all(0 < s <= MOST_VALUES for s in self.sizes), "sizes", self.sizes, "from 1 to 1e15 parameters each")
        for name in ("seeds", "signal_seeds"):
            seeds = getattr(self, name)
            _require(all(0 <= s < 2**32 for s in seeds or ()), name, seeds, "from 0 to 2**32 - 1 each")

    @property
    def seed_pairs(self) -> list[tuple[int, int]]:
        """Every seed with every signal seed."""
        return [(seed, signal_seed) for seed in self.seeds for signal_seed in self.signal_seeds or (seed,)]


@dataclass(frozen=True)
class Experiment:
    """A signal, and where its presets differ from the common ones."""

    signal: str
    dim: int
    presets: dict[str, dict[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)  # hashed by identity, so that what follows from it can be cached
class Config:
    """The whole file. `models` stays as it was read: the classes' own `Config` types check it.

    reference: what the shipped results are to have (harness/plan/reference.py).
    source: the file's name and the changes of the command line, as messages name the place of a mistake. path: of it.
    by_hand: the settings of models that the command line gave, which tuned ones do not replace. tuned: what searches
    have found (harness/plan/tuned.py), from the file beside this one.
    """

    protocol: Protocol
    presets: dict[str, dict[str, Any]]
    experiments: tuple[Experiment, ...]
    models: dict[str, dict[str, Any]]
    reference: Reference = field(default_factory=Reference)
    source: str = "hyperparameters.json"
    path: str = str(DEFAULT_CONFIG)
    by_hand: tuple[tuple[str, str], ...] = ()
    tuned: Tuned = field(default_factory=dict)

    @property
    def option(self) -> str:
        """What names the file at the end of another command; nothing for the one that all commands read."""
        return "" if self.path == str(DEFAULT_CONFIG) else f" --config {shlex.quote(self.path)}"

    def preset(self, name: str, signal: str, dim: int) -> Preset:
        """A preset with the experiment's own values in place of the common ones, and its own in place of those of the
        preset that it has the extent of."""
        if name not in self.presets:
            known = ", ".join(self.presets)
            raise UsageError(f"unknown preset '{name}'{suggest(name, self.presets)}; {self.source} has {known}")
        names, path = [name], f"presets.{name}"
        if EXTENT_OF in self.presets[name]:
            whole = [known for known, own in self.presets.items() if EXTENT_OF not in own]
            names = [self.presets[name][EXTENT_OF], name]
            if names[0] not in whole:
                given = f"must be one of {', '.join(whole)}, got {names[0]!r}"
                raise UsageError(f"{self.source}: {path}.{EXTENT_OF}: {given}")
        values: dict[str, Any] = {}
        for one in names:
            values |= {key: value for key, value in self.presets[one].items() if key != EXTENT_OF}
            for i, experiment in enumerate(self.experiments):
                if (experiment.signal, experiment.dim) == (signal, dim) and one in experiment.presets:
                    values |= experiment.presets[one]
                    path = f"experiments[{i}].presets.{one}"
        if "name" in values:  # which is its key
            raise UsageError(f"{self.source}: {path}: unknown key 'name'")
        return read(Preset, values | {"name": name}, f"{self.source}: {path}")


def load_config(path: str | Path = DEFAULT_CONFIG, settings: Sequence[str] = ()) -> Config:
    """Read and check the file, after `Siren.lr=3e-5`-like settings have been put in."""
    path = Path(path)
    try:
        with path.open("rb") as file:  # may be a pipe, and anybody's
            text = file.read(MOST_BYTES + 1)
    except OSError as error:
        if path == DEFAULT_CONFIG:
            in_clone(path.name)
        raise UsageError(f"cannot read the settings file '{path}': {error.strerror}; give one with --config") from error
    if len(text) > MOST_BYTES:
        raise UsageError(f"the settings file '{path}' has more than {MOST_BYTES:,} bytes; give one of this suite")
    try:
        plain = text.decode(json.detect_encoding(text)).removeprefix("\ufeff")  # the mark that editors of Windows leave
        data = json.loads(plain, object_pairs_hook=_no_duplicates)
    except json.JSONDecodeError as error:
        rules = "names and text stand in double quotes, nothing is a comment, and no comma stands before } or ]"
        raise UsageError(f"'{path}' is not valid JSON: {error}; {rules}") from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"'{path}' is not valid JSON: {error}") from error
    if not isinstance(data, dict):
        raise UsageError(f"'{path}' must hold one JSON object, not {kind_of(data)}")
    of_models = [apply_setting(data, setting) for setting in settings]
    source = f"{path.name} (with {' '.join(f'--set {setting}' for setting in settings)})" if settings else path.name
    for key in data.keys() & {"source", "path", "by_hand", "tuned"}:  # which are no part of the file
        raise UsageError(f"{source}: unknown key '{key}'")
    config = read(Config, data | {"source": source}, source)
    by_hand = tuple(found for found in of_models if found is not None)
    config = dataclasses.replace(config, path=str(path), by_hand=by_hand, tuned=load_tuned(path))
    for name in config.presets:  # every preset is checked, with every experiment's own values
        for e in (*config.experiments, Experiment("", 2)):
            config.preset(name, e.signal, e.dim)
    for i, e in enumerate(config.experiments):
        for name in e.presets:
            if name not in config.presets:
                raise UsageError(
                    f"{source}: experiments[{i}].presets.{name}: no such preset{suggest(name, config.presets)}"
                )
    return config


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    keys = [key for key, _ in pairs]
    twice = sorted(key for key, count in Counter(keys).items() if count > 1)
    if twice:
        raise ValueError(f"the key '{twice[0]}' stands twice in one object")
    return dict(pairs)


def _require(condition: bool, field: str, given: Any, allowed: str) -> None:
    if not condition:
        raise ValueError(f"{field}: must be {allowed}, got {given}")
