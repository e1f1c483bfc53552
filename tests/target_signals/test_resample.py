"""Resampling: against plain loops, Pillow, DIV2K's own ×4 files, and what balls and shells must keep."""

import math

import numpy as np
import pytest
import scipy.ndimage
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from skimage import data, io

from target_signals.recorded.catalogue import high_resolution, low_resolution
from target_signals.recorded.local_files import local, missing
from target_signals.resample import bicubic, cubic_matrix, shrink_occupancy

LENGTHS = st.integers(1, 12)


def keys(x):
    """Cubic convolution with a = -1/2, as Keys writes it."""
    a, x = -0.5, abs(x)
    if x <= 1:
        return (a + 2) * x**3 - (a + 3) * x**2 + 1
    return a * x**3 - 5 * a * x**2 + 8 * a * x - 4 * a if x < 2 else 0.0


def resample_line(line, new):
    """One axis, sample by sample: imresize's definition with indices from 1."""
    old = len(line)
    scale = new / old
    shrink = min(scale, 1)
    result = []
    for j in range(1, new + 1):
        centre = j / scale + 0.5 * (1 - 1 / scale)
        total = weight_sum = 0.0
        for k in range(math.floor(centre - 2 / shrink) - 1, math.ceil(centre + 2 / shrink) + 2):
            weight = shrink * keys(shrink * (centre - k))
            inside = k
            while not 1 <= inside <= old:  # mirror about the frame's edges
                inside = 1 - inside if inside < 1 else 2 * old + 1 - inside
            total += weight * line[inside - 1]
            weight_sum += weight
        result.append(total / weight_sum)
    return result


def resample_by_loops(values, shape):
    for axis, new in enumerate(shape):
        values = np.apply_along_axis(resample_line, axis, values, new)
    return values


@pytest.mark.parametrize("shape", [(3, 4), (6, 8), (5, 8), (12, 16), (13, 5), (3, 29), (1, 1)])
@pytest.mark.parametrize("channels", [1, 3])
def test_bicubic_is_the_definition(shape, channels):
    values = np.random.default_rng(0).uniform(size=(12, 16, channels))
    np.testing.assert_allclose(bicubic(values, shape), resample_by_loops(values, shape), atol=1e-12)


@given(height=LENGTHS, width=LENGTHS, new_height=LENGTHS, new_width=LENGTHS)
@settings(max_examples=40)
def test_any_shapes(height, width, new_height, new_width):
    values = np.random.default_rng(0).uniform(size=(height, width, 1))
    ours = bicubic(values, (new_height, new_width))
    np.testing.assert_allclose(ours, resample_by_loops(values, (new_height, new_width)), atol=1e-12)


@given(old=st.integers(1, 60), new=st.integers(1, 60))
def test_weights_sum_to_one_and_constants_stay(old, new):
    assert cubic_matrix(old, new).shape == (new, old)
    np.testing.assert_allclose(cubic_matrix(old, new).sum(1), 1, atol=1e-12)
    constant = np.full((old, 3, 2), 0.3, dtype=np.float32)
    np.testing.assert_allclose(bicubic(constant, (new, 7)), 0.3, atol=1e-7)


def test_halving_by_hand():
    """Offsets ±½ … ±7/2 of a kernel twice as wide: weights (-3 -9 29 111 111 29 -9 -3)/256 about each centre."""
    weights = np.array([-3, -9, 29, 111, 111, 29, -9, -3]) / 256
    expected = np.zeros(16)
    expected[3:11] = weights  # sample 3 lies between samples 6 and 7
    np.testing.assert_array_equal(cubic_matrix(16, 8).toarray()[3], expected)


def test_the_same_shape_is_the_same_image_and_one_axis_can_stay():
    values = np.random.default_rng(0).uniform(size=(9, 14, 2))
    assert np.array_equal(bicubic(values, (9, 14)), values)
    np.testing.assert_allclose(bicubic(bicubic(values, (4, 14)), (4, 5)), bicubic(values, (4, 5)), atol=1e-15)


