"""What the suite itself takes of the wall time of an experiment: everything but building, fitting and scoring.

    python benchmarks/overhead.py --preset quick --bandlimits 0.5

The trials run one after the other in this process, into a folder that is thrown away.
"""

import argparse
import contextlib
import dataclasses
import io
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from harness.execution import run_trials
from harness.execution.options import whole_number
from harness.plan.config import load_config
from harness.plan.make_plan import make_plan
from harness.plan.source import choose_source
from harness.train import machine, run_trial

WORK = ("cached_signal", "make_task", "build", "fit", "score")  # of harness/train/run_trial.py: what people come for


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    add = parser.add_argument
    add("--signal", default="Sierpinski")
    add("--preset", default="quick")
    add("--models", nargs="+", default=None)
    add("--bandlimits", nargs="+", type=float, default=[0.5])
    add("--steps", type=whole_number, default=None)
    add("--device", default=machine.default_device())
    options = parser.parse_args()
    config, source = load_config(), choose_source(options.signal, 2)
    preset = config.preset(options.preset, source.family.name, 2)
    preset = dataclasses.replace(preset, bandlimits=tuple(options.bandlimits), steps=options.steps or preset.steps)
    chosen = options.models or config.protocol.models
    trials = make_plan(config, source, ["fit"], options.preset, preset, chosen)
    device, spent = machine.choose_device(options.device), Counter[str]()
    clocked(run_trials, "run_trial", spent)
    for name in WORK:
        clocked(run_trial, name, spent)
    with tempfile.TemporaryDirectory() as out, contextlib.redirect_stdout(io.StringIO()):
        start = time.perf_counter()
        run_trials.split_done(trials, out)
        run_trials.execute(trials, out, device)
        total = time.perf_counter() - start
    around, inside = total - spent["run_trial"], spent["run_trial"] - sum(spent[name] for name in WORK)
    print(f"{len(trials)} trials of {options.preset} in {total:.1f} s on {machine.device_name(device)}")
    for what, seconds in (("around trials", around), ("in trials beside the work", inside), ("both", around + inside)):
        share, each = 100 * seconds / total, 1000 * seconds / len(trials)
        print(f"{what:26} {seconds:8.3f} s  {share:5.2f} %  {each:6.1f} ms a trial")


def clocked(module: Any, name: str, spent: Counter[str]) -> None:
    """Add the seconds of every call of `module.name` to `spent[name]`."""
    inner: Callable[..., Any] = getattr(module, name)

    def outer(*arguments: Any, **named: Any) -> Any:
        start = time.perf_counter()
        try:
            return inner(*arguments, **named)
        finally:
            spent[name] += time.perf_counter() - start  # type: ignore[assignment]

    setattr(module, name, outer)


if __name__ == "__main__":
    main()
