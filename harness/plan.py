"""Experiment + preset + overrides → the list of trials (DESIGN, idea 4)."""

import dataclasses
import hashlib
import itertools
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import models
import target_signals
from harness.config import Config, Preset, resolve_tuned
from harness.strict import read
from registry import UsageError
from target_signals.task import check_task

T = TypeVar("T")
PRECISIONS = ("fp32", "tf32", "bf16")


@dataclass(frozen=True)
class Trial:
    """One fit: everything that determines its numbers, and nothing else but `preset` and `evaluate_every`.

    size: the parameter budget. steps: passes over the lattice. minibatch: points a batch, or None
    for full updates. settings: the model's own `Config`.
    """

    signal: str
    item: str | None
    dim: int
    length: int
    bandlimit: float | None
    task: str
    model: str
    size: int
    seed: int
    preset: str
    steps: int
    evaluate_every: int
    minibatch: int | None
    precision: str
    adam_betas: tuple[float, float]
    activation_gib: float
    settings: Any

    @property
    def lr(self) -> float | None:
        """Adam's learning rate; None for a model that is solved and never trained."""
        return getattr(self.settings, "lr", None)

    @property
    def config_hash(self) -> str:
        """Twelve hex digits over what the results depend on beyond the other parts of the key."""
        relevant = {
            "settings": dataclasses.asdict(self.settings),
            "steps": self.steps,
            "minibatch": self.minibatch,
            "precision": self.precision,
            "adam_betas": self.adam_betas,
        }
        return hashlib.sha256(json.dumps(relevant, sort_keys=True).encode()).hexdigest()[:12]

    @property
    def folder(self) -> str:
        """The experiment's folder: <dim>d_<Signal>[_<task>]."""
        return f"{self.dim}d_{self.signal}" + ("" if self.task == "fit" else f"_{self.task}")

    @property
    def key(self) -> str:
        """The row's name: readable parts for people, then a digest of the whole key."""
        parts = [self.signal, self.item, self.dim, self.length, self.bandlimit]
        parts += [self.task, self.model, self.size, self.seed, self.config_hash]
        digest = hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]
        band = "" if self.bandlimit is None else f"_band{self.bandlimit:g}"
        return f"{self.model}_{self.size}{band}_seed{self.seed}_{digest}"

    def __str__(self) -> str:
        band = "" if self.bandlimit is None else f" band {self.bandlimit:g}"
        return f"{self.model} {self.size:,}{band} seed {self.seed}"


def choose_dim(signal: str, dim: int | None) -> int:
    """The dimension asked for, or the only one there is."""
    family = target_signals.registry.get(signal)
    if dim is None and len(family.dims) > 1:
        raise UsageError(
            f"{signal} exists in several dimensions; give --dim {' or --dim '.join(map(str, family.dims))}"
        )
    if dim is not None and dim not in family.dims:
        raise UsageError(f"{signal} does not exist with dim {dim}; it has dim {' or '.join(map(str, family.dims))}")
    return family.dims[0] if dim is None else dim


def model_names(config: Config) -> list[str]:
    """Every model, in the order of runs and tables: the protocol's, then the others by name."""
    known = models.registry.names()
    listed = [name for name in config.protocol.models if name in known]
    return listed + [name for name in known if name not in listed]


def check_models(config: Config) -> None:
    """Every settings block of the file must belong to a model and be readable, and every experiment
    to a signal; UsageError otherwise."""
    for name in config.protocol.models:
        models.get_model(name)
    for name in config.models:
        model_settings(config, name, "synthetic", 10_000)
    for experiment in config.experiments:
        choose_dim(experiment.signal, experiment.dim)


def model_settings(config: Config, model: str, kind: str, size: int) -> Any:
    """The model's `Config` for a kind of data and a budget; defaults for what the file leaves out."""
    path = f"{config.source}: models.{model}"
    settings = resolve_tuned(config.models.get(model, {}), kind, size, path)
    read_settings = read(models.get_model(model).Config, settings, path)
    lr = getattr(read_settings, "lr", None)
    if lr is not None and lr <= 0:
        raise UsageError(f"{path}.lr: must be more than 0, got {lr}")
    return read_settings


def _once(values: Sequence[T]) -> list[T]:
    return list(dict.fromkeys(values))


def _minibatch(preset: Preset, model: str, size: int) -> int | None:
    cls = models.get_model(model)
    trained = any(field.name == "lr" for field in dataclasses.fields(cls.Config))
    if preset.minibatch is None or cls.lattice_only or not trained:
        return None
    return preset.minibatch.points_for(model, size)


def make_plan(
    config: Config,
    signal: str,
    dim: int,
    task: str,
    preset_name: str,
    preset: Preset,
    chosen_models: Sequence[str],
    precision: str = "fp32",
) -> list[Trial]:
    """Every trial, ordered so that signals are built once and cells complete early.

    Raises UsageError for whatever the signal, the task or a model does not know.
    """
    family = target_signals.registry.get(signal)
    check_task(task)
    if str(dim) not in preset.length:
        raise UsageError(f"preset '{preset_name}' has no length for dim {dim}; give --length")
    length = preset.length[str(dim)]
    bands = preset.bandlimits if family.bands else (None,)
    for band in bands:
        family.check(dim, length, band)
    kind = "ct" if task == "ct" else family.kind
    return [
        Trial(
            signal=signal,
            item=None,
            dim=dim,
            length=length,
            bandlimit=band,
            task=task,
            model=model,
            size=size,
            seed=seed,
            preset=preset_name,
            steps=preset.steps,
            evaluate_every=preset.evaluate_every,
            minibatch=_minibatch(preset, model, size),
            precision=precision,
            adam_betas=config.protocol.adam_betas,
            activation_gib=config.protocol.activation_gib,
            settings=model_settings(config, model, kind, size),
        )
        for band, seed, size, model in itertools.product(
            _once(bands), _once(preset.seeds), _once(preset.sizes), _once(chosen_models)
        )
    ]
