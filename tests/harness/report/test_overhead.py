"""What the suite itself costs: verbs that read the store start without torch, and 10 000 rows take under a second."""

import dataclasses
import resource
import shutil
import statistics
import subprocess
import sys
import time

import numpy as np
import pytest
import torch

from harness.execution import run_trials
from harness.plan.make_plan import make_plan
from harness.plan.source import choose_source
from harness.store.store import Store
from harness.train import run_trial

SECONDS = 1.0  # of work, of this process or its children, so that other work on the machine does not count


@pytest.fixture
def work(root):
    """`work(line)`: the seconds of processor time that a command takes."""

    def measure(*line):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        ran = subprocess.run([sys.executable, *map(str, line)], cwd=root, capture_output=True, text=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert ran.returncode == 0, ran.stderr
        return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime

    return measure


@pytest.fixture
def small(tmp_path, make_row):
    """A store of one trial with its array."""
    store = Store(tmp_path / "out", "2d_Sierpinski")
    store.prepare()
    store.write("key", make_row(), np.ones((24, 24, 1), np.float32))
    return tmp_path / "out"


READERS = [["status"], ["table"], ["table", "--format", "csv", "--rows"], ["report"], ["merge"]]


@pytest.mark.parametrize("words", READERS, ids=" ".join)
def test_what_only_reads_the_store_does_without_torch(small, tmp_path, command, words):
    own = [str(small), "--out", str(tmp_path / "merged")] if words == ["merge"] else ["--out", str(small)]
    code = f"""
import sys
from harness.__main__ import main
code = main({[*words, *own]!r})
print(code, 'torch' in sys.modules, file=sys.stderr)
"""
    ran = command(sys.executable, "-c", code)
    assert ran.stderr.splitlines()[-1] == "0 False"


def test_help_and_mistakes_do_without_torch(command):
    code = """
import sys
from harness.__main__ import VERBS, main
for verb in VERBS:
    for words in ([verb, '--help'], [verb, '--absent']):
        try:
            main(words)
        except SystemExit:
            pass
print(len(VERBS), [m for m in ('torch', 'pandas', 'matplotlib', 'scipy') if m in sys.modules])
"""
    ran = command(sys.executable, "-c", code)
    count, loaded = ran.stdout.splitlines()[-1].split(" ", 1)
    assert (int(count) >= 7, loaded) == (True, "[]")


def test_the_first_plan_comes_half_a_second_after_torch(work, tmp_path):
    line = ["run.py", "--signal", "Sierpinski", "--preset", "quick", "--device", "cpu", "--dry-run", "--out", tmp_path]
    beyond = (work(*line) - work("-c", "import torch") for _ in range(3))  # a busy machine may need another try
    assert any(seconds < 0.5 for seconds in beyond)


@pytest.fixture(scope="module")
def paper(config, tmp_path_factory):
    """A plan of 10 260 trials, and a store in which every second one of them is done."""
    out = tmp_path_factory.mktemp("half")
    chosen = ["FourFeat", "Siren", "Wire", "BACON", "GAPlane", "Instant_NGP", "Grid", "Grid_TV"]
    preset = config.preset("paper", "SparseSphereSignal", 3)
    source = choose_source("SparseSphereSignal", 3)
    extent = dataclasses.replace(preset, seeds=tuple(range(24)))
    return out, make_plan(config, source, ["fit"], "paper", extent, chosen)


def test_resuming_ten_thousand_trials_is_decided_in_a_second(paper, make_row):
    out, trials = paper
    assert len(trials) > 10_000
    (out / trials[0].folder / "rows").mkdir(parents=True, exist_ok=True)
    place = Store(out, trials[0].folder).row_path("one")
    Store(out, trials[0].folder).write("one", make_row(), None)
    for one in trials[::2]:
        shutil.copyfile(place, place.with_name(f"{one.key}.json"))
    times = []
    for _ in range(3):  # the least, as other work on the machine slows even processor time
        start = time.process_time()
        done, left = run_trials.split_done(trials, out)
        times.append(time.process_time() - start)
    assert min(times) < SECONDS
    assert (len(done), len(left)) == (len(trials[::2]), len(trials[1::2]))


def test_a_plan_of_ten_thousand_is_printed_in_a_second(work, tmp_path):
    """Of processor time, beyond importing torch."""
    line = ["run.py", "--signal", "SparseSphereSignal", "--dim", 3, "--preset", "paper", "--device", "cpu", "--dry-run"]
    line += ["--out", tmp_path, "--seeds", *range(16)]
    assert work(*line) - work("-c", "import torch") < SECONDS + 0.5  # the start, which has its own test


def test_storing_and_showing_a_trial_costs_milliseconds(make_trial, tmp_path, monkeypatch):
    """What `execute` does around a trial at the size of the quick preset; a trial there takes seconds on a CPU."""
    one = make_trial("Grid", length=128, budget=10_000)
    results = run_trial.run_trial(one, torch.device("cpu"))
    monkeypatch.setattr(run_trials, "run_trial", lambda *given: results)
    times = []
    for number in range(9):
        start = time.process_time()
        run_trials.execute([one], tmp_path / str(number), torch.device("cpu"))
        times.append(time.process_time() - start)
    assert statistics.median(times) < 0.02


def test_figures_and_report_are_no_part_of_a_plan(command):
    loaded = "[m for m in ('pandas', 'matplotlib', 'scipy') if m in sys.modules]"
    code = f"import harness.commands.run, harness.execution.run_trials, sys; print({loaded})"
    ran = command(sys.executable, "-c", code)
    assert ran.stdout == "[]\n"


def test_a_merged_paper_is_the_paper(tmp_path, paper_store, work):
    """Five hundred rows of it, in two parts that overlap."""
    paths = sorted(paper_store.glob("*/rows/*.json"))[::20]
    for half, end in (("a", 0), ("b", 1)):
        for number, path in enumerate(paths):
            if number % 3 != end:
                target = tmp_path / half / path.relative_to(paper_store)
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, target)
    work("-m", "harness", "merge", tmp_path / "a", tmp_path / "b", "--out", tmp_path / "c")
    merged = {path.relative_to(tmp_path / "c"): path.read_bytes() for path in (tmp_path / "c").glob("*/*/*")}
    assert merged == {path.relative_to(paper_store): path.read_bytes() for path in paths}
