"""What BlockDCT and Wavelet share: what they store, and which lattices, tasks and precisions they take."""

import numpy as np
import pytest
import torch

import models
from common.needs import Needs
from target_signals import Lattice
from tests.building import build, settings_of
from tests.models.codecs import SHAPES, random_values, solved

pytestmark = pytest.mark.parametrize("name", ["BlockDCT", "Wavelet"])


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("shape", SHAPES)
def test_with_every_coefficient_nothing_is_lost(name, shape, channels):
    values = random_values(shape, channels)
    np.testing.assert_allclose(solved(name, values, 10**6), values, atol={"BlockDCT": 1e-6, "Wavelet": 2e-6}[name])


def test_an_index_and_a_value_count_as_one_each(name):
    cls, config, lattice = models.get_model(name), settings_of(name, "image", 1000), Lattice.regular((64, 64))
    assert cls.solve_size(config, lattice, 1, 1000) == cls.solve_size(config, lattice, 3, 1001) == 500
    model = build(name, lattice, 3, size=500)
    assert model.count_values() == 1000
    assert sum(value.numel() for value in model.state_dict().values()) == 1000
    assert cls.solve_size(config, lattice, 1, 2) == 1
    assert cls.solve_size(config, lattice, 1, 1) is None
    assert cls.solve_size(config, lattice, 1, 10**9) == 64 * 64
    assert cls.solve_size(config, lattice, 3, 10**9) == 3 * 64 * 64


@pytest.mark.parametrize("shape", [(20, 12), (7, 5, 6)])
def test_the_state_alone_rebuilds_the_answer(name, shape):
    model, twin = (build(name, shape, 3, size=40) for _ in range(2))
    model.solve(model.lattice, torch.rand(*shape, 3, generator=torch.Generator().manual_seed(0)))
    twin.load_state_dict(model.state_dict())
    for lattice in (twin.lattice, Lattice.regular(shape)):  # another object
        assert torch.equal(twin.on_lattice(lattice), model.on_lattice(model.lattice))


def test_another_lattice_is_refused(name):
    model = build(name, (20, 12), size=40)
    first, second = model.lattice.axes
    message = rf"^{name} has values on its training lattice of 20×12 samples alone, .* another one of "
    for other in (Lattice.regular((80, 48)), Lattice((first + 0.01, second))):
        with pytest.raises(ValueError, match=message):
            model.on_lattice(other)
        with pytest.raises(ValueError, match=message):
            model.solve(other, torch.zeros(*other.shape, 1))


def test_it_takes_tasks_on_the_signals_own_samples(name):
    cls = models.get_model(name)
    assert cls.unsupported(2, 3, Needs()) is cls.unsupported(3, 1, Needs()) is None
    assert "nowhere between" in cls.unsupported(2, 3, Needs(off_lattice=True))
    assert "observed one by one" in cls.unsupported(2, 1, Needs(pointwise=False))


def test_before_it_is_solved_it_is_zero_and_reduced_precision_changes_nothing(name):
    model = build(name, (20, 12), 3, size=40)
    assert (model.on_lattice(model.lattice) == 0).all()
    model.solve(model.lattice, torch.rand(20, 12, 3, generator=torch.Generator().manual_seed(0)))
    exact = model.on_lattice(model.lattice)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(model.on_lattice(model.lattice), exact)
    assert exact.dtype == torch.float32
