"""Projection and rasteriser in Triton against their twins: values and every gradient.

Without a GPU the kernels are interpreted, so scenes are small; on a GPU they are compiled, and larger.
"""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from common.lattice import Lattice
from models.kernels.splats import projection, rasterise
from tests.building import build
from tests.models.kernels.errors import relative
from tests.models.kernels.gaps import with_gaps

projection_kernels = pytest.importorskip(
    "models.kernels.splats.projection_triton", reason="Triton is not installed here"
)
kernels = pytest.importorskip("models.kernels.splats.rasterise_triton", reason="Triton is not installed here")

DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")
SCENES = [(40, 20, 37, 1), (60, 33, 18, 3), (150, 9, 9, 2), (1, 1, 1, 1), (3, 40, 2, 4)]
LARGE = [(900, 300, 211, 1), (30_000, 500, 400, 3)]
ALL = [pytest.param(*scene, id=str(scene)) for scene in SCENES]
ALL += [pytest.param(*scene, id=str(scene), marks=pytest.mark.gpu) for scene in LARGE]


def scene_of(number, width, height, channels, seed=5, narrowest=0.5, widest=6.0):
    """2D Gaussians of every shape on and around an image, some too faint to be seen, with ties in depth."""
    rng = torch.Generator().manual_seed(seed)
    means2d = torch.rand(number, 2, generator=rng) * torch.tensor([width + 8.0, height + 8.0]) - 4
    angle = math.pi * torch.rand(number, generator=rng)
    long, short = narrowest + (widest - narrowest) * torch.rand(2, number, generator=rng)
    c, s, a, b = angle.cos(), angle.sin(), long**-2, short**-2
    conics = torch.stack([a * c * c + b * s * s, (a - b) * c * s, a * s * s + b * c * c], dim=-1)
    colours = 2 * torch.rand(number, channels, generator=rng) - 1
    opacities = torch.tensor([0.001, 0.3, 0.9, 0.9995, 1.0])[torch.randint(5, (number,), generator=rng)]
    depths = torch.randint(1, 20, (number,), generator=rng) / 2
    return [v.to(DEVICE) for v in (means2d, conics, colours, opacities, depths)]


def centres(count):
    return torch.arange(count, dtype=torch.float32, device=DEVICE) + 0.5


def compare(scene, columns, rows):
    """Relative differences of the image and of the four gradients."""
    shape = (len(rows), len(columns), scene[2].shape[1])
    weight = torch.randn(shape, generator=torch.Generator().manual_seed(1)).to(DEVICE)
    results = []
    for module in (kernels, rasterise):
        leaves = [value.clone().requires_grad_() for value in scene[:4]]
        image = module.composite(*leaves, scene[4], columns, rows)
        results.append([image, *torch.autograd.grad((image * weight).sum(), leaves)])
    return [relative(ours, twin) for ours, twin in zip(*results, strict=True)]


@pytest.mark.parametrize(("number", "width", "height", "channels"), ALL)
def test_the_rasteriser_is_its_twin(number, width, height, channels):
    image, *gradients = compare(scene_of(number, width, height, channels), centres(width), centres(height))
    assert image < 1e-5
    assert max(gradients) < 1e-4


def test_samples_may_lie_anywhere_and_more_than_once():
    columns = torch.tensor([0.5, 0.5, 0.5, 1.0, 2.7, 2.7, 9.0, 9.1, 9.2, 30.0], device=DEVICE)
    image, *gradients = compare(scene_of(40, 30, 12, 1), columns, centres(12) * 1.5)
    assert image < 1e-5
    assert max(gradients) < 1e-4


@given(*4 * [st.integers(1, 30)], st.integers(1, 4))
@settings(max_examples=8)
def test_the_rasteriser_is_its_twin_at_any_shape(number, width, height, seed, channels):
    image, *gradients = compare(scene_of(number, width, height, channels, seed), centres(width), centres(height))
    assert image < 1e-5
    assert max(gradients) < 1e-4


