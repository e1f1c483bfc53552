"""Fixtures of the tests of training."""

import pytest
from torch import nn

import models
from common.lattice import Lattice
from tests import building
from tests.harness.train.toys import SHAPES, Odd, generator


@pytest.fixture
def registered(monkeypatch):
    """Put a class into the registry for one test."""
    return lambda cls: monkeypatch.setitem(models.registry._classes, cls.name, cls)


@pytest.fixture
def one_of_its_own(registered):
    """A model of a person's own file, with its initial values, of which no seed is known."""
    registered(Odd)
    model = Odd(Odd.Config(), Lattice.regular(SHAPES[2]), 1, 30)
    model.initialise(generator(0))
    return model


@pytest.fixture
def build():
    """A model of about 1500 values, with its initial values."""

    def make(name, dim=2, channels=1, seed=0):
        changes = {"FourFeat": {"frequencies": 20}, "Grid_TV": {"tv_weight": 0.5}}.get(name, {})  # enough to be seen
        model = building.build(name, SHAPES[dim], channels, budget=3000, seed=seed, **changes)
        if name in ("Grid", "Grid_TV"):  # nodes start equal; differing ones have a slope
            nn.init.uniform_(model.values, generator=generator(seed))
        return model

    return make
