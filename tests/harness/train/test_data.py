"""What trials are fitted to: made once for those that share it, and what the plan says it is."""

import dataclasses

import numpy as np
import pytest

from common.errors import UsageError
from harness.train import data
from target_signals import user_file


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
