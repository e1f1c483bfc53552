"""SparseMap against dense matrices built entry by entry."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from common.sparse_map import SparseMap


def random_rows(rows, columns, most, seed=0):
    """Compressed rows of up to `most` entries each, columns unsorted and repeated, and the dense float64 matrix."""
    rng = np.random.default_rng(seed)
    counts = rng.integers(0, most + 1, rows) if columns else np.zeros(rows, dtype=int)
    starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
    where = rng.integers(0, max(columns, 1), starts[-1]).astype(np.int32)
    weights = rng.normal(size=starts[-1]).astype(np.float32)
    dense = np.zeros((rows, columns))
    for row in range(rows):
        for entry in range(starts[row], starts[row + 1]):
            dense[row, where[entry]] += weights[entry]
    return [torch.from_numpy(part) for part in (starts, where, weights)], dense


def make(rows=30, columns=20, most=9, seed=0):
    parts, dense = random_rows(rows, columns, most, seed)
    return SparseMap(*parts, (rows, columns)), dense


def random_values(*shape, seed=1):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@given(
    rows=st.integers(0, 12),
    columns=st.integers(1, 12),
    most=st.integers(0, 6),
    features=st.integers(1, 4),
    seed=st.integers(0, 99),
)
@settings(max_examples=60)
def test_it_is_the_dense_product_and_its_gradient_the_transposed_one(rows, columns, most, features, seed):
    linear, dense = make(rows, columns, most, seed)
    values = random_values(columns, features, seed=seed).requires_grad_()
    result = linear(values)
    assert result.shape == (rows, features)
    np.testing.assert_allclose(result.detach(), dense @ values.detach().numpy(), atol=1e-4)
    cotangent = random_values(rows, features, seed=seed + 1)
    result.backward(cotangent)
    np.testing.assert_allclose(values.grad, dense.T @ cotangent.numpy(), atol=1e-4)


@pytest.mark.parametrize("features", [1, 3])
def test_memory_layouts_of_values_and_gradient(features):
    """Values and gradient that are views with other strides: transposed, every second, expanded."""
    linear, dense = make()
    base = random_values(2 * features, 20)
    values = base[::2].T.detach().requires_grad_()
    linear(values).sum().backward()  # an expanded gradient
    np.testing.assert_allclose(linear(values).detach(), dense @ values.detach().numpy(), atol=1e-4)
    np.testing.assert_allclose(values.grad, np.tile(dense.sum(0)[:, None], features), atol=1e-4)


@pytest.mark.parametrize("features", [1, 3])
def test_autocast_changes_nothing(features):
    linear, _ = make()
    values = random_values(20, features).requires_grad_()
    cotangent = random_values(30, features)
    expected = linear(values)
    (gradient,) = torch.autograd.grad(expected, values, cotangent)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        ours = linear(values)
        (ours_gradient,) = torch.autograd.grad(ours, values, cotangent)
    assert torch.equal(ours, expected)
    assert torch.equal(ours_gradient, gradient)


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_other_floats_become_float32_and_their_gradient_returns(dtype):
    (starts, columns, weights), _ = random_rows(30, 20, 9)
    linear = SparseMap(starts, columns, weights.double(), (30, 20))
    values = random_values(20, 2).to(dtype).requires_grad_()
    result = linear(values)
    assert torch.equal(result, make()[0](values.detach().float()))
    result.sum().backward()
    assert values.grad.dtype == dtype


def test_the_same_bits_every_time():
    """Rows long enough to be shared between threads, if an implementation did."""
    linear, _ = make(rows=50, columns=4000, most=30_000)
    values = random_values(4000, 1).requires_grad_()
    cotangent = random_values(50, 1)
    results = [linear(values) for _ in range(5)]
    gradients = [torch.autograd.grad(result, values, cotangent)[0] for result in results]
    assert all(torch.equal(result, results[0]) for result in results)
    assert all(torch.equal(gradient, gradients[0]) for gradient in gradients)


def test_the_given_memory_is_used_and_the_transpose_waits_for_a_gradient():
    (starts, columns, weights), _ = random_rows(30, 20, 9)
    linear = SparseMap(starts, columns, weights, (30, 20))
    assert linear.matrix.values().data_ptr() == weights.data_ptr()
    values = random_values(20, 2)
    linear(values)
    linear(values.requires_grad_()).detach()
    assert "transpose" not in vars(linear)
    linear(values).sum().backward()
    assert linear.transpose is linear.transpose


def test_the_transpose_keeps_every_entry_in_row_order():
    linear = SparseMap(
        torch.tensor([0, 2, 2, 5], dtype=torch.int32),
        torch.tensor([3, 0, 3, 3, 1], dtype=torch.int32),
        torch.tensor([1.0, 2.0, 3.0, 4.0, 5.0]),
        (3, 4),
    )
    transpose = linear.transpose
    assert transpose.shape == (4, 3)
    assert transpose.crow_indices().tolist() == [0, 1, 2, 2, 5]
    assert transpose.col_indices().tolist() == [0, 2, 0, 2, 2]
    assert transpose.values().tolist() == [2.0, 5.0, 1.0, 3.0, 4.0]
    assert transpose.col_indices().dtype == transpose.crow_indices().dtype == torch.int32


@pytest.mark.gpu
@pytest.mark.parametrize("features", [1, 4])
def test_cuda_agrees_with_the_cpu(features):
    parts, dense = random_rows(300, 200, 90)
    linear = SparseMap(*(part.cuda() for part in parts), dense.shape)
    values = random_values(200, features).cuda().requires_grad_()
    cotangent = random_values(300, features)
    result = linear(values)
    result.backward(cotangent.cuda())
    np.testing.assert_allclose(result.detach().cpu(), dense @ values.detach().cpu().numpy(), atol=1e-3)
    np.testing.assert_allclose(values.grad.cpu(), dense.T @ cotangent.numpy(), atol=1e-3)
