"""The other benchmarks run from end to end at tiny sizes."""

import re
from types import SimpleNamespace

import pytest

import backends
import bookkeeping
import busy
import first_update
import kernels
import overhead
import workers
from common.exits import EXIT_FAILED, EXIT_USAGE
from harness.execution import trial_rows
from harness.train.fit import Fit


def test_workers_are_compared_with_one_process(monkeypatch, capsys):
    """From the first trial's start to the last one's end, on the same trials."""
    asked = []

    def run(words):
        asked.append(words)
        return (3.0, 4, 2.0) if "--workers" in words else (2.0, 4, 2.0)

    monkeypatch.setattr(workers, "run", run)
    monkeypatch.setattr("sys.argv", ["workers.py", "--workers", "3", "--device", "cpu"])
    workers.main()
    alone, together = asked
    assert together == [*alone, "--workers", "3"]
    assert capsys.readouterr().out.splitlines()[-1] == "workers take 1.50 times as long as one process"


def test_a_trial_is_timed_alone_and_beside_busy_processes(monkeypatch, capsys):
    started = []
    process = SimpleNamespace(kill=lambda: started.pop(), wait=lambda: 0)
    monkeypatch.setattr(busy.subprocess, "Popen", lambda line: started.append(line) or process)
    alone, beside = iter([(2.0, 1.0), (2.5, 0.9)]), iter([(4.0, 3.0), (3.0, 5.0)])
    monkeypatch.setattr(busy, "seconds", lambda words: next(beside if len(started) == 3 else alone))
    busy.main(["--models", "Grid", "--busy", "3", "--turns", "2"])
    assert started == []
    assert capsys.readouterr().out.splitlines()[-1] == "| Grid | 2.00 | 3.00 | 1.50 | 0.90 | 3.00 |"


def test_seconds_of_a_trial_beside_others_are_those_of_its_row():
    processor, clock = busy.seconds([*busy.TRIAL, "--models", "Grid", "--sizes", "3e3", "--steps", "3"])
    assert processor > 0
    assert clock > 0


def test_a_run_is_timed_by_its_rows():
    words = ["--signal", "StarTarget", "--preset", "smoke", "--device", "cpu", "--models", "Grid", "Wavelet"]
    wall, rows, training = workers.run(words)
    assert rows == 2
    assert 0 < training < wall


def test_a_trial_beside_others_that_fails_is_told_as_run_py_tells_it(capsys):
    assert busy.main(["--models", "Sirn", "--busy", "1", "--turns", "1"]) == EXIT_FAILED
    assert "unknown model 'Sirn' (did you mean 'Siren'?)" in capsys.readouterr().err


@pytest.mark.parametrize("benchmark", [backends, first_update, kernels, overhead])
def test_a_mistake_is_one_line(benchmark, capsys):
    assert benchmark.main(["--models", "Sirn", "--device", "cpu"]) == EXIT_USAGE
    err = capsys.readouterr().err
    assert err.startswith("error: unknown model 'Sirn' (did you mean 'Siren'?)")
    assert len(err.splitlines()) == 1


# What the suite itself takes


def test_the_parts_of_a_trial_make_its_wall_time(capsys):
    record = Fit.record
    words = "--preset smoke --models Grid Grid_exact --steps 3 --device cpu"
    overhead.main(words.split())
    first, *parts, last = capsys.readouterr().out.splitlines()
    count, total = re.match(r"(\d+) trials of smoke in ([\d.]+) s", first).groups()
    seconds = {line[:24].strip(): float(line[24:].split()[0]) for line in parts}
    assert count == "2"
    assert sum(seconds.values()) == pytest.approx(float(total), abs=0.06)  # which is told to a tenth
    assert all(value >= 0 for value in seconds.values())
    assert seconds["scoring"] > 0
    assert last.startswith("beyond training, median of 2 first of a model and a budget: ")
    assert Fit.record is record


def test_the_kernels_of_an_update_are_named_and_their_shares_add_up(capsys):
    kernels.main(["--models", "Siren", "--sizes", "2500", "--length", "12", "--most", "1000", "--device", "cpu"])
    _, _, title, _, _, _, *rows = capsys.readouterr().out.splitlines()
    total = float(re.match(r"Siren 2D 2500 \(torch \w+\): ([\d.]+) ms", title).group(1))
    cells = [[cell.strip() for cell in row.strip("|").rsplit("|", 3)] for row in rows]
    assert {"aten::mm", "aten::sin"} <= {name for name, *_ in cells}
    assert sum(float(ms) for _, _, ms, _ in cells) == pytest.approx(total, abs=0.05)


def test_the_store_of_the_bookkeeping_is_of_its_trials(tmp_path, monkeypatch):
    monkeypatch.setattr(bookkeeping, "SEEDS", 1)
    paper = bookkeeping.Paper(tmp_path)
    done, left, _ = trial_rows.read_done(paper.trials, tmp_path)
    assert len(done) == 594
    assert left == []
