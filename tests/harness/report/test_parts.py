"""What the page is made of: short columns, thumbnails, verdicts, overrides, specifications, and safe markup."""

import base64
import dataclasses
import io
import itertools
import json
import math
import re
import shlex
from collections import Counter
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from PIL import Image
from scipy import stats

from common.errors import UsageError
from harness import __main__ as verbs
from harness.analysis import target
from harness.analysis.experiments import experiments
from harness.analysis.published import beside
from harness.figures import style
from harness.plan.config import load_config
from harness.plan.lookup import resolve_tuned
from harness.plan.tuned import Found
from harness.report import charts, page, thumbnail, write_page
from harness.report.compact import pooled, rounded
from harness.report.looks import looks
from harness.report.overrides import overrides
from harness.report.payload import build
from harness.report.pictures import pictures
from harness.store.own_signal import keep_signal, signal_path
from harness.store.scan import gather
from harness.store.schema import NAMES
from harness.store.store import Store
from target_signals.base import Signal
from tests.harness.page_data import data_of


@pytest.fixture
def residuals(tmp_path, make_row):
    """A store of four trials on a Sierpinski triangle, each off by its number in tenths."""
    out = tmp_path / "out"
    store = Store(out, "2d_Sierpinski")
    store.prepare()
    for number, (model, size) in enumerate([("Grid", 10), ("Grid", 20), ("Siren", 10), ("Siren", 20)], start=1):
        row = dict.fromkeys(NAMES) | make_row(model=model, size=size, length=24, bandlimit=0.5, seed=1234)
        row["psnr_constant"] = target.build(row).constant
        store.write(f"{model}{size}", row, np.full((24, 24, 1), number / 10, np.float32))
    return out


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
    data = build(gather(store([*rows, older])), config)
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
    tasks = build(gather(store([make_row(task=name) for name in names])), config)["tasks"]
    assert tasks["super_resolution"] == {"title": "super-resolution", "paper_suffix": "_paper"}
    assert tasks["denoise_0.1"] == {"title": "denoise σ = 0.1", "paper_suffix": ""}
    assert tasks["own_0.5"] == {"title": "own 0.5", "paper_suffix": ""}


def test_settings_that_the_file_does_not_say_today(config, make_row):
    tuned = make_row(model="Grid_TV", size=100_000, settings={"lr": 0.1, "tv_weight": 5.0})
    today = dict(config.models["Siren"])
    assert overrides(make_row(model="Siren", settings=today), config) is None
    assert overrides(make_row(model="Siren", settings=today | {"lr": 3e-5}), config) == "--set Siren.lr=3e-05"
    assert "--set Grid_TV.tv_weight=5.0" in overrides(tuned, config)
    weights = resolve_tuned(config.models["Grid_TV"], "ct", 100_000, "")
    assert overrides(make_row(model="Grid_TV", size=100_000, settings=weights, task="ct"), config) is None
    assert overrides(make_row(model="Grid_TV", size=100_000, settings=weights), config) is not None
    cosine = make_row(model="Siren", settings=today, lr_schedule="cosine")
    assert shlex.split(overrides(cosine, config)) == ["--set", 'Siren.lr_schedule="cosine"']
    assert overrides(make_row(model="Grid_exact", settings={}, lr_schedule="cosine"), config) is None  # it is solved
    settled = load_config(settings=["Siren.lr_schedule=cosine"])
    assert overrides(cosine, settled) is None
    assert "constant" in overrides(make_row(model="Siren", settings=today, lr_schedule=None), settled)