def test_tensors_may_have_gaps_in_memory():
    scene = list(map(with_gaps, scene_of(30, 20, 13, 3)))
    image, *gradients = compare(scene, with_gaps(centres(20)), with_gaps(centres(13)))
    assert image < 1e-5
    assert max(gradients) < 1e-4
    splats = [with_gaps(torch.rand(7, k, device=DEVICE)) for k in (3, 4, 3)]
    for ours, twin in zip(
        *(module.project(*splats, 8, 6, 9.0, 0.3) for module in (projection_kernels, projection)), strict=True
    ):
        torch.testing.assert_close(ours, twin)


def test_opaque_stacks_end_pixels_early():
    means2d, conics, colours, opacities, depths = scene_of(200, 16, 16, 1, narrowest=20.0, widest=30.0)
    scene = [means2d, conics, colours, torch.full_like(opacities, 0.8), depths]
    image, *gradients = compare(scene, centres(16), centres(16))
    assert image < 1e-5
    assert max(gradients) < 1e-4


def test_needles_are_seen_in_every_tile_that_they_cross():
    image, *gradients = compare(scene_of(40, 36, 20, 1, narrowest=0.2, widest=90.0), centres(36), centres(20))
    assert image < 1e-5
    assert max(gradients) < 1e-4


@pytest.mark.parametrize(
    ("number", "capacity"), [(120, 64), (260, 64), (120, 512)], ids=["filled again", "and again", "lasting"]
)
def test_long_lists_are_walked_in_several_steps(monkeypatch, number, capacity):
    for name, value in {"WORDS": 2, "LISTED": 32, "TESTED": 8, "CAPACITY": capacity}.items():
        monkeypatch.setattr(kernels, name, value)
    means2d, conics, colours, opacities, depths = scene_of(number, 9, 4, 1, widest=20.0)
    scene = [means2d, conics, colours, 0.1 * opacities, depths]  # so that no pixel ends
    image, *gradients = compare(scene, centres(9), centres(4))
    assert image < 1e-5
    assert max(gradients) < 1e-4


@pytest.mark.parametrize("number", [0, 5])
def test_nothing_to_see_is_black_and_moves_nothing(number):
    means2d, conics, colours, opacities, depths = scene_of(number, 8, 8, 1)
    leaves = [value.requires_grad_() for value in (means2d, conics, colours, 0 * opacities)]
    image = kernels.composite(*leaves, depths, centres(8), centres(8))
    assert image.shape == (8, 8, 1)
    assert image.abs().max() == 0
    for leaf, gradient in zip(leaves, torch.autograd.grad(image.sum(), leaves), strict=True):
        assert gradient.shape == leaf.shape
        assert not gradient.any()


@pytest.mark.parametrize("opacity", [0.0, 0.9], ids=["hidden", "nowhere"])
def test_what_is_not_seen_may_be_undefined(opacity):
    """Also the nearest Gaussian, to which the places of a tile point that no Gaussian takes."""
    scene = scene_of(13, 16, 9, 2)
    nearest = int(scene[4].argmin())
    rest = [torch.cat([value[:nearest], value[nearest + 1 :]]) for value in scene]
    for value in scene[:3]:
        value[nearest] = math.nan
    scene[3][nearest] = opacity
    weight = torch.randn(9, 16, 2, generator=torch.Generator().manual_seed(1)).to(DEVICE)
    results = []
    for four, depths in ((scene[:4], scene[4]), (rest[:4], rest[4])):
        leaves = [value.clone().requires_grad_() for value in four]
        image = kernels.composite(*leaves, depths, centres(16), centres(9))
        results.append([image, *torch.autograd.grad((image * weight).sum(), leaves)])
    (image, *gradients), (alone, *expected) = results
    assert relative(image, alone) < 1e-6
    for ours, others in zip(gradients, expected, strict=True):
        assert not ours[nearest].any()
        assert relative(torch.cat([ours[:nearest], ours[nearest + 1 :]]), others) < 1e-5


def test_a_conic_that_is_no_ellipse_is_seen_where_its_exponent_is_negative():
    scene = scene_of(20, 12, 12, 1)
    scene[0][3], scene[1][3], scene[3][3] = 5.0, torch.tensor([0.2, 0.3, 0.1], device=DEVICE), 0.9
    image, *gradients = compare(scene, centres(12), centres(12))
    assert image < 1e-5
    assert max(gradients) < 1e-4


