"""Where in space and frequency a fit fails most."""

import itertools

import numpy as np

BANDS = ("lowest", "low", "high", "highest")  # quarters of the frequencies up to Nyquist's
REGIONS = ("first", "middle", "last")  # thirds of an axis
IMAGE_REGIONS = (("top", "middle", "bottom"), ("left", "centre", "right"))


def where_it_fails(residual: np.ndarray) -> str:
    """The region and the frequency band of the largest error: residual [*shape, C]."""
    squared = residual.astype(np.float64) ** 2
    energy = squared.sum() or 1.0
    parts = [np.array_split(np.arange(n), 3) for n in residual.shape[:-1]]
    share = np.array([squared[np.ix_(*cell)].sum() for cell in itertools.product(*parts)]) / energy
    worst = np.unravel_index(int(share.argmax()), (3,) * len(parts))
    if len(parts) == 2:
        region = f"{IMAGE_REGIONS[0][worst[0]]} {IMAGE_REGIONS[1][worst[1]]}"
    else:
        region = ", ".join(f"{REGIONS[i]} third of axis {axis}" for axis, i in enumerate(worst))
    spectrum = np.abs(np.fft.fftn(residual, axes=range(len(parts)))).astype(np.float64) ** 2
    radius = np.sqrt(sum(f**2 for f in np.ix_(*[np.fft.fftfreq(n) for n in residual.shape[:-1]]))) / 0.5
    bands = np.minimum((radius * len(BANDS)).astype(int), len(BANDS) - 1)
    by_band = np.bincount(bands.ravel(), spectrum.sum(-1).ravel(), len(BANDS)) / (spectrum.sum() or 1.0)
    return (
        f"largest error: {region} ({share.max():.0%} of it in one of {share.size} parts), "
        f"{BANDS[int(by_band.argmax())]} quarter of the frequencies ({by_band.max():.0%})"
    )
