"""Scores, one definition each (docs/protocol.md, "Metrics"). Arrays are [*shape, C], truth first."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from target_signals.tasks.perceptual import lpips

MSE_FLOOR = 1e-16  # caps PSNR at 160 dB
IOU_THRESHOLD = 0.2
SSIM_WINDOW = 7  # samples along a side
SSIM_ROWS = 64  # of windows at once on a CPU: what they need fits into its cache


@dataclass(frozen=True, eq=False)
class Scored:
    """What a metric sees: truth and prediction [*shape, C], the latter clipped to the truth's range.

    where: the samples [*shape] that are scored; None for all. binary: whether the truth holds 0 and 1 alone.
    device: where what takes long is computed.
    """

    truth: np.ndarray
    prediction: np.ndarray
    binary: bool = False
    where: np.ndarray | None = None
    device: str = "cpu"

    @property
    def is_image(self) -> bool:
        return self.truth.ndim == 3

    @property
    def samples(self) -> tuple[np.ndarray, np.ndarray]:
        """Truth and prediction where they are scored."""
        return at(self.where, self.truth), at(self.where, self.prediction)

    @property
    def whole(self) -> tuple[np.ndarray, np.ndarray]:
        """Truth and prediction everywhere, with the truth where nothing is scored."""
        if self.where is None:
            return self.truth, self.prediction
        return self.truth, np.where(self.where[..., None], self.prediction, self.truth)


def at(where: np.ndarray | None, values: np.ndarray) -> np.ndarray:
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


def clip_to_truth(truth: np.ndarray, prediction: np.ndarray) -> np.ndarray:
    """Clip to [min(0, min truth), max(1, max truth)]; the paper's [0, 1] would cap signals that leave it."""
    return np.clip(prediction, min(0.0, float(truth.min())), max(1.0, float(truth.max())))


def psnr(truth: np.ndarray, prediction: np.ndarray) -> float:
    """-10 log₁₀ of the mean squared error, in dB, for a peak of 1."""
    mse = np.mean(np.square(prediction.astype(np.float64) - truth.astype(np.float64)))
    return float(-10 * np.log10(max(float(mse), MSE_FLOOR)))


def clipped_psnr(truth: np.ndarray, prediction: np.ndarray, where: np.ndarray | None = None) -> float:
    """PSNR as rows have it: of the prediction clipped to the truth's range, at the samples that are scored."""
    return psnr(at(where, truth), at(where, clip_to_truth(truth, prediction)))


def psnr_of_constant(truth: np.ndarray) -> float:
    """PSNR of the truth's own mean, channel by channel: what a model that learned nothing else reaches."""
    values = truth.reshape(-1, truth.shape[-1]).astype(np.float64)
    return psnr(values, np.broadcast_to(values.mean(axis=0), values.shape))


def ssim(truth: np.ndarray, prediction: np.ndarray, device: str = "cpu") -> float | None:
    """Structural similarity of images [H, W, C] (Wang et al. 2004) with scikit-image's defaults: means over 7×7
    windows, sample covariances, the mean over all windows inside the image and over channels.

    The data range is the truth's own. None where it is undefined: a constant truth, or an image smaller
    than the window. Written out because scikit-image takes seconds for an image that was super-resolved
    on a GPU in milliseconds; the tests hold both together.
    """
    import torch
    import torch.nn.functional as F

    data_range = float(truth.max() - truth.min())
    if data_range == 0 or min(truth.shape[:2]) < SSIM_WINDOW:
        return None

    sample = SSIM_WINDOW**2 / (SSIM_WINDOW**2 - 1)
    c1, c2 = (0.01 * data_range) ** 2, (0.03 * data_range) ** 2

    def windowed(values: torch.Tensor) -> torch.Tensor:  # [C, H, W] → means over windows
        return F.avg_pool2d(F.avg_pool2d(values, (SSIM_WINDOW, 1), stride=1), (1, SSIM_WINDOW), stride=1)

    def similarity(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        mean_x, mean_y = windowed(x), windowed(y)
        var_x, var_y = (sample * (windowed(v * v) - m * m) for v, m in ((x, mean_x), (y, mean_y)))
        covariance = sample * (windowed(x * y) - mean_x * mean_y)
        luminance = (2 * mean_x * mean_y + c1) / (mean_x**2 + mean_y**2 + c1)
        return luminance * (2 * covariance + c2) / (var_x + var_y + c2)

    pair = [torch.as_tensor(v, device=device).movedim(-1, 0) for v in (truth, prediction)]
    count = truth.shape[0] - SSIM_WINDOW + 1  # rows of windows
    rows = SSIM_ROWS if device == "cpu" else count
    found = []
    for first in range(0, count, rows):
        part = slice(first, min(first + rows, count) + SSIM_WINDOW - 1)
        # float64: float32 cancels the variances of faint signals
        found.append(similarity(*(v[:, part].double().contiguous() for v in pair)))
    return float(torch.cat(found, dim=1).mean())


def iou(truth: np.ndarray, prediction: np.ndarray) -> float:
    """Intersection over union of {value > 0.2} on both sides; 1 when both are empty."""
    a, b = truth > IOU_THRESHOLD, prediction > IOU_THRESHOLD
    union = np.logical_or(a, b).sum()
    return float(np.logical_and(a, b).sum() / union) if union else 1.0


METRICS = {  # a new one is a function above and an entry here; rows, tables, figures and the page follow
    "psnr": Metric("PSNR", "dB", 1, "peak signal-to-noise ratio", lambda scored: psnr(*scored.samples)),
    "ssim": Metric(
        "SSIM",
        "",
        3,
        "structural similarity of images",
        lambda scored: ssim(*scored.whole, scored.device),
        exists=lambda scored: scored.is_image,
    ),
    "lpips": Metric(
        "LPIPS",
        "",
        3,
        "perceptual distance of images",
        lambda scored: lpips(*scored.whole, scored.device),
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
