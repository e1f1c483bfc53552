"""Sums of Gaussians against the formula written out, and the kernels against their PyTorch twin."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from models.kernels.blocks import Blocks
from models.kernels.gaussians import additive, boxes
from tests.models.kernels.gaps import with_gaps

kernels = pytest.importorskip("models.kernels.gaussians.additive_triton", reason="Triton is not installed here")

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
SHAPES = [(19, 13), (1, 20), (9, 7, 10)]


def draw(shape, n, channels, seed=0, width=1.0):
    """Gaussians on and a little beside a lattice: arguments of `add`, the first three of them trainable."""
    rng, d = torch.Generator().manual_seed(seed), len(shape)
    means = torch.rand(n, d, generator=rng) * (torch.tensor(shape) + 8) - 4
    lower = width * torch.randn(n, d, d, generator=rng).tril()
    lower.diagonal(dim1=1, dim2=2).abs_().add_(0.4)
    colours = torch.randn(n, channels, generator=rng)
    trained = [x.to(DEVICE).requires_grad_() for x in (means, torch.linalg.inv(lower), colours)]
    axes = tuple(torch.arange(side, dtype=torch.float32, device=DEVICE) for side in shape)
    return *trained, lower.norm(dim=2).to(DEVICE), axes


def formula(means, whitening, colours, deviations, axes):
    x = torch.stack(torch.meshgrid(*axes, indexing="ij"), dim=-1)
    u = torch.einsum("nij,...nj->...ni", whitening.tril(), x[..., None, :] - means)
    weights = torch.exp(-0.5 * u.square().sum(-1))
    return torch.where(weights > boxes.LEAST_WEIGHT, weights, 0.0) @ colours


def assert_same(one, other, arguments, seed=1):
    found, expected = one(*arguments), other(*arguments)
    assert found.shape == (*(len(axis) for axis in arguments[-1]), arguments[2].shape[1])
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)
    towards = torch.randn(expected.shape, generator=torch.Generator().manual_seed(seed)).to(DEVICE)
    found, expected = (torch.autograd.grad((x * towards).sum(), arguments[:3]) for x in (found, expected))
    for ours, theirs in zip(found, expected, strict=True):
        assert (ours - theirs).norm() <= 1e-4 * theirs.norm() + 1e-6


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("shape", SHAPES)
def test_the_twin_is_the_formula(shape, channels):
    assert_same(additive.add, formula, draw(shape, 60, channels))


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("shape", SHAPES)
def test_the_kernels_are_the_twin(shape, channels):
    assert_same(kernels.add, additive.add, draw(shape, 12, channels, width=2.0))


@pytest.mark.parametrize("shape", SHAPES)
def test_tensors_may_have_gaps_in_memory(shape):
    *splats, axes = draw(shape, 12, 3, width=2.0)
    assert_same(kernels.add, additive.add, (*map(with_gaps, splats), tuple(map(with_gaps, axes))))


SHAPES_OF_ANY_KIND = st.lists(st.integers(1, 30), min_size=2, max_size=3).filter(
    lambda shape: len(shape) == 2 or max(shape) < 12
)


@given(SHAPES_OF_ANY_KIND, st.integers(1, 8), st.integers(1, 4), st.integers(0, 1000))
@settings(max_examples=12)
def test_the_kernels_are_the_twin_at_any_shape(shape, n, channels, seed):
    assert_same(kernels.add, additive.add, draw(shape, n, channels, seed, width=3.0))


@given(SHAPES_OF_ANY_KIND, st.integers(1, 50), st.integers(0, 1000))
@settings(max_examples=20)
def test_the_twin_is_the_formula_at_any_shape(shape, n, seed):
    assert_same(additive.add, formula, draw(shape, n, 2, seed, width=3.0))


@pytest.mark.parametrize("add", [additive.add, kernels.add])
def test_autocast_and_fast_products_are_kept_out(add):
    *splats, deviations, axes = draw((9, 7), 12, 3, width=2.0)
    arguments = *splats, deviations, axes
    plain, expected = add(*arguments), torch.autograd.grad(add(*arguments).sum(), splats)
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("medium")
    try:
        with torch.autocast(DEVICE, dtype=torch.bfloat16):
            cast = add(*arguments)
            gradients = torch.autograd.grad(cast.sum(), splats)
        assert torch.get_float32_matmul_precision() == "medium"
    finally:
        torch.set_float32_matmul_precision(before)
    for one, other in zip((cast, *gradients), (plain, *expected), strict=True):
        torch.testing.assert_close(one, other)


def test_lists_of_pairs_come_in_parts(monkeypatch):
    arguments = draw((40, 33), 50, 2, width=3.0)
    whole = additive.add(*arguments)
    monkeypatch.setattr(boxes, "PAIRS", 64)
    monkeypatch.setitem(additive.EVALUATIONS, DEVICE, 1)
    blocks = Blocks(arguments[-1], 8)
    parts = list(boxes.rows(blocks, *boxes.boxes(arguments[0], *arguments[3:])))
    assert len(parts) > 5
    assert max(some.numel() for _, some in parts) < 64 + boxes.TOGETHER * blocks.number
    torch.testing.assert_close(additive.add(*arguments), whole, rtol=1e-5, atol=1e-5)
    assert_same(additive.add, formula, arguments)


def test_many_programs_share_a_gaussian(monkeypatch):
    """A box of more samples than its programs look at together, so that each of them goes round."""
    monkeypatch.setattr(kernels, "MOST", 2)
    assert_same(kernels.add, additive.add, draw((24, 31), 3, 1, width=6.0))


@pytest.mark.parametrize("add", [additive.add, kernels.add])
def test_nothing_adds_nothing(add):
    means, whitening, colours, deviations, axes = draw((6, 5), 3, 2)
    far = means.detach() + 1000
    assert not add(far, whitening, colours, deviations, axes).any()
    assert not add(far[:0], whitening[:0], colours[:0], deviations[:0], axes).any()


@pytest.mark.parametrize("shape", [(6, 9), (5, 3, 7)])
def test_blocks_hold_a_lattice(shape):
    blocks = Blocks([torch.arange(n).float() for n in shape], 4)
    values = torch.randn(*shape, 2)
    held = blocks.split(values)
    assert held.shape == (blocks.number, 2, 4 ** len(shape))
    assert torch.equal(blocks.join(held), values)
    index = torch.stack(torch.meshgrid(*map(torch.arange, shape), indexing="ij"), dim=-1).float()
    x = blocks.coordinates(torch.arange(blocks.number))
    told = blocks.join(torch.stack([*_spread(x)], dim=1))
    assert torch.equal(told, index)


def _spread(x):
    d = len(x)
    for k, one in enumerate(x):
        yield one.reshape(len(one), *(-1 if i == k else 1 for i in range(d))).expand(-1, *[4] * d).flatten(1)
