"""Differences in words."""

import math

import pytest

from harness.analysis.significance import Difference
from harness.analysis.wording import difference
from target_signals.tasks.metrics import METRICS


@pytest.mark.parametrize(
    ("metric", "mean", "low", "high", "text"),
    [
        ("psnr", 1.2, 0.4, 2.0, "1.2 dB [0.4, 2.0]"),
        ("psnr", 0.79, -0.042, 1.62, "0.8 dB [−0.04, 1.6]"),
        ("psnr", -0.68, -1.3, -0.018, "−0.7 dB [−1.3, −0.02]"),
        ("psnr", 0.0, -0.0004, 0.0, "0.0 dB [0.0, 0.0]"),
        ("ssim", 0.02, 0.0004, 0.05, "0.020 [0.0004, 0.050]"),
        ("psnr", 3.0, math.nan, math.nan, "3.0 dB"),
    ],
)
def test_an_interval_tells_whether_it_leaves_out_0(metric, mean, low, high, text):
    assert difference(Difference(mean, low, high, 0.5, 10), METRICS[metric]) == text
