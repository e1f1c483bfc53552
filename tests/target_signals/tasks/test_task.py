"""Tasks: what is trained on, and which scores come out, by hand (docs/protocol.md, "Tasks")."""

import dataclasses

import numpy as np
import pytest
import torch

from common.errors import UsageError
from target_signals import Lattice, Signal, get_signal
from target_signals.tasks import metrics
from target_signals.tasks.base import expand_tasks, family_of, make_task
from target_signals.tasks.task import Scoring


def signal(shape, dim, binary=False, **more):
    values = np.random.default_rng(0).uniform(size=shape)
    values = values > 0.5 if binary else values
    return Signal(values.astype(np.float32), dim, "synthetic", **more)


@pytest.mark.parametrize(
    ("shape", "dim", "channels"),
    [((9, 12), 2, 1), ((9, 12, 1), 2, 1), ((9, 12, 3), 2, 3), ((9, 12, 8), 3, 1), ((9, 12, 8, 2), 3, 2)],
)
def test_fit_trains_on_the_signal_and_scores_against_it(shape, dim, channels):
    given = signal(shape, dim)
    task = make_task("fit", given)
    assert task.channels == channels
    assert task.lattice.shape == shape[:dim]
    for axis, n in zip(task.lattice.axes, shape, strict=False):
        np.testing.assert_allclose(axis, [-1 + 2 * i / n for i in range(n)], atol=1e-15)
    assert task.target.shape == (*shape[:dim], channels)
    assert np.array_equal(task.target.ravel(), given.values.ravel())
    (scoring,) = task.scorings
    assert scoring.task == "fit"
    assert scoring.lattice is task.lattice
    assert np.array_equal(scoring.truth, task.target)
    heads = torch.rand(2, *task.target.shape)
    assert torch.equal(task.operator(heads), heads)
    assert task.pointwise


@pytest.mark.parametrize(
    ("shape", "dim", "binary", "defined"),
    [
        ((16, 20), 2, False, {"psnr", "ssim"}),
        ((16, 20, 3), 2, False, {"psnr", "ssim"}),
        ((16, 20), 2, True, {"psnr", "ssim"}),  # IoU is for volumes
        ((6, 7, 8), 3, True, {"psnr", "iou"}),
        ((6, 7, 8, 1), 3, True, {"psnr", "iou"}),
        ((6, 7, 8), 3, False, {"psnr"}),
        ((16, 17, 18), 3, False, {"psnr"}),  # large enough for a window, but no image
    ],
)
def test_which_scores_exist(shape, dim, binary, defined):
    task = make_task("fit", signal(shape, dim, binary))
    scores = task.scorings[0].scores(task.target)
    assert set(scores) == set(metrics.METRICS)
    assert {name for name in ("psnr", "ssim", "iou") if scores[name] is not None} == defined
    assert scores["psnr"] == pytest.approx(160)


@pytest.mark.parametrize("dtype", [bool, "u1", "i8", "f2", "f8", ">f4"])
def test_what_a_task_of_ones_own_observes_is_float32_of_any_numbers(monkeypatch, dtype):
    """NumPy draws noise in float64, and models take float32."""
    given, fit = signal((9, 12), 2, binary=True), family_of("fit")
    plain = make_task("fit", given)
    for one in (False, True):  # whether the target is the truth itself
        values = plain.truth.astype(dtype if not one or np.dtype(dtype).kind == "f" else "f8")
        own = dataclasses.replace(plain, target=values, truth=values if one else plain.truth)
        monkeypatch.setattr(fit, "build", lambda *_, own=own: own)
        task = make_task("fit", given)
        assert task.target.dtype == task.truth.dtype == np.float32
        assert torch.equal(torch.tensor(task.target), torch.tensor(plain.target))
        assert (task.target is task.truth) == one


def test_scores_are_those_of_the_clipped_prediction():
    given = signal((16, 20), 2)
    scoring = make_task("fit", given).scorings[0]
    prediction = 3 * scoring.truth - 1  # from -1 to 2
    clipped = np.minimum(np.maximum(prediction, 0), 1)
    mse = np.mean((clipped.astype(float) - scoring.truth) ** 2)
    scores = scoring.scores(prediction)
    assert scores["psnr"] == pytest.approx(-10 * np.log10(mse), abs=1e-5)
    assert scores["ssim"] == pytest.approx(metrics.ssim(scoring.truth, clipped))
    assert scores["ssim"] != pytest.approx(metrics.ssim(scoring.truth, prediction), abs=1e-3)


def test_the_curve_and_the_row_have_one_psnr():
    """Of an answer that leaves the truth's range, by the truth's range and not by its own."""
    task = make_task("fit", signal((16, 20), 2))
    answer = 3 * task.truth - 1
    assert task.psnr(answer) == task.scorings[0].psnr(answer) == task.scorings[0].scores(answer)["psnr"]


