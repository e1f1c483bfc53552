"""What a run shows: time left from its own times, the best rows, plain lines or bars, and what others ran."""

import datetime
import io
import math
import sys
import time

import pytest

from harness.execution import progress, run_trials, time_left
from harness.execution.executor import Concurrency
from harness.execution.progress import Progress
from harness.execution.time_left import TimeLeft
from harness.store.store import Store
from tests.harness.sweep import HANG


@pytest.fixture
def no_estimates(monkeypatch):
    monkeypatch.setattr(time_left, "trial_seconds", lambda trial, device: None)
    monkeypatch.setattr(time_left, "starts", lambda trials, device: {})


@pytest.fixture
def estimates(monkeypatch):
    """Every estimate says 10 s at 1e4 parameters, and in proportion at others."""
    monkeypatch.setattr(time_left, "trial_seconds", lambda trial, device: trial.budget / 1000)
    monkeypatch.setattr(time_left, "starts", lambda trials, device: {})


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
def test_what_a_trial_of_a_moment_takes_longer_is_not_multiplied(make_trial):
    first, other = make_trial("Grid", budget=10), make_trial("Siren", budget=10_000)  # 0.01 s and 10 s
    clock = TimeLeft([first, other], "cpu")
    clock.begin(first)
    clock.end(first, 0.51)
    assert 10 < clock.left() < 16  # had been 510


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
    assert clock.left(elapsed=4.0) == 50 - 4
    assert clock.left(elapsed=4.0, whole=15.0) == 11 + 1.5 * 40  # the others will be off as much
    assert clock.left(elapsed=40.0) == 4 * 40  # it takes four times as long at least
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
def test_an_answer_that_was_not_finite_has_no_score(make_trial, finish, capsys):
    """As between the samples, where training does not look; a file has null for it."""
    trials = [make_trial(model, budget=10_000) for model in ("Grid", "Siren", "Wire")]
    with Progress(trials, "cpu") as shown:
        for trial, psnr in zip(trials, (None, math.nan, 20.0), strict=True):
            shown.tell(trial, finish(trial, psnr), 2.0)
        assert shown.leading(trials[0]) == "best so far: 10k Wire 20.00 dB"
    assert capsys.readouterr().out.count(": no PSNR in 0.3 s, 2,500 parameters") == 2


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


@pytest.mark.usefixtures("estimates")
def test_models_that_were_never_timed_are_named_until_a_trial_tells(make_trial, monkeypatch):
    monkeypatch.setattr(time_left, "is_timed", lambda trial, device: trial.model == "Grid")
    monkeypatch.setattr(progress.time, "monotonic", lambda: 0.0)
    trials = [make_trial(model, budget=10_000, steps=100) for model in ("Grid", "Siren", "Wire", "Wire")]
    shown = Progress(trials, "cpu")
    shown.begin(trials[0])
    assert shown._left_text(40.0) == "about 40 seconds left, Siren, Wire guessed"
    shown.time_left.end(trials[0], 1.0)
    shown.begin(trials[1])
    shown.advance(1)
    assert shown._left_text(40.0) == "about 40 seconds left, Siren, Wire guessed"
    monkeypatch.setattr(progress.time, "monotonic", lambda: 3.0)
    shown.advance(10)
    assert shown._left_text(40.0) == "about 40 seconds left, Wire guessed", "by its passes"
    shown.time_left.end(trials[1], 5.0)
    shown.begin(trials[2])
    shown.time_left.end(trials[2], 5.0)
    assert shown._left_text(40.0) == "about 40 seconds left", "by a trial that has ended"
    assert shown._left_text(None) == ""


def test_the_other_scorings_of_a_fit_are_called_by_their_tasks(make_trial, finish, capsys):
    trial = make_trial("Grid", budget=10_000)
    rows = finish(trial, 20.0, seconds=1.5) + finish(trial, 18.0, task="super_resolution")
    rows += finish(trial, None, "unsupported", task="own_task", reason="it cannot.")
    with Progress([trial], "cpu") as shown:
        shown.begin(trial)
        shown.end(trial, rows)
    told = "20.00 dB in 1.5 s, 2,500 parameters | super-resolution 18.00 dB | own task unsupported: it cannot\n"
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
    with Progress(trials, "cpu", lambda: Concurrency(2, 1)) as shown:
        shown.tell(trials[0], finish(trials[0], 20.0, seconds=20.0), 20.0)  # twice what was thought
        shown.tell(trials[1], finish(trials[1], 21.0, seconds=40.0), 40.0)
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("[1/3] Grid 10,000 band 0.5 seed 1234: 20.00 dB in 20.0 s")
    assert first.endswith("; about 60 seconds left")  # 40 + 80 by two workers
    assert second.endswith("; about 40 seconds left")


