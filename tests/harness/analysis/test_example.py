"""From rows to pictures: the files of a row, the target built again, and which draw is shown."""

import dataclasses
import re

import numpy as np
import pandas as pd
import pytest
import torch

import target_signals
from common.errors import UsageError
from common.files import ROOT
from harness.analysis import example
from harness.analysis.target import rebuild
from harness.figures import draw_figures
from harness.figures.reconstructions import pages
from harness.store.names import array_path, folder_of, key_of
from harness.store.residual import load_residual
from harness.store.store import Store
from harness.store.table import load, load_rows
from harness.train.run_trial import run_trial
from target_signals import Signal
from target_signals.base import SignalFamily
from tests import documents
from tests.harness.paper_rows import keep
from tests.harness.tables import comparison_of, rows_of

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def family():
    """A family of photographs, which are drawn at random here, for the time of these tests."""

    class Photographs(SignalFamily):
        name = "Photographs"
        dims = (2,)
        bands = False
        kind = "image"

        @classmethod
        def build(cls, dim, length, bandlimit, seed):
            shape = (length, length + 5, 3)
            return Signal(np.random.default_rng(seed).uniform(size=shape).astype(np.float32), dim, cls.kind)

    target_signals.registry.names()
    target_signals.registry._classes[Photographs.name] = Photographs
    yield Photographs.name
    del target_signals.registry._classes[Photographs.name]


@pytest.fixture
def run(make_trial, tmp_path):
    """Run small trials into a store; returns its folder."""

    def execute(*trials):
        for trial in trials:
            (result,) = run_trial(trial, CPU)
            keep(tmp_path, result.row, result.residual)
        return tmp_path

    return execute


def shown(out, **chosen):
    table = load(out)
    for column, value in chosen.items():
        table = table[table[column] == value]
    comparison = comparison_of(table)
    return example.choose(comparison.of_fits(), out)


def test_a_row_of_a_loaded_table_names_its_files(make_trial, run):
    trials = [make_trial("Grid"), make_trial("Grid", signal="StarTarget"), make_trial("Grid", dim=3, bandlimit=0.9)]
    out = run(*trials)
    table = load(out)  # bands of some and none of others, so columns of mixed types
    keys = {key_of(row) for row in table.to_dict("records")}
    assert keys == {trial.key for trial in trials}
    assert {folder_of(row) for row in table.to_dict("records")} == {trial.folder for trial in trials}
    assert all(array_path(out, row).is_file() for row in table.to_dict("records"))


def test_keys_tell_items_tasks_and_lengths_apart(make_row):
    row = make_row(item="a b.png", task="denoise_0.1", length=None)
    assert folder_of(row) == "2d_Sierpinski_denoise_0.1"
    assert key_of(row).startswith("Grid_2500_a-b.png_band0.5_seed1234_")
    others = [row, row | {"item": "a-b.png"}, row | {"task": "fit"}, row | {"length": 24}, row | {"bandlimit": None}]
    assert len({key_of(other) for other in others}) == 5
    mixed = pd.DataFrame([make_row(length=24, item=None), make_row(length=None, item="x")]).to_dict("records")[0]
    assert key_of(mixed) == key_of(make_row(length=24, item=None))


NAMES = ["../../x", "/etc/x", "..", "a/b", "a\\b", "a\0b", "x" * 5000, "é" * 300, "."]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("column", ["signal", "task", "model", "item"])
def test_names_from_other_people_stay_in_the_folder(tmp_path, make_row, column, name):
    row = make_row(**{column: name})
    path = array_path(tmp_path, row)
    assert path.resolve().relative_to(tmp_path.resolve()).parts[1:] == ("arrays", path.name)
    assert len(path.relative_to(tmp_path).parts) == 3
    assert max(len(part.encode()) for part in path.parts) < 250
    assert not path.exists()  # and so the system takes the name


@pytest.mark.parametrize("dim", [2, 3])
def test_truth_and_residual_give_the_prediction_that_was_scored(make_trial, run, dim):
    out = run(make_trial("Grid", dim=dim, steps=20))
    (row,) = load(out).to_dict("records")
    found = rebuild(row)
    prediction = found.truth + load_residual(array_path(out, row))
    assert row["psnr"] == pytest.approx(-10 * np.log10(np.mean((prediction - found.truth) ** 2)), abs=0.01)
    assert found.truth is rebuild(row).truth  # built once
    assert found.observe(prediction) == pytest.approx(prediction)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"shape": [30, 30, 1]}, "its shape is .* now, and was .* when it was scored"),
        ({"shape": None}, "its row does not say its shape"),
        ({"psnr_constant": None}, "its row does not say its shape or the score of its mean"),
        ({"psnr_constant": 3.0}, "its values differ from those that were scored"),
        ({"psnr_constant": 99.0}, "its values differ from those that were scored"),
        ({"signal": "Unheard"}, "unknown signal 'Unheard'"),
    ],
)
def test_a_target_that_cannot_be_the_one_is_refused(make_trial, run, changes, says):
    (row,) = load(run(make_trial("Grid"))).to_dict("records")
    with pytest.raises(UsageError, match=says):
        rebuild(row | changes)


def test_a_target_whose_data_are_gone_is_refused(make_trial, run, monkeypatch):
    def gone(*_):
        raise FileNotFoundError("no such file")

    (row,) = load(run(make_trial("Grid", seed=77))).to_dict("records")
    monkeypatch.setattr(target_signals, "get_signal", gone)
    with pytest.raises(UsageError, match="its data cannot be read: no such file"):
        rebuild(row)


