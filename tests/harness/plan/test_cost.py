"""What a plan costs: from rows that runs left to an estimate in words."""

import dataclasses
import json

import pytest

from common.words import duration
from harness.execution import ordering
from harness.plan import cost, timing
from harness.plan.describe_cost import describe_cost

BESIDE = {
    "set_up": {"Grid": 0.25, "Siren": 1.0, "Wire": 3.0},
    "first": {"Grid": {"model": 40.0, "budget": 3.0}, "GSplat": {"model": 9.0}},
    "rest": {"2D": {"576": 0.1, "57600": 1.0}},
    "drawing": 45.0,
}


def test_a_trial_is_made_of_its_parts(times, make_trial):
    times["cpu"]["beside"] = BESIDE
    grid = make_trial("Grid", budget=1000, length=24, steps=100, evaluate_every=50)
    evaluating = cost.EVALUATION["cpu"] * 0.060 * (3 + 1)  # passes: for the curve, and for the scores
    assert cost.trial_parts(grid, "cpu") == pytest.approx((6.0, 0.25, 0.1 + evaluating))
    assert cost.trial_seconds(grid, "cpu") == pytest.approx(6.35 + evaluating)
    solved = make_trial("Grid_exact", budget=1000, length=24)
    assert cost.trial_parts(solved, "cpu") == pytest.approx((0.2, 1.0, 0.1)), "set up as the median of the others"
    larger = dataclasses.replace(grid, budget=2000)
    expected = {("Grid", 1000): 40.0, ("Grid_exact", 1000): 0.0, ("Grid", 2000): 3.0}
    assert cost.starts([grid, grid, solved, larger, larger], "cpu") == expected


def test_passes_with_quantised_values_take_time_too(times, make_trial):
    """Of 100 passes 30 again at 4 and at 8 bits, outside the row's training; nothing of a model that is solved."""
    plain = make_trial("Grid", budget=1000, length=24, steps=100, bits=(4, 8, 32))
    again = dataclasses.replace(plain, quantised_share=0.3)
    assert cost.trial_seconds(again, "cpu") == pytest.approx(cost.trial_seconds(plain, "cpu") + 60 * 0.060)
    times["cpu"]["beside"] = BESIDE
    assert cost.trial_seconds(again, "cpu") == pytest.approx(cost.trial_seconds(plain, "cpu") + 60 * 0.060)
    assert cost.trial_parts(again, "cpu").training == cost.trial_parts(plain, "cpu").training
    solved = make_trial("Grid_exact", budget=1000, length=24, bits=(4,))
    shared = dataclasses.replace(solved, quantised_share=0.3)
    assert cost.trial_parts(shared, "cpu") == cost.trial_parts(solved, "cpu")


def test_an_image_is_scored_on_its_finer_lattices_too(make_trial, config):
    image = make_trial("Grid", "DIV2K", length=None)
    assert cost.samples_scored(image) in (339 * 510, 33 * 339 * 510), "the original's are at hand or not"
    both = dataclasses.replace(image, scored=("fit", "super_resolution"))
    assert cost.samples_scored(both) == 339 * 510 * (1 + 2 * 16)
    on_its_samples_alone = dataclasses.replace(make_trial("BlockDCT", "DIV2K", length=None), scored=both.scored)
    assert cost.samples_scored(on_its_samples_alone) == 339 * 510
    assert cost.samples_scored(make_trial("Grid", length=24)) == 576
    solid = make_trial("Grid", "SparseSphereSignal", dim=3, length=8)
    assert cost.samples_scored(dataclasses.replace(solid, scored=both.scored)) == 2 * 8**3, "a volume on one as large"


def test_an_image_that_is_too_small_for_its_task_has_an_estimate(times, make_trial):
    """The task says so, once it is made."""
    times["cpu"]["beside"] = BESIDE
    tiny = dataclasses.replace(make_trial("Grid", budget=1000, length=3), task="super_resolution")
    assert cost.trial_seconds(tiny, "cpu") > 0


