"""Scores, one definition each (docs/protocol.md, "Metrics"). Values are [*shape, C], truth first.

They are measured on the device where the prediction is, a CPU for an array, in float64.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Union

import numpy as np

from target_signals.tasks.perceptual import lpips

if TYPE_CHECKING:  # whoever reads a table's scores does without torch
    import torch

Values = Union[np.ndarray, "torch.Tensor"]

MSE_FLOOR = 1e-16  # caps PSNR at 160 dB
IOU_THRESHOLD = 0.2
SSIM_WINDOW = 7  # samples along a side
SSIM_ROWS = 64  # of windows at once on a CPU: what they need fits into its cache
PSNR_VALUES = {"cpu": 1 << 18, "cuda": 1 << 24}  # at once: in float64 they fit into a CPU's cache, and any GPU


@dataclass(frozen=True, eq=False)
class Scored:
    """What a metric sees: truth and prediction [*shape, C], the latter clipped to the truth's range, on one device.

    where: the samples [*shape] that are scored; None for all. binary: whether the truth holds 0 and 1 alone.
    """

    truth: "torch.Tensor"
    prediction: "torch.Tensor"
    binary: bool = False
    where: "torch.Tensor | None" = None

    @property
    def is_image(self) -> bool:
        return self.truth.ndim == 3

    @property
    def samples(self) -> "tuple[torch.Tensor, torch.Tensor]":
        """Truth and prediction where they are scored."""
        return at(self.where, self.truth), at(self.where, self.prediction)

    @property
    def whole(self) -> "tuple[torch.Tensor, torch.Tensor]":
        """Truth and prediction everywhere, with the truth where nothing is scored."""
        if self.where is None:
            return self.truth, self.prediction
        return self.truth, self.prediction.where(self.where[..., None], self.truth)


def at(where: Any, values: Any) -> Any:
    """All values [*shape, C], or those of some samples, [n, C]."""
    return values if where is None else values[where]


class Metric(NamedTuple):
    """A score: its name, unit and digits behind the point, what it is, how it is measured, and where it exists.

    measure: the score, or None where what is scored is too small for it or constant.
    exists: whether there is such a score at all, by what the truth is.
    """

    name: str
    unit: str
    digits: int
    meaning: str
    measure: Callable[[Scored], float | None]
    exists: Callable[[Scored], bool] = lambda scored: True
    higher_is_better: bool = True

    def score(self, scored: Scored) -> float | None:
        """None where the score does not exist, such as SSIM of a volume."""
        return self.measure(scored) if self.exists(scored) else None

    def label(self, suffix: str = "") -> str:
        return f"{self.name}{suffix}" + (f" ({self.unit})" if self.unit else "")

    def text(self, value: float, sign: str = "") -> str:
        digits = self.digits if abs(value) < 99.95 else 0
        return f"{round(value, digits) + 0.0:{sign}.{digits}f}".replace("-", "−")


def tensors(truth: Values, prediction: Values) -> "tuple[torch.Tensor, torch.Tensor]":
    """Both as tensors where the prediction is."""
    import torch

    there = torch.as_tensor(prediction)
    return torch.as_tensor(truth, device=there.device), there


def clip_to_truth(truth: Values, prediction: Values) -> "torch.Tensor":
    """Clip to [min(0, min truth), max(1, max truth)]; the paper's [0, 1] would cap signals that leave it."""
    known, found = tensors(truth, prediction)
    least, most = known.aminmax()
    return found.clamp(least.clamp(max=0).to(found.dtype), most.clamp(min=1).to(found.dtype))


def psnr(truth: Values, prediction: Values) -> float:
    """-10 log₁₀ of the mean squared error, in dB, for a peak of 1."""
    known, found = (values.flatten() for values in tensors(truth, prediction))
    at_once = PSNR_VALUES[known.device.type]
    parts = zip(known.split(at_once), found.split(at_once), strict=True)
    errors = sum((y.double() - x.double()).square_().sum() for x, y in parts)
    return decibels(float(errors) / known.numel())


def decibels(mse: float) -> float:
    """PSNR of a mean squared error, for a peak of 1."""
    return float(-10 * np.log10(max(mse, MSE_FLOOR)))


