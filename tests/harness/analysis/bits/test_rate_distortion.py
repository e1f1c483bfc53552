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
from harness.analysis.bits.rate_distortion import rate_distortion
from harness.analysis.bits.rate_tables import summary
from harness.figures.rate_distortion import rate_distortion_page, spaced, worth_drawing
from harness.report import charts
from harness.report.looks import looks
from target_signals.tasks.metrics import psnr

RATES = (0.1, 0.3, 0.5, 1.1, 2.0)
with_avif = pytest.mark.skipif("AVIF" in codecs.absent(2), reason="Pillow before 11.3 has no AVIF")


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
    assert set(found) == set(codecs.CODECS[2]) - set(codecs.absent(2))
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
        assert len(good) >= min(3, len(ladder)), name
        assert good[-1].psnr > 20, name


@pytest.mark.parametrize("values", [(-0.01, 1.0), (0.0, 1.01)])
def test_no_codec_of_8_bits_takes_an_image_that_leaves_its_range(values):
    """It would be clipped: of a larger file no better than of a small one."""
    truth = np.linspace(*values, 48 * 36, dtype=np.float32).reshape(48, 36, 1)
    assert codecs.curves(truth) == codecs.within(truth, 10_000) == {}
    assert codecs.within(truth.clip(0, 1), 10_000)


@with_avif
def test_an_axis_that_is_too_long_for_a_codec_leaves_it_out():
    found = codecs.curves(np.zeros((1, 65_537, 1), dtype=np.float32))
    assert set(found["AVIF"]) == set(found["WebP"]) == {None}
    assert None not in found["JPEG 2000"]


@pytest.mark.parametrize(("name", "package"), [("zfp", "zfpy"), ("SZ3", "imagecodecs")])
def test_volumes_come_back_within_the_tolerance(name, package):
    pytest.importorskip(package)
    codec = codecs.CODECS[3][name]
    truth = np.random.default_rng(0).uniform(size=(12, 11, 10, 1))
    points = [one.point for one in codecs.curves(truth)[name]]
    for tolerance, point in zip(codec.ladder, points, strict=True):
        size, decode = codec.code(truth, tolerance)
        assert np.abs(decode() - truth).max() <= tolerance
        assert point.rate == 8 * size / truth.size
        assert point.psnr >= -20 * np.log10(tolerance)
    assert len(front(points)) > 3
    assert codecs.curves(np.zeros((8, 8, 8, 3))) == codecs.curves(np.zeros((8, 8, 2))) == {}


@with_avif
def test_a_codecs_best_file_of_a_size_lies_between_the_steps_of_its_ladder():
    """Of JPEG 2000, which meets any size; it is the finest where all are small enough, and none where none is."""
    truth = np.random.default_rng(0).uniform(size=(64, 64, 1)).astype(np.float32)
    jpeg2000 = codecs.CODECS[2]["JPEG 2000"]
    files = [codecs._measure(truth, jpeg2000, share) for share in np.geomspace(3, 8, 400)]
    best = max(file.point.psnr for file in files if file.point.rate <= 8 * 900 / 64**2)
    assert codecs.within(truth, 900)["JPEG 2000"] == pytest.approx(best, abs=0.1)
    ladder = [file.point.psnr for file in codecs.curves(truth)["JPEG 2000"] if file.point.rate <= 8 * 900 / 64**2]
    assert best > max(ladder) + 0.3
    files = [codecs._measure(truth, jpeg2000, share) for share in np.geomspace(1, 3, 400)]
    best = max(file.point.psnr for file in files if file.point.rate <= 8 * 2500 / 64**2)
    assert codecs.within(truth, 2500)["JPEG 2000"] == pytest.approx(best, abs=0.1), "beyond the ladder"
    finest = codecs._measure(truth, codecs.CODECS[2]["AVIF"], 100)
    assert codecs.within(truth, 10**6)["AVIF"] == finest.point.psnr > codecs.curves(truth)["AVIF"][-1].point.psnr
    assert codecs.within(truth, 20) == {}


def test_two_files_of_a_codec_tell_where_its_largest_is_small_enough(monkeypatch):
    made = []
    of_all = codecs.Measured(codecs.Point(1.0, 30.0), (0.0, 0.0))
    monkeypatch.setattr(codecs, "_measure", lambda truth, codec, step: made.append(step) or of_all)
    assert set(codecs.within(np.zeros((8, 8, 1), np.float32), 8).values()) == {30.0}
    assert len(made) == 2 * len(codecs.fitting(np.zeros((8, 8, 1)))), "the ladder's last and the finest"


