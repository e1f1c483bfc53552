"""What a run shows: time left from its own times, the best rows, plain lines or bars, and its heartbeat."""

import io
import json
import os
import platform
import subprocess
import sys

import pytest

from harness import heartbeat, pace, progress
from harness.pace import Pace
from harness.progress import Progress
from harness.trial import Result


@pytest.fixture
def no_estimates(monkeypatch):
    monkeypatch.setattr(pace, "trial_seconds", lambda trial, device: None)


@pytest.fixture
def estimates(monkeypatch):
    """Every estimate says 10 s at 1e4 parameters, and in proportion at others."""
    monkeypatch.setattr(pace, "trial_seconds", lambda trial, device: trial.size / 1000)


@pytest.fixture
def finish(make_row):
    """`finish(trial, psnr)`: the results of a trial."""

    def make(trial, psnr, status="ok", **changes):
        row = make_row(model=trial.model, size=trial.size, psnr=psnr, status=status, task=trial.task)
        return [Result(row | changes, None)]

    return make


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.usefixtures("no_estimates")
def test_nothing_is_left_to_say_before_anything_is_known(make_trial):
    trials = [make_trial("Grid", size=size) for size in (10_000, 20_000)]
    clock = Pace(trials, "cpu")
    clock.begin(trials[0])
    assert clock.left() is None
    clock.end(trials[0], 6.0)
    assert clock.left() == 6.0  # with no estimate, the mean of what was measured


@pytest.mark.usefixtures("estimates")
def test_estimates_are_corrected_by_what_was_measured(make_trial):
    small, large, other = (
        make_trial("Grid", size=10_000),
        make_trial("Grid", size=20_000),
        make_trial("Siren", size=10_000),
    )
    clock = Pace([small, small, large, other], "cpu")
    assert clock.left() == 10 + 10 + 20 + 10
    clock.begin(small)
    assert clock.left() == 50
    assert clock.left(elapsed=4.0, share=0.5) == 4 + 40
    clock.end(small, 30.0)  # three times as long as thought
    assert clock.left() == 30 + 60 + 30
    clock.begin(other)
    clock.end(other, 5.0)  # its own error from now on, but Grid's stays
    assert clock.left() == 30 + 60


@pytest.mark.usefixtures("estimates")
def test_plain_lines_when_the_output_is_no_terminal(make_trial, finish, tmp_path, capsys):
    trials = [make_trial(model, size=10_000) for model in ("Grid", "Siren", "Wire")]
    with Progress(trials, tmp_path, "cpu") as shown:
        for trial, psnr, status in zip(trials, (20.0, 30.0, None), ("ok", "ok", "diverged"), strict=True):
            shown.begin(trial)
            shown.advance(3)
            shown.end(trial, finish(trial, psnr, status, reason="the loss was not finite"))
    out, err = capsys.readouterr()
    first, second, third = out.splitlines()
    assert err == ""
    assert first.startswith("[1/3] Grid 10,000 band 0.5 seed 1234: 20.00 dB in 0.3 s, 2,500 parameters")
    assert "the best" not in first  # it has nobody to lead
    assert "the best at 10k so far" in second
    assert third == "[3/3] Wire 10,000 band 0.5 seed 1234: diverged: the loss was not finite"


@pytest.mark.usefixtures("estimates")
def test_the_time_left_stands_in_plain_lines(make_trial, finish, tmp_path, capsys, monkeypatch):
    seconds = iter([0.0, 0.0, 60.0, 60.0, 60.0, 60.0])
    trials = [make_trial("Grid", size=10_000), make_trial("Grid", size=20_000)]
    with Progress(trials, tmp_path, "cpu") as shown:
        monkeypatch.setattr(progress.time, "monotonic", lambda: next(seconds, 60.0))
        shown.begin(trials[0])
        shown.end(trials[0], finish(trials[0], 20.0))
    assert capsys.readouterr().out.endswith("; about 2 minutes left\n")


@pytest.mark.usefixtures("estimates")
def test_bars_on_a_terminal(make_trial, finish, tmp_path, capsys, monkeypatch):
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    trials = [make_trial("Grid", size=10_000), make_trial("Siren", size=10_000)]
    with Progress(trials, tmp_path, "cpu") as shown:
        shown.begin(trials[0])
        shown.end(trials[0], finish(trials[0], 20.0))
        shown.begin(trials[1])
        shown.passes.refresh()
    text = screen.getvalue()
    assert "1/2 trials" in text
    assert "0/3 passes: Siren 10,000 band 0.5 seed 1234" in text
    assert "best so far: 10k Grid 20.00 dB" in text
    assert "left" not in capsys.readouterr().out  # the bar says it


@pytest.mark.usefixtures("estimates")
def test_the_best_are_those_on_one_signal(make_trial, finish, tmp_path):
    easy, hard = make_trial("Grid", bandlimit=0.1, size=10_000), make_trial("Siren", bandlimit=0.9, size=10_000)
    with Progress([easy, hard], tmp_path, "cpu") as shown:
        shown.begin(easy)
        shown.end(easy, finish(easy, 40.0))
        assert shown.leading(hard) == ""
        shown.begin(hard)
        shown.end(hard, finish(hard, 10.0))
        assert shown.leading(hard) == "best so far: 10k Siren 10.00 dB"
        assert shown.leading(easy) == "best so far: 10k Grid 40.00 dB"


@pytest.mark.usefixtures("estimates")
def test_a_run_says_how_far_it_is_and_cleans_up(make_trial, tmp_path):
    trial = make_trial("Grid", size=10_000)
    with Progress([trial], tmp_path, "cpu") as shown:
        shown.begin(trial)
        (said,) = heartbeat.heard(tmp_path)
        assert (said["trial"], said["number"], said["total"], said["steps"]) == (str(trial), 1, 1, 3)
        assert (said["host"], said["pid"]) == (platform.node(), os.getpid())
        assert said["seconds_left"] == pytest.approx(10, abs=0.5)
        assert heartbeat.is_alive(said)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_does_not_end_a_run(tmp_path):
    (tmp_path / "running").write_text("in the way")
    beat = heartbeat.Heartbeat(tmp_path)
    beat.start()
    beat.say(trial="x")
    beat.stop()
    assert heartbeat.heard(tmp_path) == []


def test_what_a_killed_run_left_is_cleared_away_by_the_next(tmp_path):
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    here = {"host": platform.node(), "pid": gone.pid, "updated": "2026-01-01T00:00:00+00:00"}
    elsewhere = here | {"host": "another"}
    (tmp_path / "running").mkdir()
    for name, said in (("a", here), ("b", elsewhere)):
        (tmp_path / "running" / f"{name}.json").write_text(json.dumps(said))
    assert not heartbeat.is_alive(here)
    assert not heartbeat.is_alive(elsewhere)  # silent for too long
    heartbeat.Heartbeat(tmp_path).start()
    assert [path.name for path in (tmp_path / "running").iterdir()] == ["b.json"]


@pytest.mark.parametrize("said", [{}, {"pid": "x"}, {"pid": 1, "updated": None}, {"pid": 10**30, "updated": "x"}])
def test_nonsense_is_not_alive(said):
    assert not heartbeat.is_alive(said)