def clipped_psnr(truth: Values, prediction: Values, where: Values | None = None) -> float:
    """PSNR as rows have it: of the prediction clipped to the truth's range, at the samples that are scored."""
    return psnr(at(where, truth), at(where, clip_to_truth(truth, prediction)))


def psnr_of_constant(truth: np.ndarray) -> float:
    """PSNR of the truth's own mean, channel by channel: what a model that learned nothing else reaches."""
    values = truth.reshape(-1, truth.shape[-1])
    return decibels(float(values.var(axis=0, dtype=np.float64).mean()))


def ssim(truth: Values, prediction: Values) -> float | None:
    """Structural similarity of images [H, W, C] (Wang et al. 2004) with scikit-image's defaults: means over 7×7
    windows, sample covariances, the mean over all windows inside the image and over channels.

    The data range is the truth's own. None where it is undefined: a constant truth, or an image smaller
    than the window. Written out because scikit-image takes seconds for an image that was super-resolved
    on a GPU in milliseconds; the tests hold both together.
    """
    import torch

    known, found = tensors(truth, prediction)
    data_range = float(known.max() - known.min())
    if data_range == 0 or min(known.shape[:2]) < SSIM_WINDOW:
        return None

    sample = SSIM_WINDOW**2 / (SSIM_WINDOW**2 - 1)
    c1, c2 = (0.01 * data_range) ** 2, (0.03 * data_range) ** 2

    def similarity(x: "torch.Tensor", y: "torch.Tensor") -> "torch.Tensor":
        mean_x, mean_y = windowed(x), windowed(y)
        product, squares = mean_x * mean_y, mean_x.square() + mean_y.square()
        variances = sample * (windowed(x * x + y * y) - squares)  # the sum of both
        covariance = sample * (windowed(x * y) - product)
        return (2 * product + c1) * (2 * covariance + c2) / ((squares + c1) * (variances + c2))

    pair = [values.movedim(-1, 0) for values in (known, found)]
    count = known.shape[0] - SSIM_WINDOW + 1  # rows of windows
    rows = SSIM_ROWS if known.device.type == "cpu" else count
    each = []
    for first in range(0, count, rows):
        part = slice(first, min(first + rows, count) + SSIM_WINDOW - 1)
        # float64: float32 cancels the variances of faint signals
        each.append(similarity(*(values[:, part].double().contiguous() for values in pair)))
    return float(torch.cat(each, dim=1).mean())


def windowed(values: "torch.Tensor") -> "torch.Tensor":
    """Means over windows of a picture [C, H, W] of float64; seven slices added are faster than a pooling by PyTorch."""
    for axis in (1, 2):
        count = values.shape[axis] - SSIM_WINDOW + 1
        first, *others = (values.narrow(axis, k, count) for k in range(SSIM_WINDOW))
        total = first.clone()
        for other in others:
            total += other
        values = total
    return values.div_(SSIM_WINDOW**2)


def iou(truth: Values, prediction: Values) -> float:
    """Intersection over union of {value > 0.2} on both sides; 1 when both are empty."""
    a, b = (values > IOU_THRESHOLD for values in tensors(truth, prediction))
    union = int((a | b).sum())
    return int((a & b).sum()) / union if union else 1.0


METRICS = {  # a new one is a function above and an entry here; rows, tables, figures and the page follow
    "psnr": Metric("PSNR", "dB", 1, "peak signal-to-noise ratio", lambda scored: psnr(*scored.samples)),
    "ssim": Metric(
        "SSIM",
        "",
        3,
        "structural similarity of images",
        lambda scored: ssim(*scored.whole),
        exists=lambda scored: scored.is_image,
    ),
    "lpips": Metric(
        "LPIPS",
        "",
        3,
        "perceptual distance of images",
        lambda scored: lpips(*scored.whole),
        exists=lambda scored: scored.is_image,
        higher_is_better=False,
    ),
    "iou": Metric(
        "IoU",
        "",
        3,
        "intersection over union of binary volumes",
        lambda scored: iou(*scored.samples),
        exists=lambda scored: scored.binary and not scored.is_image,
    ),
}
