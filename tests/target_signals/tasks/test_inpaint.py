"""Inpainting: which samples are seen, what the loss is over, and what is scored, against plain loops."""

import itertools
import math
import zlib

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.metrics import structural_similarity

from common.errors import UsageError
from target_signals.base import Signal
from target_signals.tasks.base import make_task
from target_signals.tasks.inpaint import drawn
from target_signals.tasks.operators import Selection

SHAPES = {2: (9, 12), 3: (5, 4, 6)}


def signal(dim=2, channels=3, binary=False, **more):
    values = np.random.default_rng(0).random((*SHAPES[dim], channels), dtype=np.float32)
    return Signal((values > 0.5).astype(np.float32) if binary else values, dim, "synthetic", **more)


def seen_by(task):
    """Indices of the seen samples, found from the operator alone: which of the unit images it answers to."""
    shape = task.lattice.shape
    units = torch.eye(math.prod(shape)).reshape(1, *shape, -1)
    answers = task.operator(units)[0]  # [S, N]
    assert set(answers.unique().tolist()) <= {0.0, 1.0}
    return [np.unravel_index(int(row.argmax()), shape) for row in answers]


@pytest.mark.parametrize("dim", [2, 3])
@pytest.mark.parametrize("fraction", [0.1, 0.5, 0.83])
def test_a_share_of_the_samples_is_seen_and_the_others_are_scored(dim, fraction):
    task = make_task(f"inpaint_{fraction}", signal(dim), seed=3)
    seen = seen_by(task)
    assert len(set(seen)) == len(seen) == round(fraction * math.prod(SHAPES[dim]))
    assert task.target.shape == (len(seen), 3)
    for index, value in zip(seen, task.target, strict=True):
        np.testing.assert_array_equal(value, task.truth[index])
    (scoring,) = task.scorings
    hidden = {tuple(map(int, index)) for index in zip(*np.nonzero(scoring.where), strict=True)}
    assert hidden == set(itertools.product(*map(range, SHAPES[dim]))) - {tuple(map(int, index)) for index in seen}


@pytest.mark.parametrize("item", ["", "a"])
def test_which_samples_are_seen_stays_as_it_was(item):
    """No `config_hash` would see another draw."""
    order = np.random.default_rng([3, zlib.crc32(item.encode()), zlib.crc32(b"inpaint")]).permutation(108)
    np.testing.assert_array_equal(np.flatnonzero(drawn(SHAPES[2], 0.25, 3, item)), np.sort(order[:27]))


@pytest.mark.parametrize("dim", [2, 3])
def test_the_loss_is_over_what_is_seen_and_its_gradient_nowhere_else(dim):
    task = make_task("inpaint_0.5", signal(dim), seed=3)
    heads = torch.rand(2, *SHAPES[dim], 3, generator=torch.Generator().manual_seed(0), requires_grad=True)
    loss = torch.nn.functional.mse_loss(task.operator(heads), torch.as_tensor(task.target).expand(2, -1, -1))
    loss.backward()
    total, slope = 0.0, np.zeros(heads.shape)
    values, seen = heads.detach().double().numpy(), seen_by(task)
    for head, index, channel in itertools.product(range(2), seen, range(3)):
        error = values[(head, *index, channel)] - float(task.truth[(*index, channel)])
        total += error**2 / (2 * len(seen) * 3)
        slope[(head, *index, channel)] = 2 * error / (2 * len(seen) * 3)
    assert loss.item() == pytest.approx(total, rel=1e-5)
    np.testing.assert_allclose(heads.grad, slope, atol=1e-7)


def test_scores_are_of_hidden_samples_and_pictures_of_the_filled_gaps():
    values = np.random.default_rng(1).random((16, 20, 3), dtype=np.float32)
    task = make_task("inpaint_0.5", Signal(values, 2, "image"), seed=3)
    (scoring,) = task.scorings
    prediction = 0.5 * values + 0.2
    filled, squares = prediction.astype(float).copy(), []
    for index in seen_by(task):
        filled[index] = values[index]
    for index in np.ndindex(16, 20):
        if not (filled[index] == values[index]).all():
            squares += list((prediction[index].astype(float) - values[index]) ** 2)
    scores = scoring.scores(prediction)
    assert len(squares) == 3 * 160
    assert scores["psnr"] == pytest.approx(-10 * np.log10(np.mean(squares)), abs=1e-5)
    assert scores["psnr"] == pytest.approx(task.psnr(prediction)), "the curve ends at the score"
    span = float(values.max() - values.min())
    expected = structural_similarity(values.astype(float), filled, data_range=span, channel_axis=-1)
    assert scores["ssim"] == pytest.approx(expected, abs=1e-6)
    wrong = np.where(scoring.where[..., None], prediction, 1 - values)  # wherever it was seen, which costs nothing
    assert scoring.scores(wrong) == scores
    hidden = values[scoring.where].astype(float)
    spread = ((hidden - hidden.mean(axis=0)) ** 2).mean()
    assert scoring.psnr_of_constant == pytest.approx(-10 * np.log10(spread), abs=1e-5)


