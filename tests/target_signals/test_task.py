"""Tasks: what is trained on, and which scores come out, by hand (SPEC 4)."""

import dataclasses

import numpy as np
import pytest
import torch

from registry import UsageError
from target_signals import Lattice, Signal, get_signal, metrics
from target_signals.task import Scoring, make_task


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
    assert task.operator.pointwise


def test_an_unknown_task_is_named_with_a_close_one():
    with pytest.raises(UsageError, match=r"'fitt'.*did you mean 'fit'"):
        make_task("fitt", signal((9, 12), 2))


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
    assert set(scores) == {"psnr", "ssim", "lpips", "iou"}
    assert {name for name, value in scores.items() if value is not None} == defined
    assert scores["psnr"] == pytest.approx(160)


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
