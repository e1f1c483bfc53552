"""Equal trials give equal numbers, from streams of their own."""

import copy
import dataclasses

import numpy as np
import pytest
import torch

import harness.train.fit
from harness.train.chunks import predict
from harness.train.run_trial import run_trial, stream
from tests.harness.train.toys import CPU, SCATTERED, TIMES, Loose


def numbers(result):
    row = {key: value for key, value in result.row.items() if key not in TIMES}
    return row | {"curve": [{k: v for k, v in point.items() if k != "seconds"} for point in row["curve"]]}


@pytest.mark.parametrize("model", [*SCATTERED, "GSplat"])
def test_the_same_trial_gives_the_same_numbers_whatever_ran_before(make_trial, model):
    trial = make_trial(model, length=12, minibatch=None if model == "GSplat" else 40)
    (first,) = run_trial(trial, CPU)
    assert first.row["status"] == "ok"
    torch.manual_seed(99)
    np.random.seed(99)  # noqa: NPY002 the global stream is what must not matter
    run_trial(make_trial("Siren", seed=5, lr=1.0), CPU)
    (second,) = run_trial(trial, CPU)
    assert numbers(first) == numbers(second)
    np.testing.assert_array_equal(first.residual, second.residual)
    (other,) = run_trial(dataclasses.replace(trial, seed=2024), CPU)
    assert other.row["psnr"] != first.row["psnr"]


def test_a_trial_leaves_the_global_streams_alone(make_trial):
    np.random.seed(3)  # noqa: NPY002 the global stream is meant
    before, expected = torch.get_rng_state(), np.random.RandomState(3).random_sample()
    run_trial(make_trial("BACON", minibatch=100), CPU)
    assert torch.equal(torch.get_rng_state(), before)
    assert np.random.random_sample() == expected  # noqa: NPY002


def test_every_purpose_has_its_own_stream(make_trial):
    def first(purpose, **changes):
        return torch.rand(4, generator=stream(make_trial(**changes), purpose, CPU)).tolist()

    assert first("initial values") != first("batches")
    assert first("initial values") != first("initial values", seed=2024)
    assert first("initial values") == first("initial values", budget=10_000, bandlimit=0.9)
    assert first("initial values") == first("initial values", model="Siren")


def test_a_model_that_draws_outside_its_hooks_follows_its_seed(make_trial, registered):
    """It is scored as it answers after training, too, and neither measuring nor scoring it moves anything."""
    registered(Loose)
    trial = dataclasses.replace(make_trial("Grid"), model="Loose", settings=Loose.Config(), steps=4, bits=(8,))
    kept, before = [], torch.get_rng_state()
    (first,) = run_trial(trial, CPU, on_model=kept.append)
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(99)
    (second,) = run_trial(trial, CPU)
    assert numbers(first)["curve"] == numbers(second)["curve"]
    np.testing.assert_array_equal(first.residual, second.residual)
    (other,) = run_trial(dataclasses.replace(trial, seed=2024), CPU)
    assert other.row["psnr"] != first.row["psnr"]
    (model,) = kept
    state = copy.deepcopy(model.state_dict())
    np.testing.assert_array_equal(predict(model, model.lattice), predict(model, model.lattice))
    assert all(torch.equal(value, state[name]) for name, value in model.state_dict().items())


def test_models_start_from_the_same_values_at_every_band(make_trial, monkeypatch):
    started = []
    original = harness.train.fit.LatticeGradient.__init__

    def record(self, model, *arguments):
        started.append(copy.deepcopy(model.state_dict()))
        original(self, model, *arguments)

    monkeypatch.setattr(harness.train.fit.LatticeGradient, "__init__", record)
    for band in (0.5, 0.9):
        run_trial(make_trial("Siren", bandlimit=band), CPU)
    assert all(torch.equal(started[0][name], started[1][name]) for name in started[0])


@pytest.mark.parametrize(("signal", "task"), [("BandlimitedSignal", "fit"), ("Sierpinski", "denoise_0.1")])
def test_a_signal_seed_draws_what_is_seen_and_a_seed_how_it_is_fitted(make_trial, monkeypatch, signal, task):
    seen = []
    original = harness.train.fit.LatticeGradient.__init__

    def record(self, model, given, *arguments):
        seen.append((model.state_dict()["layers.0.weight"].clone(), torch.as_tensor(given.target).clone()))
        original(self, model, given, *arguments)

    monkeypatch.setattr(harness.train.fit.LatticeGradient, "__init__", record)
    for seed, signal_seed in ((1, 1), (2, 1), (1, 2)):
        (result,) = run_trial(make_trial("Siren", signal=signal, task=task, seed=seed, signal_seed=signal_seed), CPU)
        assert (result.row["seed"], result.row["signal_seed"]) == (seed, signal_seed)
    (values, target), (of_seed, same_target), (same_values, of_signal) = seen
    assert torch.equal(target, same_target)
    assert torch.equal(values, same_values)
    assert not torch.equal(values, of_seed)
    assert not torch.equal(target, of_signal)