def test_what_an_installation_lacks_is_named_and_left_out(monkeypatch):
    truth = np.zeros((8, 8, 8, 1), dtype=np.float32)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "zfpy" else object())
    monkeypatch.setitem(sys.modules, "imagecodecs", types.ModuleType("imagecodecs"))  # one without SZ3
    assert codecs.absent(3) == ["zfp (pip install -e '.[bits]')", "SZ3 (pip install -e '.[codecs]')"]
    assert codecs.curves(truth) == {}
    monkeypatch.setattr(features, "check", lambda library: library not in ("avif", "jpg_2000"))
    assert codecs.absent(2) == ["JPEG 2000", "AVIF"]
    assert set(codecs.curves(truth[0])) == {"JPEG", "WebP"}


def test_a_codec_is_one_entry(monkeypatch, make_row):
    """A lossless one, of a single step, and more of them than lines have dashes."""
    png = codecs.Codec(lambda values, _: codecs._through(values, "PNG", {}), (1.0,), 1.0, lambda: True)
    monkeypatch.setitem(codecs.CODECS, 2, codecs.CODECS[2] | {f"PNG {n}": png for n in range(4)})
    truth = np.random.default_rng(0).uniform(size=(24, 24, 1)).astype(np.float32)
    files = codecs.curves(truth)
    assert [one.point.psnr for one in files["PNG 3"]] == [codecs.within(truth, 10_000)["PNG 3"]]
    assert "PNG 3" not in codecs.within(truth, 100)
    (found,) = rate_distortion([make_row(rates=rates((8, 288, 15.0)))], ["Grid"], lambda row: files)
    (axes,) = rate_distortion_page(found, ["Grid"], []).axes
    assert {line.get_label(): line.get_marker() for line in axes.lines}["PNG 3"] == ".", "a line of one point"
    assert "| PNG 3 | – | – |" in summary(found)
    *lines, _ = charts.specifications(looks(["Grid"], ()))["rates"]["layer"]
    for layer in lines:
        dashes = layer["encoding"]["strokeDash"]["scale"]
        assert len(dashes["range"]) == len(dashes["domain"]) == len({"Grid", *codecs.CODECS[2], *codecs.CODECS[3]})


def test_differences_in_volumes_are_to_zfp(make_row):
    points = {"zfp": measured(Point(1.0, 20.0), Point(4.0, 30.0)), "SZ3": measured(Point(0.5, 20.0), Point(2.0, 30.0))}
    row = make_row(dim=3, shape=[8, 8, 8, 1], rates=rates((8, 64, 20.0), (12, 256, 30.0)))
    (found,) = rate_distortion([row], ["Grid"], lambda row: points)
    assert found.differences("SZ3")[1] == pytest.approx(-0.5)
    assert found.differences("Grid") == pytest.approx((0, 0), abs=1e-9)
    assert "bits against zfp (%) | 1 | 2 | 4 |" in summary(found)
    assert "| SZ3 | +5.00 | -50 | 25.00 | 30.00 | – |" in summary(found)


def rates(*pairs):
    times = {"encode_seconds": 0.1, "decode_seconds": 0.1}
    return [{"bits": bits, "bytes": size, "psnr": value} | times for bits, size, value in pairs]


def test_points_are_means_over_the_draws_that_all_have(make_row):
    no_points = (12, 72, None), (16, 0, 30.0)
    rows = [
        *(
            make_row(seed=seed, rates=rates((8, 72 * seed, 20.0 + seed), *no_points), operations=80 + 10 * seed)
            for seed in (1, 2)
        ),
        make_row(seed=3, rates=rates((8, 7, 99.0))),
        make_row(seed=1, model="Siren", status="diverged", rates=None),
        make_row(seed=2, model="Siren", rates=rates((8, 72, 15.0)), started="2999-01-01T00:00:00+00:00"),
        *(make_row(seed=seed, model="Siren", rates=rates((8, 36, 9.0 + seed))) for seed in (1, 2)),
        make_row(seed=4, rates=rates((8, 72, 20.0)), shape=None),
        make_row(seed=1, task="denoise", rates=None),
    ]
    points = {1: measured(Point(1.0, 20.0), None), 2: measured(Point(2.0, 30.0), Point(4.0, 40.0))}
    (found,) = rate_distortion(rows, ["Grid"], lambda row: {"JPEG": points[row["seed"]]})
    assert (found.signals, found.models, found.names) == ((2, 3), ("Grid", "Siren"), ("Grid", "Siren", "JPEG"))
    assert [one.point for one in found.measurements] == [Point(1.5, 21.5), Point(0.75, 12.5), Point(1.5, 25.0)]
    assert [one.operations for one in found.measurements] == [95, None, None]
    assert [one.seconds for one in found.measurements] == [pytest.approx((0.1, 0.1))] * 2 + [(0.25, 0.5)]
    assert found.means == "mean of 2 of 3 signals"
    assert found.means in summary(found)
    assert found.means in rate_distortion_page(found, ["Grid"], []).axes[0].get_title(loc="left")


