"""The page's data: short columns, lines, ranks and who is best."""

import json
import math

import numpy as np
import pytest
from scipy import stats

from harness.analysis.experiments import experiments
from harness.report.compact import pooled, rounded
from harness.report.payload import build
from harness.store.scan import gather


def built(folder, config):
    found = gather(folder)
    return build(found, experiments(found.rows, config.protocol.order, config), config)


@pytest.mark.parametrize(
    ("value", "short"),
    [(1 / 3, 0.333333), (123456.789, 123457), (5, 5), (None, None), (math.nan, None), (2.0, 2), (1e-9, 1e-9)],
)
def test_numbers_are_short(value, short):
    assert rounded(value) == short
    assert json.loads(json.dumps(rounded(value))) == short


def test_texts_stand_once():
    assert pooled(["a", None, "b", "a"]) == {"pool": ["a", "b"], "at": [0, -1, 1, 0]}


def test_the_payload_has_every_row_and_every_gap(store, make_row, config):
    rows = [make_row(model=model, seed=seed) for model in ("Siren", "Grid") for seed in (1, 2)][:3]
    older = make_row(model="Siren", seed=1, psnr=1.0, started="2020-01-01T00:00:00.000+00:00")
    data = built(store([*rows, older]), config)
    assert data["rows"] == 5
    statuses = data["columns"]["status"]
    assert sorted(statuses["pool"][place] for place in statuses["at"]) == ["missing", "ok", "ok", "ok", "older"]
    assert data["models"] == ["Siren", "Grid"]
    assert data["tasks"] == {"fit": {"title": "fit", "paper_suffix": ""}}
    assert "lpips" not in data["columns"]  # no row has it
    assert data["columns"]["curve_psnr"].count([10]) == 4
    json.dumps(data, allow_nan=False)


def test_tasks_are_told_to_the_page(store, make_row, config):
    names = ("super_resolution", "denoise_0.1", "own_0.5")
    tasks = built(store([make_row(task=name) for name in names]), config)["tasks"]
    assert tasks["super_resolution"] == {"title": "super-resolution", "paper_suffix": "_paper"}
    assert tasks["denoise_0.1"] == {"title": "denoise σ = 0.1", "paper_suffix": ""}
    assert tasks["own_0.5"] == {"title": "own 0.5", "paper_suffix": ""}


def only(rows, config, store):
    """The payload's one experiment, and its lines by model, budget, band and item."""
    data = built(store(rows), config)
    (experiment,) = data["experiments"]
    columns, bands, items = experiment["lines"], ["", *experiment["bands"]], ["", *experiment["items"]]
    keys = zip(columns["model"], columns["size"], columns["band"], columns["item"], strict=True)
    at = {(data["models"][m], size, bands[b], items[i]): n for n, (m, size, b, i) in enumerate(keys)}
    return data, experiment, at


def test_lines_are_those_of_the_rows(make_row, config, store):
    rng = np.random.default_rng(0)
    models, sizes, bands, seeds = ("Grid", "Siren", "Wire"), (10, 20), (0.1, 0.5, 0.9), (1, 2, 3)
    rows = [
        make_row(model=model, size=size, bandlimit=band, seed=seed, psnr=20 + size + i + rng.normal(0, 0.1))
        for i, model in enumerate(models)
        for size in sizes
        for band in bands
        for seed in seeds
    ]
    data, experiment, at = only(rows, config, store)
    assert len(at) == len(experiment["lines"]["model"]) == 3 * 2 * 4
    psnr = {key: experiment["scores"]["psnr"][key] for key in ("mean", "rank", "best", "baseline")}
    own = {m: [row["psnr"] for row in rows if (row["model"], row["size"]) == (m, 20)] for m in models}
    grid, wire = at["Grid", 20, "", ""], at["Wire", 20, "", ""]
    assert psnr["mean"][wire] == pytest.approx(np.mean(own["Wire"]) - 9.3, rel=1e-4)
    assert (psnr["rank"][grid], psnr["rank"][wire], psnr["best"][wire]) == (3, 1, None)
    by_seed = np.subtract(own["Grid"], own["Wire"]).reshape(3, 3).mean(axis=0)
    difference, reach, p = psnr["best"][grid]
    expected = stats.ttest_1samp(by_seed, 0)
    assert difference == pytest.approx(by_seed.mean(), rel=1e-3)
    assert difference + reach == pytest.approx(expected.confidence_interval(0.95).high, rel=1e-2)
    assert p == pytest.approx(3 * expected.pvalue, rel=1e-2)  # of three models, the first of three pairs
    assert psnr["baseline"][wire][0] == pytest.approx(-difference)
    assert experiment["best"]["psnr"]["0.5"]["10"]["model"] == "Wire"
    assert experiment["led"] == {"places": 6, "aside": 0, "best": [["Wire", 6, 6]], "yardsticks": []}
    assert (experiment["ranks"], data["across"]) == ({}, [])


