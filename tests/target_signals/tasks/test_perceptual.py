"""LPIPS: against an independent computation on a backbone of random weights, and without weights."""

import importlib.util

import numpy as np
import pytest
import torch

from target_signals.tasks import perceptual

needs_layer_weights = pytest.mark.skipif(
    importlib.util.find_spec("lpips") is None, reason="needs the package lpips for its layer weights"
)


@pytest.fixture
def image():
    return np.random.default_rng(0).uniform(size=(40, 56, 3)).astype(np.float32)


@pytest.fixture(autouse=True)
def nothing_is_kept():
    perceptual._weights.cache_clear()
    yield
    perceptual._weights.cache_clear()


@pytest.fixture
def backbone(tmp_path, monkeypatch):
    """A folder with a VGG-16 of random weights under torchvision's names, and the weights."""
    rng, state, index, before = torch.Generator().manual_seed(0), {}, 0, 3
    for stage in perceptual.STAGES:
        for width in stage:
            state[f"features.{index}.weight"] = torch.randn(width, before, 3, 3, generator=rng) / (3 * before**0.5)
            state[f"features.{index}.bias"] = 0.1 * torch.randn(width, generator=rng)
            before, index = width, index + 2  # a ReLU follows each
        index += 1  # and a pooling each stage
    state["classifier.0.weight"] = torch.zeros(1)
    torch.save(state, tmp_path / perceptual.BACKBONE)
    monkeypatch.setenv("INRBENCH_LPIPS", str(tmp_path))
    return state


@pytest.fixture
def no_backbone(tmp_path, monkeypatch):
    monkeypatch.setenv("INRBENCH_LPIPS", str(tmp_path))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    return tmp_path


def by_hand(state, truth, prediction):
    """The definition with modules in sequence: features of both images, unit length, weighted squares."""
    spec = importlib.util.find_spec("lpips")
    heads = torch.load(f"{spec.submodule_search_locations[0]}/weights/v0.1/vgg.pth", "cpu", weights_only=True)
    layers, before = [], 3
    for i, stage in enumerate(perceptual.STAGES):
        layers += [torch.nn.MaxPool2d(2)] if i else []
        for width in stage:
            layers += [torch.nn.Conv2d(before, width, 3, padding=1), torch.nn.ReLU()]
            before = width
    network = torch.nn.Sequential(*layers)
    network.load_state_dict({k.removeprefix("features."): v for k, v in state.items() if k.startswith("features.")})
    mean, deviation = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])  # ImageNet's
    distance, features = 0.0, [(torch.as_tensor(v) - mean) / deviation for v in (truth, prediction)]
    features = [f.permute(2, 0, 1)[None] for f in features]
    ends = [3, 8, 15, 22, 29]
    with torch.no_grad():
        for number, layer in enumerate(network):
            features = [layer(f) for f in features]
            if number in ends:
                a, b = (f / f.norm(dim=1, keepdim=True).clamp(min=1e-10) for f in features)
                weights = heads[f"lin{ends.index(number)}.model.1.weight"]
                distance += torch.nn.functional.conv2d((a - b) ** 2, weights).mean().item()
    return distance


@needs_layer_weights
def test_it_is_the_definition(backbone, image):
    other = np.clip(image + 0.2 * np.random.default_rng(1).standard_normal(image.shape), 0, 1).astype(np.float32)
    # LPIPS normalises [-1, 1] by rounded constants where the backbone was trained with ImageNet's
    assert perceptual.lpips(image, other) == pytest.approx(by_hand(backbone, image, other), rel=0.02)


@needs_layer_weights
def test_equal_images_are_at_no_distance_and_worse_ones_further(backbone, image):
    noise = np.random.default_rng(1).standard_normal(image.shape).astype(np.float32)
    distances = [perceptual.lpips(image, np.clip(image + s * noise, 0, 1)) for s in (0, 0.02, 0.1, 0.4)]
    assert distances[0] == pytest.approx(0, abs=1e-7)
    assert distances == sorted(distances)


@needs_layer_weights
def test_grey_is_three_equal_channels(backbone, image):
    grey, other = image[..., :1], image[::-1, :, :1].copy()
    wide = [np.repeat(v, 3, axis=-1) for v in (grey, other)]
    assert perceptual.lpips(grey, other) == pytest.approx(perceptual.lpips(*wide), rel=1e-5)


@needs_layer_weights
@pytest.mark.parametrize("shape", [(15, 40, 3), (40, 40, 2), (40, 40, 4)])
def test_where_it_does_not_exist_it_is_none(backbone, shape):
    assert perceptual.lpips(np.zeros(shape, np.float32), np.zeros(shape, np.float32)) is None


def test_without_a_backbone_it_is_none_and_says_where_the_file_belongs(no_backbone, image):
    assert perceptual.lpips(image, image) is None
    said = perceptual.missing()
    assert said.startswith("LPIPS is left out")
    if importlib.util.find_spec("lpips") is not None:
        assert f"vgg16-397923af.pth in '{no_backbone}' or '{no_backbone}/torch/hub/checkpoints'" in said


def test_without_the_package_it_says_so(backbone, image, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert perceptual.lpips(image, image) is None
    assert "pip install lpips" in perceptual.missing()


@needs_layer_weights
def test_a_backbone_in_pytorchs_own_cache_is_found(backbone, image, tmp_path, monkeypatch):
    value = perceptual.lpips(image, image[::-1].copy())
    cache = tmp_path / "home" / "hub" / "checkpoints"
    cache.mkdir(parents=True)
    (tmp_path / perceptual.BACKBONE).rename(cache / perceptual.BACKBONE)
    monkeypatch.delenv("INRBENCH_LPIPS")
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "home"))
    assert perceptual.missing() is None
    assert perceptual.lpips(image, image[::-1].copy()) == value


@needs_layer_weights
@pytest.mark.gpu
def test_a_gpu_scores_in_float32(backbone, image):
    """PyTorch lets convolutions be of TF32 by default, which moves the fourth digit."""
    other = np.clip(image + 0.2 * np.random.default_rng(1).standard_normal(image.shape), 0, 1).astype(np.float32)
    found = [perceptual.lpips(image, torch.as_tensor(other, device=device)) for device in ("cpu", "cuda")]
    assert found[1] == pytest.approx(found[0], rel=1e-5)
