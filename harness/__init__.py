"""How signals and models meet. `fit_array` is the one function for a notebook; the rest is run.py's."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    from models.base import Representation


def fit_array(
    values: "np.ndarray",
    model: str = "Siren",
    size: float = 1e5,
    *,
    channels_last: bool = False,
    task: str = "fit",
    steps: int | None = None,
    seed: int = 1234,
    device: str | None = None,
    **settings: Any,
) -> "tuple[Representation, dict[str, Any]]":
    """Fit one model to an array in memory: the fitted model, and the row that a run would have left.

    values: [*shape] or, with channels_last, [*shape, C], about from 0 to 1; two or three axes in shape.
    size: the parameter budget. steps: passes, by default the paper's. device: by default CUDA where
    there is one. settings: in place of the model's in hyperparameters.json, like omega=30.0.
    Raises UsageError for what cannot be, such as a budget below the model's smallest form.
    """
    import dataclasses
    import json

    from common.registry import UsageError
    from harness.plan.config import load_config
    from harness.plan.make_plan import make_plan
    from harness.plan.source import Source
    from harness.train import machine
    from harness.train.run_trial import run_on
    from target_signals import user_file

    signal, item = user_file.from_array(values, channels_last)
    config = load_config(settings=[f"{model}.{name}={json.dumps(value)}" for name, value in settings.items()])
    source = Source(user_file.UserFile, signal.dim, signal.kind, (item,))
    paper = config.preset("paper", source.family.name, signal.dim)
    extent = dataclasses.replace(paper, sizes=(int(size),), seeds=(seed,), steps=steps or paper.steps)
    (trial, *more) = make_plan(config, source, [task], "paper", extent, [model])
    if more:
        raise UsageError(f"task '{task}' is several fits; give one, like denoise_0.1")
    fitted: list[Representation] = []
    chosen = machine.choose_device(device or machine.default_device())
    row = run_on(trial, signal, chosen, on_model=fitted.append)[0].row
    if not fitted:
        raise UsageError(f"{model} cannot be fitted: {row['status']}: {row['reason']}")
    return fitted[0], row
