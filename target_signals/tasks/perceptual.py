"""LPIPS with a VGG-16 backbone (Zhang et al. 2018, "The Unreasonable Effectiveness of Deep Features as a
Perceptual Metric", section 3).

The learned layer weights are those that the `lpips` package ships. The package itself is not imported:
it imports torchvision, whose compiled part must match PyTorch's build to the letter, for thirteen convolutions.
"""

import functools
import importlib.util
import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import torch

    Values = np.ndarray | torch.Tensor

BACKBONE = "vgg16-397923af.pth"  # torchvision's VGG-16, trained on ImageNet
URL = f"https://download.pytorch.org/models/{BACKBONE}"
FOLDER = "INRBENCH_LPIPS"  # environment variable: a folder that holds BACKBONE
STAGES = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))  # widths between poolings
SHIFT, SCALE = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)  # of the inputs, per channel
LEAST_SIDE = 1 << (len(STAGES) - 1)


def lpips(truth: "Values", prediction: "Values") -> float | None:
    """Distance of two images [H, W, C] in [0, 1], grey repeated to three channels, measured where the prediction is.

    None where it does not exist: other channels, images too small to be pooled four times, or weights that
    `missing` tells of.
    """
    import torch

    backbone, layers = _paths()
    if backbone is None or layers is None or truth.shape[-1] not in (1, 3) or min(truth.shape[:2]) < LEAST_SIDE:
        return None
    found = torch.as_tensor(prediction)
    weights = _weights(backbone, layers, found.device)
    pair = torch.stack([torch.as_tensor(truth, device=found.device), found]).float()
    x = 2 * pair.expand(-1, -1, -1, 3).permute(0, 3, 1, 2) - 1  # [2, 3, H, W] in [-1, 1]
    with torch.no_grad(), torch.backends.cudnn.flags(enabled=True, allow_tf32=False):  # PyTorch's default allows it
        return float(_distance(x, *weights))


def _distance(x: "torch.Tensor", convolutions: list, layers: list) -> "torch.Tensor":
    """x [2, 3, H, W]; convolutions (weight, bias) in order; layers [C] one a stage."""
    import torch
    import torch.nn.functional as F

    x = (x - x.new_tensor(SHIFT)[:, None, None]) / x.new_tensor(SCALE)[:, None, None]
    total, remaining = x.new_zeros(()), iter(convolutions)
    for stage, layer in zip(STAGES, layers, strict=True):
        if stage is not STAGES[0]:
            x = F.max_pool2d(x, 2)
        for _ in stage:
            weight, bias = next(remaining)
            x = F.relu(F.conv2d(x, weight, bias, padding=1))
        unit = x / (torch.linalg.vector_norm(x, dim=1, keepdim=True) + 1e-10)
        total = total + ((unit[0] - unit[1]).square() * layer[:, None, None]).sum(0).mean()
    return total


def missing() -> str | None:
    """None, or one line: which weights are not here, and where they belong."""
    backbone, layers = _paths()
    if layers is None:
        return "LPIPS is left out: its layer weights come with the package lpips; pip install lpips"
    if backbone is None:
        folders = " or ".join(f"'{folder}'" for folder in _folders())
        return f"LPIPS is left out: it needs {BACKBONE} in {folders}; the file is at {URL}"
    return None


@functools.lru_cache(maxsize=2)
def _weights(backbone: Path, layers: Path, device: "torch.device") -> tuple[list, list]:
    """The backbone's (weight, bias) pairs in order, and the layer weights [C], one a stage."""
    import torch

    state = torch.load(backbone, map_location=device, weights_only=True)
    learned = torch.load(layers, map_location=device, weights_only=True)
    names = sorted({int(name.split(".")[1]) for name in state if name.startswith("features.")})
    pairs = [(state[f"features.{i}.weight"], state[f"features.{i}.bias"]) for i in names]
    return pairs, [learned[f"lin{i}.model.1.weight"].flatten() for i in range(len(STAGES))]


def _paths() -> tuple[Path | None, Path | None]:
    """The files of the backbone and of the layer weights, None for one that is not here."""
    backbone = next((path for folder in _folders() if (path := folder / BACKBONE).is_file()), None)
    package = importlib.util.find_spec("lpips")
    folders = (package.submodule_search_locations if package else None) or []
    layers = next((path for folder in folders if (path := Path(folder) / "weights/v0.1/vgg.pth").is_file()), None)
    return backbone, layers


def _folders() -> list[Path]:
    """Where the backbone may lie: a named folder, then PyTorch's own cache."""
    named = [Path(os.environ[FOLDER])] if os.environ.get(FOLDER) else []
    cache = os.environ.get("TORCH_HOME") or Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "torch"
    return [*named, Path(cache) / "hub" / "checkpoints"]
