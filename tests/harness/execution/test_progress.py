"""What a run shows: time left from its own times, the best rows, plain lines or bars, and what others ran."""

import io
import sys

import pytest

from harness.execution import progress, time_left
from harness.execution.progress import Progress
from harness.execution.time_left import TimeLeft


@pytest.fixture
def no_estimates(monkeypatch):
    monkeypatch.setattr(time_left, "trial_seconds", lambda trial, device: None)


@pytest.fixture
def estimates(monkeypatch):
    """Every estimate says 10 s at 1e4 parameters, and in proportion at others."""
    monkeypatch.setattr(time_left, "trial_seconds", lambda trial, device: trial.budget / 1000)


@pytest.fixture
def finish(make_row):
    """`finish(trial, psnr)`: the rows of a trial."""

    def make(trial, psnr, status="ok", **changes):
        row = make_row(model=trial.model, size=trial.budget, psnr=psnr, status=status, task=trial.task)
        return [row | changes]

    return make


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.usefixtures("no_estimates")
def test_nothing_is_left_to_say_before_anything_is_known(make_trial):
    trials = [make_trial("Grid", budget=size) for size in (10_000, 20_000)]
    clock = TimeLeft(trials, "cpu")
    clock.begin(trials[0])
    assert clock.left() is None
    clock.end(trials[0], 6.0)
    assert clock.left() == 6.0  # with no estimate, the mean of what was measured


@pytest.mark.usefixtures("estimates")
def test_estimates_are_corrected_by_what_was_measured(make_trial):
    small, large, other = (
        make_trial("Grid", budget=10_000),
        make_trial("Grid", budget=20_000),
        make_trial("Siren", budget=10_000),
    )
    clock = TimeLeft([small, small, large, other], "cpu")
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
def test_plain_lines_when_the_output_is_no_terminal(make_trial, finish, capsys):
    trials = [make_trial(model, budget=10_000) for model in ("Grid", "Siren", "Wire")]
    with Progress(trials, "cpu") as shown:
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
def test_a_yardstick_is_no_best(make_trial, finish, capsys):
    trials = [make_trial(model, budget=10_000) for model in ("Grid", "Wavelet", "Siren")]
    with Progress(trials, "cpu") as shown:
        for trial, psnr, label in zip(trials, (20.0, 90.0, 30.0), ("learned", "classical", "learned"), strict=True):
            shown.begin(trial)
            shown.end(trial, finish(trial, psnr, label=label))
    assert ["the best" in line for line in capsys.readouterr().out.splitlines()] == [False, False, True]


@pytest.mark.usefixtures("estimates")
def test_the_time_left_stands_in_plain_lines(make_trial, finish, capsys, monkeypatch):
    seconds = iter([0.0, 0.0, 60.0, 60.0, 60.0, 60.0])
    trials = [make_trial("Grid", budget=10_000), make_trial("Grid", budget=20_000)]
    with Progress(trials, "cpu") as shown:
        monkeypatch.setattr(progress.time, "monotonic", lambda: next(seconds, 60.0))
        shown.begin(trials[0])
        shown.end(trials[0], finish(trials[0], 20.0))
    assert capsys.readouterr().out.endswith("; about 2 minutes left\n")


def test_the_other_scorings_of_a_fit_are_called_by_their_tasks(make_trial, finish, capsys):
    trial = make_trial("Grid", budget=10_000)
    rows = finish(trial, 20.0, seconds=1.5) + finish(trial, 18.0, task="super_resolution")
    rows += finish(trial, None, "unsupported", task="own_task", reason="it cannot")
    with Progress([trial], "cpu") as shown:
        shown.begin(trial)
        shown.end(trial, rows)
    told = "20.00 dB in 1.5 s, 2,500 parameters | super-resolution 18.00 dB | own task unsupported: it cannot"
    assert told in capsys.readouterr().out


@pytest.mark.usefixtures("estimates")
def test_bars_on_a_terminal(make_trial, finish, capsys, monkeypatch):
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    trials = [make_trial("Grid", budget=10_000), make_trial("Siren", budget=10_000)]
    with Progress(trials, "cpu") as shown:
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
def test_the_best_are_those_on_one_signal(make_trial, finish):
    easy, hard = make_trial("Grid", bandlimit=0.1, budget=10_000), make_trial("Siren", bandlimit=0.9, budget=10_000)
    with Progress([easy, hard], "cpu") as shown:
        shown.begin(easy)
        shown.end(easy, finish(easy, 40.0))
        assert shown.leading(hard) == ""
        shown.begin(hard)
        shown.end(hard, finish(hard, 10.0))
        assert shown.leading(hard) == "best so far: 10k Siren 10.00 dB"
        assert shown.leading(easy) == "best so far: 10k Grid 40.00 dB"


@pytest.mark.usefixtures("estimates")
def test_what_ran_elsewhere_is_told_alike_and_shortens_what_is_left(make_trial, finish, capsys):
    trials = [make_trial("Grid", budget=size) for size in (10_000, 20_000, 40_000)]
    with Progress(trials, "cpu", workers=2) as shown:
        shown.tell(trials[0], finish(trials[0], 20.0, seconds=20.0))  # twice what was thought
        shown.tell(trials[1], finish(trials[1], 21.0, seconds=40.0))
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("[1/3] Grid 10,000 band 0.5 seed 1234: 20.00 dB in 20.0 s")
    assert first.endswith("; about 60 seconds left")  # 40 + 80 by two workers
    assert second.endswith("; about 40 seconds left")


@pytest.mark.usefixtures("estimates")
def test_a_worker_shows_nothing(make_trial, finish, capsys):
    trial = make_trial("Grid")
    with Progress([trial], "cpu", silent=True) as shown:
        shown.begin(trial)
        shown.advance(3)
        shown.end(trial, finish(trial, 20.0))
    assert capsys.readouterr() == ("", "")
