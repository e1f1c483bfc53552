"""What a settings file says of models: which there are, in which order and groups, and what settings each has."""

import contextlib
import dataclasses
from collections.abc import Iterator
from typing import Any, Literal

import models
from common.errors import UsageError
from common.typed_json import read
from harness.plan.by_budget import resolve_tuned
from harness.plan.config import Config
from harness.plan.source import choose_source
from harness.plan.trial import CONSTANT, LR_SCHEDULE, LR_SCHEDULES
from harness.plan.tuned import FILE, Found
from models.settings import read_settings


def model_names(config: Config) -> list[str]:
    """Every model, in the order of runs and tables: the protocol's, then the others by name, but for those whose
    settings an older file does not have."""
    known = models.registry.names()
    listed = [name for name in config.protocol.order if name in known]
    return listed + [name for name in known if name not in listed and (name in config.models or _has_defaults(name))]


def _has_defaults(model: str) -> bool:
    """Whether a model runs without settings, as a newcomer's does."""
    fields = dataclasses.fields(models.get_model(model).Config)
    return all({f.default, f.default_factory} != {dataclasses.MISSING} for f in fields)


def group(config: Config, name: str) -> list[str]:
    """The models of one of GROUPS, in order: `newer`, or all others."""
    return config.protocol.group(name, model_names(config))


def check_models(config: Config) -> None:
    """Every settings block of the file must belong to a model and be readable, and every experiment
    to a signal; UsageError otherwise, which names the place."""
    for name in config.protocol.order:
        with _placed(f"{config.source}: protocol"):
            models.get_model(name)
    for name in config.models:
        with _placed(f"{config.source}: models"):
            models.get_model(name)
        model_settings(config, name, "synthetic", 10_000)
    for number, experiment in enumerate(config.experiments):
        with _placed(f"{config.source}: experiments[{number}]"):
            choose_source(experiment.signal, experiment.dim)


@contextlib.contextmanager
def _placed(place: str) -> Iterator[None]:
    """Have a UsageError begin with the place in the settings file that it is of."""
    try:
        yield
    except UsageError as error:
        raise UsageError(f"{place}: {error}") from error


def model_settings(config: Config, model: str, kind: str, size: int) -> Any:
    """The model's `Config` for a kind of data and a budget; defaults for what the file leaves out."""
    return training_settings(config, model, kind, size)[0]


def training_settings(config: Config, model: str, kind: str, size: int, found: Found | None = None) -> tuple[Any, str]:
    """The model's `Config` for a kind of data and a budget, and the schedule of its learning rate.

    found: by a search; its values stand in place of the file's, but for those that the command line gave.
    """
    path = f"{config.source}: models.{model}"
    settings = resolve_tuned(config.models.get(model, {}), kind, size, path)
    if found is not None:
        better = {name: value for name, value in found.settings.items() if (model, name) not in config.by_hand}
        settings, path = settings | better, f"{FILE}, {path}"
    cls, lr_schedule = models.get_model(model).Config, CONSTANT
    if "lr" in {field.name for field in dataclasses.fields(cls)}:  # of a model that is trained
        options: Any = Literal[LR_SCHEDULES]
        lr_schedule = read(options, settings.get(LR_SCHEDULE, CONSTANT), f"{path}.{LR_SCHEDULE}")
        settings = {name: value for name, value in settings.items() if name != LR_SCHEDULE}
    return read_settings(cls, settings, path), lr_schedule
