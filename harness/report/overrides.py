"""What a command must say to give a row its settings, beyond what hyperparameters.json and tuned.json say today."""

import contextlib
import functools
import json
import shlex
from typing import Any

from common.errors import UsageError
from harness.plan.by_budget import resolve_tuned
from harness.plan.config import Config, Preset
from harness.plan.trial import ADAM, CONSTANT, LR_SCHEDULE
from harness.plan.tuned import found_for, kind_in
from harness.store.schema import Row
from target_signals import base as signals
from target_signals.tasks import base as tasks


def overrides(row: Row, config: Config) -> str | None:
    """`--set Siren.lr=3e-05 …` for a shell; None when the files as they stand give the row's settings."""
    settings = row.get("settings")
    if not isinstance(settings, dict):
        return None
    if "lr" in settings:  # of a model that is trained
        settings = settings | {LR_SCHEDULE: row.get(LR_SCHEDULE) or CONSTANT}
    preset = _preset(config, str(row.get("preset")), row["signal"], int(row["dim"]))
    kind = tasks.known_family(row["task"]).settings or signals.known_family(row["signal"]).kind
    tuned_at = None if preset is None else preset.tuned_at
    today = _today(config, tuned_at, kind, int(row["dim"]), row["model"], int(row["size"]))
    differing = [name for name, value in settings.items() if name not in today or today[name] != value]
    words = [_set(f"{row['model']}.{name}", settings[name]) for name in differing]
    optimiser = row.get("optimiser") or ADAM
    if preset is not None and preset.optimiser != optimiser:
        words.append(_set(f"presets.{row['preset']}.optimiser", optimiser))
    return " ".join(words) or None


@functools.cache
def _preset(config: Config, name: str, signal: str, dim: int) -> Preset | None:
    """The preset of a row; None for one that the settings file does not have."""
    try:
        return config.preset(name, signal, dim)
    except UsageError:
        return None


@functools.cache  # ten thousand rows are of few kinds
def _today(config: Config, tuned_at: str | None, kind: str, dim: int, model: str, size: int) -> dict[str, Any]:
    """The settings that the files give a model. kind: of the data, by which settings are tuned."""
    today: dict[str, Any] = {LR_SCHEDULE: CONSTANT}
    with contextlib.suppress(UsageError):
        today |= resolve_tuned(config.models.get(model, {}), kind, size, model)
    if tuned_at is not None:
        found = found_for(config.tuned, tuned_at, model, kind_in(dim, kind), size)
        today |= {} if found is None else found.settings
    return today


def _set(path: str, value: Any) -> str:
    return f"--set {shlex.quote(f'{path}={json.dumps(value)}')}"
