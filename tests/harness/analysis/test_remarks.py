"""What is said beside scores: by hand."""

import pytest

from harness.analysis.remarks import remarks
from harness.analysis.summary import summarise


@pytest.fixture
def rows(make_row):
    """FourFeat as in the README's first figure, beside a grid that fills its budget."""

    def row(model, size, psnr, share=1.0, **changes):
        return make_row(model=model, size=size, psnr=psnr, psnr_constant=9.3, parameters=int(share * size), **changes)

    found = [row("Grid", size, 15.0 + seed, 0.95, seed=seed) for size in (3000, 10_000) for seed in (1, 2)]
    found += [row("FourFeat", 3000, psnr, 0.67, seed=seed) for psnr, seed in ((9.31, 1), (9.2, 2))]
    found += [row("FourFeat", 10_000, psnr, 0.8, seed=seed) for psnr, seed in ((9.34, 1), (12.0, 2))]
    return found


SHARES = "uses less than its budget: FourFeat at 3k 67%, at 10k 80%"
NOTHING = "learned nothing over the mean of the truth: FourFeat at 3k, at 10k (1 of 2 trials)"


def test_small_shares_and_missing_gains_are_told(rows):
    assert remarks(rows) == [SHARES, NOTHING]
    assert remarks(row for row in rows if row["model"] == "Grid") == []


def test_of_a_strangers_budget_of_nothing_no_share_is_told(rows):
    assert remarks([*rows, rows[0] | {"size": 0}]) == [SHARES, NOTHING]


def test_of_a_constant_signal_there_is_nothing_to_learn(rows):
    assert remarks(row | {"psnr": 150.0, "psnr_constant": 160.0} for row in rows) == [SHARES]


def test_times_of_a_busy_machine_are_told_by_model(rows):
    loads = {"Grid": {1: 1.6, 2: 0.2}, "FourFeat": {1: 2.0, 2: 9.0}}
    busy = [row | {"load_at_start": loads[row["model"]][row["seed"]]} for row in rows]
    told = "timed on a busy machine: Grid at 3k (1 of 2 trials), at 10k (1 of 2 trials); FourFeat at 3k, at 10k"
    assert remarks(busy)[-1] == told
    assert remarks(row | {"load_at_start": 9.0} for row in rows)[-1] == "timed on a busy machine: all"
    assert remarks(busy, times=False) == [SHARES, NOTHING]
    alone = [row | {"load_at_start": 9.0} for row in rows if row["model"] == "Grid"]
    assert remarks(alone) == ["timed on a busy machine: Grid at 3k, at 10k"]


def test_seconds_of_different_machines_are_told_of(rows):
    names = {"Grid": "cpu: A, 2 threads", "FourFeat": "cuda: B"}
    told = "seconds of different machines or threads do not compare: 4 fits by cpu: A, 2 threads; 3 fits by cuda: B"
    mixed = [row | {"device": names[row["model"]], "started": ""} for row in rows]
    mixed[-1]["seconds"] = None  # was not timed
    assert remarks(mixed)[-1] == told
    assert remarks(mixed, times=False) == [SHARES, NOTHING]


def test_seconds_of_fits_that_ran_at_once_on_gpus_are_told_of(rows):
    """All of these started at one time."""
    on_gpu = [row | {"device": "cuda: NVIDIA H200"} for row in rows]
    told = "up to 8 fits ran at once; where they shared a GPU, they took longer than alone"
    assert remarks(on_gpu)[-1] == told
    assert remarks(on_gpu, times=False) == [SHARES, NOTHING]


def test_what_did_not_end_well_or_has_no_score_has_no_remark(rows):
    assert remarks(row | {"status": "diverged", "load_at_start": 9.0} for row in rows) == []
    assert remarks(row | {"psnr": None, "parameters": None} for row in rows) == []


def test_they_stand_below_the_table_of_a_run(rows):
    """Where a whole column is null, its values are NaN."""
    lines = summarise(rows, ["Grid", "FourFeat"]).splitlines()
    assert lines[lines.index(SHARES) :][:2] == [SHARES, NOTHING]
    assert lines[lines.index(NOTHING) + 1] == "", "then who is best"


def test_a_model_that_keeps_to_no_budget_is_told(rows):
    excess = [row | {"parameters": 3001} for row in rows if (row["model"], row["size"]) == ("Grid", 3000)]
    assert remarks([*excess, *rows]) == ["uses more than its budget: Grid at 3k 100.0%", SHARES, NOTHING]
    assert remarks(row | {"parameters": 5000} for row in excess) == ["uses more than its budget: Grid at 3k 166.7%"]
