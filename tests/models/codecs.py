"""Answers of the codecs BlockDCT and Wavelet."""

import numpy as np
import torch

from tests.building import build

SHAPES = [(32, 64), (13, 10), (33, 17), (1, 1), (8, 16, 8), (7, 5, 6), (9, 8, 17)]


def random_values(shape, channels, seed=0):
    return np.random.default_rng(seed).random((*shape, channels))


def solved(name, values, kept, **changes):
    """A codec's answer to [*shape, C] with so many coefficients."""
    model = build(name, values.shape[:-1], values.shape[-1], size=kept, kind="image", **changes)
    assert model.solve(model.lattice, torch.from_numpy(values))
    return model.on_lattice(model.lattice).numpy()
