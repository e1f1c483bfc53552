"""White noise behind an ideal low-pass filter: the dial is the radius of the pass band.

Source: Kim & Fridovich-Keil, "Grids Often Outperform Implicit Neural Representations", NeurIPS 2025,
synthetic signals (section on data and its appendix). Constants: docs/protocol.md, "Signals".
"""

import numpy as np

from target_signals.base import GREATEST_BAND, LEAST_BAND, Difficulty, Signal, SignalFamily, register

BASE = 300.0  # the nine cut-offs grow geometrically by BASE from the first to the last
LEAST_CUTOFF, GREATEST_CUTOFF = 0.0015, 0.7  # cycles per sample, times √2


def cutoff(bandlimit: float) -> float:
    """The cut-off c of a band; frequencies of radius up to c / √2 pass, whatever the dimension."""
    position = (bandlimit - LEAST_BAND) / (GREATEST_BAND - LEAST_BAND)
    t = (BASE**position - 1) / (BASE - 1)
    return LEAST_CUTOFF + t * (GREATEST_CUTOFF - LEAST_CUTOFF)


@register
class BandlimitedSignal(SignalFamily):
    """Uniform noise, low-passed. Its length is odd, so that frequencies pair up: an even one grows by one."""

    name = "BandlimitedSignal"
    dims = (2, 3)
    difficulty = Difficulty("cut-off", "cycles per sample", lambda bandlimit: cutoff(bandlimit) / 2**0.5)

    @classmethod
    def build(cls, dim: int, length: int, bandlimit: float | None, seed: int) -> Signal:
        import scipy.fft  # takes longer to import than all signals' modules

        assert bandlimit is not None
        shape = (length + 1 - length % 2,) * dim
        noise = np.random.RandomState(seed).uniform(size=shape)
        spectrum = scipy.fft.rfftn(noise)  # [n, …, n // 2 + 1]: real noise needs half of the last axis
        axes = [scipy.fft.fftfreq(n) for n in shape[:-1]] + [scipy.fft.rfftfreq(shape[-1])]
        radius = np.sqrt(sum(f**2 for f in np.ix_(*axes)))
        spectrum[radius > cutoff(bandlimit) / np.sqrt(2)] = 0
        values = scipy.fft.irfftn(spectrum, s=shape)
        return Signal(values.astype(np.float32), dim, cls.kind)
