"""Rate–distortion curves: Bjøntegaard's differences, codecs' real bytes, and the command that shows both."""

import importlib.util
import io
import re
import sys
import types
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, features

from harness.__main__ import main
from harness.analysis.bits import bjontegaard, codec_points, codecs
from harness.analysis.bits.bjontegaard import Point, front
from harness.analysis.bits.rate_distortion import markdown, rate_distortion
from target_signals.tasks.metrics import psnr

RATES = (0.1, 0.3, 0.5, 1.1, 2.0)


def curve(rates, of):
    return [Point(rate, of(rate)) for rate in rates]


def measured(*points):
    return [point and codecs.Measured(point, (0.25, 0.5)) for point in points]


def logarithmic(rate):
    return 30 + 5 * np.log(rate)


def test_a_constant_shift_is_its_own_difference():
    bent = [20.0, 26.0, 27.0, 31.0, 33.5]
    reference = [Point(*pair) for pair in zip(RATES, bent, strict=True)]
    more = [Point(1.25 * rate, value) for rate, value in reference]
    better = [Point(rate, value + 0.7) for rate, value in reference]
    assert bjontegaard.rate_difference(more, reference) == pytest.approx(0.25, abs=1e-9)
    assert bjontegaard.rate_difference(reference, more) == pytest.approx(-0.2, abs=1e-9)
    assert bjontegaard.psnr_difference(better, reference) == pytest.approx(0.7, abs=1e-9)
    assert bjontegaard.psnr_difference(reference, reference) == 0


def test_it_is_the_mean_over_what_both_cover():
    """Two straight lines over log rate, sampled at other rates, whose difference has a closed form."""
    reference, steeper = curve(RATES, logarithmic), curve((0.2, 0.7, 4.0), lambda rate: 31 + 7 * np.log(rate))
    low, high = np.log(0.2), np.log(2.0)
    assert bjontegaard.psnr_difference(steeper, reference) == pytest.approx(1 + (low + high), abs=1e-9)
    psnrs = np.linspace(max(31 + 7 * low, logarithmic(0.1)), min(31 + 7 * np.log(4), logarithmic(2.0)), 100_001)
    logs = (psnrs - 31) / 7 - (psnrs - 30) / 5
    assert bjontegaard.rate_difference(steeper, reference) == pytest.approx(np.exp(logs.mean()) - 1, abs=1e-6)


def test_curves_that_share_nothing_have_no_difference():
    near, far = curve((0.1, 0.2), logarithmic), curve((1.0, 2.0), logarithmic)
    for difference in (bjontegaard.psnr_difference, bjontegaard.rate_difference):
        assert difference(near, far) is difference(near, near[:1]) is difference(near, []) is None


def test_the_front_is_what_nothing_beats():
    points = [Point(3, 30), Point(1, 20), Point(2, 19), Point(2, 25), Point(4, 30), Point(1, 18)]
    assert front(points) == [Point(1, 20), Point(2, 25), Point(3, 30)]


@pytest.mark.parametrize("channels", [1, 3])
def test_bytes_are_a_files_and_psnr_is_of_what_it_decodes_to(channels):
    truth = np.random.default_rng(0).uniform(size=(4, 4, channels)).repeat(12, 0).repeat(9, 1).astype(np.float32)
    found = codecs.curves(truth)
    assert set(found) == set(codecs.IMAGES) - set(codecs.absent(2))
    file = io.BytesIO()
    pixels = np.round(255 * truth).astype(np.uint8)
    Image.fromarray(pixels[..., 0] if channels == 1 else pixels).save(file, "JPEG", quality=75, optimize=True)
    decoded = np.asarray(Image.open(file), dtype=np.float32).reshape(truth.shape) / 255
    point, seconds = found["JPEG"][codecs.QUALITIES.index(75)]
    assert min(seconds) > 0
    assert point.rate == 8 * len(file.getvalue()) / (48 * 36)
    assert point.psnr == pytest.approx(psnr(truth, decoded), abs=1e-4)
    for name, ladder in found.items():
        good = front([one.point for one in ladder if one is not None])
        assert len(good) >= 3, name
        assert good[-1].psnr > 20, name


@pytest.mark.parametrize(("name", "package"), [("zfp", "zfpy"), ("SZ3", "imagecodecs")])
def test_volumes_come_back_within_the_tolerance(name, package):
    pytest.importorskip(package)
    codec, ladder, _ = codecs.VOLUMES[name]
    truth = np.random.default_rng(0).uniform(size=(12, 11, 10, 1))
    points = [one.point for one in codecs.curves(truth)[name]]
    for tolerance, point in zip(ladder, points, strict=True):
        size, decode = codec(truth, tolerance)
        assert np.abs(decode() - truth).max() <= tolerance
        assert point.rate == 8 * size / truth.size
        assert point.psnr >= -20 * np.log10(tolerance)
    assert len(front(points)) > 3
    assert codecs.curves(np.zeros((8, 8, 8, 3))) == codecs.curves(np.zeros((8, 8, 2))) == {}


