"""The loop against one written by hand, its clock, and its mini-batches."""

import copy

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import harness.train.fit
from common.lattice import Lattice
from harness.train.chunks import split
from harness.train.fit import fit
from harness.train.loss import Batches, LatticeGradient
from target_signals.tasks.metrics import psnr
from tests.harness.train.toys import (
    CPU,
    SHAPES,
    THIN,
    BlockMean,
    assert_close,
    generator,
    gradients,
    loss_by_hand,
    make_task,
    schedule,
)


@pytest.mark.parametrize("name", ["Siren", "Wire", "BACON", "GAPlane", "Grid", "Grid_TV"])
@pytest.mark.parametrize("dim", [2, 3])
def test_full_updates_equal_a_hand_written_loop(build, name, dim):
    model, task = build(name, dim), make_task(Lattice.regular(SHAPES[dim]))
    twin = copy.deepcopy(model)
    result = fit(model, task, schedule(lr=1e-3), generator())

    x, target = task.lattice.points("cpu"), torch.as_tensor(task.target).reshape(len(task.lattice), -1)
    optimiser = torch.optim.Adam(twin.parameters(), lr=1e-3, betas=(0.9, 0.999))
    losses = []
    for _ in range(5):
        optimiser.zero_grad()
        loss_by_hand(twin, x, target).backward()
        optimiser.step()
        losses.append(loss_by_hand(twin, x, target).item())
    assert_close(model.parameters(), twin.parameters())
    assert [point["step"] for point in result.curve] == [1, 2, 4, 5]
    assert [point["loss"] for point in result.curve] == pytest.approx([losses[i] for i in (0, 1, 3, 4)], rel=1e-3)
    assert result.updates == 5
    with torch.no_grad():
        answer = twin(x).reshape(task.target.shape).numpy().clip(0, 1)
    assert result.curve[-1]["psnr"] == pytest.approx(psnr(task.target, answer), abs=1e-3)


def test_minibatches_equal_a_hand_written_loop(build):
    model, task = build("GAPlane"), make_task(Lattice.regular(SHAPES[2]))
    twin = copy.deepcopy(model)
    result = fit(model, task, schedule(steps=3, minibatch=50), generator(7))

    x, target = task.lattice.points("cpu"), torch.as_tensor(task.target).reshape(len(task.lattice), -1)
    optimiser, rng = torch.optim.Adam(twin.parameters(), lr=1e-3), generator(7)
    for _ in range(3):
        order = torch.randperm(120, generator=rng)
        for batch in (order[:50], order[50:100], order[100:]):
            optimiser.zero_grad()
            loss_by_hand(twin, x[batch], target[batch]).backward()
            optimiser.step()
    assert_close(model.parameters(), twin.parameters())
    assert result.updates == 3 * 3


def test_the_penalty_enters_minibatches_too(build):
    model, task = build("Grid_TV"), make_task(Lattice.regular(SHAPES[2]))
    index = Batches(task, 30, CPU, generator()).epoch()[0]
    x, target = task.lattice.points_at(index), torch.from_numpy(task.target).flatten(0, 1)[index]
    LatticeGradient(model, task, schedule(minibatch=30)).compute_at(index)
    (expected,) = torch.autograd.grad(loss_by_hand(model, x, target), [model.values])
    (plain,) = torch.autograd.grad(((model(x) - target) ** 2).mean(), [model.values])
    assert_close([model.values.grad], [expected])
    assert (plain - expected).norm() > 0.01 * expected.norm()


@pytest.mark.parametrize("name", ["Siren", "BACON", "GAPlane", "Grid_TV"])
def test_a_batch_in_parts_has_the_gradient_of_the_whole(build, name):
    """The last part is shorter, several heads count alike, and a penalty counts once."""
    task = make_task(Lattice.regular(SHAPES[2]))
    index = Batches(task, 43, CPU, generator()).epoch()[0]
    found = []
    for gib in (4.0, THIN):
        model, asked = build(name), []
        heads_at = model.heads_at

        def counted(lattice, part, heads_at=heads_at, asked=asked):
            asked.append(len(part))
            return heads_at(lattice, part)

        model.heads_at = counted
        gradient = LatticeGradient(model, task, schedule(minibatch=43, activation_gib=gib))
        loss = gradient.compute_at(index)
        found.append((asked, loss, gradients(model)))
    (asked, loss, whole), (asked_in_parts, loss_of_parts, parts) = found
    assert (asked, asked_in_parts) == ([43], [8, 8, 8, 8, 8, 3])
    torch.testing.assert_close(loss_of_parts, loss, rtol=1e-5, atol=0)
    assert_close(parts, whole)
    x, target = task.lattice.points_at(index), torch.from_numpy(task.target).flatten(0, 1)[index]
    by_hand = loss_by_hand(model, x, target)
    torch.testing.assert_close(loss, by_hand.detach(), rtol=1e-4, atol=0)
    assert_close(whole, torch.autograd.grad(by_hand, list(model.parameters())))


