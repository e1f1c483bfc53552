"""Rows of the reference results that may stand beside a person's own.

They are of the same experiment (signal, dimension, task, preset, length and steps), of budgets, bands, items and seeds
that a person's rows have, and of models that these do not have. Their settings' hash is the one that the settings file
gives now. So no model's scores are mixed, and nothing stands side by side that one command would not have made. Their
times are those of other machines and left out.
"""

import dataclasses
import functools
import warnings
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

from common.errors import Notice, UsageError
from common.grouped import grouped
from harness.analysis.cell import Kind, cell_of, kind_of
from harness.plan import want
from harness.plan.config import Config, Preset
from harness.plan.trial import PLAIN, Trial
from harness.store.fingerprint import Stamp, stamp
from harness.store.parquet import read_rows
from harness.store.schema import REFERENCE_RESULT, Row, names

TIMES = ("seconds", "ms_per_update", "ms_per_pass", "ready_seconds", "processor_seconds", "load_at_start")
# the columns that a preset sets, of those that a `config_hash` is made of
OF_PRESET = {field.name for field in dataclasses.fields(Preset)} & {*names(part_of="config_hash")}


def beside(rows: Sequence[Row], config: Config) -> list[Row]:
    """The reference rows that compare with these, marked by their `origin`, without their times.

    Where the reference cannot be read there are none, and a warning: a person's own rows are there all the same.
    """
    found: list[Row] = []
    for kind, of_kind in grouped(rows, kind_of).items():
        if kind.preset in config.presets:
            found += _of_experiment(kind, of_kind, config)
    return found


def budgets(kind: Kind, own: Sequence[Row], config: Config) -> list[int]:
    """The budgets at which the reference has rows of an experiment, of models that a person has no rows of."""
    return sorted({row["size"] for row in _held(kind, own)}) if kind.preset in config.presets else []


def reference_models(rows: Iterable[Row]) -> frozenset[str]:
    """The models that some rows, of one experiment, are of the reference."""
    return frozenset(row["model"] for row in rows if row.get("origin") == REFERENCE_RESULT)


def display_name(model: str, of_reference: Collection[str]) -> str:
    """A model as tables and legends call it: `Siren (reference)`."""
    return f"{model} ({REFERENCE_RESULT})" if model in of_reference else model


def _held(kind: Kind, own: Sequence[Row]) -> list[Row]:
    """The reference's rows of an experiment, but for those of models that a person has rows of."""
    path = want.FOLDER / f"{kind.preset}.parquet"
    if (now := stamp(path)) is None:
        return []
    try:
        held = _read(path, now, kind.signal, kind.dim, kind.task)
    except UsageError as error:
        told = f"{error}; the reference results are left out"
        warnings.warn(told, Notice, stacklevel=1)  # of this line, so that it is shown once
        return []
    taken = {row["model"] for row in own}
    return [row for row in held if row["model"] not in taken and kind_of(row) == kind]


@functools.lru_cache(maxsize=16)
def _read(path: Path, now: Stamp, signal: str, dim: int, task: str) -> tuple[Row, ...]:
    """The rows of a Parquet file as it is now, which table, places and figures ask for each."""
    return tuple(read_rows(path, signal=signal, dim=dim, task=task).values())


def _of_experiment(kind: Kind, own: Sequence[Row], config: Config) -> list[Row]:
    held = _held(kind, own)
    if not held:
        return []
    places = {cell_of(row).case for row in own}
    alike = [row for row in held if cell_of(row).case in places]
    planned = _planned(kind, sorted({row["size"] for row in own}), [*alike, *own], config) if alike else {}
    other = {row["size"] for row in own if not _of_protocol(row, planned.get((row["model"], row["size"])))}
    return [
        row | dict.fromkeys(TIMES) | {"origin": REFERENCE_RESULT}
        for row in alike
        if row["size"] not in other
        and (now := planned.get((row["model"], row["size"]))) is not None
        and now.config_hash == row["config_hash"]
    ]


def _planned(kind: Kind, sizes: Sequence[int], rows: Sequence[Row], config: Config) -> dict[tuple[str, int], Trial]:
    """One trial of an experiment by model and budget, as the settings file plans it for the reference."""
    import models  # and with them torch, which takes seconds: most tables need none
    from harness.plan.make_plan import make_plan, untuned
    from harness.plan.reference import PRECISION
    from harness.plan.source import choose_source
    from target_signals.tasks.base import trained_on

    device = next((one.device for one in config.reference.order if one.preset == kind.preset), None)
    if device is None:
        return {}
    task, preset = trained_on(kind.task, True), config.preset(kind.preset, kind.signal, kind.dim)
    source = choose_source(kind.signal, kind.dim)
    preset = dataclasses.replace(preset, bandlimits=preset.bandlimits[:1], seeds=preset.seeds[:1], signal_seeds=None)
    source = dataclasses.replace(source, items=source.items[:1])
    chosen = [model for model in dict.fromkeys(row["model"] for row in rows) if model in models.registry.names()]
    plan: list[Trial] = []
    for size in sizes:  # a model may have been tuned near one of them and not near another
        lacking = untuned(config, preset.tuned_at, source, task, chosen, size) if preset.tuned_at is not None else []
        there = [model for model in chosen if model not in lacking]
        one = dataclasses.replace(preset, sizes=(size,))
        plan += make_plan(config, source, [task], one, there, PRECISION[device])
    return {(trial.model, trial.budget): trial for trial in plan}


def _of_protocol(row: Row, planned: Trial | None) -> bool:
    """Whether a person's row was made as the settings file says, its model's own settings and precision aside.

    planned: None for a model that is not known here, of which nothing can be said.
    """
    return planned is None or all((row[name] or PLAIN.get(name)) == getattr(planned, name) for name in OF_PRESET)
