"""The row of a trial that went well."""

import numpy as np
import pytest
import torch

import harness.train.fit
from common.lattice import Lattice
from harness.train import machine
from harness.train.chunks import predict
from harness.train.fit import fit
from harness.train.loss import LatticeGradient
from harness.train.precision import matmul_precision, running
from harness.train.run_trial import run_trial
from harness.train.score import blank_row
from target_signals.base import Signal
from target_signals.geometry import Geometry
from tests.harness.train.toys import CPU, SHAPES, generator, make_task, schedule


@pytest.mark.parametrize(("minibatch", "updates"), [(None, 1), (30, 4)])
def test_a_fit_is_ready_at_the_end_of_its_first_update(build, monkeypatch, minibatch, updates):
    """On a clock that updates alone move, 2 s each, and of which trying them out and evaluating take 100 and 1000."""
    model, task, now = build("Siren"), make_task(Lattice.regular(SHAPES[2])), [0.0]

    class Slow(harness.train.fit.Stepper):
        def prepare(self):
            now[0] += 100

        def _step(self, index):
            super()._step(index)
            now[0] += 2

    def evaluated(*_):
        now[0] += 1000

    monkeypatch.setattr(harness.train.fit, "Stepper", Slow)
    monkeypatch.setattr(harness.train.fit.Fit, "record", evaluated)
    monkeypatch.setattr(harness.train.fit.time, "perf_counter", lambda: now[0])
    result = fit(model, task, schedule(minibatch=minibatch, steps=3), generator())
    assert result.updates == 3 * updates
    assert (result.seconds, result.ready_at) == (2 * 3 * updates, 102)


def test_milliseconds_are_of_an_update_and_of_a_pass(make_trial):
    (result,) = run_trial(make_trial("Grid", signal="StarTarget", steps=2, minibatch=200), CPU)
    assert result.row["updates"] == 6, "24² points in batches of 200"
    assert result.row["ms_per_pass"] == pytest.approx(3 * result.row["ms_per_update"])


def test_the_load_is_that_of_a_core(monkeypatch):
    monkeypatch.setattr(machine.os, "getloadavg", lambda: (6.0, 0.0, 0.0))
    monkeypatch.setattr(machine.os, "cpu_count", lambda: 4)
    assert machine.load() == 1.5

    def unknown():
        raise OSError

    monkeypatch.setattr(machine.os, "getloadavg", unknown)
    assert machine.load() is None


def test_a_rows_numbers_belong_together(make_trial):
    (result,) = run_trial(make_trial("Siren", signal="StarTarget", steps=3), CPU)
    row = result.row
    assert row["parameters"] <= row["size"]
    assert row["updates"] == 3
    assert row["ms_per_update"] == row["ms_per_pass"] == pytest.approx(1000 * row["seconds"] / 3)
    assert row["ready_seconds"] > 0
    assert row["processor_seconds"] > 0
    assert row["load_at_start"] is None or row["load_at_start"] >= 0
    assert [point["step"] for point in row["curve"]] == [1, 2, 3]
    assert row["curve"][-1]["psnr"] == pytest.approx(row["psnr"], abs=1e-4)
    assert row["curve"][-1]["seconds"] == row["seconds"]
    assert len(row["psnr_rings"]) == 9
    assert row["shape"] == [24, 24, 1]
    assert row["settings"]["omega"] == 90.0
    assert row["backend"] == "torch"
    assert row["device"].startswith("cpu: ")
    assert row["peak_memory_bytes"] is None or row["peak_memory_bytes"] > 10**6


def test_a_row_says_where_samples_lie_and_what_the_signal_stands_for(make_trial):
    values = np.zeros((4, 4), np.float32)
    geometry = Geometry(np.array([[0, 0.5, 0], [2.0, 0, 0], [0, 0, 0], [0, 0, 1]]))
    row = blank_row(make_trial(signal="SheppLogan"), Signal(values, 2, "image", geometry=geometry), CPU)
    assert (row["spacing"], row["stands_for"]) == ([2.0, 0.5], "ChestCT")
    assert blank_row(make_trial(), Signal(values, 2, "image"), CPU)["spacing"] is None


def test_bfloat16_trains_in_float32_values(make_trial):
    exact = run_trial(make_trial("Siren"), CPU)[0]
    rounded = run_trial(make_trial("Siren", precision="bf16"), CPU)[0]
    assert rounded.row["status"] == "ok"
    assert rounded.residual.dtype == np.float32
    assert rounded.row["psnr"] != exact.row["psnr"]
    assert rounded.row["psnr"] == pytest.approx(exact.row["psnr"], abs=3)


@pytest.mark.parametrize("precision", ["bf16", "bf16x3"])
@pytest.mark.parametrize("name", ["Siren", "FourFeat", "BACON", "Wire", "GAPlane"])
def test_values_are_evaluated_in_float32_whatever_trains_them(build, name, precision):
    model, task = build(name), make_task(Lattice.regular(SHAPES[2]))
    loss, _, answer = LatticeGradient(model, task, schedule(precision=precision)).evaluate()
    with torch.no_grad():
        exact = model.on_lattice(task.lattice).numpy()
        heads = model.heads_on_lattice(task.lattice)
    assert np.array_equal(answer, exact)
    assert np.array_equal(predict(model, task.lattice), exact)
    assert loss == pytest.approx(((heads - torch.as_tensor(task.target)) ** 2).mean().item(), rel=1e-6)
    with torch.no_grad(), running(precision, model):
        assert precision == "bf16x3" or not np.array_equal(model.on_lattice(task.lattice).float().numpy(), exact)


def test_the_precision_of_products_is_put_back():
    before = torch.get_float32_matmul_precision()
    with matmul_precision("tf32"):
        assert torch.get_float32_matmul_precision() == "high"
        with matmul_precision("fp32"):
            assert torch.get_float32_matmul_precision() == "highest"
    assert torch.get_float32_matmul_precision() == before
