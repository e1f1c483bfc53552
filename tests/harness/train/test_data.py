"""What trials are fitted to: made once for those that share it, and what the plan says it is."""

import dataclasses

import numpy as np
import pytest

from common.errors import UsageError
from harness.train import data
from target_signals import user_file


def test_trials_of_one_signal_share_its_task(make_trial, monkeypatch):
    made, make = [], data.make_task
    monkeypatch.setattr(data, "make_task", lambda *given: made.append(given) or make(*given))
    data.cached_task.cache_clear()
    first, *others = (
        data.task_of(trial, data.signal_of(trial))
        for trial in (
            make_trial("Grid", task="denoise_0.1"),
            make_trial("Siren", task="denoise_0.1"),
            make_trial("Grid", task="denoise_0.05"),
            make_trial("Grid", task="denoise_0.1", seed=7),
        )
    )
    assert [task is first for task in others] == [True, False, False]
    assert len(made) == 3


def test_the_signals_seed_and_the_item_name_what_is_drawn(make_trial):
    first, *others = (
        data.task_of(trial, data.signal_of(make_trial("Grid"))).target
        for trial in (
            make_trial("Grid", task="denoise_0.1", item="a"),
            make_trial("Siren", task="denoise_0.1", item="a"),
            make_trial("Grid", task="denoise_0.1", item="b"),
            dataclasses.replace(make_trial("Grid", task="denoise_0.1", item="a"), signal_seed=7),
            dataclasses.replace(make_trial("Grid", task="denoise_0.1", item="a"), seed=7),
        )
    )
    assert [np.array_equal(target, first) for target in others] == [True, False, False, True]


def test_a_file_that_has_changed_since_the_plan_is_not_fitted_under_its_old_name(make_trial, tmp_path):
    path, values = tmp_path / "own.npy", np.random.default_rng(0).random((6, 8))
    np.save(path, values)
    about = {"signal": "UserFile", "item": user_file.item_of(path), "path": str(path), "bandlimit": None}
    trial = dataclasses.replace(make_trial(), **about)
    assert data.signal_of(trial).lattice.shape == (6, 8)
    np.save(path, values[::-1])
    data.cached_signal.cache_clear()
    with pytest.raises(UsageError, match=r"own\.npy' has changed since the run was planned; start it again"):
        data.signal_of(trial)