def test_a_signal_counts_once_however_many_seeds_it_has_as_it_does_for_codecs(make_row):
    scores = {"easy": 40.0, "hard": 20.0}
    draws = [("easy", 1), ("easy", 2), ("easy", 3), ("hard", 1)]
    rows = [make_row(item=item, seed=seed, signal_seed=7, rates=rates((8, 72, scores[item]))) for item, seed in draws]
    (found,) = rate_distortion(rows, [], lambda row: {"JPEG": measured(Point(1.0, scores[row["item"]]))})
    assert [one.point for one in found.measurements] == [Point(1.0, 30.0)] * 2


def test_means_are_the_same_in_every_process(make_row):
    """Cases are a set, whose order differs from one to the next: what is summed must not depend on it."""
    seconds = [1e16, *(1.0 for _ in range(11))]
    own = [[rates((8, 72, 20.0))[0] | dict.fromkeys(("encode_seconds", "decode_seconds"), one)] for one in seconds]
    rows = [make_row(item=f"item {i}", signal_seed=7, rates=of_row) for i, of_row in enumerate(own)]
    (found,) = rate_distortion(rows, [], lambda row: {})
    assert [one.seconds for one in found.measurements] == [((1e16 + 12) / 12,) * 2]


@pytest.mark.parametrize("odd", [{"dim": 0}, {"dim": 3}, {"shape": None}, {"shape": []}, {"shape": [8, 0, 1]}])
def test_a_strangers_row_whose_samples_cannot_be_counted_has_no_points(make_row, odd):
    row = make_row(shape=[8, 8, 1], rates=rates((8, 64, 20.0)))
    assert len(rate_distortion([row], ["Siren"], lambda row: {})) == 1
    assert rate_distortion([row | odd], ["Siren"], lambda row: {}) == []


def test_settings_that_were_changed_leave_no_point_behind(make_row):
    """The later row has other bits, or none."""
    rows = [make_row(shape=[8, 8, 1], model=model, rates=rates((4, 32, 10.0))) for model in ("Grid", "Siren")]
    later = {"config_hash": "f" * 12, "started": "2026-01-02T00:00:00.000+00:00"}
    now = [rows[0] | later | {"rates": rates((8, 64, 20.0))}, rows[1] | later | {"rates": None}]
    (found,) = rate_distortion([*now, *rows], ["Grid", "Siren"], lambda row: {})
    assert [(one.name, one.bits) for one in found.measurements] == [("Grid", 8)]


def test_where_no_draw_is_everybodys_the_place_with_most_stays(make_row):
    rows = [make_row(seed=seed, rates=rates((8, 72 * seed, 20.0 + seed))) for seed in (1, 2)]
    rows += [make_row(seed=3, model="Siren", rates=rates((8, 36, 9.0)))]
    (found,) = rate_distortion(rows, ["Grid", "Siren"], lambda row: {})
    assert (found.models, found.signals) == (("Grid",), (2, 3))
    assert [one.point for one in found.measurements] == [Point(1.5, 21.5)]


def test_psnr_at_a_rate_lies_on_the_curve():
    bent = [Point(0.5, 20.0), Point(1.0, 26.0), Point(2.0, 27.0)]
    assert [bjontegaard.psnr_at(bent, rate) for rate in (0.5, 1.0, 2.0)] == pytest.approx([20.0, 26.0, 27.0])
    assert 20 < bjontegaard.psnr_at(bent, 0.7) < 26
    straight = curve((0.2, 0.7, 4.0), logarithmic)
    assert bjontegaard.psnr_at(straight, 1.5) == pytest.approx(logarithmic(1.5), abs=1e-9)
    assert (
        bjontegaard.psnr_at(bent, 0.4) is bjontegaard.psnr_at(bent, 2.1) is bjontegaard.psnr_at(bent[:1], 0.5) is None
    )


