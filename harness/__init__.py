"""Fitting representations to signals at equal parameter budgets, from Python.

`fit_array` fits one model to an array in memory, `run` runs an experiment and stores its rows, `load` gives stored
rows as one table. The command line is run.py; what reads results is `python -m harness`.
"""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if sys.argv[:1] == ["-m"]:  # Python looks first in the folder that a person is in, where a common.py of theirs may lie
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import common  # noqa: F401  first: it tells a Python that cannot run the suite so
from common.errors import UsageError
from harness.store.store import DEFAULT_OUT
from harness.store.table import load, to_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    import torch

    from harness.fitted import Fitted

__all__ = ["__version__", "fit_array", "load", "run"]
__version__ = "0.2.0"


def fit_array(
    values: Any,
    model: str = "Siren",
    size: float = 1e5,
    *,
    channels_last: bool | None = None,
    task: str = "fit",
    steps: int | None = None,
    seed: int = 1234,
    device: "str | torch.device | None" = None,
    **settings: Any,
) -> "Fitted":
    """Fit one model to an array in memory.

    Args:
        values: an array [*shape] or [*shape, C] with two or three axes in shape, a PyTorch tensor, or a Pillow image.
            Floats about from 0 to 1 stay as they are, all else is scaled to [0, 1].
        model: a registered name.
        size: the parameter budget.
        channels_last: whether the last axis is C. By default so where it is the last of three and has 3 or 4 samples,
            of which alpha is dropped.
        task: what it is fitted to, such as `denoise_0.1`.
        steps: passes over the samples; by default the paper's.
        device: `cpu`, `cuda` or `cuda:1`; by default CUDA where there is one.
        settings: in place of the model's in hyperparameters.json, like `omega=30.0`; tuned ones stand in tuned.json.

    Returns:
        A `Fitted`: the model, the row that a run would have stored, and the methods `reconstruct`, `plot` and
        `save`. `model, row = fit_array(…)` takes the first two.

    Raises:
        UsageError: for what cannot be, such as a budget below the model's smallest form.

    On a terminal and in a notebook, a line says how long it will take, and a bar how far it is.

    Example:
        >>> import numpy as np
        >>> fitted = fit_array(np.eye(16), model="Grid", size=100, steps=5, device="cpu")
        >>> fitted.row["parameters"], fitted.reconstruct((32, 32)).shape
        (100, (32, 32))
    """
    from harness.fitted import fit, plan
    from target_signals.in_memory import from_memory

    signal, item = from_memory(values, channels_last)
    trial = plan(signal, item, model, settings, size=size, task=task, steps=steps, seed=seed)
    return fit(trial, signal, None if device is None else str(device))


def run(signal: "str | Path | Sequence[str | Path]", out: "str | Path" = DEFAULT_OUT, **options: Any) -> "pd.DataFrame":
    """Run an experiment as run.py does, without its table and figures; trials that have rows are not repeated.

    Args:
        signal: a registered name, or paths of images or volumes, or of folders with some.
        out: the results folder.
        options: those of run.py by their long names, such as `models=["Siren", "Grid"]`, `sizes=[1e4]`,
            `preset="quick"`, `set=["Siren.lr=3e-5"]`, `force=True`; `python run.py --help` explains each.
            `dry_run=True` prints the plan and its cost, and returns the rows that there are.

    Returns:
        One table with the rows of these trials, as `load` gives them.

    Raises:
        UsageError: for whatever the command line refuses.

    Example:
        >>> table = run("Sierpinski", out=folder, preset="smoke", models=["Grid"], device="cpu")
        >>> list(table["model"]), list(table["status"])
        (['Grid'], ['ok'])
    """
    from harness.commands.run_launch import announcement, run_trials_of
    from harness.execution.choose_executor import count_workers
    from harness.execution.launch import make_launch
    from harness.execution.options import parse, words_of
    from harness.execution.trial_rows import read_done

    words = words_of({"signal": signal, "out": out, **options})
    chosen = parse(words)
    if chosen.list:
        raise UsageError("list prints what there is and runs nothing; that is python run.py --list")
    launch = make_launch(chosen)
    done, left, rows = read_done(launch.trials, out, chosen.dry_run)
    left = launch.trials if chosen.force else left
    workers = count_workers(chosen, launch.device, ())  # on a CPU this process, which knows what was registered in it
    if chosen.dry_run:
        print("\n".join(announcement(launch, chosen, workers, done, left, rows)))
        return to_table(rows.values())
    return to_table((rows | run_trials_of(launch, left, chosen, workers, words)).values())
