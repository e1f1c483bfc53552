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
from harness.plan.tuned import found_for
from harness.store.schema import Row
from target_signals.tasks.base import known_family


def overrides(row: Row, config: Config) -> str | None:
    """`--set Siren.lr=3e-05 …` for a shell; None when the files as they stand give the row's settings."""
    settings = row.get("settings")
    if not isinstance(settings, dict):
        return None
    if "lr" in settings:  # of a model that is trained
        settings = settings | {LR_SCHEDULE: row.get(LR_SCHEDULE) or CONSTANT}
    preset = _preset(config, str(row.get("preset")), row["signal"], int(row["dim"]))
    found = None
    if preset is not None and preset.tuned_at is not None:
        kind = "volume" if row["dim"] == 3 else _kind_of(row)
        found = found_for(config.tuned, preset.tuned_at, row["model"], kind, int(row["size"]))
    better = json.dumps(None if found is None else found.settings)
    words = _differing(config, _kind_of(row), row["model"], int(row["size"]), json.dumps(settings), better)
    optimiser = row.get("optimiser") or ADAM
    if preset is not None and preset.optimiser != optimiser:
        words = (*words, _set(f"presets.{row['preset']}.optimiser", optimiser))
    return " ".join(words) or None


@functools.cache
def _preset(config: Config, name: str, signal: str, dim: int) -> Preset | None:
    """The preset of a row; None for one that the settings file does not have."""
    try:
        return config.preset(name, signal, dim)
    except UsageError:
        return None


def _kind_of(row: Row) -> str:
    return known_family(row["task"]).settings or _kind(row["signal"])


@functools.cache
def _kind(signal: str) -> str:
    """The sort of data, by which settings are tuned."""
    import target_signals

    try:
        return target_signals.registry.get(signal).kind
    except UsageError:  # somebody else's signal
        return "synthetic"


@functools.cache
def _differing(config: Config, kind: str, model: str, size: int, settings: str, better: str) -> tuple[str, ...]:
    """better: what a search found, in place of the settings file's."""
    today = {LR_SCHEDULE: CONSTANT}
    with contextlib.suppress(UsageError):
        today |= resolve_tuned(config.models.get(model, {}), kind, size, model)
    today |= json.loads(better) or {}
    given: dict[str, Any] = json.loads(settings)
    return tuple(
        _set(f"{model}.{name}", value) for name, value in given.items() if name not in today or today[name] != value
    )


def _set(path: str, value: Any) -> str:
    return f"--set {shlex.quote(f'{path}={json.dumps(value)}')}"
