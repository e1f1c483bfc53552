"""example_name: rings around a point; higher bands have finer rings. (Say here what it is, and where it is from.)

    python run.py --signal ./example_name.py --dim 2 --preset smoke

Copied into the folder `target_signals`, it goes by its name. The whole contract: target_signals/base.py.
"""

import numpy as np

from target_signals.base import Signal, SignalFamily, register


@register
class ExampleClass(SignalFamily):
    """½ + ½ cos(2π f r) at distance r from a point that the seed places, f = 10 · bandlimit rings per unit."""

    name = "example_name"  # in tables and --signal
    dims = (2, 3)  # the dimensions it exists in; of (2,) alone, --dim may be left out
    # bands = False  # without a difficulty dial: bandlimit is then None
    # draws = False  # where every seed gives the same signal

    @classmethod
    def build(cls, dim: int, length: int, bandlimit: float | None, seed: int) -> Signal:
        """`length` samples an axis, the same for the same arguments: draw from a generator made of the seed."""
        assert bandlimit is not None  # from 0.1 to 0.9, as `bands` is True
        centre = np.random.default_rng(seed).uniform(-0.5, 0.5, dim)
        along = (np.arange(length) + 0.5) * 2 / length - 1  # [length], centres of the samples in [-1, 1]
        axes = np.meshgrid(*[along] * dim, indexing="ij")  # dim arrays [*shape]
        distance = np.sqrt(sum((axis - c) ** 2 for axis, c in zip(axes, centre, strict=True)))
        values = 0.5 + 0.5 * np.cos(2 * np.pi * 10 * bandlimit * distance)  # about in [0, 1]
        return Signal(values.astype(np.float32), dim, cls.kind)  # [*shape], or [*shape, C] with channels


# What else there is:
#
# Signal(rings=…)  regions that are scored on their own      target_signals/star_target.py
# Signal(finer=…)  the same on a finer lattice               target_signals/div2k.py
# RecordedFamily   items, such as images, in place of bands  target_signals/sample_images.py
