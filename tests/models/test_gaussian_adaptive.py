"""GaussianAdaptive: where it starts, how it grows, and that what is not yet seen takes no part."""

import dataclasses

import pytest
import torch

from tests.building import build

SHAPES = [(40, 50), (14, 12, 16)]


def built(shape, size=400, channels=2):
    return build("GaussianAdaptive", shape, channels, size=size)


def box(shape, channels=2):
    """1 inside a box around the middle, 0 outside."""
    target = torch.zeros(*shape, channels)
    target[tuple(slice(n // 4, 3 * n // 4) for n in shape)] = 1.0
    return target


def started(shape, **about):
    model = built(shape, **about)
    model.initialise_from(model.lattice, box(shape), torch.Generator().manual_seed(1))
    return model


def places(model, some):
    return model.means()[some].detach().round().long().clamp(min=0)


@pytest.mark.parametrize("shape", SHAPES)
def test_the_start_lies_where_the_signal_changes(shape):
    model, target = started(shape, size=4000), box(shape)
    assert model.seen == 2000
    slope = torch.stack(torch.gradient(target, dim=list(range(len(shape))))).abs().sum(dim=(0, -1))
    at = places(model, slice(2000))
    shares = [(slope > 0).float().mean().item(), (slope[tuple(at.T)] > 0).float().mean().item()]
    expected = 0.7 + 0.3 * shares[0]  # 30 % are drawn uniformly
    assert shares[1] == pytest.approx(expected, abs=0.03)
    assert shares[0] < 0.6
    with torch.no_grad():
        first = built(shape)
        worse = (first.on_lattice(first.lattice) - target).square().mean()
        assert (model.on_lattice(model.lattice) - target).square().mean() < worse


def test_where_the_slope_is_three_times_as_large_start_three_times_as_many():
    model, steps = built((60, 40), size=4000), torch.tensor([1.0] * 30 + [3.0] * 30)
    target = (steps.cumsum(0) / 120)[:, None, None].expand(60, 40, 2)
    model.initialise_from(model.lattice, target, torch.Generator().manual_seed(1))
    steep = (places(model, slice(2000))[:, 0] >= 30).float().mean().item()
    assert steep == pytest.approx(0.7 * 0.75 + 0.3 * 0.5, abs=0.03)


def test_those_that_join_are_drawn_by_the_squared_error():
    model, residual = started((40, 50), size=4000), torch.ones(40, 50, 2)
    residual[:20] = -3.0
    model.rearrange(10, 100, lambda: residual, torch.Generator().manual_seed(2))
    assert model.seen == 2500
    worse = (places(model, slice(2000, 2500))[:, 0] < 20).float().mean().item()
    assert worse == pytest.approx(9 / 10, abs=0.04)


@pytest.mark.parametrize("shape", [(1, 1), (1, 5), (1, 1, 1)])
def test_axes_of_one_sample_have_no_slope(shape):
    model = built(shape, size=10)
    model.initialise_from(model.lattice, torch.full((*shape, 2), 0.5), torch.Generator().manual_seed(1))
    assert model.seen == 5
    assert torch.isfinite(model.on_lattice(model.lattice)).all()


@pytest.mark.parametrize("shape", SHAPES)
def test_colours_share_the_signal_among_those_that_cover_it(shape):
    """Each takes the value at its sample over the sum of all weights there, where that is more than 1."""
    model, rng = built(shape, size=600), torch.Generator().manual_seed(3)
    target = torch.rand(*shape, 2, generator=rng)
    model.initialise_from(model.lattice, target, rng)
    with torch.no_grad():
        means, factors = model.means()[:300].double(), model.factors()[:300].double()
    sample = (means + 0.5).floor()  # [300, d]
    offsets = torch.linalg.solve_triangular(
        factors, (sample[:, None] - means).permute(1, 2, 0), upper=False
    )  # [Gaussian, d, sample]
    weights = torch.exp(-0.5 * offsets.square().sum(dim=1))
    covered = torch.where(weights > 1 / 255, weights, 0).sum(dim=0)
    assert (covered > 1).float().mean() > 0.5
    expected = target[tuple(sample.long().T)] / covered.clamp(min=1)[:, None]
    torch.testing.assert_close(model.colours[:300].double(), expected.double(), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("shape", SHAPES)
def test_the_half_that_is_seen_first_is_larger_by_the_room_that_it_has(shape):
    """A constant is seen by Gaussians that lie uniformly, each in the room of two."""
    model, d = built(shape, size=2000), len(shape)
    model.initialise_from(model.lattice, torch.full((*shape, 2), 0.5), torch.Generator().manual_seed(1))
    rows, columns = torch.tril_indices(d, d)
    factors = model.cholesky[:1000].detach() + 0.5 * (rows == columns)  # in units; U(½, 3/2) and U(0, 1) for all
    assert factors[:, rows == columns].mean() == pytest.approx(2 ** (1 / d), rel=0.05)
    assert factors[:, rows != columns].mean() == pytest.approx(2 ** (1 / d) / 2, rel=0.05)


@pytest.mark.parametrize("shape", SHAPES)
def test_where_they_lie_densely_they_are_smaller(shape):
    model = started(shape, size=2000)
    slope = torch.stack(torch.gradient(box(shape), dim=list(range(len(shape))))).abs().sum(dim=(0, -1))
    dense = slope[tuple(places(model, slice(1000)).T)] > 0
    deviations = model.factors()[:1000].detach().diagonal(dim1=1, dim2=2).mean(dim=1)
    assert deviations[dense].mean() < 0.8 * deviations[~dense].mean()


def test_none_starts_more_than_four_times_as_large_as_on_average():
    model = built((40, 50), size=4000)
    model.config = dataclasses.replace(model.config, uniform=0.02)  # so that some have the room of a hundred
    model.initialise_from(model.lattice, box((40, 50)), torch.Generator().manual_seed(1))
    diagonal = model.cholesky[:2000, [0, 2]].detach() + 0.5  # U(½, 3/2) times what room there is
    assert 4 < diagonal.max() <= 4 * 1.5


@pytest.mark.parametrize("shape", SHAPES)
def test_what_is_not_seen_takes_no_part_and_does_not_move(shape):
    model = started(shape)
    (model.on_lattice(model.lattice) - box(shape)).square().mean().backward()
    for value in model.parameters():
        assert not value.grad[200:].any()
        assert value.grad[:200].any()


@pytest.mark.parametrize("shape", SHAPES)
def test_it_grows_in_place_to_its_full_number_at_the_largest_errors(shape):
    model, rng = started(shape), torch.Generator().manual_seed(2)
    addresses = [value.data_ptr() for value in model.parameters()]
    residual = torch.zeros(*shape, 2)
    corner = tuple(slice(n // 5) for n in shape)
    residual[corner] = -3.0
    seen = []
    for step in range(1, 100):
        before = {name: value.clone() for name, value in model.state_dict().items()}
        model.rearrange(step, 100, lambda: residual, rng)
        for name, value in model.named_parameters():
            assert torch.equal(value[: before["seen"]], before[name][: before["seen"]]), "what was seen stays"
        seen.append(int(model.seen))
    assert [seen[i - 1] for i in (9, 10, 20, 30, 40, 99)] == [200, 250, 300, 350, 400, 400]
    at = places(model, slice(200, 400))
    assert all(int(at[:, k].max()) <= n // 5 for k, n in enumerate(shape))
    assert (model.colours[200:] < 0).all()
    assert [value.data_ptr() for value in model.parameters()] == addresses
    assert model.count_values() == built(shape).count_values()


def test_the_residual_is_asked_for_where_it_is_needed_alone():
    model = started((20, 20))

    def never():
        raise AssertionError

    for step in (1, 9, 11, 19, 41, 99):
        model.rearrange(step, 100, never, torch.Generator())


@pytest.mark.parametrize("steps", [2, 3, 7])
def test_short_trainings_see_all_of_them(steps):
    model = started((20, 20))
    for step in range(1, steps):
        model.rearrange(step, steps, lambda: torch.ones(20, 20, 2), torch.Generator())
    assert model.seen == 400