def test_settings_of_a_tuned_preset_are_those_of_the_search(config, make_row):
    today = dict(config.models["Siren"])
    found = Found({"lr": 3e-4, "lr_schedule": "cosine"}, 10.0, None, 0, 5, 2, ("a",), 3, 1.0, "cpu", "0")
    searched = dataclasses.replace(config, tuned={"paper": {"Siren": {"synthetic": {"2500": found}}}})
    row = make_row(model="Siren", preset="tuned", settings=today | {"lr": 3e-4}, lr_schedule="cosine")
    assert overrides(row, searched) is None
    assert shlex.split(overrides(row | {"lr_schedule": None}, searched)) == ["--set", 'Siren.lr_schedule="constant"']
    assert "Siren.lr=0.0003" in overrides(row, config), "nothing is tuned there"
    assert "Siren.lr=0.0003" in overrides(row | {"preset": "paper"}, searched)


def test_an_optimiser_other_than_the_presets_is_set(config, make_row):
    row = make_row(model="Siren", preset="quick", settings=dict(config.models["Siren"]))
    assert overrides(row | {"optimiser": "muon"}, config) == """--set 'presets.quick.optimiser="muon"'"""
    assert overrides(row | {"optimiser": None}, config) is None
    words = shlex.split(overrides(row | {"optimiser": "muon"}, config))
    assert load_config(settings=words[1:]).preset("quick", "Sierpinski", 2).optimiser == "muon"
    by_muon = row | {"preset": "quick_muon"}
    assert overrides(by_muon | {"optimiser": "muon"}, config) is None
    assert overrides(by_muon, config) == """--set 'presets.quick_muon.optimiser="adam"'"""
    assert overrides(row | {"preset": "somebody's", "optimiser": "muon"}, config) is None
    strange = make_row(model="x; rm -rf /", settings={"a'b": "$(reboot)"})
    assert overrides(strange, config) == "--set " + "'x; rm -rf /.a'\"'\"'b=\"$(reboot)\"'"


def test_thumbnails_show_truth_reconstruction_and_error(residuals):
    shown = pictures(gather(residuals), experiments([s.row for s in gather(residuals).stored]), 5)
    assert shown.possible == 4
    assert set(shown.by_row) == {f"2d_Sierpinski/{name}" for name in ("Grid10", "Grid20", "Siren10", "Siren20")}
    made = shown.by_row["2d_Sierpinski/Siren10"]
    assert (made["slices"], made["size"], made["target"]) == (1, [24, 24], 0)
    assert len(shown.targets) == 1  # all four share it

    def pixels(image):
        return np.asarray(Image.open(io.BytesIO(base64.b64decode(image))).convert("RGB"), float) / 255

    expected = target.build(gather(residuals).stored[0].row).truth
    assert np.abs(pixels(shown.targets[0]).mean() - expected.mean()) < 0.02
    assert np.abs(pixels(made["answer"]).mean() - np.clip(expected + 0.3, 0, 1).mean()) < 0.02
    share = 1 + math.log10(0.3 / made["scale"]) / thumbnail.DECADES
    assert made["scale"] == pytest.approx(expected.std(), rel=1e-3)
    assert np.abs(pixels(made["error"]) - matplotlib.colormaps["inferno"](share)[:3]).max() < 0.03  # all of one colour


def test_a_size_bounds_the_thumbnails(residuals):
    found = gather(residuals)
    every = experiments([stored.row for stored in found.stored])
    assert pictures(found, every, 0).by_row == {}
    few = pictures(found, every, 0.0065)
    assert 0 < len(few.by_row) < 4
    assert sum(len(json.dumps(one)) for one in few.by_row.values()) <= 6_500
    assert few.possible == 4