@given(st.integers(1, 500), st.integers(1, 600))
def test_parts_of_a_batch_are_whole_and_equal(length, points):
    """As few as there can be, and each as short as so many can be, but for rows of 8."""
    index = torch.randperm(length)
    parts = split(index, points)
    assert torch.equal(torch.cat(tuple(parts)), index)
    assert all(len(part) == len(parts[0]) and len(part) % 8 == 0 for part in parts[:-1])
    assert 0 < len(parts[-1]) <= len(parts[0])
    assert len(parts[0]) < points + 8
    count = -(-length // points)
    assert len(parts) <= count
    assert len(parts[0]) < length / count + 8


def test_a_batch_that_fits_is_one_part():
    for points in (43, 44, 10_000):
        (part,) = split(torch.arange(43), points)
        assert torch.equal(part, torch.arange(43))
    assert [len(part) for part in split(torch.arange(43), 42)] == [24, 19]


def test_the_penalty_is_part_of_the_loss_that_is_reported(build):
    model, task = build("Grid_TV"), make_task(Lattice.regular(SHAPES[2]))
    loss, error, answer = LatticeGradient(model, task, schedule()).evaluate()
    assert error == pytest.approx(np.square(answer.numpy() - task.target).mean(), rel=1e-4)
    assert loss == pytest.approx(error + model.penalty().item(), rel=1e-5)
    assert loss > 1.0001 * error


def test_an_epoch_has_every_point_once():
    task = make_task(Lattice.regular((7, 9)), channels=2)
    batches = Batches(task, 20, CPU, generator())
    for _ in range(2):
        epoch = batches.epoch()
        assert [len(index) for index in epoch] == [20, 20, 20, 3]
        assert all(torch.equal(index, index.sort().values) for index in epoch)
        found = torch.cat(epoch)
        assert not torch.equal(found, torch.arange(63)), "an epoch must be shuffled"
        assert epoch[0][-1] - epoch[0][0] > 20, "a batch must be drawn from the whole lattice"
        assert torch.equal(found.sort().values, torch.arange(63))


def test_batches_depend_on_the_generator_alone():
    task = make_task(Lattice.regular((7, 9)))

    def draw(seed):
        batches = Batches(task, 20, CPU, generator(seed))
        batches.examples()
        torch.manual_seed(seed + 1)
        return torch.cat([index for _ in range(2) for index in batches.epoch()])

    assert torch.equal(draw(1), draw(1))
    assert not torch.equal(draw(1), draw(2))
    assert not torch.equal(draw(1)[:63], draw(1)[63:]), "every epoch has its own permutation"


@pytest.mark.parametrize(("points", "lengths"), [(20, [20, 3]), (21, [21]), (100, [63])])
def test_the_warm_up_sees_batches_of_every_length_and_draws_nothing(points, lengths):
    rng = generator()
    before = rng.get_state()
    batches = Batches(make_task(Lattice.regular((7, 9))), points, CPU, rng)
    assert [len(index) for index in batches.examples()] == lengths
    assert torch.equal(rng.get_state(), before)
    assert {len(index) for index in batches.epoch()} == set(lengths)


def test_minibatches_need_a_pointwise_operator():
    task = make_task(Lattice.regular((8, 8)), operator=BlockMean())
    with pytest.raises(ValueError, match="mini-batches exist for the identity operator only"):
        Batches(task, 10, CPU, generator())


def test_training_alone_is_timed(build, monkeypatch):
    """On a clock that only work moves: 1 s an update, 1000 s an evaluation, 50 s for making ready."""
    spent = [0.0]
    monkeypatch.setattr(harness.train.fit.time, "perf_counter", lambda: spent[0])

    def costs(name, seconds):
        method = getattr(LatticeGradient, name)

        def timed(self, *arguments):
            spent[0] += seconds
            return method(self, *arguments)

        monkeypatch.setattr(LatticeGradient, name, timed)

    costs("__init__", 50.0)
    costs("compute", 1.0)
    costs("evaluate", 1000.0)
    result = fit(build("Grid"), make_task(Lattice.regular(SHAPES[2])), schedule(steps=7, evaluate_every=3), generator())
    assert result.seconds == 7
    assert [point["seconds"] for point in result.curve] == [1, 3, 6, 7]
