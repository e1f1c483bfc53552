"""A model fitted to an array in memory: what `fit_array` returns, and how it is made."""

import dataclasses
import json
import operator
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from tqdm import tqdm

from common.errors import UsageError
from harness.execution.launch import check_budgets
from harness.plan.config import load_config
from harness.plan.cost import as_large
from harness.plan.describe_cost import describe_cost
from harness.plan.make_plan import make_plan
from harness.plan.source import Source
from harness.plan.trial import Trial
from harness.train import checkpoint, machine
from harness.train.chunks import predict_shape
from harness.train.run_trial import run_on
from models.base import Representation
from target_signals import user_file
from target_signals.base import Signal

if TYPE_CHECKING:
    import torch
    from matplotlib.figure import Figure

PASSES = "{percentage:3.0f}% |{bar}| {n_fmt}/{total_fmt} passes, {elapsed} so far, {remaining} left"


class Fitted:
    """A fitted model and its row; `model, row = fitted` takes both.

    model: on the device that it was fitted on, with values about in [0, 1].
    row: what a run would have stored. signal: what it was fitted to.
    """

    def __init__(self, model: Representation, row: dict[str, Any], signal: Signal):
        self.model, self.row, self.signal = model, row, signal

    def __iter__(self) -> Iterator[Any]:
        return iter((self.model, self.row))

    def __repr__(self) -> str:
        row = self.row
        shape = "×".join(map(str, row["shape"][: self.signal.dim]))
        score = f"PSNR {row['psnr']:.2f} dB (a constant: {row['psnr_constant']:.2f})" if row["psnr"] else row["status"]
        return (
            f"<{row['model']} with {row['parameters']:,} parameters on {shape} samples: {score}, "
            f"{row['seconds']:.1f} s on {self.model.device}; {self.signal.source}>"
        )

    def reconstruct(self, shape: tuple[int, ...] | None = None) -> np.ndarray:
        """The model's values [*shape] or [*shape, C] in the units of the array, by default at its own samples.

        Other shapes are lattices over the box that the array's samples fill. Raises UsageError for a shape that it
        does not have.
        """
        wanted = None if shape is None else tuple(whole("shape", n, 1) for n in shape)
        values = predict_shape(self.model, wanted)
        low, high = self.signal.units
        values = np.float32(low) + np.float32(high - low) * values
        return values[..., 0] if self.signal.values.ndim == self.signal.dim else values

    def plot(self) -> "Figure":
        """The array, the reconstruction and their difference side by side; of a volume, the middle slice."""
        from matplotlib.figure import Figure

        low, high = self.signal.units
        truth, answer = (
            np.clip(values if self.signal.dim == 2 else values[len(values) // 2], 0, 1)
            for values in (self.signal.values, (self.reconstruct() - low) / (high - low))
        )
        colour = truth.ndim == 3 and truth.shape[-1] == 3
        truth, answer = (values if colour or values.ndim == 2 else values.mean(-1) for values in (truth, answer))
        error = np.abs(answer - truth).max(-1) if colour else answer - truth
        spacing = (1.0, 1.0) if self.signal.geometry is None else self.signal.geometry.spacing[-2:]
        figure = Figure(figsize=(9, 3.2), layout="constrained")
        for axes, values, title in zip(
            figure.subplots(1, 3), (truth, answer, error), ("array", self.row["model"], "difference"), strict=True
        ):
            most = max(float(np.abs(error).max()), 1e-9)
            limits = {"vmin": -most, "vmax": most, "cmap": "RdBu"} if title == "difference" else {"vmin": 0, "vmax": 1}
            axes.imshow(values, aspect=spacing[0] / spacing[1], **({"cmap": "gray"} | limits))
            axes.set(title=title, xticks=[], yticks=[])
        return figure

    def save(self, path: "str | Path") -> Path:
        """Write the model as .safetensors, which `python -m harness render` takes."""
        place = Path(path)
        if place.suffix.lower() != ".safetensors":
            raise UsageError(f"a model is saved as .safetensors, not as '{place.name}'")
        checkpoint.save(self.model, place)
        return place


def fit(trial: Trial, signal: Signal, device: str | None) -> Fitted:
    """What is fitted to a signal by a trial of `plan`. Raises UsageError where it cannot be."""
    chosen = machine.choose_device(device)
    check_budgets([trial], chosen, "size")
    fitted: list[Representation] = []
    with Bar(trial, signal, chosen) as bar:
        row = run_on(trial, signal, chosen, bar.advance, fitted.append)[0].row
    if not fitted:
        raise UsageError(f"{trial.model} cannot be fitted: {row['status']}: {row['reason']}")
    return Fitted(fitted[0], row, signal)


def plan(
    signal: Signal,
    item: str,
    model: str,
    settings: dict[str, Any],
    *,
    size: float,
    task: str,
    steps: int | None,
    seed: int,
) -> Trial:
    """The one trial that these arguments ask for, which `harness.fit_array` explains."""
    if not isinstance(model, str):
        raise UsageError(f"model must be a registered name, like 'Siren', got {model!r}")
    words = [f"{model}.{name}={json.dumps(value, default=plain)}" for name, value in settings.items()]
    config = load_config(settings=words)
    source = Source(user_file.UserFile, signal.dim, signal.kind, (item,))
    paper = config.preset("paper", source.family.name, signal.dim)
    sizes, seeds = (whole("size", size, 1),), (whole("seed", seed, 0),)
    passes = paper.steps if steps is None else whole("steps", steps, 1)
    try:
        extent = dataclasses.replace(paper, sizes=sizes, seeds=seeds, steps=passes)
    except ValueError as error:
        raise UsageError(str(error)) from error
    (trial, *more) = make_plan(config, source, [task], extent, [model])
    if more:
        raise UsageError(f"task '{task}' is several fits; give one, like denoise_0.1")
    return trial


def whole(name: str, value: Any, least: int) -> int:
    """A whole number of Python's, NumPy's or PyTorch's, or a float like 1e5 that is one; UsageError otherwise."""
    try:
        found = int(value) if isinstance(value, float | np.floating) and value.is_integer() else operator.index(value)
    except TypeError:
        found = least - 1
    if found < least:
        raise UsageError(f"{name} must be a whole number of at least {least}, got {value!r}")
    return found


def plain(value: Any) -> Any:
    """A number of NumPy's or PyTorch's, or an array of them, as JSON has it."""
    if hasattr(value, "tolist"):
        return value.tolist()
    raise UsageError(f"a setting is a number, a text, or a list of these, got {type(value).__name__}")


class Bar:
    """Passes that are done, on a terminal or in a notebook, under a line with the estimated time; a context."""

    def __init__(self, trial: Trial, signal: Signal, device: "torch.device"):
        shown = sys.stderr.isatty() or "ipykernel" in sys.modules
        if shown:
            cost = describe_cost([as_large(trial, len(signal.lattice))], device.type)
            shape = "×".join(map(str, signal.lattice.shape))
            print(f"{trial.model} on {shape} samples ({signal.source}): {cost}", file=sys.stderr)
        self.bar = tqdm(total=trial.steps, bar_format=PASSES, disable=not shown, file=sys.stderr)

    def advance(self, step: int) -> None:
        self.bar.update(step - self.bar.n)

    def __enter__(self) -> "Bar":
        return self

    def __exit__(self, *_: object) -> None:
        self.bar.close()
