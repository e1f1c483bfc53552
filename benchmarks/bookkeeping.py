"""Seconds that the suite's own work takes on ten thousand trials: planning, resuming, telling, reading, dividing.

    python benchmarks/bookkeeping.py
    python benchmarks/bookkeeping.py --only status plan

Seconds are the processor's, of this process and those that it starts, the least of three, so that other work on the
machine counts little. The store that is read has the rows of the paper's 3D spheres on 18 seeds.
"""

import argparse
import dataclasses
import functools
import itertools
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from unittest import mock

import torch

from harness.execution import run_trials, trial_rows
from harness.execution.executor import ALONE
from harness.execution.progress import Progress
from harness.execution.run_trials import RunOptions
from harness.plan.config import load_config
from harness.plan.make_plan import make_plan
from harness.plan.source import choose_source
from harness.plan.trial import Trial
from harness.report import write_page
from harness.store.claims import Claims
from harness.store.schema import Row
from harness.store.store import Store
from harness.store.table import load
from harness.train.run_trial import run_trial
from harness.train.score import Result
from own_process import beyond_torch, command, least, processor
from target_signals import get_signal

CPU = torch.device("cpu")
SIGNAL, DIM, SEEDS = "SparseSphereSignal", 3, 18
POINTS = [{"step": s, "loss": 0.1 / s, "psnr": 20 + s / 100, "seconds": s / 50} for s in (1, *range(100, 1001, 100))]
NAP, WORKERS, EACH = 0.25, 16, 12  # seconds of a simulated trial, workers, trials of each
FULL_SIZE = (
    *(("BandlimitedSignal", dim, length, band) for dim, length in ((2, 1000), (3, 100)) for band in (0.1, 0.9)),
    *(("SparseSphereSignal", dim, length, band) for dim, length in ((2, 1000), (3, 100)) for band in (0.1, 0.9)),
    *(("Sierpinski", 2, 1000, band) for band in (0.1, 0.9)),
    ("StarTarget", 2, 1000, None),
)


class Paper:
    """The trials of an experiment, and a store that holds the row of each."""

    def __init__(self, out: Path):
        config, source = load_config(), choose_source(SIGNAL, DIM)
        extent = dataclasses.replace(config.preset("paper", SIGNAL, DIM), seeds=tuple(range(SEEDS)))
        chosen = [name for name in config.protocol.models if name != "GSplat"]
        self.out, self.trials = out, make_plan(config, source, ["fit"], extent, chosen)
        smoke = config.preset("smoke", SIGNAL, DIM)
        (one, *_) = make_plan(config, source, ["fit"], smoke, ["Grid"])
        (self.result, *_) = run_trial(one, CPU)
        self.store = Store(out, one.folder)
        self.store.prepare()
        for trial in self.trials:
            self.store.write(trial.key, self.row(trial), None)

    def row(self, trial: Trial) -> Row:
        own = {
            name: getattr(trial, name)
            for name in ("model", "seed", "signal_seed", "bandlimit", "length", "config_hash")
        }
        own |= {
            "size": trial.budget,
            "settings": dataclasses.asdict(trial.settings),
            "preset": "paper",
            "steps": 1000,
            "updates": 1000,
        }
        return self.result.row | own | {"curve": POINTS}


def start(paper: Paper) -> str:
    line = ["run.py", "--signal", "Sierpinski", "--preset", "quick", "--device", "cpu", "--dry-run"]
    seconds = beyond_torch([*line, "--out", str(paper.out / "none")])
    return f"{seconds:.2f} s from the start to the first plan, beyond torch"


def plan(paper: Paper) -> str:
    line = ["run.py", "--signal", SIGNAL, "--dim", str(DIM), "--preset", "paper", "--device", "cpu", "--dry-run"]
    line += ["--out", str(paper.out / "none"), "--seeds", *map(str, range(SEEDS))]
    return f"{beyond_torch(line):.2f} s to print a plan of {len(paper.trials):,} trials, beyond torch"


def resume(paper: Paper) -> str:
    seconds = least(lambda: trial_rows.read_done(paper.trials, paper.out))
    return f"{seconds:.2f} s to find that {len(paper.trials):,} trials are done"


