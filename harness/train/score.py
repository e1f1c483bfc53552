"""The row of each scoring of a trial, filled here, and the residual where there is a prediction."""

import contextlib
import dataclasses
import datetime
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch

import models
import target_signals
from harness.plan.trial import Trial
from harness.store.schema import DIVERGED, NAMES, OK, PROTOCOL, UNSUPPORTED, Row
from harness.train import machine
from harness.train.chunks import answer
from harness.train.fit import Fit
from harness.train.loss import Schedule
from harness.train.operations import operations_a_sample
from harness.train.rates import measure
from models import backends
from models.base import Representation
from target_signals.base import Signal
from target_signals.tasks.base import family_of
from target_signals.tasks.task import Scoring, Task


@dataclasses.dataclass(frozen=True)
class Result:
    """The row of one scoring. error: prediction - truth [*shape, C], where the model is; None without a prediction.
    files: by bits a value, the model's files that `rates` tells of."""

    row: Row
    error: torch.Tensor | None
    files: Mapping[int, bytes] = dataclasses.field(default_factory=dict)

    @property
    def residual(self) -> np.ndarray | None:
        """The same as an array."""
        return None if self.error is None else self.error.cpu().numpy()


def score(row: Row, trial: Trial, model: Representation, scoring: Scoring, fitted: Fit, schedule: Schedule) -> Result:
    """The row and the residual of one scoring of a fitted model, whose values are the last ones and stay so."""
    reason = model.unsupported(trial.dim, model.channels, family_of(scoring.task).needs)
    if reason is not None:
        return failed(row, scoring, UNSUPPORTED, reason)
    if fitted.diverged_at is not None:
        return failed(row, scoring, DIVERGED, f"the loss was not finite after pass {fitted.diverged_at}")
    truth = torch.as_tensor(scoring.truth, device=model.device)
    lattices = {"": scoring.lattice, "_paper": scoring.paper_lattice}

    def answers() -> dict[str, torch.Tensor]:
        given = {name: lattice for name, lattice in lattices.items() if lattice is not None}
        return {name: answer(model, lattice, schedule.activation_gib) for name, lattice in given.items()}

    def scores_of(found: dict[str, torch.Tensor]) -> dict[str, float | None]:
        each = {at: scoring.scores(values, truth) for at, values in found.items()}
        return {f"{name}{at}": value for at, of_answer in each.items() for name, value in of_answer.items()}

    last = best = answers()
    if fitted.best_step != fitted.curve[-1]["step"]:
        with holding(model, fitted.best_state):
            best = answers()
    scores: dict[str, Any] = {"psnr_rings": scoring.ring_scores(last[""]), "status": OK}
    of_last = scores_of(last)
    of_best = of_last if best is last else scores_of(best)
    scores |= of_last | {f"{name}_best": value for name, value in of_best.items()}
    measured = [rate_of(bits, model, scoring, fitted, schedule) for bits in trial.bits]
    if measured:
        scores["operations"] = operations_a_sample(model)
        scores["rates"] = [rate for rate, _ in measured]
    files = {bits: data for bits, (_, data) in zip(trial.bits, measured, strict=True)}
    return Result(row | scoring_columns(scoring) | scores, last[""] - truth, files)


def rate_of(
    bits: int, model: Representation, scoring: Scoring, fitted: Fit, schedule: Schedule
) -> tuple[dict[str, Any], bytes]:
    """An object of `rates` and its file: of the last values, or of those whose last updates saw quantised ones, if
    these pay."""
    again = fitted.requantised.get(bits)
    passes = schedule.quantised_passes if again is not None and again.pays else 0
    with holding(model, again.state) if again is not None and passes else contextlib.nullcontext():
        return measure(model, bits, scoring.lattice, scoring.psnr, schedule.activation_gib, passes)


@contextlib.contextmanager
def holding(model: Representation, state: dict[str, torch.Tensor]) -> Iterator[None]:
    """A context in which the model has other values than before and after."""
    kept = {name: value.detach().clone() for name, value in model.state_dict().items()}
    model.load_state_dict(state)
    try:
        yield
    finally:
        model.load_state_dict(kept)


def failed(row: Row, scoring: Scoring, status: str, reason: str) -> Result:
    """The row of a scoring that has no prediction to score."""
    return Result(row | scoring_columns(scoring) | {"status": status, "reason": reason}, None)


def blank_row(trial: Trial, signal: Signal, device: torch.device) -> Row:
    """Every column of harness/store/schema.py, filled with what is known before the fit."""
    row: Row = dict.fromkeys(NAMES)
    row |= {name: getattr(trial, name) for name in NAMES if hasattr(trial, name)}
    return row | {
        "source": signal.source,
        "spacing": None if signal.geometry is None else list(signal.geometry.spacing),
        "size": trial.budget,
        "stands_for": target_signals.registry.get(trial.signal).stands_for,
        "label": models.get_model(trial.model).label,
        "settings": dataclasses.asdict(trial.settings),
        "device": machine.device_name(device),
        "load_at_start": machine.load(),
        "versions": machine.versions(),
        "commit": machine.commit(),
        "protocol": PROTOCOL,
        "started": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="milliseconds"),
    }


def fit_columns(
    model: Representation, task: Task, fitted: Fit, memory: machine.PeakMemory, note: str | None
) -> dict[str, Any]:
    """What is known after the fit. note: what the reason is to say beyond why the model's back end ran."""
    hooks = model.target_hooks() if task.pointwise else []
    return {
        "parameters": model.count_values(),
        "sees_target": ", ".join(hooks) or None,
        "backend": model.backend,
        "reason": "; ".join(filter(None, [backends.why_not_better(model), note])) or None,
        "curve": fitted.curve,
        "best_step": fitted.best_step,
        "updates": fitted.updates,
        "seconds": fitted.seconds,
        "ms_per_update": 1000 * fitted.seconds / fitted.updates if fitted.updates else None,
        "ms_per_pass": 1000 * fitted.seconds / fitted.curve[-1]["step"] if fitted.updates else None,
        "peak_memory_bytes": memory.bytes(),
    }


def scoring_columns(scoring: Scoring) -> dict[str, Any]:
    """What is known of a scoring, whether or not there is a prediction; its scores are filled in `score`."""
    shape = list(scoring.truth.shape)
    return {"task": scoring.task, "shape": shape, "psnr_constant": scoring.psnr_of_constant}
