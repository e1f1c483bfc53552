"""The 9/7 wavelet transform by lifting, mirrored at its ends: as many coefficients as samples, whatever the shape.

Cohen, Daubechies & Feauveau 1992, "Biorthogonal bases of compactly supported wavelets"; Daubechies & Sweldens 1998,
"Factoring wavelet transforms into lifting steps", section 7.7. Scaled so that the basis is nearly orthonormal.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

COARSE = 3  # the longest axis of a thin lattice is halved until it has fewer than 2 ** (3 + 1) samples
STEPS = (-1.586134342059924, -0.052980118572961, 0.882911075530934, 0.443506852043971)  # odd, even, odd, even
SCALE = 1.149604398860241


def halvings(shape: Sequence[int], most: int) -> int:
    """How often axes are halved: at most so often, and as long as the shortest has two samples. A thin lattice, such as
    a stack of few slices, would keep hundreds of averages along its other axes: these are halved further, alone."""
    return min(most, max(int(math.log2(min(shape))), int(math.log2(max(shape))) - COARSE))


def level_shapes(shape: Sequence[int], levels: int) -> list[list[int]]:
    """The shape of the averages after 0, 1 … levels halvings. A single sample stays."""
    shapes = [list(shape)]
    for _ in range(levels):
        shapes.append([(n + 1) // 2 for n in shapes[-1]])
    return shapes


def analyse(values: Tensor, levels: int) -> Tensor:
    """Samples [C, *shape] → coefficients [C, *shape]; each level's averages lie at the lower ends of its axes, the
    details behind them."""
    found = values.clone()
    for shape in level_shapes(values.shape[1:], levels)[:-1]:
        window = (slice(None), *map(slice, shape))
        part = found[window]
        for axis in range(1, values.ndim):
            part = _forward(part, axis)
        found[window] = part
    return found


def synthesise(coefficients: Tensor, levels: int) -> Tensor:
    """The inverse of `analyse`."""
    *finer, coarsest = level_shapes(coefficients.shape[1:], levels)
    averages = coefficients[(slice(None), *map(slice, coarsest))]
    for shape in reversed(finer):
        part = coefficients[(slice(None), *map(slice, shape))].clone()
        part[tuple(map(slice, averages.shape))] = averages
        for axis in reversed(range(1, coefficients.ndim)):
            part = _inverse(part, axis)
        averages = part
    return averages


def _forward(values: Tensor, axis: int) -> Tensor:
    """One level along one axis: samples → averages, then details."""
    n = values.shape[axis]
    if n == 1:
        return values
    index = torch.arange(n, device=values.device)
    even, odd = values.index_select(axis, index[::2]), values.index_select(axis, index[1::2])
    for first, second in (STEPS[:2], STEPS[2:]):
        odd = odd + first * _beside_odd(even, n, axis)
        even = even + second * _beside_even(odd, n, axis)
    return torch.cat([even * SCALE, odd / SCALE], axis)


def _inverse(values: Tensor, axis: int) -> Tensor:
    """The inverse of `_forward`."""
    n = values.shape[axis]
    if n == 1:
        return values
    even, odd = values.split([(n + 1) // 2, n // 2], axis)
    even, odd = even / SCALE, odd * SCALE
    for first, second in (STEPS[2:], STEPS[:2]):
        even = even - second * _beside_even(odd, n, axis)
        odd = odd - first * _beside_odd(even, n, axis)
    last = even.narrow(axis, n // 2, n % 2)  # of an odd length
    pairs = torch.stack([even.narrow(axis, 0, n // 2), odd], axis + 1).flatten(axis, axis + 1)
    return torch.cat([pairs, last], axis)


def _beside_odd(even: Tensor, n: int, axis: int) -> Tensor:
    """The sum of both neighbours of every odd sample; beyond the end, the one before it."""
    after = torch.cat([even, even.narrow(axis, -1, 1)], axis).narrow(axis, 1, n // 2)
    return even.narrow(axis, 0, n // 2) + after


def _beside_even(odd: Tensor, n: int, axis: int) -> Tensor:
    """The sum of both neighbours of every even sample; beyond an end, the one within."""
    both = torch.cat([odd.narrow(axis, 0, 1), odd, odd.narrow(axis, -1, 1)], axis)
    return both.narrow(axis, 0, (n + 1) // 2) + both.narrow(axis, 1, (n + 1) // 2)
