"""Every score against closed forms, scikit-image and masks by hand (docs/protocol.md, "Metrics")."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter, uniform_filter
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from common.lattice import Lattice
from target_signals import get_signal
from target_signals.tasks import metrics
from target_signals.tasks.task import Scoring


def picture(channels=1, shape=(48, 61), seed=0):
    """Something like a photograph: smooth regions, edges and texture in [0, 1]; float32 [H, W, C]."""
    rng = np.random.default_rng(seed)
    smooth = gaussian_filter(rng.normal(size=(*shape, channels)), (6, 6, 0))
    edges = (smooth > 0) * 0.4
    values = smooth / np.ptp(smooth) + edges + 0.03 * rng.normal(size=smooth.shape)
    return ((values - values.min()) / np.ptp(values)).astype(np.float32)


def degraded(truth, seed=1, amount=0.05):
    rng = np.random.default_rng(seed)
    return (gaussian_filter(truth, (1, 1, 0)) + amount * rng.normal(size=truth.shape)).astype(np.float32)


# ── PSNR ──


@pytest.mark.parametrize(
    ("error", "expected"), [(1, 0), (0.1, 20), (0.01, 40), (-0.5, 6.020599913279624), (2, -6.0206)]
)
def test_psnr_of_a_constant_error(error, expected):
    truth = np.zeros((4, 5, 3))
    assert metrics.psnr(truth, truth + error) == pytest.approx(expected, abs=1e-4)


def test_psnr_is_capped_at_160_db():
    truth = picture()
    assert metrics.psnr(truth, truth) == pytest.approx(160, abs=1e-9)
    wide = truth.astype(np.float64)
    assert metrics.psnr(wide, wide + 0.9e-8) == pytest.approx(160, abs=1e-9)
    assert metrics.psnr(wide, wide + 2e-8) == pytest.approx(-20 * np.log10(2e-8), abs=1e-6)  # 154 dB


@pytest.mark.parametrize("channels", [1, 3])
def test_psnr_is_scikit_images_with_a_peak_of_one(channels):
    truth = picture(channels)
    prediction = degraded(truth)
    expected = peak_signal_noise_ratio(truth.astype(float), prediction.astype(float), data_range=1)
    assert metrics.psnr(truth, prediction) == pytest.approx(expected, abs=1e-9)


def test_psnr_squares_and_averages_in_float64():
    """A million float32 errors of 1e-4 on values near 1: float32 sums would be off in the third digit."""
    truth = np.ones((1000, 1000, 1), dtype=np.float32)
    prediction = truth - np.float32(2**-13)
    assert metrics.psnr(truth, prediction) == pytest.approx(260 * np.log10(2), abs=1e-9)


# ── clipping ──


def test_clipping_is_to_the_unit_interval_when_the_truth_keeps_it():
    truth = np.array([0.2, 0.5, 0.9])
    assert metrics.clip_to_truth(truth, np.array([-3.0, 0.4, 7.0])).tolist() == [0, 0.4, 1]


@pytest.mark.parametrize(
    ("truth", "expected"),
    [
        ([-0.3, 0.5], [-0.3, -0.2, 1.0]),  # below only
        ([0.1, 1.4], [0.0, 0.0, 1.4]),  # above only
        ([-0.3, 1.4], [-0.3, -0.2, 1.4]),
        ([0.0, 1.0], [0.0, 0.0, 1.0]),
    ],
)
def test_clipping_widens_with_a_truth_that_leaves_the_unit_interval(truth, expected):
    prediction = np.array([-5.0, -0.2, 5.0])
    assert metrics.clip_to_truth(np.array(truth), prediction).tolist() == expected


def test_the_truth_itself_is_never_clipped_even_for_the_widest_band():
    truth = get_signal("BandlimitedSignal", 2, 101, 0.9).values[..., None]
    assert truth.min() < 0
    assert truth.max() > 1
    assert np.array_equal(metrics.clip_to_truth(truth, truth), truth)


@given(st.lists(st.floats(-3, 3), min_size=1, max_size=9), st.lists(st.floats(-9, 9), min_size=1, max_size=9))
def test_clipping_never_moves_a_value_away_from_the_truth(truth, prediction):
    truth, prediction = np.array(truth), np.array(prediction)[:, None]
    clipped = metrics.clip_to_truth(truth, prediction).numpy()
    assert (np.abs(clipped - truth) <= np.abs(prediction - truth)).all()
    assert np.array_equal(metrics.clip_to_truth(truth, clipped), clipped)


# ── PSNR of a constant ──


def test_psnr_of_the_constant_mean_is_the_variance():
    truth = picture()
    expected = -10 * np.log10(truth.astype(float).var())
    assert metrics.psnr_of_constant(truth) == pytest.approx(expected, abs=1e-9)
    assert metrics.psnr_of_constant(np.full((5, 5, 1), 0.3)) == pytest.approx(160)


def test_psnr_of_the_constant_mean_of_half_ones_is_six_db():
    truth = np.zeros((4, 4, 4, 1))
    truth[:2] = 1
    assert metrics.psnr_of_constant(truth) == pytest.approx(20 * np.log10(2))


def test_psnr_of_the_constant_mean_takes_each_channels_own():
    truth = np.stack([np.full((4, 4), c) for c in (0.1, 0.5, 0.9)], axis=-1)
    assert metrics.psnr_of_constant(truth) == pytest.approx(160)
    truth = picture(3)
    expected = -10 * np.log10(np.mean([truth[..., c].astype(float).var() for c in range(3)]))
    assert metrics.psnr_of_constant(truth) == pytest.approx(expected, abs=1e-9)


# ── SSIM ──


def ssim_written_out(a, b):
    """Wang et al. 2004 as scikit-image has it: a 7×7 mean, sample covariances, K = .01 and .03, no border."""
    a, b = a.astype(np.float64), b.astype(np.float64)
    data_range = np.ptp(a)
    n = 49 / 48
    mean_a, mean_b = uniform_filter(a, 7), uniform_filter(b, 7)
    var_a = n * (uniform_filter(a * a, 7) - mean_a**2)
    var_b = n * (uniform_filter(b * b, 7) - mean_b**2)
    cov = n * (uniform_filter(a * b, 7) - mean_a * mean_b)
    c1, c2 = (0.01 * data_range) ** 2, (0.03 * data_range) ** 2
    s = (2 * mean_a * mean_b + c1) * (2 * cov + c2) / ((mean_a**2 + mean_b**2 + c1) * (var_a + var_b + c2))
    return s[3:-3, 3:-3].mean()


def test_ssim_of_grey_is_the_true_two_dimensional_one():
    truth = picture() * 0.6 + 0.1  # the data range is the truth's own, not one
    prediction = degraded(truth)
    data_range = float(truth.max() - truth.min())
    a, b = truth[..., 0].astype(float), prediction[..., 0].astype(float)
    expected = structural_similarity(a, b, data_range=data_range)
    assert 0.2 < expected < 0.95
    assert metrics.ssim(truth, prediction) == pytest.approx(expected, abs=1e-9)
    assert metrics.ssim(truth, prediction) == pytest.approx(ssim_written_out(a, b), abs=1e-7)  # float32 data range
    assert structural_similarity(a, b, data_range=1) != pytest.approx(expected, abs=1e-3)


def test_ssim_of_colour_is_the_mean_over_channels_with_one_data_range():
    truth = picture(3) * np.array([0.3, 0.6, 1], dtype=np.float32)
    prediction = degraded(truth)
    data_range = float(truth.max() - truth.min())
    a, b = truth.astype(float), prediction.astype(float)
    expected = structural_similarity(a, b, data_range=data_range, channel_axis=-1)
    assert metrics.ssim(truth, prediction) == pytest.approx(expected, abs=1e-9)
    by_channel = [structural_similarity(a[..., c], b[..., c], data_range=data_range) for c in range(3)]
    assert metrics.ssim(truth, prediction) == pytest.approx(np.mean(by_channel), abs=1e-9)


@pytest.mark.parametrize("shape", [(7, 9), (64, 20), (71, 33), (150, 41)])
@pytest.mark.parametrize("channels", [1, 3])
def test_ssim_is_the_same_to_the_bit_in_slabs(shape, channels, monkeypatch):
    truth, found = picture(channels, shape), set()
    for rows in (1, 5, 64, 1000):
        monkeypatch.setattr(metrics, "SSIM_ROWS", rows)
        found.add(metrics.ssim(truth, degraded(truth)))
    assert len(found) == 1


@pytest.mark.parametrize("values", [1, 100, 1 << 18])
def test_psnr_is_the_same_in_portions(values, monkeypatch):
    truth = picture(3, (70, 41))
    expected = peak_signal_noise_ratio(truth.astype(float), degraded(truth).astype(float), data_range=1)
    monkeypatch.setitem(metrics.PSNR_VALUES, "cpu", values)
    assert metrics.psnr(truth, degraded(truth)) == pytest.approx(expected, abs=1e-11)


def scores_on(binary, shape, channels, device):
    """Every score of a prediction on a device, and the same of arrays."""
    truth = picture(channels, shape[-2:])
    truth = np.stack([truth, truth[::-1]]) if len(shape) == 3 else truth
    truth = (truth > 0.5).astype(np.float32) if binary else truth
    prediction = degraded(truth[..., 0])[..., None] if len(shape) == 3 else degraded(truth)
    scoring = Scoring("fit", Lattice.regular(shape), truth, binary, rings=(truth[..., 0] > 0.3, truth[..., 0] > 0.8))
    there = torch.as_tensor(prediction, device=device)
    return [scoring.scores(v) | {"rings": scoring.ring_scores(v)} for v in (there, prediction)]


@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=pytest.mark.gpu)])
@pytest.mark.parametrize(("binary", "shape", "channels"), [(False, (90, 41), 3), (True, (2, 20, 30), 1)])
def test_scores_are_the_same_wherever_a_prediction_is(binary, shape, channels, device):
    """To the rounding of sums in float64; by the tests above, arrays' are scikit-image's."""
    there, here = scores_on(binary, shape, channels, device)
    assert there.keys() == here.keys()
    assert {"psnr", "iou" if binary else "ssim", "rings"} <= {k for k, v in here.items() if v is not None}
    for name, value in here.items():
        assert there[name] == (None if value is None else pytest.approx(value, rel=1e-12))


@pytest.mark.parametrize("channels", [1, 3])
def test_ssim_of_the_truth_is_one(channels):
    truth = picture(channels)
    assert metrics.ssim(truth, truth) == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("noise", [1e-6, 1e-4])
def test_ssim_of_a_faint_signal_is_taken_in_float64(noise):
    """Bandlimited 0.2 has σ = 1e-3 about ½, where float32 variances drown: scikit-image gives 0.60 for
    0.99997 when it is handed float32 (at 1000² and an error of 1e-6)."""
    truth = get_signal("BandlimitedSignal", 2, 301, 0.3).values[..., None]
    prediction = (truth + np.random.default_rng(0).normal(0, noise, truth.shape)).astype(np.float32)
    ours = metrics.ssim(truth, prediction)
    assert ours == pytest.approx(ssim_written_out(truth[..., 0], prediction[..., 0]), abs=1e-7)
    assert ours <= 1


def test_ssim_is_undefined_for_a_constant_truth_and_for_images_below_the_window():
    assert metrics.ssim(np.full((20, 20, 1), 0.5), picture(shape=(20, 20))) is None
    for shape in ((6, 40), (40, 6), (6, 6)):
        truth = picture(shape=shape)
        assert metrics.ssim(truth, truth) is None
    truth = picture(shape=(7, 7))
    assert metrics.ssim(truth, truth) == pytest.approx(1)


# ── IoU ──


def volume(ones, shape=(4, 4, 4, 1)):
    values = np.zeros(shape)
    values.reshape(-1)[list(ones)] = 1
    return values


@pytest.mark.parametrize(
    ("truth", "prediction", "expected"),
    [
        (range(8), range(8), 1),
        (range(8), range(8, 16), 0),
        (range(8), range(4, 12), 4 / 12),
        (range(8), range(2), 2 / 8),
        (range(8), [], 0),
        ([], range(8), 0),
        ([], [], 1),  # an empty union
    ],
)
def test_iou_of_sets(truth, prediction, expected):
    assert metrics.iou(volume(truth), volume(prediction)) == expected


def test_iou_counts_what_is_strictly_above_a_fifth_on_both_sides():
    truth = np.array([0.2, 0.2000001, 1.0, 0.0])
    assert metrics.iou(truth, np.array([0.0, 1.0, 1.0, 0.0])) == 1
    assert metrics.iou(np.array([1.0, 1.0]), np.array([0.2, 0.21])) == 0.5
    assert metrics.iou(np.array([1.0, 1.0]), np.array([0.19, 0.5])) == 0.5
    assert metrics.iou(np.array([0.0, 0.2]), np.array([0.2, 0.1])) == 1  # nothing on either side


@given(st.lists(st.tuples(st.booleans(), st.floats(-0.5, 1.5)), min_size=1, max_size=40))
def test_iou_against_sets(pairs):
    truth = np.array([float(a) for a, _ in pairs])
    prediction = np.array([b for _, b in pairs])
    ones = {i for i, (a, _) in enumerate(pairs) if a}
    found = {i for i, (_, b) in enumerate(pairs) if b > 0.2}
    expected = len(ones & found) / len(ones | found) if ones | found else 1
    assert metrics.iou(truth, prediction) == pytest.approx(expected)
    # clipping, which comes before scoring, cannot move a value across the threshold
    assert metrics.iou(truth, metrics.clip_to_truth(truth, prediction)) == pytest.approx(expected)


# ── as text ──


@pytest.mark.parametrize(
    ("value", "sign", "text"),
    [(21.04, "", "21.0"), (104.2, "", "104"), (99.96, "", "100"), (-3.2, "+", "−3.2"), (-0.01, "+", "+0.0")],
)
def test_scores_as_text(value, sign, text):
    assert metrics.METRICS["psnr"].text(value, sign) == text
