"""The verdict on a user's own signals, by hand."""

import io
import math
import re
import shlex

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from harness.analysis.bits import codecs
from harness.analysis.own_file.largest_error import where_it_fails
from harness.analysis.own_file.next_run import Available
from harness.analysis.own_file.verdict import tell
from harness.store.own_signal import keep_signal, signal_path
from target_signals.base import Signal
from target_signals.tasks.metrics import clipped_psnr
from tests.harness.paper_rows import keep


def error(shape, region, cycles=0):
    """A residual that is confined to a region, a plane wave of so many cycles along axis 0."""
    wave = np.cos(2 * np.pi * cycles * np.arange(shape[0]) / shape[0] + 0.3)
    field = np.zeros(shape, dtype=np.float32)
    field[region] = np.broadcast_to(wave.reshape(-1, *[1] * (len(shape) - 1)), shape)[region]
    return field


@pytest.mark.parametrize(
    ("residual", "said"),
    [
        (error((30, 30, 1), np.s_[:10, 20:]), "top right (100% of it in one of 9 parts)"),
        (error((30, 30, 3), np.s_[10:20, :10]), "middle left (100% of it in one of 9 parts)"),
        (error((60, 60, 1), np.s_[:], 2), "lowest quarter of the frequencies (100%)"),
        (error((60, 60, 1), np.s_[:], 16), "high quarter of the frequencies (100%)"),
        (error((60, 60, 1), np.s_[:], 28), "highest quarter of the frequencies (100%)"),
        (
            error((9, 9, 9, 1), np.s_[:3, 3:6, 6:]),
            "first third of axis 0, middle third of axis 1, last third of axis 2",
        ),
        (0.3 * (error((30, 30, 1), np.s_[:10, :10]) - 9 * error((30, 30, 1), np.s_[29:, 28:])), "bottom right (62% of"),
        (np.zeros((9, 9, 1), np.float32), "(0% of it in one of 9 parts)"),
    ],
)
def test_the_largest_error_is_found(residual, said):
    assert said in where_it_fails(residual)


@pytest.fixture
def verdict(make_row, tmp_path):
    """`verdict({("Grid", 1000): [20, 21]}, means, shape=[…])`: on scores by seed of models at budgets."""

    def call(scores, means=None, rates=None, **changes):
        rows = []
        for (model, size), own in scores.items():
            for seed, psnr in enumerate(own):
                row = make_row(model=model, size=size, parameters=size - 10, seed=seed, psnr=psnr, psnr_constant=10.0)
                row |= {"task": "fit", "signal": "UserFile", "item": "a.png-01234567", "shape": [20, 20, 1]}
                row |= {"label": "classical" if model == "Wavelet" else "learned", "seconds": 0.5, "rates": rates}
                row |= {"bandlimit": None} | changes
                keep(tmp_path, row, error((20, 20, 1), np.s_[:6, :6]))
                rows.append(row)
        return tell(rows, tmp_path, means)

    return call


def test_a_verdict_of_one_draw(verdict):
    told = verdict({("Grid", 1000): [20.0], ("Siren", 1000): [23.5], ("Wavelet", 1000): [22.0], ("Siren", 90): [12.0]})
    assert told.splitlines() == [
        "verdict, task fit, at 1,000 parameters (one draw, so there are no intervals):",
        "  best trained model: Siren, 23.5 dB, 3.5 dB ahead of Grid",
        "  best yardstick, not trained: Wavelet, 22.0 dB, 1.5 dB behind Siren",
        "  stored: 3,960 bytes as 990 float32 values, 79.2 bits a sample (400 samples); --bits makes smaller files",
        "  more budget: 3.3 dB a doubling from 90 to 1,000; twice as much would be more than the 400 values of the "
        "signal itself",
        "  most quality per second: Siren, 27 dB a second over the mean, 0.50 s",
        f"  {where_it_fails(error((20, 20, 1), np.s_[:6, :6]))}",
    ]


@pytest.mark.parametrize(
    ("shapes", "says"),
    [
        ([[8, 5, 3]], "792 bits a sample (40 samples of 3 values); --bits"),
        ([[8, 5, 3], [10, 12, 3]], "528 bits a sample (80 samples of 3 values on average); --bits"),
    ],
)
def test_a_sample_is_a_pixel_of_all_its_channels(make_row, tmp_path, shapes, says):
    rows = [
        make_row(signal="UserFile", item=f"{i}", dataset="set", parameters=990, bandlimit=None, shape=shape)
        for i, shape in enumerate(shapes)
    ]
    assert f"  stored: 3,960 bytes as 990 float32 values, {says} makes smaller files\n" in tell(rows, tmp_path)