def test_less_is_better_keeps_its_sign(make_row, config, store):
    rows = [make_row(model=m, seed=s, lpips=v + s / 100) for m, v in (("Grid", 0.3), ("Siren", 0.5)) for s in (1, 2, 3)]
    rows[0]["lpips"] = 0.32
    _, experiment, at = only(rows, config, store)
    lpips, siren = experiment["scores"]["lpips"], at["Siren", 2500, "0.5", ""]
    assert lpips["rank"][siren] == 2
    assert lpips["best"][siren][0] == lpips["baseline"][siren][0] == pytest.approx(0.59 / 3, rel=1e-4)  # greater: worse


def test_a_failure_ranks_last_and_the_unsupported_not_at_all(make_row, config, store):
    rows = [
        make_row(model=model, item=item, psnr=psnr)
        for model, psnr in (("Grid", 10.0), ("Siren", 30.0), ("Wire", 20.0), ("GSplat", None), ("Wavelet", 90.0))
        for item in ("a", "b")
    ]
    for row in rows:
        row |= {"status": "unsupported"} if row["model"] == "GSplat" else {}
        row |= {"label": "classical"} if row["model"] == "Wavelet" else {}
    rows[3] |= {"status": "diverged", "psnr": None}  # Siren at b
    _, experiment, at = only(rows, config, store)
    ranks = experiment["ranks"]["psnr"]["2500"]
    assert dict(zip(ranks["models"], ranks["average"], strict=True)) == {"Grid": 2.5, "Siren": 2, "Wire": 1.5}
    assert (ranks["sets"], ranks["tells"]) == (2, False)
    scored = {model: experiment["scores"]["psnr"]["rank"][at[model, 2500, "0.5", ""]] for model in ("Wire", "Siren")}
    assert scored == {"Wire": 1, "Siren": None}
    assert experiment["best"]["psnr"]["0.5"]["2500"]["left_out"] == ["does not compete: Siren (1 failed of 2 runs)"]
    assert experiment["best"]["psnr"]["0.5"]["2500"]["yardstick"] == "Wavelet"


def test_rings_have_lines_and_are_no_data_sets(make_row, config, store):
    rows = [
        make_row(model=model, bandlimit=None, seed=seed, psnr=20.0, psnr_rings=[10.0 + i, 20.0 - i, 30.0])
        for i, model in enumerate(("Grid", "Siren", "Wire"))
        for seed in (1, 2)
    ]
    data, experiment, at = only(rows, config, store)
    assert experiment["bands"] == ["0.1", "0.2", "0.3", "whole"]
    assert experiment["scores"]["psnr"]["mean"][at["Siren", 2500, "0.2", ""]] == 19.0
    assert ("Siren", 2500, "", "") not in at  # no mean over rings
    assert (experiment["led"]["places"], experiment["ranks"], data["across"]) == (1, {}, [])


def test_rings_of_a_signal_with_bands_leave_no_whole_to_count(make_row, config, store):
    _, experiment, _ = only([make_row(psnr_rings=[10.0, 20.0])], config, store)  # of nobody's making but a stranger's
    assert (experiment["bands"], experiment["led"]["places"]) == (["0.1", "0.2", "0.5"], 0)


def test_constant_bands_are_one(make_row, config, store):
    rows = [
        make_row(model=model, bandlimit=band, psnr=psnr, psnr_constant=160.0 if band < 0.5 else 9.3)
        for model, flat, fine in (("Grid", 100.0, 20.0), ("Siren", 90.0, 25.0))
        for band, psnr in ((0.1, flat), (0.2, flat), (0.3, flat), (0.5, fine), (0.7, fine))
    ]
    _, experiment, at = only(rows, config, store)
    assert experiment["led"]["best"] == [["Siren", 2, 0], ["Grid", 1, 0]]
    assert experiment["scores"]["psnr"]["mean"][at["Siren", 2500, "", ""]] == pytest.approx(25 - 9.3)


def test_signals_are_ranked_once_each(make_row, config, store):
    rows = [
        make_row(signal=signal, model=model, bandlimit=band, task=task, psnr=20.0 + i * (1 if signal != "C" else -1))
        for signal in ("A", "B", "C")
        for band in (0.1, 0.5)
        for task in ("fit", "super_resolution")
        for i, model in enumerate(("Grid", "Siren", "Wire"))
    ]
    (group,) = built(store(rows), config)["across"]
    ranks = group["ranks"]["2500"]
    assert (ranks["sets"], ranks["of"]) == (3, 3)
    by_model = dict(zip(ranks["models"], ranks["average"], strict=True))
    assert by_model == pytest.approx({"Grid": 7 / 3, "Siren": 2, "Wire": 5 / 3}, rel=1e-3)