@pytest.mark.parametrize("typical", [1000, 9000])  # less than they take, and more
def test_every_experiment_has_its_share_of_the_thumbnails(tmp_path, make_row, monkeypatch, typical):
    monkeypatch.setattr("harness.report.pictures.TYPICAL", typical)
    rng = np.random.default_rng(0)
    names = ("AFile", "BFile", "ZFile")  # nobody's signals, so the error stands alone
    for name, dim in itertools.product(names, (2, 3)):
        store = Store(tmp_path, f"{dim}d_{name}")
        store.prepare()
        shape = (64,) * dim
        for model, band in itertools.product(("Grid", "Siren"), (0.1, 0.3, 0.5, 0.7)):
            row = make_row(signal=name, dim=dim, model=model, bandlimit=band, shape=[*shape, 1], length=64)
            store.write(f"{model}{band}", row, rng.normal(size=(*shape, 1)).astype(np.float32))
    found = gather(tmp_path)
    chosen = pictures(found, experiments([stored.row for stored in found.stored]), 0.15)
    shares = Counter(name.split("/")[0] for name in chosen.by_row)
    assert shares.keys() == {f"{dim}d_{name}" for name in names for dim in (2, 3)}
    assert max(shares.values()) - min(shares.values()) <= 2  # the models of one band
    assert len(json.dumps(chosen.by_row)) <= 150_000
    assert len(chosen.by_row) < chosen.possible


def test_thumbnails_are_kept_until_the_array_changes(residuals, monkeypatch):
    found = gather(residuals)
    every = experiments([stored.row for stored in found.stored])
    first = pictures(found, every, 5)
    monkeypatch.setattr(thumbnail, "draw", lambda *given: {"error": "new"})
    assert pictures(found, every, 5) == first
    store = Store(residuals, "2d_Sierpinski")
    store.write("Grid10", store.read("Grid10"), np.ones((24, 24, 1), np.float32))
    found = gather(residuals)
    assert pictures(found, every, 5).by_row["2d_Sierpinski/Grid10"] == {"error": "new"}
    (residuals / "2d_Sierpinski" / "pictures" / "Grid20.json").write_text("[]")
    assert pictures(found, every, 5).by_row["2d_Sierpinski/Grid20"] == {"error": "new"}


def test_a_thumbnail_whose_data_were_absent_is_made_again(residuals, monkeypatch):
    def gone(*given):
        raise UsageError("its data are not here")

    with monkeypatch.context() as absent:
        absent.setattr(target, "rebuild", gone)
        assert not any("target" in picture for picture in shown(residuals).by_row.values())
    assert all("target" in picture for picture in shown(residuals).by_row.values())


def test_a_signal_that_is_another_one_by_now_is_not_shown_as_the_target(residuals):
    for path in (residuals / "2d_Sierpinski" / "rows").glob("*.json"):
        path.write_text(json.dumps(json.loads(path.read_text()) | {"psnr_constant": 8.0}))
    assert not any("target" in picture for picture in shown(residuals).by_row.values())


def shown(out):
    found = gather(out)
    return pictures(found, experiments([stored.row for stored in found.stored]), 5)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04damaged", b"no zip", None])
def test_an_array_that_is_not_its_rows_is_said_to_be_so(residuals, content):
    store = Store(residuals, "2d_Sierpinski")
    others = store.array_path("Grid20").read_bytes()  # of the same shape, and whole
    store.array_path("Grid10").write_bytes(others if content is None else content)
    found = shown(residuals)
    flaw = "it is not the file that the row names by its SHA-256: damaged, or another row's"
    assert found.by_row["2d_Sierpinski/Grid10"] == {"flaw": flaw}
    assert sum("error" in picture for picture in found.by_row.values()) == 3
    assert found.summary() == (
        "Pictures of 3 of the 4 trials that left an array. Arrays that are not their rows': 1; those trials say why."
    )


def test_arrays_of_rows_without_a_checksum_are_shown(residuals):
    for path in (residuals / "2d_Sierpinski" / "rows").glob("*.json"):
        row = json.loads(path.read_text())
        assert len(row.pop("residual_sha256")) == 64
        path.write_text(json.dumps(row))
    assert all("error" in picture for picture in shown(residuals).by_row.values())