@pytest.mark.usefixtures("estimates")
def test_the_first_of_a_model_and_budget_takes_longer_and_its_like_do_not(make_trial, monkeypatch):
    monkeypatch.setattr(time_left, "starts", lambda trials, device: {("Grid", 10_000): 5.0, ("Grid", 20_000): 7.0})
    small = [make_trial("Grid", budget=10_000, seed=seed) for seed in (1, 2)]
    clock = TimeLeft([*small, make_trial("Grid", budget=20_000)], "cpu")
    assert clock.left() == 10 + 10 + 20 + 5 + 7
    clock.begin(small[0])
    assert clock.left(elapsed=1.0) == 14 + 10 + 20 + 7
    clock.end(small[0], 15.0)
    assert clock.left() == 10 + 20 + 7
    clock.begin(small[1])
    clock.end(small[1], 10.0)
    assert clock.left() == 20 + 7


@pytest.mark.usefixtures("estimates")
def test_what_follows_the_trials_is_part_of_the_time_left(make_trial, finish, capsys):
    trials = [make_trial("Grid", seed=seed, budget=10_000) for seed in (1, 2, 3)]
    with Progress(trials, "cpu", lambda: Concurrency(2, 1), after=90.0) as shown:
        shown.tell(trials[0], finish(trials[0], 20.0), 10.0)
        assert shown._left() == 2 * 10 / 2 + 90
        assert capsys.readouterr().out.endswith("; about 2 minutes left\n")
        for trial in trials[1:]:
            shown.tell(trial, finish(trial, 20.0), 10.0)
    assert capsys.readouterr().out.endswith("; about 90 seconds left for figures and the page\n")


@pytest.mark.usefixtures("estimates")
def test_what_was_compiled_before_tells_no_less_than_it_took(make_trial, monkeypatch):
    monkeypatch.setattr(time_left, "starts", lambda trials, device: {("Grid", 10_000): 50.0})
    small = [make_trial("Grid", budget=10_000, seed=seed) for seed in (1, 2)]
    clock = TimeLeft(small, "cpu")
    clock.begin(small[0])
    clock.end(small[0], 8.0)
    assert clock.left() == 8.0


@pytest.mark.usefixtures("estimates")
def test_a_worker_shows_nothing(make_trial, finish, capsys):
    trial = make_trial("Grid")
    with Progress([trial], "cpu", silent=True) as shown:
        shown.begin(trial)
        shown.advance(3)
        shown.end(trial, finish(trial, 20.0))
    assert capsys.readouterr() == ("", "")