def test_a_ramp_stays_a_ramp_between_aligned_centres():
    """New sample j sits at (j + ½)·old/new - ½. A widened kernel keeps straight lines nearly, others exactly."""
    ramp = np.arange(60.0)[:, None, None]
    for new in (15, 41, 60, 150):
        middle = slice(new // 5, -(new // 5))
        np.testing.assert_allclose(
            bicubic(ramp, (new, 1))[middle, 0, 0], ((np.arange(new) + 0.5) * 60 / new - 0.5)[middle], atol=0.05
        )


def test_nothing_is_clipped_and_the_type_is_kept():
    step = np.zeros((8, 8, 1), dtype=np.float32)
    step[4:] = 1
    larger = bicubic(step, (32, 32))
    assert larger.min() < -0.01
    assert larger.max() > 1.01
    assert larger.dtype == np.float32
    assert bicubic(step.astype(np.float64), (3, 3)).dtype == np.float64


@pytest.mark.parametrize("values", [np.zeros((4, 4, 1), dtype=np.uint8), np.zeros((4, 4))])
def test_bicubic_takes_floats_with_channels(values):
    with pytest.raises(TypeError, match=r"takes floats \[H, W, C\], got \w+ of shape \(4, 4"):
        bicubic(values, (2, 2))


@pytest.mark.parametrize(("shape", "margin"), [((128, 128), 2), ((100, 90), 2), ((400, 300), 0), ((700, 650), 3)])
def test_pillow_agrees(shape, margin):
    """Away from the edges, which Pillow crops and we mirror, to float32 and Pillow's rounding; there to a tenth."""
    image = data.camera()[:400, :300].astype(np.float32) / 255
    theirs = np.asarray(Image.fromarray(image).resize(shape[::-1], Image.Resampling.BICUBIC))
    difference = np.abs(bicubic(image[..., None], shape)[..., 0] - theirs)
    assert difference.max() < 0.1
    assert difference[margin : shape[0] - margin, margin : shape[1] - margin].max() < 1e-5


def levels(path):
    """A recorded photograph as float64 levels 0 … 255, its hash checked."""
    return io.imread(local(path)).astype(np.float64)


@pytest.mark.parametrize("item", ["0064", "0079", "0088", "0131"])
def test_div2ks_own_small_images_bit_by_bit(item):
    """They were rounded half up to 8 bits after each axis."""
    paths = high_resolution(item), low_resolution(item)
    if lacking := missing(paths):
        pytest.skip(lacking)
    image, small = map(levels, paths)

    def to_levels(values):
        return np.floor(values + 0.5).clip(0, 255)

    lower = to_levels(bicubic(image, (small.shape[0], image.shape[1])))
    ours = to_levels(bicubic(lower, small.shape[:2]))
    assert np.array_equal(ours, small)


# ── binary volumes ──


@given(
    old=st.tuples(LENGTHS, LENGTHS, LENGTHS),
    new=st.tuples(LENGTHS, LENGTHS, LENGTHS),
    threshold=st.sampled_from([0.0, 0.25, 0.5]),
    seed=st.integers(0, 99),
)
@settings(max_examples=60)
def test_occupancy_is_the_covered_share(old, new, threshold, seed):
    values = np.random.default_rng(seed).uniform(size=old) < 0.3
    ours = shrink_occupancy(values, new, threshold)
    assert ours.dtype == bool
    # a volume in which both divisions are whole: every old cell is a block of new.prod() cells, and conversely
    fine = values
    for axis in range(3):
        fine = fine.repeat(new[axis], axis)
    blocks = fine.reshape(new[0], old[0], new[1], old[1], new[2], old[2])
    assert np.array_equal(ours, blocks.sum((1, 3, 5)) > threshold * math.prod(old))


def ball(n, radius, thickness=None):
    """A centred ball in n³ cells, or the shell of it."""
    distance = np.sqrt(sum((c - (n - 1) / 2) ** 2 for c in np.indices((n, n, n))))
    return (distance <= radius) & (distance > radius - (thickness or np.inf))


def pieces(volume):
    """How many regions the set has, connected across faces."""
    return scipy.ndimage.label(volume)[1]


SMALLER = [(20, 20, 20), (23, 19, 31), (13, 40, 17), (47, 47, 47), (9, 9, 9)]


@pytest.mark.parametrize("threshold", [0.0, 0.5])
@pytest.mark.parametrize("shape", SMALLER)
def test_a_ball_stays_one_solid_ball(shape, threshold):
    ours = shrink_occupancy(ball(48, 19), shape, threshold)
    assert pieces(ours) == pieces(~ours) == 1
    share = ours.mean() / ball(48, 19).mean()
    if threshold == 0.5:
        assert share == pytest.approx(1, abs=0.1 if min(shape) < 10 else 0.05)
    else:
        cell = 48 / min(shape)
        assert 1 <= share < ((19 + cell * math.sqrt(3)) / 19) ** 3


@pytest.mark.parametrize("shape", SMALLER)
def test_a_thin_shell_stays_closed(shape):
    shell = ball(48, 19, thickness=1)
    assert pieces(~shell) == 2
    ours = shrink_occupancy(shell, shape)
    assert pieces(ours) == 1
    assert pieces(~ours) == 2
    assert not ours[tuple(n // 2 for n in shape)]


def test_a_higher_threshold_tears_a_thin_shell():
    """Why 0 is the default."""
    ours = shrink_occupancy(ball(48, 19, thickness=1), (20, 20, 20), 0.5)
    assert pieces(~ours) == 1


def test_the_same_shape_is_the_same_volume():
    values = np.random.default_rng(0).uniform(size=(7, 8, 9)) < 0.3
    assert np.array_equal(shrink_occupancy(values, (7, 8, 9)), values)
    assert np.array_equal(shrink_occupancy(values, (7, 8, 9), 0.5), values)


@pytest.mark.parametrize(("values", "shape"), [(np.zeros((4, 4, 4)), (2, 2, 2)), (np.zeros((4, 4), dtype=bool), (2,))])
def test_occupancy_takes_bool_and_as_many_lengths(values, shape):
    with pytest.raises(TypeError, match=r"expected bool with \d axes"):
        shrink_occupancy(values, shape)
