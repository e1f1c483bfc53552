"""Published numbers are checked with the papers' settings, from end to end at a tiny size."""

import re
from unittest import mock

import numpy as np
import pytest
from PIL import Image

import published
from common.exits import EXIT_USAGE
from models.base import Representation


@pytest.fixture
def image(tmp_path):
    values = np.random.RandomState(0).randint(0, 256, (20, 30, 3), dtype=np.uint8)
    Image.fromarray(values).save(tmp_path / "noise.png")
    return str(tmp_path / "noise.png")


def table(capsys):
    """The cells of every line that is a fit's."""
    out = capsys.readouterr().out
    return [re.split(r" *\| *", line.strip("| ")) for line in out.splitlines() if line.startswith("| noise.png")]


@pytest.mark.parametrize("name", published.EXPERIMENTS)
def test_an_experiment_fits_each_of_its_models_with_the_papers_values(name, image, capsys):
    assert published.main([name, "--files", image, "--steps", "1", "--length", "12", "--device", "cpu"]) == 0
    found = table(capsys)
    entries = published.EXPERIMENTS[name].entries
    assert [cells[1] for cells in found] == list(entries)
    assert [cells[2] for cells in found] == [f"{entry.budget:,}" for entry in entries.values()]  # the width is exact
    assert all(cells[6] == "1" and float(cells[4]) > 0 for cells in found)


def test_scores_of_an_image_from_minus_one_to_one_are_those_of_zero_to_one(image, capsys, monkeypatch):
    monkeypatch.setattr(Representation, "on_lattice", lambda self, lattice: self.output.bias.expand(*lattice.shape, 3))
    published.main(["finer", "--only", "Finer", "--files", image, "--steps", "1", "--device", "cpu"])
    values = np.asarray(Image.open(image)) / 255
    about = -10 * np.log10(np.square(values - 0.5).mean())  # the output's bias is near 0, the middle
    assert float(table(capsys)[0][4]) == pytest.approx(about, abs=0.05)


def test_a_model_that_an_experiment_lacks_is_one_line(image, capsys):
    assert published.main(["finer", "--only", "Sinc", "--files", image, "--device", "cpu"]) == EXIT_USAGE
    assert capsys.readouterr().err == "error: finer has no 'Sinc'; it has Finer, Siren, Gauss, Wire\n"


def test_a_fit_that_diverges_is_a_line_and_in_no_mean(image, capsys):
    entries = {"Finer": published.Entry("Finer", published.NETWORK, {"lr": 1e30})}
    with mock.patch.dict(published.EXPERIMENTS, finer=published.Experiment(entries, 3, None, zero_mean=True)):
        assert published.main(["finer", "--files", image, "--length", "12", "--device", "cpu"]) == 0
    out = capsys.readouterr().out
    assert "| diverged |" in out
    assert "images" not in out