@pytest.mark.usefixtures("estimates")
def test_a_trials_passes_tell_what_it_will_take_and_not_its_first(make_trial, monkeypatch):
    """The first pass is timed with all that is built and compiled before."""
    trial, now = make_trial("Grid", budget=10_000, steps=100), [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    shown = Progress([trial], "cpu")

    def left_after(step, seconds):
        now[0] = seconds
        shown.advance(step)
        return shown._left_now()

    shown.begin(trial)
    assert left_after(1, 8.0) == 2  # of the estimate
    assert left_after(11, 9.0) == pytest.approx(8.9)
    now[0] += 1.0
    assert shown._left_now() == pytest.approx(7.9)
    assert left_after(31, 21.0) == pytest.approx(13 / 30 * 69)
    assert left_after(1, 22.0) == 0  # it began anew: longer than was thought, nobody knows how much
    assert left_after(2, 23.0) == pytest.approx(98)


@pytest.mark.usefixtures("estimates")
def test_what_a_deadline_stops_takes_no_longer_than_until_then(make_trial, monkeypatch):
    trials = [make_trial("Grid", budget=10_000, seed=seed) for seed in range(5)]
    monkeypatch.setattr(progress.time, "monotonic", lambda: 100.0)
    assert Progress(trials, "cpu", after=3.0)._left() > 30
    assert Progress(trials, "cpu", after=3.0, deadline=112.0)._left() == 15
    assert Progress(trials, "cpu", deadline=90.0)._left() == 0


@pytest.fixture
def signs(capsys, monkeypatch):
    """Signs of life come at once; `signs(count)` waits for some of them."""
    for name, seconds in (("FIRST_SIGN", 0.02), ("MOST_QUIET", 0.02), ("LOOK", 0.01)):
        monkeypatch.setattr(progress, name, seconds)

    def wait(count):
        lines, end = [], time.monotonic() + HANG
        while len(lines) < count and time.monotonic() < end:
            lines += capsys.readouterr().err.splitlines()
            time.sleep(0.01)
        return lines

    return wait


@pytest.mark.usefixtures("estimates")
def test_a_long_trial_shows_life_where_there_are_no_bars(make_trial, finish, signs):
    trial = make_trial("Grid", budget=10_000, steps=2000)
    with Progress([trial], "cpu") as shown:
        shown.begin(trial)
        first, *_ = signs(1)
        assert first == "Grid 10,000 band 0.5 seed 1234: 0 seconds, 0 of 2,000 passes; about 10 seconds left"
        shown.advance(1000)
        assert any("1,000 of 2,000 passes" in line for line in signs(3))
        shown.end(trial, finish(trial, 20.0))
        signs(0)
    assert not shown.thread.is_alive()


@pytest.mark.usefixtures("estimates")
def test_signs_of_life_become_rare(make_trial, finish, monkeypatch):
    monkeypatch.setattr(progress, "FIRST_SIGN", 5.0)
    trials, now = [make_trial("Grid", seed=seed) for seed in (1, 2)], [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    shown, due = Progress(trials, "cpu"), []
    for trial in trials:
        shown.begin(trial)
        start, found = now[0], []
        while now[0] < start + 200:
            now[0] += 1.0
            found += [now[0] - start] if shown._is_due() else []
        due.append(found)
        shown.end(trial, finish(trial, 20.0))
    assert due == [[5, 15, 35, 75, 135, 195]] * 2


@pytest.mark.usefixtures("estimates")
@pytest.mark.parametrize("silent", [False, True])
def test_trials_in_other_processes_show_life(make_trial, monkeypatch, capsys, silent):
    now, said = [0.0], [{"trial": "Grid 10,000", "step": 100, "steps": 1000}, {"trial": "Siren 10,000"}]
    monkeypatch.setattr(progress, "FIRST_SIGN", 5.0)
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    shown = Progress([make_trial("Grid")], "cpu", silent=silent)
    shown.tell_running(lambda: 1 / 0)  # too early to look
    now[0] = 5.0
    shown.tell_running(lambda: said)
    shown.tell_running(lambda: 1 / 0)
    told = "" if silent else "running: Grid 10,000, 100 of 1000 passes; and 1 more\n"
    assert capsys.readouterr().err == told


@pytest.mark.usefixtures("estimates")
def test_bars_tell_of_trials_in_other_processes(make_trial, monkeypatch):
    now, said = [0.0], [{"trial": "Grid 10,000", "step": 100, "steps": 1000}, {"trial": "Siren 10,000"}]
    monkeypatch.setattr(sys, "stderr", Terminal())
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    with Progress([make_trial("Grid", budget=10_000)], "cpu") as shown:
        now[0] = 2.0
        shown.tell_running(lambda: said)
        assert (shown.passes.n, shown.passes.total) == (100, 1000)
        assert "Grid 10,000, 100 of 1000 passes; and 1 more" in shown.passes.desc
        assert "left" in shown.trials.postfix
        now[0] = 4.0
        shown.tell_running(lambda: said[1:])
        assert shown.passes.desc == "Siren 10,000"
        shown.tell_running(lambda: 1 / 0)  # too early to look again


@pytest.mark.usefixtures("estimates")
@pytest.mark.parametrize(("ago", "found"), [(10.0, 10.0), (1000.0, 60.0), (-5.0, 2.5)])
def test_a_trial_of_another_process_took_all_its_time(make_trial, finish, tmp_path, ago, found):
    """Beyond training as well; at least training, and at most as long as this run, as clocks may differ."""
    trial = make_trial("Grid")
    started = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(seconds=ago)
    (row,) = finish(trial, 20.0, seconds=2.5, started=started.isoformat())
    store = Store(tmp_path, trial.folder)
    store.prepare()
    store.write(trial.key, row, None)
    with Progress([trial], "cpu", silent=True) as shown:
        shown.since = time.monotonic() - 60
        run_trials.tell(trial, tmp_path, shown)
    (took,) = shown.time_left.took.values()
    assert took == pytest.approx(found, abs=1.0)


@pytest.mark.usefixtures("estimates")
def test_bars_are_life_enough(make_trial, monkeypatch, signs, capsys):
    monkeypatch.setattr(sys, "stderr", Terminal())
    trial = make_trial("Grid")
    with Progress([trial], "cpu") as shown:
        shown.begin(trial)
        time.sleep(0.05)
        assert not shown._is_due()
    assert not shown.thread.is_alive()


@pytest.mark.usefixtures("estimates")
def test_passes_with_quantised_values_are_still_ahead_after_the_last_pass(make_trial, monkeypatch):
    trial, now = make_trial("Grid", budget=10_000, steps=100, bits=(4, 8, 32), quantised_share=0.5), [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    shown = Progress([trial], "cpu")
    shown.begin(trial)
    for step, seconds in ((1, 8.0), (100, 17.9)):
        now[0] = seconds
        shown.advance(step)
    assert shown._left_now() == pytest.approx(10.0)
