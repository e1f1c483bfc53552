"""What a command must say to give a row its settings, beyond what hyperparameters.json says today."""

import functools
import json
import shlex
from typing import Any

from common.errors import UsageError
from harness.plan.config import Config
from harness.plan.lookup import resolve_tuned
from harness.plan.trial import CONSTANT
from harness.store.schema import Row
from target_signals.tasks.base import known_family

LR_SCHEDULE = "lr_schedule"  # stands among a model's settings in the file, and in a column of its own in rows


def overrides(row: Row, config: Config) -> str | None:
    """`--set Siren.lr=3e-05 …` for a shell; None when the file as it stands gives the row's settings."""
    settings = row.get("settings")
    if not isinstance(settings, dict):
        return None
    if "lr" in settings:  # of a model that is trained
        settings = settings | {LR_SCHEDULE: row.get(LR_SCHEDULE) or CONSTANT}
    kind = known_family(row["task"]).settings or _kind(row["signal"])
    return _overrides(config, kind, row["model"], int(row["size"]), json.dumps(settings))


@functools.cache
def _kind(signal: str) -> str:
    """The sort of data, by which settings are tuned."""
    import target_signals

    try:
        return target_signals.registry.get(signal).kind
    except UsageError:  # somebody else's signal
        return "synthetic"


def _overrides(config: Config, kind: str, model: str, size: int, settings: str) -> str | None:
    try:
        today = {LR_SCHEDULE: CONSTANT} | resolve_tuned(config.models.get(model, {}), kind, size, model)
    except UsageError:
        today = {LR_SCHEDULE: CONSTANT}
    given: dict[str, Any] = json.loads(settings)
    differs = [name for name, value in given.items() if name not in today or today[name] != value]
    words = [f"--set {shlex.quote(f'{model}.{name}={json.dumps(given[name])}')}" for name in differs]
    return " ".join(words) or None
