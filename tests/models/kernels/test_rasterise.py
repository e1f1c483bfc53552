"""The rasteriser against two renderers written here: a loop over pixels and Gaussians, and dense autograd."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from models.kernels.splats.projection import project
from models.kernels.splats.rasterise import composite

DOUBLE = torch.float64


def random_scene(number, width, height, channels, seed, dtype=DOUBLE, sharpest=0.4, widest=6.0):
    """2D Gaussians of every shape on and around an image, some clamped, some too faint to be seen."""
    rng = np.random.default_rng(seed)
    means2d = rng.uniform(-4, [width + 4, height + 4], (number, 2))
    angle, long, short = rng.uniform(0, np.pi, number), *rng.uniform(sharpest, widest, (2, number))
    turn = np.stack([np.cos(angle), -np.sin(angle), np.sin(angle), np.cos(angle)], -1).reshape(-1, 2, 2)
    covariance = turn @ (np.stack([long, short], -1)[..., None] ** 2 * np.eye(2)) @ turn.transpose(0, 2, 1)
    inverse = np.linalg.inv(covariance)
    conics = np.stack([inverse[:, 0, 0], inverse[:, 0, 1], inverse[:, 1, 1]], -1)
    colours = rng.uniform(-1, 1, (number, channels))
    opacities = rng.choice([0.001, 0.3, 0.9, 0.9995, 1.0], number) * rng.uniform(0.9995, 1, number)
    depths = rng.integers(1, 20, number) * 0.5  # with ties
    return [torch.as_tensor(v, dtype=dtype) for v in (means2d, conics, colours, opacities, depths)]


def centres(number, dtype=DOUBLE):
    return torch.arange(number, dtype=dtype) + 0.5


def render(scene, columns, rows, **cut):
    means2d, conics, colours, opacities, depths = scene
    return composite(means2d, conics, colours, opacities, depths, columns, rows, **cut)


def naive(scene, columns, rows):
    """One pixel, one Gaussian at a time, float64."""
    means2d, conics, colours, opacities, depths = (v.detach().double().numpy() for v in scene)
    image = np.zeros((len(rows), len(columns), colours.shape[1]))
    order = sorted(range(len(depths)), key=lambda k: (depths[k], k))
    for i, py in enumerate(rows.tolist()):
        for j, px in enumerate(columns.tolist()):
            transmittance = 1.0
            for k in order:
                dx, dy = means2d[k, 0] - px, means2d[k, 1] - py
                a, b, c = conics[k]
                sigma = 0.5 * (a * dx * dx + c * dy * dy) + b * dx * dy
                alpha = min(0.999, opacities[k] * math.exp(-max(sigma, 0.0)))
                if sigma < 0 or alpha < 1 / 255:
                    continue
                if transmittance * (1 - alpha) <= 1e-4:
                    break
                image[i, j] += colours[k] * alpha * transmittance
                transmittance *= 1 - alpha
    return image


def dense(scene, columns, rows):
    """Every Gaussian at every pixel, in ordinary autograd."""
    means2d, conics, colours, opacities, depths = scene
    image = torch.zeros(len(rows), len(columns), colours.shape[1], dtype=colours.dtype)
    transmittance = torch.ones(len(rows), len(columns), dtype=colours.dtype)
    running = torch.ones_like(transmittance, dtype=torch.bool)
    for k in torch.argsort(depths, stable=True).tolist():
        dx, dy = means2d[k, 0] - columns[None, :], means2d[k, 1] - rows[:, None]
        a, b, c = conics[k]
        sigma = 0.5 * (a * dx**2 + c * dy**2) + b * dx * dy
        alpha = (opacities[k] * torch.exp(-sigma)).clamp(max=0.999)
        alpha = torch.where((sigma < 0) | (alpha < 1 / 255), 0, alpha)
        following = transmittance * (1 - alpha)
        running = running & (following > 1e-4)
        image = image + torch.where(running, alpha * transmittance, 0)[..., None] * colours[k]
        transmittance = torch.where(running, following, transmittance)
    return image


def gradients(renderer, scene, columns, rows, weight):
    leaves = [v.clone().requires_grad_() for v in scene[:4]]
    (renderer([*leaves, scene[4]], columns, rows) * weight).sum().backward()
    return [leaf.grad for leaf in leaves]


@settings(max_examples=60, derandomize=True)
@given(
    number=st.integers(1, 60),
    width=st.integers(1, 21),
    height=st.integers(1, 21),
    channels=st.integers(1, 4),
    seed=st.integers(0, 2**32 - 1),
)
def test_values_are_those_of_a_loop_over_pixels(number, width, height, channels, seed):
    scene = random_scene(number, width, height, channels, seed)
    image = render(scene, centres(width), centres(height))
    assert image.shape == (height, width, channels)
    np.testing.assert_allclose(image, naive(scene, centres(width), centres(height)), atol=1e-12)


@pytest.mark.parametrize(("width", "height"), [(33, 18), (1, 40), (40, 1), (16, 16)])
@pytest.mark.parametrize("channels", [1, 3])
def test_gradients_are_those_of_dense_autograd(width, height, channels):
    scene = random_scene(150, width, height, channels, seed=5)
    weight = torch.randn(height, width, channels, dtype=DOUBLE, generator=torch.Generator().manual_seed(0))
    ours = gradients(render, scene, centres(width), centres(height), weight)
    theirs = gradients(dense, scene, centres(width), centres(height), weight)
    for one, other in zip(ours, theirs, strict=True):
        assert other.abs().max() > 0
        torch.testing.assert_close(one, other, atol=1e-10, rtol=1e-8)


def test_a_clamped_alpha_moves_its_colour_only():
    scene = random_scene(3, 8, 8, 1, seed=0)
    scene[0][:] = 4.0
    scene[1][0] = torch.tensor([1e-6, 0.0, 1e-6])  # flat: 0.999 at every sample
    scene[3], scene[4] = torch.tensor([1.0, 0.9, 0.9], dtype=DOUBLE), torch.tensor([2.0, 1.0, 3.0], dtype=DOUBLE)
    ours = gradients(render, scene, centres(8), centres(8), 1.0)
    for one, other in zip(ours, gradients(dense, scene, centres(8), centres(8), 1.0), strict=True):
        torch.testing.assert_close(one, other)
    means2d, conics, colours, opacities = ours
    assert not means2d[0].any()
    assert not conics[0].any()
    assert opacities[0] == 0
    assert colours[0] > 0


def test_gradcheck_through_projection_and_compositing():
    rng = torch.Generator().manual_seed(2)
    means = torch.rand(4, 3, generator=rng, dtype=DOUBLE) - 0.5
    means[:, 2] += torch.tensor([3.0, 4.0, 5.0, 6.0])
    quats = torch.randn(4, 4, generator=rng, dtype=DOUBLE)
    scales = 1.5 + torch.rand(4, 3, generator=rng, dtype=DOUBLE)  # wide: no sample near a threshold
    colours = torch.rand(4, 2, generator=rng, dtype=DOUBLE)
    opacities = torch.tensor([0.3, 0.5, 0.7, 0.6], dtype=DOUBLE)

    def picture(means, quats, scales, colours, opacities):
        means2d, conics, depths, _ = project(means, quats, scales, 6, 5, 3.0, 0.3)
        return composite(means2d, conics, colours, opacities, depths, centres(6), centres(5), tile=4, chunk=3)

    inputs = [v.requires_grad_() for v in (means, quats, scales, colours, opacities)]
    assert torch.autograd.gradcheck(picture, inputs)


@pytest.mark.parametrize("cut", [{"tile": 1}, {"tile": 5}, {"tile": 64}, {"chunk": 1}, {"chunk": 7}, {"chunk": 1000}])
def test_the_cut_changes_nothing(cut):
    scene = random_scene(200, 37, 23, 2, seed=11)
    columns, rows = centres(37), centres(23)
    torch.testing.assert_close(render(scene, columns, rows, **cut), render(scene, columns, rows), atol=1e-13, rtol=0)
    weight = torch.ones(23, 37, 2, dtype=DOUBLE)
    cut_gradients = gradients(lambda *a: render(*a, **cut), scene, columns, rows, weight)
    for one, other in zip(cut_gradients, gradients(render, scene, columns, rows, weight), strict=True):
        torch.testing.assert_close(one, other, atol=1e-10, rtol=1e-9)


def test_many_tiles_are_rendered_in_groups(monkeypatch):
    scene = random_scene(120, 50, 41, 1, seed=3)
    whole = render(scene, centres(50), centres(41))
    monkeypatch.setattr("models.kernels.splats.rasterise.EVALUATIONS", {"cpu": 1024})
    torch.testing.assert_close(render(scene, centres(50), centres(41)), whole, atol=1e-13, rtol=0)


def test_samples_may_lie_anywhere():
    scene = random_scene(60, 30, 20, 1, seed=8)
    columns = torch.as_tensor([-3.0, 0.1, 0.1, 2.5, 2.6, 9.0, 25.0, 31.0], dtype=DOUBLE)
    rows = torch.linspace(-2, 24, 19, dtype=DOUBLE)
    np.testing.assert_allclose(render(scene, columns, rows, tile=3), naive(scene, columns, rows), atol=1e-12)


def test_single_precision_is_close_to_double():
    scene = random_scene(300, 48, 48, 3, seed=1, dtype=torch.float32)
    columns, rows = centres(48, torch.float32), centres(48, torch.float32)
    exact = render([v.double() for v in scene], columns.double(), rows.double())
    difference = (render(scene, columns, rows) - exact).abs()
    assert difference.median() < 1e-6
    assert difference.max() < 2 / 255  # a sample on a threshold may fall to the other side
    ours = gradients(render, scene, columns, rows, torch.ones(48, 48, 3))
    theirs = gradients(render, [v.double() for v in scene], columns.double(), rows.double(), 1.0)
    for one, other in zip(ours, theirs, strict=True):
        assert (one - other).norm() < 1e-2 * other.norm()


def test_autocast_and_fast_products_are_kept_out():
    scene = random_scene(100, 32, 32, 3, seed=4, dtype=torch.float32)
    columns, rows = centres(32, torch.float32), centres(32, torch.float32)
    plain = gradients(render, scene, columns, rows, 1.0)
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("medium")
    try:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            cast = gradients(render, scene, columns, rows, 1.0)
        assert torch.get_float32_matmul_precision() == "medium"
    finally:
        torch.set_float32_matmul_precision(before)
    for one, other in zip(cast, plain, strict=True):
        torch.testing.assert_close(one, other)


def test_order_of_the_gaussians_does_not_matter():
    scene = random_scene(100, 30, 30, 2, seed=6)
    scene[4] = torch.rand(100, dtype=DOUBLE, generator=torch.Generator().manual_seed(0))  # no ties
    shuffle = torch.randperm(100, generator=torch.Generator().manual_seed(1))
    shuffled = render([v[shuffle] for v in scene], centres(30), centres(30))
    torch.testing.assert_close(shuffled, render(scene, centres(30), centres(30)), atol=1e-13, rtol=0)


def test_one_gaussian_in_closed_form():
    scene = [torch.tensor(v, dtype=DOUBLE) for v in ([[3.5, 2.5]], [[0.5, 0.1, 0.25]], [[2.0]], [0.8], [1.0])]
    image = render(scene, centres(8), centres(6))[..., 0]
    assert image[2, 3] == 0.8 * 2
    torch.testing.assert_close(image[3, 5], torch.tensor(1.6 * math.exp(-(1.0 + 0.125 + 0.2)), dtype=DOUBLE))
    x, y = centres(8)[None, :] - 3.5, centres(6)[:, None] - 2.5
    alpha = 0.8 * torch.exp(-(0.25 * x**2 + 0.125 * y**2 + 0.1 * x * y))
    torch.testing.assert_close(image, torch.where(alpha < 1 / 255, 0, 2 * alpha))


def test_what_would_end_the_light_is_not_blended():
    number = 4
    ones = torch.ones(number, dtype=DOUBLE)
    conics = torch.tensor([[0.01, 0.0, 0.01]], dtype=DOUBLE).expand(number, 3)
    colours = torch.tensor([[1.0], [10.0], [100.0], [1000.0]], dtype=DOUBLE)
    depths = torch.arange(number, dtype=DOUBLE)
    opacities = torch.tensor([0.9, 0.99, 0.95, 0.01], dtype=DOUBLE)  # leaves .1, .001, 5e-5: too little
    image = render([0.5 * ones[:, None].expand(-1, 2), conics, colours, opacities, depths], centres(1), centres(1))
    assert image.item() == pytest.approx(0.9 + 10 * 0.1 * 0.99)


@pytest.mark.parametrize("opacity", [0.0, 0.003])
def test_nothing_to_see_is_black(opacity):
    scene = random_scene(9, 20, 20, 3, seed=0)
    scene[3] = torch.full_like(scene[3], opacity)
    assert not render(scene, centres(20), centres(20)).any()
    assert all(not grad.any() for grad in gradients(render, scene, centres(20), centres(20), 1.0))


def test_an_empty_scene_is_black():
    scene = random_scene(0, 20, 20, 3, seed=0)
    image = render(scene, centres(20), centres(17))
    assert image.shape == (17, 20, 3)
    assert not image.any()


def test_far_away_and_undefined_gaussians_are_not_seen():
    scene = random_scene(3, 20, 20, 1, seed=0)
    scene[0] = torch.tensor([[1e6, 5.0], [-1e30, 1e30], [math.nan, 5.0]], dtype=DOUBLE)
    assert not render(scene, centres(20), centres(20)).any()


def test_a_conic_that_is_no_ellipse_is_skipped_where_its_exponent_is_negative():
    scene = random_scene(3, 20, 20, 1, seed=0)
    scene[1][1] = torch.tensor([0.2, 0.3, 0.1], dtype=DOUBLE)
    scene[0][1] = 10.0
    image = render(scene, centres(20), centres(20))
    np.testing.assert_allclose(image, naive(scene, centres(20), centres(20)), atol=1e-12)


def random_gaussians(number, seed):
    rng = np.random.default_rng(seed)
    means = rng.uniform([-6, -6, -0.5], [6, 6, 5], (number, 3))  # behind the camera, and far outside its view
    return [torch.as_tensor(v) for v in (means, rng.normal(size=(number, 4)), rng.uniform(0, 1, (number, 3)))]


def test_projection_by_matrices():
    means, quats, scales = random_gaussians(200, seed=3)
    width, height, focal, blur = 40, 30, 25.0, 0.3
    means2d, conics, depths, visible = project(means, quats, scales, width, height, focal, blur)
    torch.testing.assert_close(depths, means[:, 2])
    assert torch.equal(visible, means[:, 2] >= 0.01)
    assert 0 < visible.sum() < 200
    for k in visible.nonzero()[:, 0].tolist():
        x, y, z = means[k].tolist()
        rotation = Rotation.from_quat(np.roll(quats[k].numpy(), -1)).as_matrix()
        covariance = rotation @ np.diag(scales[k].numpy() ** 2) @ rotation.T
        slope_x = np.clip(x / z, -1.3 * 20 / 25, 1.3 * 20 / 25)
        slope_y = np.clip(y / z, -1.3 * 15 / 25, 1.3 * 15 / 25)
        jacobian = focal / z * np.array([[1, 0, -slope_x], [0, 1, -slope_y]])
        inverse = np.linalg.inv(jacobian @ covariance @ jacobian.T + blur * np.eye(2))
        np.testing.assert_allclose(conics[k], [inverse[0, 0], inverse[0, 1], inverse[1, 1]], rtol=1e-8)
        np.testing.assert_allclose(means2d[k], [focal * x / z + 20, focal * y / z + 15], rtol=1e-12)


def test_gaussians_behind_the_camera_leave_finite_gradients():
    means, quats, scales = (v.requires_grad_() for v in random_gaussians(50, seed=4))
    with torch.no_grad():
        means[:10, 2] = 0.0
    means2d, conics, depths, visible = project(means, quats, scales, 20, 20, 10.0, 0.3)
    opacities = torch.full((50,), 0.7, dtype=DOUBLE) * visible
    colours = torch.ones(50, 1, dtype=DOUBLE)
    image = composite(means2d, conics, colours, opacities, depths, centres(20), centres(20))
    seen = [v[visible] for v in (means2d, conics, colours, opacities, depths)]
    torch.testing.assert_close(image, render(seen, centres(20), centres(20)))
    image.sum().backward()
    for leaf in (means, quats, scales):
        assert leaf.grad.isfinite().all()
        assert not leaf.grad[~visible].any()
