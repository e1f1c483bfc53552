"""The paper's published values: read as they stand, and set beside the right rows."""

import json
import re

import pytest

from harness.analysis import published
from target_signals.div2k import DIV2K


def test_every_table_of_the_file_has_its_experiment():
    data = json.loads(published.FILE.read_text())
    assert set(published.TABLES.values()) == set(data["tables"])


def test_the_grid_of_penalised_tables_is_grid_tv():
    fit = published.table_of("DIV2K", "0064", "fit").scores
    assert fit["Grid", 10_000] == 21.92
    assert ("Grid_TV", 10_000) not in fit
    ct = published.table_of("ChestCT", "slice", "ct").scores
    assert ct["Grid_TV", 100_000] == 41.13
    assert ("Grid", 100_000) not in ct


def test_volumes_have_a_table_an_item():
    assert published.table_of("Dragon", "occupancy", "fit").scores["Siren", 10_000] == 16.72
    assert published.table_of("Dragon", "surface", "super_resolution").metric == "iou"
    assert published.table_of("Solids", "knot_occupancy", "fit") is None
    assert published.table_of("Sierpinski", None, "fit") is None


@pytest.fixture
def rows(make_row, monkeypatch):
    monkeypatch.setattr(DIV2K, "items", ("0064", "0007"))
    common = {"signal": "DIV2K", "preset": "paper", "bandlimit": None, "size": 10_000, "length": None, "steps": 1000}
    return [
        make_row(**common, item="0064", psnr=19.0, psnr_best=20.0),
        make_row(**common, item="0007", psnr=24.0, psnr_best=24.0),
        make_row(**common, item="0064", task="super_resolution", psnr_paper=19.0, psnr_paper_best=19.0),
        make_row(
            **common, item="0064", task="super_resolution", model="Grid_TV", psnr_paper=19.0, psnr_paper_best=19.5
        ),
        make_row(**{**common, "signal": "ChestCT"}, item="slice", task="ct", model="Siren", psnr=20.0, psnr_best=30.0),
        make_row(**common, item="0064", model="Siren", status="diverged", psnr=None),
        make_row(**{**common, "preset": "quick"}, item="0064", model="Wire", psnr=20.0),
        make_row(**{**common, "signal": "Sierpinski"}, psnr=20.0),
    ]


def test_ours_is_the_mean_of_ok_paper_rows_at_the_evaluation_that_was_published(rows):
    ct, fit, sr = published.beside(rows)
    assert (fit.table, fit.model, fit.published) == ("div2k-fit", "Grid", 21.92)
    assert (fit.which, fit.ours, fit.last, fit.runs) == ("best", 22.0, 21.5, 2)
    assert fit.difference == pytest.approx(0.08)
    assert (sr.table, sr.model, sr.published) == ("div2k-sr", "Grid_TV", 19.7)
    assert (sr.which, sr.ours, sr.last) == ("best", 19.5, 19.0)
    assert (sr.difference, sr.items, sr.of) == (None, 1, 2), "one image is no mean over two"
    assert (ct.table, ct.which, ct.ours) == ("ct", "last", 20.0)


def test_the_text_holds_the_numbers(rows):
    text = published.compare(rows)
    assert "beside the paper's table div2k-fit, dB, of the best evaluation; in brackets" in text
    assert "Grid            10,000    21.92 → 22.00  +0.08  [21.50]  (2 runs)" in text
    assert "Grid_TV         10,000    19.70 → 19.50  [19.00]  (1 run, 1 of the 2 items)" in text
    assert re.search(r"Siren           10,000 .* → 20.00  \S+  \(1 run\)$", text, re.M), "CT's are of the last update"
    assert len(text.splitlines()) == 6, "three tables of one cell each"
    assert published.compare(rows[5:]) == ""


def test_ours_is_over_items_as_the_papers_is_however_many_seeds_each_has(rows):
    _, fit, _ = published.beside([*rows, rows[0] | {"seed": 1, "psnr_best": 22.0}])
    assert (fit.ours, fit.runs) == ((21.0 + 24.0) / 2, 3)


@pytest.mark.parametrize("other", [{"length": 24}, {"steps": 5}])
def test_a_smaller_copy_or_a_shorter_fit_is_not_the_papers(rows, other):
    assert published.beside([row | other for row in rows]) == []


def test_of_settings_that_were_changed_the_latest_count(rows):
    again = {"config_hash": "f" * 12, "psnr_best": 30.0, "started": "2026-01-02T00:00:00.000+00:00"}
    _, fit, _ = published.beside([rows[0] | again, *rows])
    assert (fit.ours, fit.runs) == (27.0, 2)


def test_published_tables_of_one_item_name_it(make_row):
    place = {"signal": "Dragon", "dim": 3, "preset": "paper", "size": 10_000, "bandlimit": None}
    place |= {"length": None, "steps": 1000}
    rows = [make_row(**place, item=item, iou=0.5) for item in ("occupancy", "surface")]
    cells = published.beside(rows)
    assert [(cell.item, cell.table) for cell in cells] == [
        ("occupancy", "dragon-occupancy-fit"),
        ("surface", "dragon-surface-fit"),
    ]
    assert cells[0].difference == pytest.approx(cells[0].ours - cells[0].published), "one item is all that it is about"
    finer = make_row(**place, item="surface", task="super_resolution", iou_paper=0.5, iou_paper_best=0.625)
    text = published.compare([finer])
    assert "the paper's table dragon-surface-sr, IoU, of the best" in text
    assert re.search(r" → 0.625  \S\d\.\d{3}  \[0.500\]  \(1 run\)$", text)
    images = [make_row(**place | {"signal": "DIV2K", "dim": 2}, item=item, psnr=20.0) for item in ("0064", "0007")]
    (cell,) = published.beside(images)
    assert (cell.item, cell.runs) == (None, 2)


def test_tables_have_budgets_at_which_every_model_has_a_score_or_failed(make_row, monkeypatch):
    monkeypatch.setattr(published, "TABLES", {("Dragon", "surface", "fit"): "dragon-surface-fit"})
    place = {"signal": "Dragon", "dim": 3, "item": "surface", "preset": "paper", "bandlimit": None, "length": None}

    def row(model, size, status="ok"):
        scores = {"psnr": 20.0, "psnr_best": 21.0} if status == "ok" else {"psnr": None, "psnr_best": None}
        return make_row(**place, steps=1000, model=model, size=size, status=status, **scores)

    rows = [row("Siren", size) for size in (10_000, 30_000, 100_000, 300_000)]
    rows += [row("BACON", 10_000), row("BACON", 30_000, "diverged"), row("BACON", 100_000, "out_of_memory")]
    assert published.tables(rows).splitlines()[2:] == [
        "| published → ours | 10k | 30k | 100k |",
        "|---|--:|--:|--:|",
        "| Siren | 14.60 → **21.00** [20.00] | 15.92 → **21.00** [20.00] | 18.25 → **21.00** [20.00] |",
        "| BACON | 15.83 → **21.00** [20.00] | 17.77 → diverged | 20.48 → out of memory |",
    ]
