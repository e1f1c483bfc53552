"""Models as trials build them: with the settings of hyperparameters.json, and initial values drawn from a seed."""

import dataclasses

import torch

import models
from common.lattice import Lattice
from harness.plan.config import load_config
from harness.plan.model_settings import model_settings

CONFIG = load_config()


def settings_of(name, kind="synthetic", budget=10_000, **changes):
    """The settings of a model for a kind of data at a budget, some of them changed."""
    return dataclasses.replace(model_settings(CONFIG, name, kind, budget), **changes)


def build(name, lattice, channels=1, *, size=None, budget=10_000, kind="synthetic", seed=0, **changes):
    """A model on a lattice, or on the regular one of a shape; without a size, the largest that the budget allows."""
    cls, settings = models.get_model(name), settings_of(name, kind, budget, **changes)
    lattice = lattice if isinstance(lattice, Lattice) else Lattice.regular(lattice)
    model = cls(settings, lattice, channels, size or cls.solve_size(settings, lattice, channels, budget))
    model.initialise(torch.Generator().manual_seed(seed))
    return model