def test_scores_of_a_volume_by_hand():
    truth = np.zeros((4, 4, 4), dtype=np.float32)
    truth[0] = 1
    scoring = make_task("fit", Signal(truth, 3, "volume")).scorings[0]
    prediction = np.full((4, 4, 4, 1), 0.2, dtype=np.float32)  # not above the threshold
    prediction[0, :2] = 5  # clipped to 1
    scores = scoring.scores(prediction)
    assert scores["iou"] == 8 / 16
    assert scores["psnr"] == pytest.approx(-10 * np.log10((8 * 0.8**2 + 48 * 0.2**2) / 64), abs=1e-5)


def test_ring_scores_are_masked_mean_squares():
    rings = (np.zeros((5, 6), dtype=bool), np.zeros((5, 6), dtype=bool))
    rings[0][0, :3] = True
    rings[1][2:, 4] = True
    given = signal((5, 6), 2, rings=rings)
    scoring = make_task("fit", given).scorings[0]
    prediction = scoring.truth.copy()
    prediction[0, 0] += 0.05 if prediction[0, 0] < 0.5 else -0.05
    prediction[3, 4] = -7.0  # clipped to 0
    squares = (np.clip(prediction, 0, 1).astype(float) - scoring.truth)[..., 0] ** 2
    expected = [-10 * np.log10(sum(squares[0, j] for j in range(3)) / 3)]
    expected += [-10 * np.log10(sum(squares[i, 4] for i in range(2, 5)) / 3)]
    assert scoring.ring_scores(prediction) == pytest.approx(expected, abs=1e-9)


def test_rings_are_clipped_by_the_whole_truth():
    truth = np.zeros((4, 4, 1))
    truth[3, 3] = 2.0  # outside of the ring
    ring = np.zeros((4, 4), dtype=bool)
    ring[0] = True
    scoring = Scoring("fit", Lattice.regular((4, 4)), truth, False, (ring,))
    assert scoring.ring_scores(np.full((4, 4, 1), 9.0)) == [pytest.approx(-20 * np.log10(2))]


def test_a_ring_without_samples_has_no_score():
    """At length 8 the star's second innermost ring lies between the samples."""
    scoring = make_task("fit", get_signal("StarTarget", 2, 8)).scorings[0]
    empty = [not ring.any() for ring in scoring.rings]
    assert any(empty)
    assert [score is None for score in scoring.ring_scores(scoring.truth)] == empty


def test_a_signal_without_rings_has_no_ring_scores():
    task = make_task("fit", signal((9, 12), 2))
    assert task.scorings[0].ring_scores(task.target) is None


def test_the_star_has_nine_ring_scores_and_each_sees_its_own_ring_alone():
    star = get_signal("StarTarget", 2, 50)
    scoring = make_task("fit", star).scorings[0]
    distance = np.hypot(*np.meshgrid(*[np.arange(50) * 20 - 500] * 2))
    for i in range(9):
        outer = 480 - i * 480 / 9  # band 0.1 is the outermost
        inside = (distance >= outer - 480 / 9 - 1e-9) & (distance < outer - 1e-9)
        prediction = np.where(inside[..., None], 0.75, scoring.truth)
        expected = np.full(9, 160.0)
        errors = (0.75 - scoring.truth[inside].astype(float)) ** 2
        expected[i] = -10 * np.log10(errors.mean())
        assert scoring.ring_scores(prediction) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(("name", "dim"), [("SparseSphereSignal", 3), ("BandlimitedSignal", 3)])
def test_binary_is_read_from_the_values(name, dim):
    task = make_task("fit", get_signal(name, dim, 16, 0.5))
    assert (task.scorings[0].scores(task.target)["iou"] == 1) == (name == "SparseSphereSignal")


def test_scorings_are_values():
    scoring = make_task("fit", signal((9, 12), 2)).scorings[0]
    with pytest.raises(dataclasses.FrozenInstanceError):
        scoring.task = "other"


# Super-resolution, denoising, CT


@pytest.fixture
def photo():
    rng = np.random.default_rng(3)
    return Signal(rng.uniform(size=(24, 20, 3)).astype(np.float32), 2, "image")


def test_a_signal_that_brings_a_finer_lattice_is_scored_on_both():
    coarse, fine = np.random.default_rng(0).uniform(size=(6, 5)), np.random.default_rng(1).uniform(size=(24, 20))
    given = Signal(coarse.astype(np.float32), 2, "image", finer=fine.astype(np.float32))
    task = make_task("fit", given)
    assert [scoring.task for scoring in task.scorings] == ["fit", "super_resolution"]
    assert task.lattice.shape == (6, 5)
    sr = task.scorings[1]
    np.testing.assert_array_equal(sr.truth[..., 0], given.finer)
    for axis, n, m in zip(sr.lattice.axes, (24, 20), (6, 5), strict=True):  # the protocol, in words for a factor of 4
        np.testing.assert_allclose(axis, [max(-1, -1 + 2 * (j - 1.5) / (4 * m)) for j in range(n)], atol=1e-12)
    for axis, n in zip(sr.paper_lattice.axes, (24, 20), strict=True):
        np.testing.assert_allclose(axis, [-1 + 2 * i / n for i in range(n)], atol=1e-12)
    again = make_task("super_resolution", given)
    assert [scoring.task for scoring in again.scorings] == ["fit", "super_resolution"], "one fit gives both"