def test_an_image_that_is_itself_the_finer_one_is_trained_on_a_sixteenth(times, make_trial):
    fit = make_trial("Grid", budget=1000, length=24, steps=100)
    coarse = dataclasses.replace(fit, task="super_resolution", scored=("super_resolution",))
    assert cost.trial_parts(coarse, "cpu").training == pytest.approx(cost.trial_parts(fit, "cpu").training / 16)
    assert cost.samples_scored(coarse) == 2 * cost.samples_scored(fit), "where its samples lie and where the paper's do"


@pytest.fixture
def times(make_row, monkeypatch):
    """Times measured on rows of two budgets at 24²; 40 passes in 2 s are 50 ms each. Rows at 12² and of a finer
    lattice are to be left out."""

    def row(size, seconds, **changes):
        curve = [{"step": 1, "loss": 1.0, "psnr": 1.0, "seconds": 0.1}, {"step": 40, "loss": 1.0, "psnr": 1.0}]
        machine = {"device": "cpu: a processor, 2 threads", "commit": "0123456789"}
        machine["settings"] = {"lr": 0.1, "layers": 3, "bias": True}
        return make_row(size=size, seconds=seconds, curve=curve, **machine | changes)

    rows = [row(1000, 2.0), row(1000, 4.0, seed=1), row(1000, 2.4, seed=2), row(100_000, 24.0)]
    rows += [row(1000, 100.0, shape=[12, 12, 1]), row(1000, 100.0, status="diverged")]
    rows += [row(1000, 100.0, shape=[96, 96, 1], task="super_resolution")]
    rows += [row(size, size / 5000, model="Grid_exact", updates=0) for size in (1000, 100_000)]
    measured = timing.measured_times(rows)
    monkeypatch.setattr(cost, "_times", lambda: measured)
    return measured


def test_a_pass_takes_the_median_at_the_number_of_points_that_most_rows_have(times):
    assert times == {
        "cpu": {
            "machine": "a processor, 2 threads",
            "points": {"2D": 576},
            "ms_per_pass": {"Grid 2D": {"1000": 60.0, "100000": 600.0}},
            "seconds_to_solve": {"Grid_exact 2D": {"1000": 0.2, "100000": 20.0}},
            "commits": {name: {"1000": "0123456", "100000": "0123456"} for name in ("Grid 2D", "Grid_exact 2D")},
            "settings": {name: {"layers": 3} for name in ("Grid 2D", "Grid_exact 2D")},
        }
    }


def test_what_others_took_of_a_processor_is_no_time_of_a_pass(make_row):
    row = make_row(seconds=9.0, processor_seconds=4.0, device="cpu: a processor, 1 threads")
    assert timing.spent(row) == 4.0
    assert timing.spent(row | {"processor_seconds": 16.0}) == 9.0, "of several threads"
    assert timing.spent(row | {"processor_seconds": None}) == 9.0
    assert timing.spent(row | {"device": "cuda: a GPU"}) == 9.0


def test_new_times_join_those_of_other_models_and_devices(times):
    newer = {"cpu": times["cpu"] | {"ms_per_pass": {"Siren 2D": {"1000": 7.0}, "Grid 2D": {"1000": 5.0}}}}
    found = timing.merged(times | {"cuda": times["cpu"]}, newer)
    assert found["cuda"] == times["cpu"]
    assert found["cpu"]["ms_per_pass"] == {"Siren 2D": {"1000": 7.0}, "Grid 2D": {"1000": 5.0}}
    assert found["cpu"]["seconds_to_solve"] == times["cpu"]["seconds_to_solve"]
    larger = {"cpu": newer["cpu"] | {"points": {"2D": 1000}, "least_ms": {}}}
    assert timing.merged(times, larger) == larger, "times at other numbers of points do not mix"
    assert timing.merged({}, newer) == {"cpu": newer["cpu"] | {"least_ms": {}}}