def again(paper: Paper) -> str:
    """The same command again: what it takes where its figures and page are there, and where they are not."""
    device, few = ["--device", "cpu"], paper.out / "few"
    quick = ["--signal", "Sierpinski", "--preset", "quick", "--steps", "10", "--models", "Grid", "Grid_TV", "Wavelet"]
    many = ["--signal", SIGNAL, "--dim", str(DIM), "--preset", "paper", "--seeds", *map(str, range(SEEDS))]
    many += ["--models", *dict.fromkeys(trial.model for trial in paper.trials)]
    command(["run.py", *quick, *device, "--out", str(few), "--no-figures"])
    texts = []
    for words, out in ((quick, few), (many, paper.out)):
        line = ["run.py", *words, *device, "--out", str(out)]
        drawn = beyond_torch(line, 1)
        repeated, rows = beyond_torch(line), sum(1 for _ in out.glob("*/rows/*"))
        texts.append(f"{repeated:.2f} s beyond torch to repeat nothing of {rows:,} rows, {drawn:.2f} s where it draws")
    return "\n".join(texts)


def status(paper: Paper) -> str:
    seconds = least(lambda: command(["-m", "harness", "status", "--out", str(paper.out)]))
    return f"{seconds:.2f} s for the status of {len(paper.trials):,} rows"


def table(paper: Paper) -> str:
    return f"{least(lambda: load(paper.out)):.2f} s to load {len(paper.trials):,} rows as a table"


def page(paper: Paper) -> str:
    seconds = least(lambda: write_page.write(paper.out), 1)
    text = f"{seconds:.2f} s to write the page of {len(paper.trials):,} rows"
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        chromium = None
    if chromium is None:
        return f"{text}; without playwright and chromium nothing reads it"
    with sync_playwright() as playwright:
        tab = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"]).new_page()
        tab.goto(write_page.write(paper.out).as_uri())
        ready = float(tab.evaluate("document.documentElement.dataset.ready"))
    return f"{text}, {ready / 1000:.2f} s by the clock until it is shown"


def told(paper: Paper) -> str:
    """Telling of trials that an executor's workers have all finished by the first look."""

    done = mock.Mock(running=lambda: False, concurrency=lambda: ALONE)
    seconds = least(lambda: run_trials.spread(paper.trials, done, RunOptions(paper.out, CPU)))
    return f"{seconds:.2f} s to tell of {len(paper.trials):,} trials that workers have done"


def stored(paper: Paper) -> str:
    """What `execute` does around a trial, whose row and residual are there at once."""
    again = itertools.count()

    def one() -> None:
        with mock.patch.object(run_trials, "run_trial", return_value=[paper.result]):
            run_trials.execute(paper.trials[:1], RunOptions(paper.out / "stored" / str(next(again)), CPU))

    return f"{1000 * least(one, 9):.1f} ms around a trial: to claim, tell and store it"


def divided(paper: Paper) -> str:
    """Workers that divide trials: threads, as creating a file exclusively is the same race among them as among
    processes."""
    trials, out = paper.trials[: WORKERS * EACH], paper.out / "divided"
    run_trials.prepare(trials, out)

    def work() -> None:
        with Progress(trials, "cpu", silent=True) as progress:
            run_trials.run_free(trials, Claims(out), progress, RunOptions(out, CPU))

    def sleep(*_: object) -> list[Result]:
        time.sleep(NAP)
        return [Result(paper.result.row, None)]

    threads = [threading.Thread(target=work) for _ in range(WORKERS)]
    wall, before = time.perf_counter(), processor()
    with mock.patch.object(run_trials, "run_trial", sleep):
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    share, ideal = (processor() - before) / WORKERS / (NAP * EACH), NAP * EACH / (time.perf_counter() - wall)
    text = f"{share:.1%} of each of {WORKERS} workers' time to divide trials of {NAP} s"
    return f"{text}; {ideal:.0%} of what is ideal by the clock"


def signals(_: Paper) -> str:
    lines = []
    for name, dim, length, band in FULL_SIZE:
        seconds = least(functools.partial(get_signal, name, dim, length, band))
        lines.append(f"{seconds:.2f} s for {name} {dim}D of length {length}{'' if band is None else f', band {band}'}")
    return "\n".join(lines)


WHAT: dict[str, Callable[[Paper], str]] = {
    function.__name__: function
    for function in (start, plan, resume, again, status, table, page, told, stored, divided, signals)
}


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=WHAT, default=list(WHAT), help="default: all")
    chosen = parser.parse_args(arguments).only
    with tempfile.TemporaryDirectory() as out:
        paper = Paper(Path(out))
        for name in chosen:
            print(WHAT[name](paper), flush=True)


if __name__ == "__main__":
    main()
