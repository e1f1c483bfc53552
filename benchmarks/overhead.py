"""What a trial takes of the wall time beside training, part by part, and what the suite itself takes of it.

    python benchmarks/overhead.py --preset quick --bandlimits 0.5
    python benchmarks/overhead.py --signal DIV2K --items 0064 0079 --preset paper --models Siren Grid --sizes 1e4 1e5

The trials run one after the other in this process, into a folder that is thrown away. The first of a model and a
budget loads, compiles and fills caches, which a worker does once; the others are what a long run is made of.
"""

import argparse
import contextlib
import dataclasses
import io
import itertools
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any
from unittest import mock

import torch

from common.exits import EXIT_OK, guarded
from common.parser import Parser
from harness.execution import run_trials, trial_rows
from harness.execution.launch import choose_precision
from harness.execution.option_types import whole_number
from harness.execution.shared_options import add_device
from harness.plan.config import load_config
from harness.plan.make_plan import make_plan
from harness.plan.source import choose_source
from harness.plan.trial import Trial
from harness.store.schema import Row
from harness.store.store import Store
from harness.train import data, machine, run_trial
from harness.train.fit import Fit

OF_DATA = {"cached_signal": "building signals", "make_task": "making tasks"}  # functions of harness/train/data.py
OF_TRIAL = {"build": "building models", "score": "scoring"}  # of harness/train/run_trial.py, beside `fit`
BESIDE = OF_DATA | OF_TRIAL  # what people come for → what it is called
WORK = ("fit", *BESIDE)
Calls = dict[str, list[float]]  # seconds of each call, by function


def main(arguments: Sequence[str] | None = None) -> int:
    parser = Parser(prog="overhead.py", description=(__doc__ or "").splitlines()[0])
    add = parser.add_argument
    add("--signal", default="Sierpinski")
    add("--items", nargs="+", default=None)
    add("--preset", default="quick")
    add("--models", nargs="+", default=None)
    add("--sizes", nargs="+", type=whole_number, default=None)
    add("--bandlimits", nargs="+", type=float, default=[0.5])
    add("--steps", type=whole_number, default=None)
    add_device(parser)
    return guarded(lambda: run(parser.parse_args(arguments)), "run it again")


def run(options: argparse.Namespace) -> int:
    device = machine.choose_device(options.device)
    trials = trials_of(options, device)
    calls, total, processor, rows = measured(trials, device)
    trained = [(row or {}).get("seconds") or 0.0 for row in rows]
    print(f"{len(trials)} trials of {options.preset} in {total:.1f} s on {machine.device_name(device)}", end="")
    print(f", {processor:.1f} s of the processor")
    for what, seconds in parts(calls, sum(trained), total).items():
        share, each = 100 * seconds / total, 1000 * seconds / len(trials)
        print(f"{what:24} {seconds:8.3f} s  {share:5.2f} %  {each:6.1f} ms a trial")
    first, later = beyond_training(trials, calls, trained)
    for which, found in (("first of a model and a budget", first), ("others", later)):
        if found:
            print(f"beyond training, median of {len(found)} {which}: {1000 * statistics.median(found):.1f} ms a trial")
    return EXIT_OK


def trials_of(options: argparse.Namespace, device: torch.device) -> list[Trial]:
    config, source = load_config(), choose_source(options.signal, 2, options.items)
    preset = config.preset(options.preset, source.family.name, 2)
    preset = dataclasses.replace(
        preset,
        bandlimits=tuple(options.bandlimits),
        sizes=tuple(options.sizes or preset.sizes),
        steps=options.steps or preset.steps,
    )
    chosen = options.models or config.protocol.models
    return make_plan(config, source, ["fit"], preset, chosen, choose_precision(None, device))


def measured(trials: Sequence[Trial], device: torch.device) -> tuple[Calls, float, float, list[Row | None]]:
    """Run the trials: seconds of every call of what is clocked, by function; seconds in all, by the clock and of the
    processor; a row of each trial."""
    calls: Calls = defaultdict(list)
    places = (
        *((run_trials, "run_trial"), (Store, "write"), (Fit, "record"), (run_trial, "fit")),
        *((data, name) for name in OF_DATA),
        *((run_trial, name) for name in OF_TRIAL),
    )
    with contextlib.ExitStack() as stack:
        for module, name in places:
            inner: Any = getattr(module, name)
            stack.enter_context(mock.patch.object(module, name, clocked(inner, calls[name])))
        out = stack.enter_context(tempfile.TemporaryDirectory())
        stack.enter_context(contextlib.redirect_stdout(io.StringIO()))
        start, processor = time.perf_counter(), time.process_time()
        trial_rows.read_done(trials, out)
        run_trials.execute(trials, run_trials.RunOptions(out, device))
        total, processor = time.perf_counter() - start, time.process_time() - processor
        rows = [trial_rows.stored(trial, out)[trial.rows[0].name] for trial in trials]  # scorings share a fit
        return calls, total, processor, rows


def parts(calls: Calls, training: float, total: float) -> dict[str, float]:
    """What the seconds in all consist of."""
    spent = defaultdict(float, {name: sum(each) for name, each in calls.items()})
    return {
        "training": training,
        "evaluations": spent["record"],
        "try-out, recording": spent["fit"] - spent["record"] - training,
        **{text: spent[name] for name, text in BESIDE.items()},
        "writing": spent["write"],
        "the suite in trials": spent["run_trial"] - sum(spent[name] for name in WORK),
        "the suite around trials": total - spent["run_trial"] - spent["write"],
    }


def beyond_training(trials: Sequence[Trial], calls: Calls, trained: Sequence[float]) -> tuple[list[float], list[float]]:
    """Seconds of each trial beyond its training: of the first of a model and a budget, and of the others."""
    writes = iter(calls["write"])
    first, later, seen = list[float](), list[float](), set()
    for trial, took, seconds in zip(trials, calls["run_trial"], trained, strict=True):
        kind, beyond = (trial.model, trial.budget), took - seconds + sum(itertools.islice(writes, len(trial.rows)))
        (later if kind in seen else first).append(beyond)
        seen.add(kind)
    return first, later


def clocked(inner: Callable[..., Any], calls: list[float]) -> Callable[..., Any]:
    """A function that also adds the seconds of each of its calls to `calls`."""

    def outer(*arguments: Any, **named: Any) -> Any:
        start = time.perf_counter()
        try:
            return inner(*arguments, **named)
        finally:
            calls.append(time.perf_counter() - start)

    return outer


if __name__ == "__main__":
    raise SystemExit(main())