def test_quality_per_second_is_over_the_mean_of_what_is_compared(make_row, tmp_path):
    """As on the page of a run that was interrupted: b, which one model alone has, is compared with nothing."""
    scores = {("Grid", "a"): (20.0, 10.0), ("Siren", "a"): (18.0, 10.0), ("Grid", "b"): (35.0, 40.0)}
    rows = [
        make_row(model=model, item=item, psnr=psnr, psnr_constant=constant, seconds=0.5)
        | {"signal": "UserFile", "dataset": "set", "bandlimit": None}
        for (model, item), (psnr, constant) in scores.items()
    ]
    assert "  most quality per second: Grid, 20 dB a second over the mean, 0.50 s\n" in tell(rows, tmp_path)


def test_a_verdict_of_several_draws_has_intervals(verdict):
    """Of 3 draws Student's reach is 4.303 / sqrt(3) = 2.48 times the standard deviation."""
    told = verdict({("Grid", 100): [20, 21, 22], ("Siren", 100): [19.5, 19, 18.5], ("Wavelet", 100): [25, 26, 27.3]})
    assert "at 100 parameters (95 % intervals over 3 seeds, each for itself):" in told
    assert (
        "  best trained model: Grid, 21.0 dB [18.5, 23.5], not told apart from Siren (2.0 dB [−1.7, 5.7] ahead)" in told
    )
    assert "  best yardstick, not trained: Wavelet, 26.1 dB [23.2, 29.0], 5.1 dB [4.7, 5.5] ahead of Grid" in told


def test_of_several_that_are_not_told_apart_the_next_is_named_and_the_others_counted(verdict):
    told = verdict({("Grid", 100): [20, 21, 22], ("Siren", 100): [19, 21, 20], ("Wire", 100): [19.5, 19, 22.5]})
    assert "  best trained model: Grid, 21.0 dB [18.5, 23.5], not told apart from Wire and 1 more (0.7 dB [" in told


def test_a_yardstick_may_be_behind(verdict):
    told = verdict({("Grid", 100): [20, 22], ("Wavelet", 100): [18, 19.8]})
    assert "  best yardstick, not trained: Wavelet, 18.9 dB [7.5, 30.3], 2.1 dB [0.8, 3.4] behind Grid" in told


def test_items_are_what_intervals_are_over(verdict, make_row, tmp_path):
    scores = {("a", "Grid"): 20.0, ("b", "Grid"): 30.0, ("a", "Siren"): 19.0, ("b", "Siren"): 28.96}
    rows = [
        make_row(signal="UserFile", item=item, dataset="set", model=model, psnr=psnr + off, bandlimit=None, seed=seed)
        for (item, model), psnr in scores.items()
        for seed, off in ((1, -0.5), (2, 0.5))  # within an item they are averaged
    ]
    told = tell(rows, tmp_path)
    assert "(95 % intervals over 2 items, each for itself):" in told
    assert "Grid, 25.0 dB [−38.5, 88.5], 1.0 dB [0.8, 1.3] ahead of Siren" in told
    assert "lowest score: a, 19.5 dB; largest error: unknown" in told


def test_no_sort_but_one_is_run(verdict):
    told = verdict({("Wavelet", 100): [22.0]})
    assert "best trained model: none was run\n  best yardstick, not trained: Wavelet, 22.0 dB\n  stored" in told
    told = verdict({("Grid", 100): [22.0]})
    assert (
        "Grid, 22.0 dB; no other trained model to compare with\n  best yardstick, not trained: none was run\n" in told
    )
    assert "more budget: not known, as no smaller budget has the same draws" in told


def test_who_learned_nothing_has_no_quality_per_second(verdict):
    none = "  most quality per second: none, as every model learned nothing over the mean of the truth"
    assert none in verdict({("Grid", 100): [9.0]})
    assert none in verdict({("Grid", 100): [10.01]}, seconds=1e-3)


def test_the_largest_budget_with_a_score_is_told(verdict, make_row):
    told = verdict({("Grid", 100): [22.0], ("Grid", 200): [math.nan]})
    assert "at 100 parameters" in told
    assert verdict({("Grid", 100): [22.0]}, status="diverged") == ""


def test_a_busy_machine_is_told(verdict):
    assert "0.50 s, timed on a busy machine" in verdict({("Grid", 100): [22.0]}, load_at_start=2.0)


