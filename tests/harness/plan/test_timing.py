"""What rows tell of the time that trials take beside training."""

import datetime
import json
import os

import pytest

from common.errors import UsageError
from harness.plan import beside, cost, timing
from harness.store.schema import NAMES
from harness.store.store import Store

START = datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc)


@pytest.fixture
def row_of(make_row):
    """`row_of(trial, at, training, ready)`: as the trial leaves it that began `at` so many seconds."""

    def make(trial, at, training, ready, **changes):
        own = {name: value for name, value in vars(trial).items() if name in NAMES}
        own |= {"size": trial.budget, "config_hash": trial.config_hash, "settings": vars(trial.settings)}
        solved = trial.lr is None
        curve = [{"step": step, "loss": 1.0, "psnr": 1.0, "seconds": 1.0} for step in ([0] if solved else [1, 2, 3])]
        started = (START + datetime.timedelta(seconds=at)).isoformat(timespec="milliseconds")
        times = {"seconds": training, "ready_seconds": ready, "updates": 0 if solved else 3, "started": started}
        return make_row(**own | times | {"curve": curve, "device": "cpu: a processor", "commit": "abc"} | changes)

    return make


@pytest.fixture
def rows(make_trial, row_of):
    """One worker's: Grid took 2 s to start at first and 0.5 s later; each 3 s of training in three passes."""
    grid = [make_trial("Grid", seed=seed, budget=1000) for seed in (1, 2, 3)]
    rows = [row_of(grid[0], 0.0, 3.0, 3.0), row_of(grid[1], 8.0, 3.0, 1.5), row_of(grid[2], 14.0, 3.0, 1.5)]
    rows += [row_of(make_trial("Grid_exact", seed=s, budget=1000), 20.0 + s, 0.25, 0.5) for s in (0, 1, 2)]
    return rows


def test_the_next_trials_beginning_is_a_trials_end(rows, config):
    found = beside.timed(list(reversed(rows)), config)
    assert [one.first for one in found] == ["model", "", "", "model", ""]
    expected = ((3, 2, 3), (3, 0.5, 2.5), (3, 0.5, 2.5))
    assert [one.took for one in found[:3]] == [pytest.approx(took) for took in expected]
    assert tuple(found[3].took) == pytest.approx((0.25, 0.25, 0.5)), "a solution is what makes a model ready"


def test_what_trials_take_beside_training(rows, config):
    found = beside.measured_beside(beside.timed(rows, config), "cpu")
    points, evaluating = cost.samples_scored(beside.timed(rows, config)[0].trial), cost.EVALUATION["cpu"] * (2 + 1)
    assert found["set_up"] == {"Grid": 0.5, "Grid_exact": 0.25}
    assert found["first"] == {"Grid": {"model": 1.5}, "Grid_exact": {"model": 0.0}}
    assert found["rest"] == {"2D": {str(points): pytest.approx(2.5 - evaluating)}}, "two Grid's, one Grid_exact's"
    assert (found["machine"], found["commit"]) == ("a processor", "abc")


def test_another_budget_of_a_model_is_not_its_first_trial(rows, row_of, make_trial, config):
    rows.append(row_of(make_trial("Grid", seed=1, budget=2000), 23.0, 3.0, 1.75))
    rows.append(row_of(make_trial("Grid", seed=2, budget=2000), 29.0, 3.0, 1.5))
    found = beside.timed(rows, config)
    assert [one.first for one in found][-2:] == ["", "budget"]
    assert beside.measured_beside(found, "cpu")["first"]["Grid"] == {"budget": 0.25, "model": 1.5}


def test_pauses_are_no_trials_and_rows_of_several_workers_tell_nothing(rows, row_of, make_trial, config):
    later = row_of(make_trial("Grid", seed=9, budget=1000), 1000.0, 3.0, 1.5)
    assert len(beside.timed([*rows, later], config)) == len(rows) - 1, "nobody knows when the last before it ended"
    overlapping = row_of(make_trial("Grid", seed=9, budget=1000), 10.5, 3.0, 1.5)
    assert beside.timed([*rows, overlapping], config) == []
    assert beside.measured_beside([], "cpu") == {}


def test_what_folders_tell_is_joined():
    known = {"commit": "a", "set_up": {"Grid": 1.0, "Siren": 2.0}, "rest": {"2D": {"100": 1.0}, "3D": {"100": 2.0}}}
    found = {"commit": "b", "set_up": {"Grid": 3.0}, "rest": {"2D": {"200": 4.0}}, "first": {}}
    assert timing.joined(known, found) == {
        "commit": "b",
        "set_up": {"Grid": 3.0, "Siren": 2.0},
        "rest": {"2D": {"100": 1.0, "200": 4.0}, "3D": {"100": 2.0}},
        "first": {},
    }
    assert timing.joined({}, found) == found


def test_a_folder_is_written_into_the_file(rows, tmp_path, monkeypatch):
    store = Store(tmp_path / "out", "2d_Sierpinski")
    store.prepare()
    for number, row in enumerate(rows):
        store.write(str(number), row, None)
        os.utime(store.row_path(str(number)), (1000 + number, 1000 + number))
    monkeypatch.setattr(cost, "TIMES", tmp_path / "times.json")
    timing.write(str(tmp_path / "out"))
    found = json.loads((tmp_path / "times.json").read_text())["cpu"]
    assert found["ms_per_pass"] == {"Grid 2D": {"1000": 1000.0}}
    assert found["beside"]["set_up"] == {"Grid": 0.5, "Grid_exact": 0.25}
    assert "drawing" not in found["beside"]
    page = tmp_path / "out" / "index.html"
    page.write_text("")
    os.utime(page, (1012, 1012))
    timing.write(str(tmp_path / "out"))
    assert json.loads((tmp_path / "times.json").read_text())["cpu"]["beside"]["drawing"] == 7.0


@pytest.mark.parametrize("words", [[], ["--help"], ["one", "two"]])
def test_words_that_name_no_folder_are_refused(words, monkeypatch):
    monkeypatch.setattr("sys.argv", ["timing", *words])
    with pytest.raises(UsageError, match="give one results folder"):
        timing.main()


def test_an_absent_folder_is_refused(monkeypatch):
    monkeypatch.setattr("sys.argv", ["timing", "absent"])
    with pytest.raises(UsageError, match="no folder 'absent'"):
        timing.main()