@pytest.mark.parametrize("number", [0, 1, 300])
def test_the_projection_is_its_twin(number):
    rng = torch.Generator().manual_seed(0)
    means = 2 * torch.rand(number, 3, generator=rng) - 1 + torch.tensor([0.0, 0.0, 2.0])
    if number > 3:  # behind the camera, before the near plane, and beyond the frustum on both sides
        means[0, 2], means[1, 2], means[2, 0], means[3, 1] = -1, 0.005, 30, -20
    given = [means, torch.randn(number, 4, generator=rng), torch.rand(number, 3, generator=rng)]
    weights = [torch.randn(number, k, generator=rng).to(DEVICE) for k in (2, 3)]
    results = []
    for module in (projection_kernels, projection):
        leaves = [value.to(DEVICE).requires_grad_() for value in given]
        means2d, conics, depths, visible = module.project(*leaves, 64, 48, 32.0, 0.3)
        seen = visible[:, None]
        loss = (torch.where(seen, means2d, 0) * weights[0]).sum() + (torch.where(seen, conics, 0) * weights[1]).sum()
        gradients = torch.autograd.grad(loss, leaves)
        results.append([means2d, conics, depths, visible.float(), *gradients])
    for ours, twin in zip(*results, strict=True):
        assert relative(ours, twin) < 1e-4


def test_gaussians_behind_the_camera_through_both_kernels():
    rng = torch.Generator().manual_seed(3)
    means = 4 * torch.rand(40, 3, generator=rng) + torch.tensor([-2.0, -2.0, -1.0])  # a quarter of them behind it
    means[0, 2], means[1] = 0.0, math.nan
    given = [means, torch.randn(40, 4, generator=rng), 0.3 * torch.rand(40, 3, generator=rng)]
    results = []
    for projector, rasteriser in ((projection_kernels, kernels), (projection, rasterise)):
        leaves = [value.clone().to(DEVICE).requires_grad_() for value in given]
        means2d, conics, depths, visible = projector.project(*leaves, 20, 16, 10.0, 0.3)
        opacities = torch.full((40,), 0.7, device=DEVICE) * visible
        colours = torch.linspace(0, 1, 40, device=DEVICE)[:, None]
        image = rasteriser.composite(means2d, conics, colours, opacities, depths, centres(20), centres(16))
        gradients = torch.autograd.grad(image.square().sum(), leaves)
        assert 0 < visible.sum() < 40
        assert not any(gradient[~visible & ~means.isnan().any(1).to(DEVICE)].any() for gradient in gradients)
        seen = [gradient[visible] for gradient in gradients]
        results.append([image, *seen])
    for ours, twin in zip(*results, strict=True):
        assert twin.abs().max() > 0
        assert relative(ours, twin) < 1e-4


def renderings(backends, shape, channels, size=60):
    """Of each back end: the training picture, every gradient, the larger picture and the shifted one."""
    for backend in backends:
        model = build("GSplat", shape, channels, size=size).to(DEVICE)
        model.backend = backend
        image = model.on_lattice(model.lattice)
        (image - 0.5).square().mean().backward()
        finer = tuple(2 * n for n in shape)
        with torch.no_grad():
            others = [model.on_lattice(lattice) for lattice in (Lattice.aligned(finer, shape), Lattice.regular(finer))]
        yield [image.detach(), *(value.grad for value in model.parameters()), *others]


@pytest.mark.parametrize("channels", [1, 3])
def test_the_model_is_the_same_under_both_back_ends(channels):
    for ours, twin in zip(*renderings(("triton", "torch"), (12, 17), channels), strict=True):
        assert relative(ours, twin) < 1e-4


@pytest.mark.gpu
@pytest.mark.parametrize("channels", [1, 3])
def test_gsplat_is_the_twin(channels):
    pytest.importorskip("gsplat")
    for ours, twin in zip(*renderings(("gsplat", "torch"), (240, 320), channels, 700), strict=True):
        assert relative(ours, twin) < 1e-3  # its exponentials are fast ones
