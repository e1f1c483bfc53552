"""Spectra of errors: the estimate itself, and the page."""

import numpy as np
import pytest
import torch

from harness.analysis import example
from harness.analysis.comparison import comparisons
from harness.analysis.spectrum import radial_spectrum
from harness.figures.spectra import spectrum_page
from harness.store.table import load_rows
from harness.train.run_trial import run_trial
from tests.harness.figures.reading import said
from tests.harness.paper_rows import keep


@pytest.mark.parametrize("shape", [(128, 128, 1), (65, 130, 1), (40, 32, 48, 1), (64, 64, 3)])
def test_white_noise_has_its_variance_at_every_frequency(shape):
    values = np.random.default_rng(0).normal(0.5, 0.3, size=shape)
    frequency, density = radial_spectrum(values)
    assert (np.diff(frequency) > 0).all()
    assert frequency[0] >= 1 / max(shape[:-1]) * 0.99
    assert frequency[-1] <= 0.5
    fine = frequency > 0.1  # shells with many samples
    assert density[fine] == pytest.approx(0.09, rel=0.4)
    assert density[fine].mean() == pytest.approx(0.09, rel=0.1)


def test_a_wave_stands_at_its_frequency():
    x = np.arange(200)
    values = np.cos(2 * np.pi * 0.15 * x)[:, None, None] * np.ones((200, 200, 1))
    frequency, density = radial_spectrum(values)
    assert frequency[density.argmax()] == pytest.approx(0.15, rel=0.1)
    assert density[np.abs(np.log2(frequency / 0.15)) > 0.5].max() < 1e-6 * density.max()


def test_the_mean_does_not_count():
    values = np.random.default_rng(0).uniform(size=(32, 32, 1))
    assert radial_spectrum(values + 100)[1] == pytest.approx(radial_spectrum(values)[1])
    assert radial_spectrum(np.ones((32, 32, 1)))[1] == pytest.approx(0)


@pytest.fixture
def shown(make_trial, tmp_path):
    for model in ("Siren", "Grid"):
        for size in (1000, 2500):
            (result,) = run_trial(make_trial(model, bandlimit=0.7, budget=size), torch.device("cpu"))
            keep(tmp_path, result.row, result.residual)
    (comparison,) = comparisons(load_rows(tmp_path))
    return example.choose(comparison.of_fits(), tmp_path)


def test_a_panel_a_budget_and_a_line_a_model_beside_the_signal(shown, check_page):
    figure = spectrum_page(shown)
    assert [axes.get_title() for axes in figure.axes] == ["1k parameters", "2.5k parameters"]
    for axes, size in zip(figure.axes, (1000, 2500), strict=True):
        lines = {line.get_label(): line for line in axes.lines}
        assert list(lines) == ["signal", "Siren", "Grid"]
        for model in ("Siren", "Grid"):
            frequency, density = radial_spectrum(shown.residual(model, size))
            assert lines[model].get_xdata() == pytest.approx(frequency)
            assert lines[model].get_ydata() == pytest.approx(density)
        assert lines["signal"].get_ydata() == pytest.approx(radial_spectrum(shown.target.truth)[1])
        assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")
        assert axes.get_ylim() == figure.axes[0].get_ylim()
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["Siren", "Grid", "signal"]
    assert "band 0.7, seed 1234: radially averaged power spectrum" in said(figure)
    check_page(figure)


def test_without_the_target_the_errors_stand_alone(shown, check_page):
    object.__setattr__(shown, "target", None)
    object.__setattr__(shown, "reason", "no such file")
    figure = spectrum_page(shown)
    assert [line.get_label() for line in figure.axes[0].lines] == ["Siren", "Grid"]
    assert "the signal is not shown: no such file" in said(figure)
    check_page(figure)


def clear(shown, models):
    """Make the residuals of models those of a perfect fit."""
    for (model, size), path in shown.paths.items():
        if model in models:
            np.savez(path, residual=np.zeros(shown.target.truth.shape, np.float16), scale=np.float32(1))
            shown.row(model, size)["residual_sha256"] = None


def test_a_lossless_model_is_named_and_not_drawn(shown, check_page):
    clear(shown, ["Grid"])
    figure = spectrum_page(shown)
    assert [line.get_label() for line in figure.axes[0].lines] == ["signal", "Siren"]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["Siren", "signal"]
    assert "lossless, with errors below the scale: Grid" in said(figure)
    check_page(figure)


def test_an_error_of_nothing_is_no_mistake(shown):
    clear(shown, ["Siren", "Grid"])
    assert [line.get_label() for line in spectrum_page(shown).axes[0].lines] == ["signal"]
    object.__setattr__(shown, "target", None)
    assert spectrum_page(shown) is None