def test_a_signal_that_cannot_be_had_again_shows_its_error_alone(tmp_path, make_row):
    np.savez(tmp_path / "a.npz", residual=np.ones((300, 200, 3), np.float16), scale=np.float32(0.5))
    made = thumbnail.load_thumbnail(tmp_path / "a.npz", make_row(signal="SomebodysFile", shape=[300, 200, 3]))
    assert "target" not in made
    assert made["scale"] == pytest.approx(10 ** (-9.3 / 20), rel=1e-3)
    assert (made["size"], "answer" in made, "detail" in made) == ([66, 100], False, False)


def test_a_volume_shows_three_slices(tmp_path, make_row):
    np.savez(tmp_path / "a.npz", residual=np.zeros((40, 150, 30, 1), np.float16), scale=np.float32(1))
    made = thumbnail.load_thumbnail(tmp_path / "a.npz", make_row(signal="SomebodysFile", dim=3, shape=[40, 150, 30, 1]))
    assert ("target" in made, made["slices"], made["size"]) == (False, 3, [50, 50 + 2 + 40 + 2 + 13])


def test_thick_slices_are_drawn_thick(tmp_path, make_row):
    np.savez(tmp_path / "a.npz", residual=np.zeros((10, 64, 48, 1), np.float16), scale=np.float32(1))
    row = make_row(signal="SomebodysFile", dim=3, shape=[10, 64, 48, 1], spacing=[4.0, 1.0, 1.0])
    across = [(64, 48), (40, 48), (40, 64)]  # heights and widths of the slices, in the unit of the spacing
    size = [max(wide for _, wide in across), sum(high for high, _ in across) + 2 * thumbnail.GAP]
    assert thumbnail.load_thumbnail(tmp_path / "a.npz", row)["size"] == size


def test_a_persons_own_picture_is_larger_and_has_a_detail_where_it_varies_most(tmp_path, make_row):
    row = make_row(signal="UserFile", item="a.png-0123abcd", bandlimit=None, length=None, shape=[500, 400, 1])
    values = np.zeros((500, 400), np.float32)
    values[200:280, 250:330] = np.random.default_rng(0).integers(0, 2, (80, 80))
    np.savez(tmp_path / "a.npz", residual=np.full((500, 400, 1), 0.1, np.float16), scale=np.float32(1))
    without = thumbnail.load_thumbnail(tmp_path / "a.npz", row, tmp_path)
    assert ("target" in without, without["size"]) == (False, [200, 250])
    keep_signal(signal_path(tmp_path, row), Signal(values, 2, "image"))
    row["psnr_constant"] = target.build(row, tmp_path).constant
    made = thumbnail.load_thumbnail(tmp_path / "a.npz", row, tmp_path)
    assert made["target"] != made["answer"]
    top, left = made["detail"]["at"]
    assert (top <= 200, top + thumbnail.DETAIL >= 280, left <= 250, left + thumbnail.DETAIL >= 330) == (True,) * 4
    assert made["detail"]["size"] == [thumbnail.DETAIL] * 2


def only(rows, config, store):
    """The payload's one experiment, and its lines by model, budget, band and item."""
    data = build(gather(store(rows)), config)
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
    assert lpips["best"][siren][0] == lpips["baseline"][siren][0] == pytest.approx(0.5967 - 0.4)  # greater: worse


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
    (group,) = build(gather(store(rows)), config)["across"]
    ranks = group["ranks"]["2500"]
    assert (ranks["sets"], ranks["of"]) == (3, 3)
    by_model = dict(zip(ranks["models"], ranks["average"], strict=True))
    assert by_model == pytest.approx({"Grid": 7 / 3, "Siren": 2, "Wire": 5 / 3}, rel=1e-3)


