"""On a CUDA device: every model gives the CPU's values and gradients there, and trials run at full size."""

import copy

import pytest
import torch

import models
from common.lattice import Lattice
from common.needs import Needs
from harness.train.chunks import predict
from harness.train.loss import LatticeGradient
from harness.train.precision import matmul_precision
from harness.train.run_trial import make_schedule, run_trial
from models import backends
from tests.building import build
from tests.harness.train.toys import make_task

pytestmark = pytest.mark.gpu

CASES = [(name, dim) for name in models.registry.names() for dim in (2, 3)]
SHAPES = {2: (37, 20), 3: (9, 5, 12)}
SOLVED = ("Grid_exact", "BlockDCT", "Wavelet", "FBP")


@pytest.mark.parametrize(("name", "dim"), CASES)
def test_values_and_gradients_are_the_cpus(name, dim):
    cls = models.get_model(name)
    if (reason := cls.unsupported(dim, 3, Needs())) is not None:
        pytest.skip(reason)
    lattice = Lattice.regular(SHAPES[dim])
    model = build(name, lattice, 3)
    if cls.label == "classical":
        pytest.skip("is solved; test_a_solution_is_the_cpus")
    target = torch.rand(*lattice.shape, 3, generator=torch.Generator().manual_seed(1))
    twin = copy.deepcopy(model).cuda()
    for one in (model, twin):
        heads = one.heads_on_lattice(lattice)
        ((heads - target.to(one.device)).square().mean() + one.penalty()).backward()
        one.values_seen = heads.detach().cpu()
    torch.testing.assert_close(twin.values_seen, model.values_seen, rtol=1e-3, atol=1e-3)
    for (label, here), there in zip(model.named_parameters(), twin.parameters(), strict=True):
        difference = (there.grad.cpu() - here.grad).norm()
        assert difference <= 5e-3 * here.grad.norm() + 1e-6, label
    if not cls.lattice_only:
        points = lattice.points("cuda")
        with torch.no_grad():
            torch.testing.assert_close(twin(points).cpu(), model(points.cpu()), rtol=2e-3, atol=2e-3)


@pytest.mark.parametrize("name", SOLVED)
@pytest.mark.parametrize("dim", [2, 3])
def test_a_solution_is_the_cpus(name, dim):
    lattice = Lattice.regular(SHAPES[dim])
    model = build(name, lattice, 3, budget=1000)
    target = torch.rand(*lattice.shape, 3, generator=torch.Generator().manual_seed(1))
    twin = copy.deepcopy(model).cuda()
    assert model.solve(lattice, target)
    assert twin.solve(lattice, target.cuda())
    assert all(value.is_cuda for value in twin.state_dict().values())
    found = twin.on_lattice(lattice).detach()
    assert found.is_cuda
    torch.testing.assert_close(found.cpu(), model.on_lattice(lattice).detach(), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", [name for name in models.registry.names() if not models.get_model(name).inverts])
@pytest.mark.parametrize("minibatch", [None, 200])
def test_a_trial_runs_from_end_to_end(make_trial, name, minibatch):
    if minibatch and models.get_model(name).lattice_only:
        pytest.skip("is never trained in batches")
    (result,) = run_trial(make_trial(name, minibatch=minibatch), torch.device("cuda"))
    row = result.row
    assert row["status"] == "ok"
    assert row["psnr"] > 0
    assert row["device"].startswith("cuda: ")
    assert row["peak_memory_bytes"] > 0
    updates = 0 if name in SOLVED else row["steps"] * (4 if minibatch else 1)
    assert row["updates"] == updates, "25² points in batches of 200"


@pytest.mark.parametrize("name", [name for name in models.registry.names() if not models.get_model(name).inverts])
def test_files_in_bits_are_decoded_and_scored_there(make_trial, name):
    pytest.importorskip("constriction")
    (result,) = run_trial(make_trial(name, bits=(12, 32)), torch.device("cuda"))
    rounded, exact = result.row["rates"]
    assert exact["psnr"] == pytest.approx(result.row["psnr"], abs=0.01)
    assert 0 < rounded["psnr"] <= exact["psnr"] + 0.5


@pytest.mark.parametrize(("signal", "dim", "length"), [("StarTarget", 2, 1000), ("SparseSphereSignal", 3, 100)])
def test_a_million_points_fit_in_eight_gigabytes(make_trial, signal, dim, length):
    changes = {"budget": 100_000, "length": length, "steps": 2}
    (result,) = run_trial(make_trial("FourFeat", signal, dim, **changes), torch.device("cuda"))
    assert result.row["status"] == "ok"
    assert result.row["peak_memory_bytes"] < 8e9


def test_tf32_is_used_only_when_asked_for(make_trial):
    """At fp32 the GPU's trial ends where the CPU's does."""
    trial = make_trial("GAPlane", steps=20, length=64)
    rows = {kind: run_trial(trial, torch.device(kind))[0].row for kind in ("cpu", "cuda")}
    assert rows["cuda"]["psnr"] == pytest.approx(rows["cpu"]["psnr"], abs=0.02)


@pytest.mark.parametrize("precision", ["fp32", "tf32", "bf16", "bf16x3"])
@pytest.mark.parametrize("name", [name for name in models.registry.names() if name not in SOLVED])
def test_values_are_evaluated_in_float32_whatever_trains_them(make_trial, name, precision):
    """On the back end that trains in a precision, the loop's answer and the scored one are the twin's in float32."""
    lattice = Lattice.regular((300, 200))
    model = build(name, lattice, 3).cuda()
    twin = copy.deepcopy(model)
    model.backend = backends.choose(model, precision)
    task = make_task(lattice, channels=3)
    with matmul_precision(precision):
        schedule = make_schedule(make_trial(name, precision=precision))
        _, _, answer = LatticeGradient(model, task, schedule).evaluate()
        scored = predict(model, lattice)
    with torch.no_grad(), matmul_precision("fp32"):
        exact = twin.on_lattice(lattice).cpu()
    for found in (answer.cpu(), scored):
        assert (torch.as_tensor(found) - exact).norm() <= 2e-6 * exact.norm()
