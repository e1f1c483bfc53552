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
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from harness.execution import run_trials
from harness.execution.launch import choose_precision
from harness.execution.option_types import whole_number
from harness.plan.config import load_config
from harness.plan.make_plan import make_plan
from harness.plan.source import choose_source
from harness.store.store import Store
from harness.train import data, machine, run_trial
from harness.train.fit import Fit

OF_DATA = {"cached_signal": "building signals", "make_task": "making tasks"}  # functions of harness/train/data.py
OF_TRIAL = {"build": "building models", "score": "scoring"}  # of harness/train/run_trial.py, beside `fit`
BESIDE = OF_DATA | OF_TRIAL  # what people come for → what it is called
WORK = ("fit", *BESIDE)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    add = parser.add_argument
    add("--signal", default="Sierpinski")
    add("--items", nargs="+", default=None)
    add("--preset", default="quick")
    add("--models", nargs="+", default=None)
    add("--sizes", nargs="+", type=whole_number, default=None)
    add("--bandlimits", nargs="+", type=float, default=[0.5])
    add("--steps", type=whole_number, default=None)
    add("--device", default=machine.default_device())
    options = parser.parse_args(arguments)
    config, source = load_config(), choose_source(options.signal, 2, options.items)
    preset = config.preset(options.preset, source.family.name, 2)
    preset = dataclasses.replace(
        preset,
        bandlimits=tuple(options.bandlimits),
        sizes=tuple(options.sizes or preset.sizes),
        steps=options.steps or preset.steps,
    )
    chosen = options.models or config.protocol.models
    device, calls = machine.choose_device(options.device), defaultdict[str, list[float]](list)
    trials = make_plan(config, source, ["fit"], options.preset, preset, chosen, choose_precision(None, device))
    places = (
        *((run_trials, "run_trial"), (Store, "write"), (Fit, "record"), (run_trial, "fit")),
        *((data, name) for name in OF_DATA),
        *((run_trial, name) for name in OF_TRIAL),
    )
    with contextlib.ExitStack() as stack:
        for module, name in places:
            stack.enter_context(clocked(module, name, calls[name]))
        out = stack.enter_context(tempfile.TemporaryDirectory())
        stack.enter_context(contextlib.redirect_stdout(io.StringIO()))
        start, processor = time.perf_counter(), time.process_time()
        run_trials.split_done(trials, out)
        run_trials.execute(trials, out, device)
        total, processor = time.perf_counter() - start, time.process_time() - processor
        rows = [run_trials.stored(trial, out)[0] for trial in trials]  # a trial's scorings share a fit
    trained = [(row or {}).get("seconds") or 0.0 for row in rows]
    spent, training = defaultdict(float, {name: sum(each) for name, each in calls.items()}), sum(trained)
    inside = spent["run_trial"] - sum(spent[name] for name in WORK)
    parts = {
        "training": training,
        "evaluations": spent["record"],
        "try-out, recording": spent["fit"] - spent["record"] - training,
        **{text: spent[name] for name, text in BESIDE.items()},
        "writing": spent["write"],
        "the suite in trials": inside,
        "the suite around trials": total - spent["run_trial"] - spent["write"],
    }
    print(f"{len(trials)} trials of {options.preset} in {total:.1f} s on {machine.device_name(device)}", end="")
    print(f", {processor:.1f} s of the processor")
    for what, seconds in parts.items():
        share, each = 100 * seconds / total, 1000 * seconds / len(trials)
        print(f"{what:24} {seconds:8.3f} s  {share:5.2f} %  {each:6.1f} ms a trial")
    writes = iter(calls["write"])
    first, later, seen = list[float](), list[float](), set()
    for trial, took, seconds in zip(trials, calls["run_trial"], trained, strict=True):
        kind, beyond = (trial.model, trial.budget), took - seconds + sum(itertools.islice(writes, len(trial.rows)))
        (later if kind in seen else first).append(beyond)
        seen.add(kind)
    for which, each in (("first of a model and a budget", first), ("others", later)):
        if each:
            print(f"beyond training, median of {len(each)} {which}: {1000 * statistics.median(each):.1f} ms a trial")


@contextlib.contextmanager
def clocked(module: Any, name: str, calls: list[float]) -> Iterator[None]:
    """A context in which the seconds of every call of `module.name` are added to `calls`."""
    inner: Callable[..., Any] = getattr(module, name)

    def outer(*arguments: Any, **named: Any) -> Any:
        start = time.perf_counter()
        try:
            return inner(*arguments, **named)
        finally:
            calls.append(time.perf_counter() - start)

    setattr(module, name, outer)
    try:
        yield
    finally:
        setattr(module, name, inner)


if __name__ == "__main__":
    main()