def test_what_an_installation_lacks_is_named_and_left_out(monkeypatch):
    truth = np.zeros((8, 8, 8, 1), dtype=np.float32)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "zfpy" else object())
    monkeypatch.setitem(sys.modules, "imagecodecs", types.ModuleType("imagecodecs"))  # one without SZ3
    assert codecs.absent(3) == ["zfp (pip install -e '.[bits]')", "SZ3 (pip install -e '.[codecs]')"]
    assert codecs.curves(truth) == {}
    monkeypatch.setattr(features, "check", lambda library: library not in ("avif", "jpg_2000"))
    assert codecs.absent(2) == ["JPEG 2000", "AVIF"]
    assert set(codecs.curves(truth[0])) == {"JPEG", "WebP"}


def test_differences_in_volumes_are_to_zfp(make_row):
    points = {"zfp": measured(Point(1.0, 20.0), Point(4.0, 30.0)), "SZ3": measured(Point(0.5, 20.0), Point(2.0, 30.0))}
    row = make_row(dim=3, shape=[8, 8, 8, 1], rates=rates((8, 64, 20.0), (12, 256, 30.0)))
    (found,) = rate_distortion([row], ["Grid"], lambda row: points)
    assert found.differences("SZ3")[1] == pytest.approx(-0.5)
    assert found.differences("Grid") == pytest.approx((0, 0), abs=1e-9)
    assert "| SZ3 | +5.00 | -50 |" in markdown(found)
    assert "bits against zfp" in markdown(found)


def rates(*pairs):
    times = {"encode_seconds": 0.1, "decode_seconds": 0.1}
    return [{"bits": bits, "bytes": size, "psnr": value} | times for bits, size, value in pairs]


def test_points_are_means_over_the_same_draws(make_row):
    rows = [
        make_row(seed=1, rates=rates((8, 72, 20.0), (4, 36, 10.0)), operations=90),
        make_row(seed=2, rates=rates((8, 144, 22.0)), operations=100),
        make_row(seed=1, model="Siren", status="diverged", rates=None),
        make_row(seed=1, task="denoise", rates=None),
    ]
    points = {1: measured(Point(1.0, 20.0), None), 2: measured(Point(2.0, 30.0), Point(4.0, 40.0))}
    (found,) = rate_distortion(rows, ["Grid"], lambda row: {"JPEG": points[row["seed"]]})
    assert (found.draws, found.models, found.names) == (2, ("Grid",), ("Grid", "JPEG"))
    assert [line.point for line in found.lines] == [Point(8 * 108 / 576, 21.0), Point(1.5, 25.0)]
    assert [line.operations for line in found.lines] == [95, None]
    assert [line.seconds for line in found.lines] == [pytest.approx((0.1, 0.1)), (0.25, 0.5)]


def test_the_command_prints_tables_and_draws(make_row, store, capsys):
    """On a signal that is made again; a row whose digest is no longer this version's has no codecs, said once each."""
    out = store([make_row(rates=rates((4, 400, 12.0), (8, 700, 15.0)), operations=96)])
    assert main(["rates", "--out", str(out)]) == 0
    text = capsys.readouterr()
    assert "| Grid | 2,500 | 8 | 9.7222 | 15.00 | 0.100 | 0.100 | 96 |" in text.out
    assert "note: no codecs: " in text.err
    (path,) = re.findall(r"wrote (\S+png)", text.out)
    with Image.open(path) as figure:
        assert figure.size[0] > 600
    assert codec_points.load(Path(path).parent) == {"[null, 0.5, 1234]": {}}, "what there was, for the page"


def test_codecs_points_come_back_and_nonsense_does_not(tmp_path):
    kept = {"a": {"JPEG": [codecs.Measured(Point(1.0, 20.0), (0.1, 0.2)), None], "AVIF": []}}
    codec_points.write(tmp_path, kept)
    assert codec_points.load(tmp_path) == kept
    for text in ("", "[]", '{"a": {"JPEG": [[1]]}}', '{"a": {"JPEG": 3}}', "[" * 100_000):
        (tmp_path / codec_points.NAME).write_text(text)
        assert codec_points.load(tmp_path) == {}
    (tmp_path / codec_points.NAME).write_text(
        '{"a": {"JPEG": [[[0, 1], [0, 0]], [[-1, 1], [0, 0]], [[2, 3], [0, 0]]]}}'
    )
    assert codec_points.load(tmp_path) == {"a": {"JPEG": [None, None, codecs.Measured(Point(2, 3), (0, 0))]}}


def test_rows_without_rates_are_one_line(make_row, store, capsys):
    assert main(["rates", "--out", str(store([make_row()]))]) == 2
    assert "--bits" in capsys.readouterr().err