def test_fewer_points_tell_what_remains_of_a_pass(times, make_trial, monkeypatch):
    """60 ms at 576 points and 24 at 144 lie on a line that begins at 12."""
    fewer = {"Siren 2D": {"1000": 1.0}, "Grid 2D": {"1000": 24.0, "10000": 5.0}}
    found = timing.merged(times, {"cpu": times["cpu"] | {"points": {"2D": 144}, "ms_per_pass": fewer}})
    assert {name: found["cpu"][name] for name in times["cpu"]} == times["cpu"], "and nothing else"
    assert found["cpu"]["least_ms"] == {"Grid 2D": {"1000": 12.0, "10000": 0.001}}, "less than nothing is nothing"
    monkeypatch.setattr(cost, "_times", lambda: found)
    for length, ms in ((24, 60), (12, 24), (48, 204)):
        trial = make_trial("Grid", budget=1000, length=length, steps=100)
        assert cost.trial_parts(trial, "cpu").training == pytest.approx(100 * ms / 1000)


@pytest.mark.parametrize(
    ("size", "length", "seconds"),
    [
        (1000, 24, 0.060),
        (100_000, 24, 0.600),
        (10_000, 24, 0.060 * 10**0.5),  # log-log half-way
        (1000, 48, 0.240),  # four times the points
        (500, 24, 0.060),  # below the least budget
        (1_000_000, 24, 6.0),  # beyond the largest: in proportion
    ],
)
def test_a_trial_costs_its_passes_and_a_start(times, make_trial, size, length, seconds):
    trial = make_trial("Grid", budget=size, length=length, steps=100)
    assert cost.trial_seconds(trial, "cpu") == pytest.approx(cost.START_SECONDS + 100 * seconds, rel=1e-6)


def test_few_points_on_a_gpu_cost_its_launches(times, make_trial):
    """A pass over a fiftieth of the points that were timed, and over fewer, takes a fiftieth of the time."""
    times["cuda"] = times["cpu"]
    fiftieth = cost.START_SECONDS + 100 * 0.060 / 50
    for length, points in ((2, 4), (3, 9)):
        trial = make_trial("Grid", budget=1000, length=length, steps=100)
        assert cost.trial_seconds(trial, "cuda") == pytest.approx(fiftieth, rel=1e-6)
        in_proportion = cost.START_SECONDS + 100 * 0.060 * points / 576
        assert cost.trial_seconds(trial, "cpu") == pytest.approx(in_proportion, rel=1e-6)
    in_proportion = cost.START_SECONDS + 100 * 0.060 * 16 / 576
    trial = make_trial("Grid", budget=1000, length=4, steps=100)
    assert cost.trial_seconds(trial, "cuda") == pytest.approx(in_proportion, rel=1e-6), "more than a fiftieth"


def test_a_plan_is_told_in_words(times, make_trial):
    trials = [make_trial("Grid", budget=1000, length=24, steps=1000)] * 2
    assert describe_cost(trials, "cpu") == "about 2 minutes (as timed on a processor, 2 threads)"
    assert describe_cost(trials, "cpu", draws=True) == describe_cost(trials, "cpu"), "drawing was never timed"
    times["cpu"]["beside"] = BESIDE
    assert describe_cost(trials, "cpu") == "about 3 minutes (as timed on a processor, 2 threads)", "40 s to start"
    drawn = describe_cost(trials, "cpu", draws=True)
    assert drawn == "about 4 minutes with figures and page (as timed on a processor, 2 threads)"
    each, start = cost.trial_seconds(trials[0], "cpu"), 40
    for workers, seconds in ((None, 20 * each + start), (2, 10 * each + start), (100, each + start)):
        told = describe_cost(trials * 10, "cpu", workers=workers)
        assert told.startswith(f"about {duration(seconds, 'hours')} ("), "each starts"
    trials.append(make_trial("BACON"))
    times["cpu"]["ms_per_pass"]["Wire 2D"] = {"1000": 90_000.0}
    said = "3 minutes to 19 minutes (as timed on a processor, 2 threads; never timed, so a guess, as the quickest "
    assert describe_cost(trials, "cpu") == said + "to the slowest other model: BACON 2D)"
    times["cpu"]["points"]["3D"] = 1000
    times["cpu"]["ms_per_pass"]["Grid 3D"] = {"1000": 1.0}
    solids = [make_trial(model, "SparseSphereSignal", dim=3) for model in ("GSplat", "Siren")]
    told = describe_cost([*trials, *solids], "cpu")
    assert "other model: BACON 2D, Siren 3D)" in told, "GSplat takes no volume, so nothing of it is estimated"
    a_pass = 0.001 * solids[1].budget / 1000 * solids[1].length ** 3 / 1000
    assert cost.trial_parts(solids[1], "cpu").training == pytest.approx(solids[1].steps * a_pass), "as other volumes"
    assert cost.trial_seconds(solids[0], "cpu") == sum(cost.starts(solids[:1], "cpu").values()) == 0
    assert describe_cost([], "cpu") == "nothing to do"
    assert describe_cost(trials, "cuda") == "no estimate, nothing was timed on such a device"