def test_published_tables_of_one_item_name_it(make_row):
    place = {"signal": "Dragon", "dim": 3, "preset": "paper", "size": 10_000, "bandlimit": None, "length": None}
    rows = [make_row(**place, item=item, iou=0.5) for item in ("occupancy", "surface")]
    cells = beside(rows)
    assert [(cell["item"], cell["table"]) for cell in cells] == [
        ("occupancy", "dragon-occupancy-fit"),
        ("surface", "dragon-surface-fit"),
    ]
    images = [make_row(**place | {"signal": "DIV2K", "dim": 2}, item=item, psnr=20.0) for item in ("0064", "0007")]
    (cell,) = beside(images)
    assert (cell["item"], cell["runs"]) == (None, 2)


def test_every_chart_is_a_specification_that_compiles():
    vl_convert = pytest.importorskip("vl_convert", reason="vl-convert is not installed")
    models = [f"m{i}" for i in range(12)]
    row = {
        "model": "m3",
        "size": 10_000,
        "band": "0.1",
        "mean": 20.0,
        "shown": 20.0,
        "low": 19.0,
        "high": 21.0,
        "seconds": 3.0,
    }
    row |= {"shown": 20.0, "trial": "a", "step": 1, "psnr": 10.0, "loss": 0.1}
    for name, spec in charts.specifications(looks(models, ())).items():
        text = json.dumps(spec).replace(f'"{charts.SIZES}"', "[10000, 20000]").replace(f'"{charts.FRAME}"', "[19, 21]")
        filled = json.loads(text) | {"datasets": {"rows": [row, row | {"size": 20_000, "band": "0.5", "step": 2}]}}
        drawn = vl_convert.vegalite_to_svg(filled | {"width": 300})
        assert drawn.count("<path") > 3
        if name in ("size", "band", "seconds"):
            scales = vl_convert.vegalite_to_vega(filled)["scales"]
            (y,) = (scale for scale in scales if scale["name"] == "y")
            assert (y["domain"], y["zero"]) == ([19, 21], False), name
    assert len({(look["colour"], look["path"]) for look in looks(models, ()).values()}) == 12


def test_data_cannot_end_its_element():
    data = {"a": "</script><!--scripts-->"}
    text = page.assemble(data, {"b": "</script><!--"}, b"x", "lib();")
    assert text.count("</script>") == 5
    assert data_of(text) == data
    assert "\\u003c/script\\u003e" in text
    policy = text.split('content="')[1].split('"')[0]
    assert "default-src 'none'" in policy
    assert policy.count("'sha256-") == 2
    assert "unsafe-eval" not in policy


def test_the_verb(residuals, capsys):
    assert verbs.main(["report", "--out", str(residuals), "--pictures", "1"]) == 0
    assert capsys.readouterr().out.startswith(f"wrote {residuals / 'index.html'} (")
    first = (residuals / "index.html").read_text()
    assert write_page.write(residuals) == residuals / "index.html"
    assert (residuals / "index.html").read_text().count('"error"') == first.count('"error"')


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--out", "/absent"], "no folder '/absent'; give the results folder with --out"),
        (["--pictures", "-1"], "--pictures takes 0 to 500 megabytes, got -1"),
        (["--pictures", "nan"], "--pictures takes 0 to 500 megabytes, got nan"),
    ],
)
def test_mistakes_are_one_line(capsys, arguments, says):
    assert verbs.main(["report", *arguments]) == 2
    assert capsys.readouterr().err.startswith(f"error: {says}")


def luminance(colour):
    """Relative, of WCAG 2."""
    parts = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    red, green, blue = (x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4 for x in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("ground", ["page", "card"])
@pytest.mark.parametrize("dark", [False, True])
def test_models_colours_stand_out_on_both_grounds(dark, ground):
    css = (Path(write_page.__file__).parent / "assets" / "style.css").read_text()
    grounds = css[css.index("prefers-color-scheme: dark") :] if dark else css
    behind = luminance(re.search(rf"--{ground}: (#\w+)", grounds)[1])
    for pair in (*style.COLOURS, *style.GREYS):
        least, most = sorted((behind, luminance(pair[dark])))
        assert (most + 0.05) / (least + 0.05) >= 3, pair