def test_the_best_of_each_sort_at_the_rates_of_the_table_are_drawn_stronger(make_row):
    """Grid is the best trained one at 4 bits, Siren at 1 and 2; Finer has the smallest file, and no rate of these."""
    points = {
        "Grid": ((4, 72, 10.0), (8, 288, 31.0), (12, 1152, 31.05)),
        "Siren": ((4, 72, 20.0), (8, 288, 25.0)),
        "Finer": ((4, 18, 9.0), (8, 36, 9.5)),
        "Wavelet": ((4, 72, 40.0), (8, 288, 41.0)),
    }
    rows = [make_row(model=name, rates=rates(*own)) for name, own in points.items()]
    codec = {"JPEG": measured(Point(0.9, 22.0), Point(4.0, 30.0))}
    (found,) = rate_distortion(rows, list(points), lambda row: codec)
    assert found.rates == [1, 2, 4]
    assert found.leading(["Grid", "Siren", "Finer"]) == {"Grid", "Siren"}
    axes = rate_distortion_page(found, list(points), []).axes[0]
    strong = {text.get_text() for text in axes.texts if text.get_fontweight() == "bold"}
    assert strong == {"Grid", "Siren", "Wavelet", "JPEG"}
    assert [text.get_text() for text in axes.texts] == ["Wavelet", "Grid", "JPEG", "Siren", "Finer"], "as lines end"
    widths = {line.get_label(): line.get_linewidth() for line in axes.lines}
    assert widths["Finer"] < min(widths[name] for name in strong)
    ends = {line.get_label(): line.get_xdata()[-1] for line in axes.lines}
    assert ends["Grid"] == 4, "16 bits for 0.05 dB are not drawn"


@pytest.mark.parametrize(("largest", "told"), [(60.0, [1, 2, 4, 8, 16, 32]), (70.0, [1, 4, 16, 64])])
def test_psnr_is_told_at_no_more_than_six_rates(make_row, largest, told):
    codec = {"JPEG": measured(Point(0.9, 22.0), Point(largest, 30.0))}
    (found,) = rate_distortion([make_row(rates=rates((8, 288, 31.0)))], ["Grid"], lambda row: codec)
    assert (found.rates, found.means) == (told, "")


def test_points_that_gain_next_to_nothing_are_not_drawn():
    points = [Point(1, 20), Point(2, 20.06), Point(3, 20.12), Point(4, 20.19), Point(5, 20.3)]
    assert worth_drawing(points) == [points[0], points[2], points[4]]


def test_names_keep_their_distance_and_stay_within():
    assert spaced([9.0, 5.0, 1.0], 1.0, 0.0, 10.0) == pytest.approx([9.0, 5.0, 1.0])
    assert spaced([9.0, 5.0, 5.0], 1.0, 0.0, 10.0) == pytest.approx([9.0, 5.5, 4.5])
    assert spaced([2.0, 0.5, 0.5], 1.0, 0.3, 10.0) == pytest.approx([2.3, 1.3, 0.3])
    assert spaced([9.0, 9.0, 0.5], 1.0, 0.0, 9.0) == pytest.approx([9.0, 8.0, 0.5])


def test_the_command_prints_tables_and_draws(make_row, store, capsys):
    """On a signal that is made again; a row whose digest is no longer this version's has no codecs, said once each."""
    out = store([make_row(rates=rates((4, 400, 12.0), (8, 700, 15.0)), operations=96)])
    assert main(["rates", "--out", str(out)]) == 0
    text = capsys.readouterr()
    assert "|  | 8 |" in text.out
    assert "| Grid | 13.95 |" in text.out
    assert "note: no codecs: " in text.err
    (path,) = re.findall(r"wrote (.+\.png)", text.out)
    points = Path(path).with_name("rate_distortion.md").read_text()
    assert "| Grid | 2,500 | 8 | 9.7222 | 15.00 | 0.100 | 0.100 | 96 |" in points
    with Image.open(path) as figure:
        assert figure.size[0] > 600
    assert codec_points.load(Path(path).parent) == {"[null, 0.5, 1234]": {}}, "what there was, for the page"


@pytest.mark.parametrize(
    ("truth", "why"),
    [
        (np.zeros((8, 8, 2)), "it has 2 channels, and codecs take images of 1 or 3 and volumes of 1"),
        (np.full((8, 8, 1), 1.5), "its values leave [0, 1], and 8 bits would clip them"),
    ],
)
def test_why_a_signal_has_no_codecs_is_said(make_row, store, capsys, monkeypatch, truth, why):
    target = types.SimpleNamespace(truth=truth, seen=truth)
    monkeypatch.setattr("harness.commands.rates.rebuild", lambda row, out: target)
    for item, called in ((None, "Sierpinski"), ("photo.png-0123abcd", "photo.png")):
        out = store([make_row(rates=rates((8, 700, 15.0)), shape=[*truth.shape], item=item)])
        assert main(["rates", "--out", str(out)]) == 0
        assert f"note: no codecs: {called}: {why}" in capsys.readouterr().err


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