@pytest.mark.parametrize(("size", "length", "seconds"), [(10_000, 24, 2.0), (100_000, 48, 80.0), (200_000, 24, 20.0)])
def test_a_solved_trial_costs_its_solution(times, make_trial, size, length, seconds):
    """However many passes others make."""
    trial = make_trial("Grid_exact", budget=size, length=length, steps=10**6)
    assert cost.trial_seconds(trial, "cpu") == pytest.approx(cost.START_SECONDS + seconds)
    other = make_trial("Wavelet", budget=size, length=length)
    assert cost.trial_seconds(other, "cpu") == pytest.approx(cost.START_SECONDS + seconds), "as others that are solved"
    assert not cost.is_timed(other, "cpu")
    assert cost.trial_seconds(trial, "tpu") is None


def test_settings_that_were_not_timed_are_named(times, make_trial):
    times["cpu"]["settings"]["FourFeat 2D"] = {"frequencies": 1000}
    times["cpu"]["ms_per_pass"]["FourFeat 2D"] = {"1000": 60.0}
    trial = make_trial("FourFeat", budget=1000, length=24, steps=1000)
    assert trial.settings.frequencies == 1000
    assert "settings" not in describe_cost([trial], "cpu")
    many = dataclasses.replace(trial, settings=dataclasses.replace(trial.settings, frequencies=2048, sigma=1.0))
    assert describe_cost([trial, many, many], "cpu").endswith(
        "; timed with other settings: FourFeat 2D frequencies 1000)"
    )


def test_every_model_of_the_paper_has_been_timed(config):
    """The shipped file covers what `--dry-run` and the first line of a paper run promise."""
    shipped = json.loads(cost.TIMES.read_text())
    for kind in ("cpu", "cuda"):
        timed = shipped[kind]["ms_per_pass"] | shipped[kind]["seconds_to_solve"]
        for model in config.protocol.models:
            assert f"{model} 2D" in timed
            assert model == "GSplat" or f"{model} 3D" in timed


def test_workers_end_together_whatever_the_signals_are(make_trial, monkeypatch):
    """One signal after the other, the long trials of the last would keep one worker and leave the others idle."""
    monkeypatch.setattr(ordering, "trial_seconds", lambda trial, device: trial.budget / 1000)
    trials = [make_trial("Grid", seed=seed, budget=1000 * s) for seed in range(6) for s in (400, 40, 4, 4)]
    ordered = ordering.in_order(trials, "cuda")
    seconds = [trial.budget / 1000 for trial in ordered]
    assert seconds[:12] == [400] * 6 + [40] * 6, "the long ones first"
    assert [trial.seed for trial in ordered[12:]] == sorted([*range(6)] * 2), "the short ones by signal"
    workers = 4
    assert ordering.makespan(seconds, workers) < 1.15 * max(sum(seconds) / workers, 2 * 400)
