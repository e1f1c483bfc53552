"""Scores of a reconstruction: one definition each (SPEC 4). Arrays are [*shape, C], truth first."""

import numpy as np

MSE_FLOOR = 1e-16  # caps PSNR at 160 dB
IOU_THRESHOLD = 0.2


def clip_to_truth(truth: np.ndarray, prediction: np.ndarray) -> np.ndarray:
    """Clip to [min(0, min truth), max(1, max truth)]; the paper's [0, 1] would cap signals that leave it."""
    return np.clip(prediction, min(0.0, float(truth.min())), max(1.0, float(truth.max())))


def psnr(truth: np.ndarray, prediction: np.ndarray) -> float:
    """-10 log₁₀ of the mean squared error, in dB, for a peak of 1."""
    mse = np.mean(np.square(prediction.astype(np.float64) - truth.astype(np.float64)))
    return float(-10 * np.log10(max(float(mse), MSE_FLOOR)))


def psnr_of_constant(truth: np.ndarray) -> float:
    """PSNR of the truth's own mean, channel by channel: what a model that learned nothing else reaches."""
    values = truth.reshape(-1, truth.shape[-1]).astype(np.float64)
    return psnr(values, np.broadcast_to(values.mean(axis=0), values.shape))


def ssim(truth: np.ndarray, prediction: np.ndarray) -> float | None:
    """Structural similarity of images [H, W, C] (Wang et al. 2004), scikit-image's defaults.

    The data range is the truth's own. None where it is undefined: a constant truth, or an image
    smaller than the window.
    """
    from skimage.metrics import structural_similarity

    window = 7
    data_range = float(truth.max() - truth.min())
    if data_range == 0 or min(truth.shape[:2]) < window:
        return None
    a, b = truth.astype(np.float64), prediction.astype(np.float64)  # float32 cancels the variances of faint signals
    if truth.shape[-1] == 1:
        return float(structural_similarity(a[..., 0], b[..., 0], data_range=data_range))
    return float(structural_similarity(a, b, data_range=data_range, channel_axis=-1))


def iou(truth: np.ndarray, prediction: np.ndarray) -> float:
    """Intersection over union of {value > 0.2} on both sides; 1 when both are empty."""
    a, b = truth > IOU_THRESHOLD, prediction > IOU_THRESHOLD
    union = np.logical_or(a, b).sum()
    return float(np.logical_and(a, b).sum() / union) if union else 1.0
