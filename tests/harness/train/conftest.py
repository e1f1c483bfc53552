"""Fixtures of the tests of training."""

import dataclasses

import pytest
from torch import nn

import models
from common.lattice import Lattice
from harness.plan.model_settings import model_settings
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
def build(config):
    """A model of about 1500 values, with its initial values."""

    def make(name, dim=2, channels=1, seed=0):
        settings = model_settings(config, name, "synthetic", 10_000)
        if name == "FourFeat":
            settings = dataclasses.replace(settings, frequencies=20)
        if name == "Grid_TV":  # strong enough to be seen
            settings = dataclasses.replace(settings, tv_weight=0.5)
        cls, lattice = models.get_model(name), Lattice.regular(SHAPES[dim])
        model = cls(settings, lattice, channels, cls.solve_size(settings, lattice, channels, 3000))
        model.initialise(generator(seed))
        if name in ("Grid", "Grid_TV"):  # nodes start equal; differing ones have a slope
            nn.init.uniform_(model.values, generator=generator(seed))
        return model

    return make