def test_seconds_of_different_machines_are_told(make_row, tmp_path):
    common = {"signal": "UserFile", "item": "a.png-01234567", "bandlimit": None, "shape": [20, 20, 1]}
    common |= {"seconds": 0.5, "parameters": 90, "psnr_constant": 10.0}
    rows = [make_row(model=m, size=100, psnr=p, **common) for m, p in (("Grid", 22.0), ("Siren", 20.0))]
    told = "Grid, 24 dB a second over the mean, 0.50 s"
    assert f"{told}\n" in tell(rows, tmp_path)
    rows[0]["device"] = "cuda: B"
    assert f"{told}; the models were timed on different machines or threads\n" in tell(rows, tmp_path)


@pytest.mark.parametrize(
    ("small", "large", "said"),
    [
        ([20, 22], [26, 28.4], "3.1 dB [1.8, 4.4] a doubling from 50 to 200; 400 may reach 30.3 dB, if that goes on"),
        ([20, 22], [20, 22], "no rise from 50 to 200"),
        ([20, 22], [19, 21], "no rise from 50 to 200"),
    ],
)
def test_what_more_budget_brings(verdict, small, large, said):
    """50 to 200 are two doublings; the differences of 2 draws have a reach of 12.71 / sqrt(2) deviations."""
    assert f"  more budget: {said}\n" in verdict({("Grid", 50): small, ("Grid", 200): large})


def rate(bits, size, psnr):
    return {"bits": bits, "bytes": size, "psnr": psnr, "encode_seconds": 0.1, "decode_seconds": 0.1}


def test_files_are_told_where_there_are_some(verdict, tmp_path):
    """The fewest bits within 0.1 dB of the fit; the best, where all lose more."""
    rates = [rate(4, 50, 20.5), rate(6, 70, 21.95), rate(8, 90, 21.99)]
    told = verdict({("Grid", 100): [22.0]}, rates=rates)
    assert "  stored: a file of 70 bytes (6 bits a value, 1.4 a sample) with 21.9 dB\n" in told
    assert "  to keep it: --save-model --force, which fits again\n" in told
    (row,) = (tmp_path / "2d_UserFile" / "rows").iterdir()
    model = tmp_path / "2d_UserFile" / "models" / f"{row.stem}.safetensors"
    model.parent.mkdir()
    model.touch()
    told = verdict({("Grid", 100): [22.0]}, rates=rates)
    assert f"  to write it: python -m harness compress {shlex.quote(str(model))} --bits 6\n" in told
    quantised = verdict({("Grid", 100): [22.0]}, rates=[rate(6, 70, 21.95) | {"quantised_passes": 3}])
    assert "  to keep it: --save-model --force, which fits again\n" in quantised, "no command writes it from the model"
    file = model.with_name(f"{row.stem}-6.coded")
    file.write_bytes(bytes(70))
    assert f"  the file: {file}, which python -m harness render draws\n" in verdict(
        {("Grid", 100): [22.0]}, rates=rates
    )
    file.write_bytes(bytes(69))
    assert "  to write it: python -m" in verdict({("Grid", 100): [22.0]}, rates=rates), "another one"
    some = [rate(4, 50, 21.85), rate(6, 70, 21.95), rate(8, 90, 21.9)]
    assert "a file of 70 bytes" in verdict({("Grid", 100): [22.0]}, rates=some), "0.1 dB are lost, not 0.15"
    assert "a file of 70 bytes" in verdict({("Grid", 100): [25.0]}, rates=some), "the best of those that lose more"
    told = verdict({("Grid", 100): [22.0, 22.0]}, rates=rates[:1])
    assert "  stored: files of 50 bytes on average (4 bits a value, 1 a sample) with 20.5 dB\n" in told


def test_files_are_a_mean_over_items_as_scores_are(make_row, tmp_path):
    """However many seeds each item has."""
    rows = [
        make_row(signal="UserFile", item=item, dataset="set", bandlimit=None, seed=seed, psnr=psnr) | {"rates": rates}
        for item, seed, psnr, rates in (
            ("a", 1, 40.0, [rate(8, 90, 40.0)]),
            ("a", 2, 40.0, [rate(8, 90, 40.0)]),
            ("b", 1, 20.0, [rate(8, 50, 20.0)]),
        )
    ]
    told = tell(rows, tmp_path)
    assert "best trained model: Grid, 30.0 dB" in told
    assert "stored: files of 70 bytes on average (8 bits a value, 0.972 a sample) with 30.0 dB" in told


