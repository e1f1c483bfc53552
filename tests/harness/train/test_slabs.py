"""A lattice in slabs, with operators and without, against the whole."""

import numpy as np
import pytest
import torch

from common.lattice import Lattice
from harness.train import chunks as slabs_module
from harness.train.chunks import bytes_kept, make_slabs, memory, predict
from harness.train.loss import LatticeGradient
from tests import building
from tests.harness.train.toys import (
    SCATTERED,
    SHAPES,
    THIN,
    BlockMean,
    Loose,
    Slope,
    assert_close,
    gradients,
    make_task,
    schedule,
)


@pytest.mark.parametrize("name", SCATTERED)
@pytest.mark.parametrize(("dim", "channels"), [(2, 1), (3, 2)])
def test_slabs_equal_the_whole_lattice(build, name, dim, channels):
    model, task = build(name, dim, channels), make_task(Lattice.regular(SHAPES[dim]), channels)
    whole = LatticeGradient(model, task, schedule())
    thin = LatticeGradient(model, task, schedule(activation_gib=THIN))
    assert len(whole.slabs) == 1
    assert len(thin.slabs) == task.lattice.shape[0]
    results = []
    for gradient in (whole, thin):
        model.zero_grad()
        gradient.compute()
        results.append((gradients(model), *gradient.evaluate()))
    (g, loss, error, answer), (g_thin, loss_thin, error_thin, answer_thin) = results
    assert_close(g_thin, g)
    assert (loss_thin, error_thin) == pytest.approx((loss, error), rel=1e-4)
    np.testing.assert_allclose(answer_thin, answer, atol=1e-4)
    np.testing.assert_allclose(predict(model, task.lattice, activation_gib=THIN), answer, atol=1e-4)


@pytest.mark.parametrize("gib", [4.0, THIN])
@pytest.mark.parametrize("name", ["Siren", "BACON", "Grid_TV"])
def test_an_operator_that_couples_points_has_the_gradient_of_direct_autograd(build, name, gib):
    model, operator = build(name), BlockMean()
    task = make_task(Lattice.regular(SHAPES[2]), operator=operator)
    gradient = LatticeGradient(model, task, schedule(activation_gib=gib))
    assert len(gradient.slabs) == (1 if gib == 4.0 else 12)
    gradient.compute()
    heads = model.heads(task.lattice.points("cpu")).reshape(-1, *task.lattice.shape, 1)
    target = torch.as_tensor(task.target)
    loss = sum(((operator(head[None])[0] - target) ** 2).mean() for head in heads) / len(heads) + model.penalty()
    assert_close(gradients(model), torch.autograd.grad(loss, list(model.parameters())))
    found, error, answer = gradient.evaluate()
    assert found == pytest.approx(loss.item(), rel=1e-4)
    assert answer.shape == (*task.lattice.shape, 1)
    assert error == pytest.approx(((operator(heads[-1:])[0] - target) ** 2).mean().item(), rel=1e-4)


def test_bacon_is_trained_on_all_heads_and_judged_by_the_last(build):
    model, task = build("BACON"), make_task(Lattice.regular(SHAPES[2]))
    heads = model.heads(task.lattice.points("cpu"))
    assert len(heads) == 3
    loss, error, answer = LatticeGradient(model, task, schedule(activation_gib=THIN)).evaluate()
    np.testing.assert_allclose(answer.reshape(-1, 1), heads[-1].detach().numpy(), atol=1e-4)
    errors = [((head - torch.as_tensor(task.target).reshape(-1, 1)) ** 2).mean().item() for head in heads]
    assert error == pytest.approx(errors[-1], rel=1e-4)
    assert loss == pytest.approx(np.mean(errors), rel=1e-4)
    assert loss != pytest.approx(error, rel=1e-3)


@pytest.mark.parametrize(("dim", "length", "size"), [(2, 1000, 50), (3, 100, 50)])
def test_fourier_features_stay_within_their_memory_on_a_large_lattice(dim, length, size):
    """What autograd keeps for the largest slab, measured here, is within what the schedule allows."""
    lattice = Lattice.regular((length,) * dim)
    model = building.build("FourFeat", lattice, size=size)
    for gib in (0.5, 0.1):
        slabs = make_slabs(model, lattice, gib)
        assert len(slabs) > 1
        assert sum(len(slab) for _, slab in slabs) == len(lattice)
        fixed, each = memory(model, lattice)
        assert fixed + each * max(len(slab) for _, slab in slabs) <= gib * 2**30
    thickest = max((slab for _, slab in slabs), key=lambda slab: len(slab))
    kept = {}
    with torch.autograd.graph.saved_tensors_hooks(
        lambda t: kept.setdefault(t.untyped_storage().data_ptr(), t) is None or t, lambda t: t
    ):
        model.heads_on_lattice(thickest)
    own = {p.data_ptr() for p in model.parameters()}
    assert sum(t.untyped_storage().nbytes() for at, t in kept.items() if at not in own) <= 1.05 * gib * 2**30


