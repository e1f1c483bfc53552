"""Fitting representations to signals at equal parameter budgets, from Python.

`fit_array` fits one model to an array in memory, `run` runs an experiment and stores its rows, `load` gives stored
rows as one table. The command line is run.py; what reads results is `python -m harness`.
"""

from typing import TYPE_CHECKING, Any

from harness.store.store import DEFAULT_OUT
from harness.store.table import load

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    import pandas as pd

    from models.base import Representation

__all__ = ["__version__", "fit_array", "load", "run"]
__version__ = "0.2.0"


def fit_array(
    values: "np.ndarray",
    model: str = "Siren",
    size: float = 1e5,
    *,
    channels_last: bool | None = None,
    task: str = "fit",
    steps: int | None = None,
    seed: int = 1234,
    device: str | None = None,
    **settings: Any,
) -> "tuple[Representation, dict[str, Any]]":
    """Fit one model to an array in memory.

    Args:
        values: [*shape] or, with channels_last, [*shape, C], about from 0 to 1; two or three axes in shape.
        model: a registered name.
        size: the parameter budget.
        task: what it is fitted to, such as `denoise_0.1`.
        steps: passes over the samples; by default the paper's.
        device: `cpu`, `cuda` or `cuda:1`; by default CUDA where there is one.
        settings: in place of the model's in hyperparameters.json, like `omega=30.0`.

    Returns:
        The fitted model, and the row that a run would have stored.

    Raises:
        UsageError: for what cannot be, such as a budget below the model's smallest form.

    Example:
        >>> import numpy as np
        >>> model, row = fit_array(np.eye(16), model="Grid", size=100, steps=5, device="cpu")
        >>> row["parameters"], row["status"]
        (100, 'ok')
    """
    import dataclasses
    import json

    from common.errors import UsageError
    from harness.plan.config import load_config
    from harness.plan.make_plan import make_plan
    from harness.plan.source import Source
    from harness.train import machine
    from harness.train.run_trial import run_on
    from target_signals import user_file
    from target_signals.in_memory import from_memory

    signal, item = from_memory(values, channels_last)
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


def run(signal: "str | Path", out: "str | Path" = DEFAULT_OUT, **options: Any) -> "pd.DataFrame":
    """Run an experiment as run.py does, without its table and figures; trials that have rows are not repeated.

    Args:
        signal: a registered name, or the path of an image or a volume.
        out: the results folder.
        options: those of run.py by their long names, such as `models=["Siren", "Grid"]`, `sizes=[1e4]`,
            `preset="quick"`, `set=["Siren.lr=3e-5"]`, `force=True`; `python run.py --help` explains each.

    Returns:
        One table with the rows of these trials, as `load` gives them.

    Raises:
        UsageError: for whatever the command line refuses.

    Example:
        >>> table = run("Sierpinski", out=folder, preset="smoke", models=["Grid"], device="cpu")
        >>> list(table["model"]), list(table["status"])
        (['Grid'], ['ok'])
    """
    from harness.commands.run import run_trials_of
    from harness.execution.launch import make_launch
    from harness.execution.options import parse, words_of
    from harness.execution.run_trials import split_done

    words = words_of({"signal": signal, "out": out, **options})
    chosen = parse(words)
    launch = make_launch(chosen)
    left = launch.trials if chosen.force else split_done(launch.trials, out)[1]
    return run_trials_of(launch, left, chosen, words)