def test_codecs_stand_beside_a_file_of_ones_own(verdict, tmp_path):
    values = ndimage.gaussian_filter(np.random.default_rng(0).random((64, 64)), 2).astype(np.float32)
    values = (values - values.min()) / (values.max() - values.min())
    constant = clipped_psnr(values, np.full_like(values, values.mean()))
    row = {"shape": [64, 64, 1], "psnr_constant": constant}
    about = {"item": "a.png-01234567", "length": 24, "dim": 2, "signal": "UserFile", "task": "fit"}
    keep_signal(signal_path(tmp_path, about), Signal(values, 2, "image"))
    told = verdict({("Grid", 100): [22.0]}, rates=[rate(8, 700, 22.0)], **row)
    made = {}
    for quality in range(codecs.QUALITIES[0], codecs.QUALITIES[-1] + 1):  # between the ladder's steps as well
        file = io.BytesIO()
        Image.fromarray(np.round(255 * values).astype(np.uint8)).save(file, "JPEG", quality=quality, optimize=True)
        made[len(file.getvalue())] = np.asarray(Image.open(file), np.float32) / 255
    best = clipped_psnr(values, made[max(size for size in made if size <= 700)])
    assert f"; codecs, no larger: JPEG {best:.1f}, " in told
    assert "codecs" not in verdict({("Grid", 100): [22.0]}, rates=[rate(8, 20, 22.0)], **row), "none is so small"


def test_one_command_is_told_the_most_urgent_first(verdict):
    everything = Available([0, 1, 2, 3, 4, 5], "quick_tuned", True, str)
    settled = {("Grid", 50): [20, 22], ("Grid", 100): [23, 25.01], ("Siren", 100): [10.5, 12.5]}
    for scores, means, why, options in [
        (
            {("Grid", 50): [20], ("Siren", 50): [19]},
            everything,
            "one draw cannot tell Grid's lead from chance",
            {"seeds": [0, 1, 2]},
        ),
        (
            {("Grid", 50): [20, 22], ("Siren", 50): [19, 22]},
            everything,
            "Grid is not told apart from Siren",
            {"seeds": [0, 1, 2, 3, 4]},
        ),
        (settled, everything, "these are the papers' settings, and tuned ones are here", {"preset": "quick_tuned"}),
        (
            settled,
            Available([], None, True, str),
            "Grid still rises by 3.0 dB [2.9, 3.1] a doubling",
            {"sizes": [50, 100, 200]},
        ),
        (
            {("Grid", 50): [20]},
            Available([], None, True, str),
            "one budget does not show what more would bring",
            {"sizes": [50, 100]},
        ),
        (
            {("Grid", 200): [20]},
            Available([], None, True, str),
            "one budget does not show what more would bring",
            {"sizes": [200, 400]},
        ),
        (
            {("Grid", 300): [20]},
            Available([], None, True, str),
            "one budget does not show what more would bring",
            {"sizes": [150, 300]},
        ),
        (
            {("Grid", 50): [20], ("Grid", 100): [20.4]},
            Available([], None, True, str),
            "what it takes as a file is not known yet",
            {"models": ["Grid"], "sizes": [100], "bits": (4, 6, 8, 12, 16), "force": True},
        ),
    ]:
        assert verdict(scores, means).splitlines()[-2:] == [f"next, as {why}:", f"  {options}"]
    assert "next" not in verdict({("Grid", 50): [20], ("Grid", 100): [20.4]}, Available([], None, False, str))
    files = {"rates": [rate(8, 50, 20.0)]}
    assert "next" not in verdict({("Grid", 50): [20], ("Grid", 100): [20.4]}, Available([], None, True, str), **files)
    assert "next" not in verdict({("Grid", 200): [20], ("Grid", 300): [29]}, Available([], None, False, str)), (
        "400 values"
    )


def test_of_several_tasks_the_most_urgent_run_is_told_once(make_row, tmp_path):
    """Grid's only budget says less than the seeds that `fit` lacks; without these, both tasks ask for the same run."""
    place = {"signal": "UserFile", "bandlimit": None, "shape": [20, 20, 1], "size": 100, "parameters": 90}
    rows = [make_row(**place, model=model, psnr=psnr) for model, psnr in (("Grid", 20.0), ("Siren", 19.0))]
    rows += [make_row(**place, task="denoise_0.1", psnr=20.0)]
    for seeds, why in (([0, 1, 2], "one draw cannot tell Grid's lead"), ([], "one budget does not show what more")):
        told = tell(rows, tmp_path, Available(seeds, None, False, str))
        assert re.findall(r"verdict, task (\S+),|next, as (.{32})", told) == [
            ("denoise_0.1", ""),
            ("fit", ""),
            ("", why[:32]),
        ]
        assert told.count("\n\n") == told.count("\n\nverdict, task fit") == 1, "between two verdicts"
