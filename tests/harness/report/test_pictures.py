"""Thumbnails: what they show, how many there are, and which are made again."""

import base64
import io
import itertools
import json
import math
from collections import Counter

import matplotlib
import numpy as np
import pytest
from PIL import Image

from common.errors import UsageError
from harness.analysis import target
from harness.analysis.experiments import experiments
from harness.report import thumbnail
from harness.report.pictures import pictures
from harness.store.own_signal import keep_signal, signal_path
from harness.store.scan import gather
from harness.store.store import Store
from target_signals.base import Signal


def test_thumbnails_show_truth_reconstruction_and_error(residuals):
    shown = pictures(gather(residuals), experiments(gather(residuals).rows), 5)
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
    every = experiments(found.rows)
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
    chosen = pictures(found, experiments(found.rows), 0.15)
    shares = Counter(name.split("/")[0] for name in chosen.by_row)
    assert shares.keys() == {f"{dim}d_{name}" for name in names for dim in (2, 3)}
    assert max(shares.values()) - min(shares.values()) <= 2  # the models of one band
    assert len(json.dumps(chosen.by_row)) <= 150_000
    assert len(chosen.by_row) < chosen.possible


def test_thumbnails_are_kept_until_the_array_changes(residuals, monkeypatch):
    found = gather(residuals)
    every = experiments(found.rows)
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
    return pictures(found, experiments(found.rows), 5)


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


def test_of_two_channels_the_mean_is_shown():
    truth = np.stack([np.zeros((24, 20)), np.ones((24, 20))], axis=-1)
    made = thumbnail.draw(truth, 0.1 * truth, None)
    shown = np.asarray(Image.open(io.BytesIO(base64.b64decode(made["target"]))).convert("RGB"), float) / 255
    assert np.abs(shown - 0.5).max() < 0.03


def test_thick_slices_are_drawn_thick(tmp_path, make_row):
    np.savez(tmp_path / "a.npz", residual=np.zeros((10, 64, 48, 1), np.float16), scale=np.float32(1))
    row = make_row(signal="SomebodysFile", dim=3, shape=[10, 64, 48, 1], spacing=[4.0, 1.0, 1.0])
    across = [(64, 48), (40, 48), (40, 64)]  # heights and widths of the slices, in the unit of the spacing
    size = [max(wide for _, wide in across), sum(high for high, _ in across) + 2 * thumbnail.GAP]
    assert thumbnail.load_thumbnail(tmp_path / "a.npz", row)["size"] == size


@pytest.mark.parametrize("spacing", [[1.0], [1.0, None], [0.0, 1.0], [1.0, 99.0], [-1.0, 1.0]])
def test_a_strangers_spacing_of_which_no_picture_can_be_made_is_passed_over(tmp_path, make_row, spacing):
    np.savez(tmp_path / "a.npz", residual=np.zeros((30, 40, 1), np.float16), scale=np.float32(1))
    row = make_row(signal="SomebodysFile", shape=[30, 40, 1], spacing=spacing)
    assert thumbnail.load_thumbnail(tmp_path / "a.npz", row)["size"] == [40, 30]


def test_a_strangers_score_of_the_mean_may_be_anything(make_row):
    assert thumbnail.deviation(make_row(psnr_constant=20.0)) == pytest.approx(0.1)
    assert [thumbnail.deviation(make_row(psnr_constant=odd)) for odd in (-1e299, 1e299, None)] == [None] * 3


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
