"""What the shipped reference results are to have, by the order of want in the settings file, and what they lack.

A row belongs to the reference while some trial of that order leaves it. One whose settings have changed since is
stale, as is one that nobody wants any more.
"""

import dataclasses
import functools
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import models
import target_signals
from common.errors import UsageError
from common.process import without_collection
from harness.plan.config import Config
from harness.plan.make_plan import make_plan, tuned_kind, untuned
from harness.plan.source import choose_source
from harness.plan.trial import Trial
from harness.plan.tuned import found_for
from harness.plan.want import Want
from harness.store.names import Name
from harness.store.parquet import read_rows
from harness.store.schema import Row
from target_signals.base import RecordedFamily
from target_signals.tasks.base import expand_tasks, trained_on

MOST_BYTES = 16 << 20  # of a file
PRECISION = {"cuda": None, "cpu": "fp32"}  # of a want's device; None: each model's own
SAME = ("signal", "item", "dim", "length", "bandlimit", "model", "seed", "signal_seed", "preset")  # in trials and rows


class Group(NamedTuple):
    """The trials of one group of the order. untuned: by experiment, models that lack tuned settings."""

    name: str
    preset: str
    device: str
    trials: list[Trial]
    untuned: dict[str, list[str]]


@without_collection()
def groups(config: Config) -> list[Group]:
    """The order of want. Each trial stands in the first group that names it, also where its data are not at hand, and
    once more in the first that wants its rates."""
    found: dict[str, Group] = {}
    seen: set[Any] = set()
    for want in config.reference.order:
        group = found.setdefault(want.group, Group(want.group, want.preset, want.device, [], {}))
        for dim, signal, task in config.reference.named(want.experiments):
            for trial in _trials(config, want, dim, signal, task, group.untuned):
                if (fit := (trial.name, trial.bits)) not in seen:
                    seen.add(fit)
                    group.trials.append(trial)
    return list(found.values())


def only(group: Group, chosen: Collection[str]) -> Group:
    """The trials of some models."""
    lacking = {where: [model for model in out if model in chosen] for where, out in group.untuned.items()}
    return group._replace(
        trials=[trial for trial in group.trials if trial.model in chosen],
        untuned={where: out for where, out in lacking.items() if out},
    )


def _trials(config: Config, want: Want, dim: int, signal: str, task: str, lacking: dict[str, list[str]]) -> list[Trial]:
    """The trials of one experiment. Tuned ones are wanted at budgets that were searched: rows with the settings of
    another budget would be stale once their own is. lacking: is given, by experiment, the models that have been tuned
    at none of the budgets."""
    preset = config.preset(want.preset, signal, dim)
    source = choose_source(signal, dim, want.items or preset.items)
    given = {name: value for name in ("sizes", "bandlimits") if (value := getattr(want, name)) is not None}
    preset = dataclasses.replace(preset, **given, seeds=preset.seeds[: want.seeds])
    named = config.protocol.models if want.models == "all" else config.protocol.newer
    chosen = [model for model in named if model in models.registry.names()]
    trials: list[Trial] = []
    for name in expand_tasks([task]):
        if preset.tuned_at is None:
            trials += make_plan(config, source, [name], preset, chosen, PRECISION[want.device])
            continue
        tuned, kind = config.tuned, tuned_kind(source, name)
        out = {size: untuned(config, preset.tuned_at, source, name, chosen, size, reach=1) for size in preset.sizes}
        for size, lacks in out.items():
            own = chosen
            if lacks:  # models that nobody tunes, such as yardsticks, wait until all others have been
                own = [model for model in chosen if found_for(tuned, preset.tuned_at, model, kind, size, reach=1)]
            if own:
                one = dataclasses.replace(preset, sizes=(size,))
                trials += make_plan(config, source, [name], one, own, PRECISION[want.device])
        if never := [model for model in chosen if all(model in lacks for lacks in out.values())]:
            where = f"{signal} {dim}D {name}"
            lacking[where] = list(dict.fromkeys((*lacking.get(where, ()), *never)))
    return [dataclasses.replace(trial, bits=want.bits) for trial in trials] if want.bits else trials


def is_there(trial: Trial, rows: Mapping[Name, Row]) -> bool:
    """Whether every row of a trial is among these, with the rates of its bits."""
    return all(row.name in rows and trial.has_rates(rows[row.name]) for row in trial.rows)


def in_bits(order: Sequence[Group]) -> dict[Name, Trial]:
    """The trials that groups want the rates of, each in the bits of all these groups."""
    found: dict[Name, Trial] = {}
    for trial in (trial for group in order for trial in group.trials if trial.bits):
        bits = {*trial.bits, *(found[trial.name].bits if trial.name in found else ())}
        found[trial.name] = dataclasses.replace(trial, bits=tuple(sorted(bits)))
    return found


@functools.cache
def not_at_hand(signal: str, item: str | None) -> str | None:
    """What a recorded item lacks here, in a line; None where its trials can run."""
    family = target_signals.registry.get(signal)
    return family.missing([item]) if issubclass(family, RecordedFamily) and item is not None else None


def stale(rows: Mapping[Name, Row], order: Sequence[Group]) -> dict[Name, str]:
    """The rows that no trial of the order leaves, and why: their settings have changed, or they are not wanted."""
    now = {
        _identity(vars(trial), trial.budget, trial.task): trial.config_hash for group in order for trial in group.trials
    }
    return {name: why for name, row in rows.items() if (why := _why_stale(row, now)) is not None}


def flaws(folder: Path, order: Sequence[Group]) -> list[str]:
    """What speaks against a folder's files, a line each: what no reviewer should let in."""
    devices, found = {group.preset: group.device for group in order}, []
    for path in sorted(folder.glob("*.parquet")):
        rows = read_rows(path)
        if path.stat().st_size > MOST_BYTES:
            found.append(f"{path.name}: {path.stat().st_size:,} bytes, and at most {MOST_BYTES:,} are shipped")
        found += [f"{path.name}: {'/'.join(name)}: {why}" for name, why in stale(rows, order).items()]
        for name, row in rows.items():
            device, commit = str(row["device"]).partition(":")[0], row["commit"] or ""
            wrong = {
                f"its preset is {row['preset']}": row["preset"] != path.stem,
                f"made on {device}": device != devices.get(row["preset"], device),
                "made by code that is not committed": not commit or commit.endswith("+"),
            }
            found += [f"{path.name}: {'/'.join(name)}: {what}" for what, true in wrong.items() if true]
    return found


def _why_stale(row: Row, now: Mapping[Any, str]) -> str | None:
    try:
        task = trained_on(row["task"], True)
    except UsageError as error:
        return str(error)
    is_now = now.get(_identity(row, row["size"], task), "")
    if is_now == row["config_hash"]:
        return None
    return f"settings {row['config_hash']}, which are {is_now} now" if is_now else "nothing wants it any more"


def _identity(fields: Mapping[str, Any], size: int, task: str) -> tuple[Any, ...]:
    """What makes a trial another one, but for its settings."""
    return (*(fields[name] for name in SAME), size, task)


def missing(order: Sequence[Group], rows: Mapping[Name, Row], device: str) -> Iterator[Trial]:
    """The trials without rows that run on this kind of device and whose data are at hand, the most wanted first; each
    once, and also those that stand without bits in those of `in_bits`."""
    wanted, told = in_bits(order), set[Name]()
    for group in order:
        for trial in group.trials if group.device == device else ():
            if trial.name in told or is_there(trial, rows) or not_at_hand(trial.signal, trial.item) is not None:
                continue
            told.add(trial.name)
            yield wanted.get(trial.name, trial)