def test_a_binary_volume_and_rings_are_scored_where_nothing_was_seen():
    rings = (np.zeros(SHAPES[3], dtype=bool), np.zeros(SHAPES[3], dtype=bool))
    rings[0][:2] = True
    task = make_task("inpaint_0.5", signal(3, 1, binary=True, rings=rings), seed=3)
    (scoring,) = task.scorings
    answer = np.random.default_rng(2).random(task.truth.shape) > 0.4
    inside, either, ring = 0, 0, []
    for index in set(np.ndindex(*SHAPES[3])) - {tuple(map(int, index)) for index in seen_by(task)}:
        said, true = bool(answer[index][0]), bool(task.truth[index][0])
        inside, either = inside + (said and true), either + (said or true)
        ring += [said != true] if index[0] < 2 else []
    prediction = answer.astype(np.float32)
    assert scoring.scores(prediction)["iou"] == pytest.approx(inside / either)
    assert scoring.ring_scores(prediction) == [pytest.approx(-10 * np.log10(np.mean(ring))), None]


def test_more_samples_are_the_same_and_more():
    some, most = (drawn((30, 40), fraction, 7, "0064") for fraction in (0.2, 0.9))
    assert (some.sum(), most.sum()) == (240, 1080)
    assert (some <= most).all()


def test_seeds_and_items_draw_their_own():
    masks = [drawn((40, 50), 0.5, seed, item).ravel() for seed in (1234, 2024) for item in ("0064", "0007")]
    correlation = np.corrcoef(masks)
    assert np.abs(correlation - np.eye(4)).max() < 4 / math.sqrt(2000)


def test_samples_are_drawn_anywhere():
    """Over many seeds each sample is seen as often as any other."""
    often = np.mean([drawn((6, 7), 0.25, seed, "") for seed in range(600)], axis=0)
    share = round(0.25 * 42) / 42
    assert np.abs(often - share).max() < 5 * math.sqrt(share * (1 - share) / 600)


def test_the_mask_is_the_same_in_every_process():
    """Rows of different machines compare only while it stays."""
    seen = drawn((4, 5), 0.5, 1234, "0064")
    assert np.flatnonzero(seen).tolist() == [0, 1, 2, 3, 4, 7, 8, 9, 10, 16]


@pytest.mark.parametrize(("name", "what"), [("inpaint_0.001", "none"), ("inpaint_0.999", "all")])
def test_a_share_that_leaves_nothing_to_see_or_to_fill_is_one_line(name, what):
    with pytest.raises(UsageError, match=rf"^task '{name}' sees {what} of 108 samples; choose another fraction$"):
        make_task(name, signal())


@given(
    dim=st.sampled_from([2, 3]),
    heads=st.integers(1, 3),
    channels=st.integers(1, 3),
    fraction=st.floats(0.05, 0.95),
    seed=st.integers(0, 99),
)
@settings(max_examples=60)
def test_the_operator_and_its_gradient_are_adjoint(dim, heads, channels, fraction, seed):
    """⟨Ax, y⟩ = ⟨x, Aᵀy⟩ to the last bits of a sum, with Aᵀy as autograd gives it; Aᵀ of a target is what is shown."""
    rng = torch.Generator().manual_seed(seed)
    operator = Selection(drawn(SHAPES[dim], fraction, seed, ""))
    x = torch.rand(heads, *SHAPES[dim], channels, generator=rng, dtype=torch.float64, requires_grad=True)
    seen = operator(x)
    y = torch.rand(seen.shape, generator=rng, dtype=torch.float64)
    (back,) = torch.autograd.grad(seen, x, y)
    assert (seen * y).sum().item() == pytest.approx((x * back).sum().item(), rel=1e-12)
    np.testing.assert_array_equal(back[0], operator.display(y[0].numpy()))
    np.testing.assert_array_equal(operator(back)[0], y[0])  # A Aᵀ = 1
    np.testing.assert_array_equal(operator.observe(x[0].detach().float().numpy()), seen[0].detach().float())


def test_a_selection_refuses_another_lattice():
    with pytest.raises(ValueError, match=r"\(9, 12\) samples was given values of shape \(1, 12, 9, 1\)"):
        Selection(np.ones((9, 12), dtype=bool))(torch.zeros(1, 12, 9, 1))
