"""A trial built again from one of its rows: rows keep the settings that they were made with."""

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

import models
import target_signals
from common.errors import UsageError
from harness.plan import make_plan
from harness.plan.config import Config
from harness.plan.source import check_size
from harness.plan.trial import PLAIN, Trial
from harness.store.schema import NAMES
from models.settings import read_settings
from target_signals import item_names, user_file
from target_signals.base import RecordedFamily, SignalFamily
from target_signals.tasks.base import check_task, scored_on, trained_on

# columns of code → whose it is, and which options name its files
OF_CODE = {"model_code": ("model", "--models"), "signal_code": ("signal or task", "--signal or --task")}
# what a trial and its rows call alike; the back end of a row is the one that ran, and of a trial one that must
SHARED = {field.name for field in dataclasses.fields(Trial)} & set(NAMES) - {"backend"}
MOST_VALUES = 10**9  # of a model: Adam takes 16 bytes for each


def trial_of(row: Mapping[str, Any], config: Config, file: str | None = None) -> Trial:
    """The trial that leaves this row. file: the user's own, for rows of one; without it the trial has no path.

    Raises UsageError that says why it cannot be run again here: an unknown model or signal, data that are
    absent or others, or something that the results depend on and the row does not hold has changed.
    """
    if row["steps"] is None:
        raise UsageError("its row does not say how many steps it took")
    family = target_signals.registry.get(row["signal"])
    task, item, dim, length = row["task"], row["item"], row["dim"], row["length"]
    path = _path(item, file) if family is user_file.UserFile else None
    if path is None:
        check_size(family.name, dim, length)
        family.check(dim, length, row["bandlimit"])
        _check_data(family, item or "")
    finer = make_plan.has_finer(family, item)
    check_task(task, dim, finer)
    cls = models.get_model(row["model"])
    if row["size"] > MOST_VALUES:
        raise UsageError(f"its budget is {row['size']:.3g} values, and at most {MOST_VALUES:,} are fitted again")
    trained = trained_on(task, finer)
    scored = scored_on(trained, finer)
    for name, now in make_plan.own_code(cls.name, family, scored).items():
        if now != row[name]:
            what, options = OF_CODE[name]
            raise UsageError(
                f"the code of its {what} was {row[name] or 'of the suite'} and is {now or 'of the suite'} now; "
                f"give the file as it was then with {options}"
            )
    same = {name: row[name] for name in SHARED} | {name: row[name] or plain for name, plain in PLAIN.items()}
    settings = read_settings(cls.Config, row["settings"], "its settings")
    trial = Trial(
        **same | {"task": trained, "settings": settings},
        scored=scored,
        budget=row["size"],
        path=path,
        evaluate_every=evaluate_every(row),
        adam_betas=config.protocol.adam_betas,
        activation_gib=config.protocol.activation_gib,
    )
    if trial.config_hash != row["config_hash"]:
        raise UsageError(
            f"what its numbers depend on has changed: {config.source}'s adam_betas, {cls.name}'s settings, or what a "
            f"configuration's hash covers (it is {trial.config_hash} now, was {row['config_hash']})"
        )
    return trial


def evaluate_every(row: Mapping[str, Any]) -> int:
    """After how many passes the fit was evaluated, by its curve: the first, every n-th and the last."""
    between = [int(point["step"]) for point in row["curve"] or () if 1 < point["step"] < row["steps"]]
    return math.gcd(*between) if between else row["steps"]


def _path(item: str | None, file: str | None) -> str | None:
    if file is not None and (found := user_file.item_of(file)) != item:
        digits = f"the SHA-256 of its content begins with {item_names.digest_of(found)}"
        raise UsageError(f"it is of {item}, and --file '{file}' is another one: {digits}")
    return file


def _check_data(family: type[SignalFamily], item: str) -> None:
    if not issubclass(family, RecordedFamily):
        return
    family.check_item(item)
    if (missing := family.missing([item])) is not None:
        raise UsageError(missing)