def test_the_middle_band_and_the_first_seed_are_shown(make_trial, run):
    trials = [make_trial("Grid", bandlimit=band, seed=seed) for band in (0.2, 0.5, 0.8) for seed in (1, 2)]
    found = shown(run(*trials))
    assert (found.band, found.draw.seed) == (0.5, 1)
    assert found.notes() == ["shown: the middle one of 3 bands, the first of 2 seeds"]
    assert (found.models, found.sizes) == (("Grid",), (2500,))


def test_of_two_bands_the_higher_is_shown(make_trial, run):
    found = shown(run(*(make_trial("Grid", bandlimit=band) for band in (0.2, 0.8))))
    assert found.band == 0.8
    assert found.notes() == ["shown: the higher of 2 bands"]


def test_the_draw_with_the_most_residuals_is_shown(make_trial, run):
    trials = [make_trial("Grid", seed=1), make_trial("Grid", seed=2), make_trial("Siren", seed=1)]
    out = run(*trials, make_trial("Siren", seed=2))
    Store(out, trials[2].folder).array_path(trials[2].key).unlink()
    found = shown(out)
    assert found.draw.seed == 2
    assert found.notes() == ["shown: the draw with the most residuals"]


def test_without_residuals_nothing_is_shown_and_that_is_said(make_trial, run):
    trial = make_trial("Grid")
    out = run(trial)
    Store(out, trial.folder).array_path(trial.key).unlink()
    assert shown(out) is None
    table = load(out)
    assert any("no residual was kept" in line for line in draw_figures.missing(rows_of(table), out_folder=out))
    assert not any("residual" in line for line in draw_figures.missing(rows_of(table)))
    assert not [
        path for path in draw_figures.draw(rows_of(table), out) if path.stem.startswith(("reconstructions", "error"))
    ]


@pytest.mark.parametrize("content", [b"", b"no array", None])
def test_a_broken_residual_is_passed_over_and_that_is_said(make_trial, run, content):
    whole, broken = make_trial("Grid"), make_trial("Siren")
    out = run(whole, broken)
    path = Store(out, broken.folder).array_path(broken.key)
    if content is None:  # of another shape
        np.savez(path, residual=np.zeros((3, 3, 1), np.float16), scale=np.float32(1))
    else:
        path.write_bytes(content)
    found = shown(out)
    assert found.residual("Siren", 2500) is None
    assert (
        found.flaw("Siren", 2500) == "it is not the file that the row names by its SHA-256: damaged, or another row's"
    )
    assert found.flaw("Grid", 2500) == ""
    assert found.residual("Grid", 2500).shape == found.target.truth.shape
    table = load(out)
    note = "band 0.5, seed 1234: residuals that cannot be shown: Siren 2,500; of the first: it is not the file"
    assert any(note in line for line in draw_figures.missing(rows_of(table), out_folder=out))
    assert any("residuals that cannot be shown: Siren 2,500" in note for note in pages._notes(found, _faces(found)))
    assert any(path.stem == "reconstructions_1" for path in draw_figures.draw(rows_of(table), out))


def _faces(found):
    return pages.page_sets(found)[0].display


def test_pictures_come_with_the_headline_metric_alone(make_trial, run):
    out = run(make_trial("Grid"))
    names = {
        metric: {path.stem for path in draw_figures.draw(load_rows(out), out, metric=metric)}
        for metric in ("psnr", "ssim")
    }
    assert {"reconstructions_1", "error_spectra"} <= names["psnr"]
    assert not {"reconstructions_1", "error_spectra"} & names["ssim"]


def test_every_figure_is_documented(make_trial, run):
    """In the table of `band_limit_figs/README.md`, where `…` stands for the beginning of a name."""
    out = run(make_trial("Grid"), make_trial("Siren"))
    results = (ROOT / "band_limit_figs" / "README.md").read_text(encoding="utf-8")
    parts = {"<metric>": "psnr", "<n>": "[0-9]+", "…": ".+"}
    names = " ".join(row[0] for row in documents.table("| figure | shows |", results))
    patterns = [re.sub("<metric>|<n>|…", lambda part: parts[part[0]], name) for name in re.findall("`(.+?)`", names)]
    documented = re.compile("|".join(patterns))
    drawn = {path.stem for path in draw_figures.draw(load_rows(out), out)}
    assert len(drawn) > 8
    assert [name for name in sorted(drawn) if not documented.fullmatch(name)] == []


def test_drawing_pictures_again_gives_the_same_bytes(make_trial, run):
    out = run(make_trial("Grid", dim=3))
    paths = [
        path for path in draw_figures.draw(load_rows(out), out) if path.stem.startswith(("reconstructions", "error"))
    ]
    before = [path.read_bytes() for path in paths]
    assert len(paths) == 4
    draw_figures.draw(load_rows(out), out)
    assert [path.read_bytes() for path in paths] == before


def test_colours_and_oblong_shapes_have_pictures_too(make_trial, run, family):
    trial = make_trial("Grid", signal="StarTarget", length=24)
    out = run(dataclasses.replace(trial, signal=family))
    found = shown(out)
    assert found.target.truth.shape == (24, 29, 3)
    assert {path.stem for path in draw_figures.draw(load_rows(out), out)} >= {"reconstructions_1", "error_spectra"}