def test_a_finer_lattice_that_the_signal_states_is_where_it_is_scored():
    stated = Lattice(tuple(np.sort(np.random.default_rng(n).uniform(-1, 1, n)) for n in (24, 20)))
    coarse, fine = np.zeros((6, 5), dtype=np.float32), np.eye(24, 20, dtype=np.float32)
    task = make_task("fit", Signal(coarse, 2, "image", finer=fine, finer_lattice=stated))
    assert task.scoring_of("super_resolution").lattice is stated
    assert task.scoring_of("fit").lattice is task.lattice
    with pytest.raises(UsageError, match="no longer has the task 'ct'"):
        task.scoring_of("ct")


def test_a_signal_without_one_is_coarsened(photo):
    task = make_task("super_resolution", photo)
    (scoring,) = task.scorings
    assert scoring.task == "super_resolution"
    assert task.lattice.shape == (6, 5)
    assert task.target.shape == (6, 5, 3)
    assert task.target.min() >= 0
    assert task.target.max() <= 1
    np.testing.assert_array_equal(scoring.truth, photo.values)


def test_what_is_coarsened_keeps_its_range_at_edges():
    """The cubic kernel overshoots beside a step."""
    values = np.full((24, 24), 0.25, dtype=np.float32)
    values[:, 13:] = 0.75
    target = make_task("super_resolution", Signal(values, 2, "image")).target
    assert (target.min(), target.max()) == (0.25, 0.75)


def test_a_size_that_is_no_multiple_is_cropped():
    values = np.random.default_rng(0).uniform(size=(27, 21)).astype(np.float32)
    task = make_task("super_resolution", Signal(values, 2, "image"))
    np.testing.assert_array_equal(task.scorings[0].truth[..., 0], values[:24, :20])


def test_the_smallest_image_that_is_coarsened_leaves_two_samples_an_axis():
    assert make_task("super_resolution", Signal(np.eye(8, dtype=np.float32), 2, "image")).lattice.shape == (2, 2)


@pytest.mark.parametrize("shape", [(7, 40), (40, 7), (6, 5)])
def test_an_image_too_small_to_be_coarsened_is_one_line(shape):
    with pytest.raises(UsageError, match="too small to be downsampled by 4"):
        make_task("super_resolution", Signal(np.zeros(shape, np.float32), 2, "image"))


def test_denoising_trains_on_noise_and_scores_against_the_clean_image(photo):
    task = make_task("denoise_0.1", photo, seed=5, item="a")
    assert task.pointwise
    np.testing.assert_array_equal(task.truth, photo.values)
    np.testing.assert_array_equal(task.scorings[0].truth, photo.values)
    noise = task.target - task.truth
    assert noise.std() == pytest.approx(0.1, rel=0.1)
    assert task.target.min() < 0, "not clipped"
    weaker = make_task("denoise_0.05", photo, seed=5, item="a")
    np.testing.assert_allclose(weaker.target - weaker.truth, noise / 2, atol=1e-6)
    assert np.abs(make_task("denoise_0.1", photo, seed=6, item="a").target - task.target).max() > 0.05


@pytest.mark.parametrize("item", ["", "a"])
def test_noise_is_independent_of_a_signal_that_the_same_seed_draws(item):
    values = np.random.default_rng(5).standard_normal((60, 60)).astype(np.float32)
    task = make_task("denoise_0.1", Signal(values, 2, "synthetic"), seed=5, item=item)
    assert abs(np.corrcoef((task.target - task.truth).ravel(), values.ravel())[0, 1]) < 0.1


def test_ct_trains_on_the_sinogram_and_scores_the_slice():
    values = np.random.default_rng(0).uniform(size=(12, 17)).astype(np.float32)
    task = make_task("ct", Signal(values, 2, "image"))
    assert task.target.shape == (100, 17, 1)
    assert not task.pointwise
    np.testing.assert_array_equal(task.scorings[0].truth[..., 0], values)
    np.testing.assert_allclose(task.target[0, :, 0], values.sum(0), rtol=1e-5)  # angle 0: sums over rows
    heads = torch.as_tensor(values)[None, ..., None].repeat(2, 1, 1, 1)
    np.testing.assert_allclose(task.operator(heads).numpy(), np.stack([task.target] * 2), rtol=1e-5)


def test_denoise_stands_for_both_noise_levels():
    assert expand_tasks(["fit", "denoise", "denoise_0.05"]) == ["fit", "denoise_0.05", "denoise_0.1"]
    assert expand_tasks(["denoise_0.2", "denoise_0.20"]) == ["denoise_0.2"]


@pytest.mark.parametrize("name", ["denoise_", "denoise_x", "denoise_-1", "denoise_0.1 ", "Fit", ""])
def test_other_names_are_unknown(name):
    with pytest.raises(UsageError, match="unknown task"):
        expand_tasks([name])