@pytest.mark.parametrize("shape", [(60, 50), (7, 900), (40, 30, 20), (1, 64)], ids=str)
@pytest.mark.parametrize("name", ["GAPlane", "Siren", "Wire"])
def test_memory_is_foretold_from_thin_slabs(monkeypatch, name, shape):
    monkeypatch.setattr(slabs_module, "PROBE_POINTS", 100)
    lattice = Lattice.regular(shape)
    model = building.build(name, lattice, budget=3000)
    fixed, each = memory(model, lattice)
    assert bytes_kept(model, lattice) == pytest.approx(fixed + each * len(lattice), rel=0.1)


def test_a_point_takes_at_least_its_answer_where_autograd_keeps_the_same_for_any_slab():
    class Shared(Slope):
        def forward(self, x):
            return torch.exp(self.value.expand(10_000)).mean().expand(len(x), self.channels)

    lattice = Lattice.regular((200, 10))
    assert memory(Shared(None, lattice, 3, 1), lattice) == (40_000 - 12 * 1000, 12)


@pytest.mark.parametrize("asked_in", ["training", "evaluation"])
def test_memory_is_that_of_training_and_asking_changes_nothing(asked_in):
    """Dropout keeps its mask and its answer while it trains, and nothing in evaluation."""
    lattice = Lattice.regular((30, 20))
    model = Loose(None, lattice, 1, 16).train(asked_in == "training")
    model.initialise(torch.Generator().manual_seed(0))
    state, drawn = {name: value.clone() for name, value in model.state_dict().items()}, torch.get_rng_state()
    found = bytes_kept(model, lattice)
    assert model.training == model.drop.training == (asked_in == "training")
    assert torch.equal(torch.get_rng_state(), drawn)
    assert all(torch.equal(value, state[name]) for name, value in model.state_dict().items())
    kept = {}
    with torch.autograd.graph.saved_tensors_hooks(
        lambda t: kept.setdefault(t.untyped_storage().data_ptr(), t) is None or t, lambda t: t
    ):
        model.train().heads_on_lattice(lattice)
    own = {p.data_ptr() for p in model.parameters()}
    assert found == sum(t.untyped_storage().nbytes() for at, t in kept.items() if at not in own)


@pytest.mark.parametrize(("name", "backend"), [("Siren", "inductor"), ("FourFeat", "triton")])
def test_nothing_is_compiled_to_foretell_memory(name, backend):
    """FourFeat's table, too, which is compiled where the rest has kernels."""
    lattice = Lattice.regular((40, 30))
    model = building.build(name, lattice, size=2)
    plain = memory(model, lattice)
    torch._dynamo.reset()
    torch._dynamo.utils.counters.clear()
    model.backend = backend
    assert memory(model, lattice) == plain
    assert not torch._dynamo.utils.counters


def test_memory_is_measured_once_for_models_of_one_form(build, monkeypatch):
    found, lattice = [], Lattice.regular((37, 23))
    monkeypatch.setattr(slabs_module, "memory", lambda model, lattice: found.append(model) or (2.0**29, 1000.0))
    monkeypatch.setattr(slabs_module, "_measured", {})
    first = build("Siren")
    for model, on, precision in (
        (first, lattice, "fp32"),
        (build("Siren"), Lattice.regular((37, 23)), "fp32"),
        (first, lattice, "bf16"),
        (first, Lattice.regular((37, 24)), "fp32"),
        (build("Siren", channels=3), lattice, "fp32"),
        (build("Wire"), lattice, "fp32"),
    ):
        assert slabs_module.points_at_once(model, on, 1.0, precision) == 2**29 // 1000
    assert len(found) == 5, "the second is of the first one's form"


def test_what_trains_in_bf16_is_evaluated_in_slabs_that_float32_has_room_for(build):
    model, task = build("Siren"), make_task(Lattice.regular((400, 50)))
    exact, half = (LatticeGradient(model, task, schedule(precision=p, activation_gib=0.001)) for p in ("fp32", "bf16"))
    assert len(half.slabs) < len(exact.slabs)
    assert len(half.evaluated_slabs) == len(exact.evaluated_slabs) == len(exact.slabs)


def test_a_model_for_lattices_alone_is_never_cut():
    model = building.build("GSplat", (8, 8), size=2)
    ((part, slab),) = make_slabs(model, model.lattice, THIN)
    assert part == slice(None)
    assert slab is model.lattice
