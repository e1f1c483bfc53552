"""The hash grid on coordinates that its encoding is not made for: one model at other places."""

from pathlib import Path

import torch

import models
from harness.plan.config import load_config
from harness.plan.model_settings import model_settings
from target_signals import Lattice
from tests import own_files

FILE = Path(__file__).resolve().parents[2] / "benchmarks" / "unshifted_hash_grid.py"


def test_it_is_the_hash_grid_where_its_encoding_gets_the_coordinates_themselves():
    lattice, config = Lattice.regular((12, 10)), load_config()
    with own_files.forgotten():
        models.registry.load_file(FILE)
        built = []
        for name in ("Instant_NGP", "UnshiftedHashGrid"):
            cls, settings = models.get_model(name), model_settings(config, name, "synthetic", 10_000)
            model = cls(settings, lattice, 3, cls.solve_size(settings, lattice, 3, 10_000))
            model.initialise(torch.Generator().manual_seed(1))
            built.append(model)
    own, theirs = built
    assert vars(own.config) == vars(theirs.config)
    points = lattice.points("cpu")
    torch.testing.assert_close(theirs(points), own(2 * points - 1))
    torch.testing.assert_close(theirs.on_lattice(lattice).reshape(-1, 3), theirs(points))
    assert not torch.allclose(theirs.on_lattice(lattice), own.on_lattice(lattice))
