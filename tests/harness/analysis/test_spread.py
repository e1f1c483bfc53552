import itertools
import math

import numpy as np
import pytest

from harness.analysis.cell import Cell
from harness.analysis.spread import spread


def simulated(rng, of_signals, of_seeds, signals=40, seeds=4, bands=(0.1, 0.5)):
    """Scores whose signals and seeds deviate by so much, at bands of other levels."""
    found = {}
    for band, signal in itertools.product(bands, range(signals)):
        level = 30 - 20 * band + rng.normal(0, of_signals)
        for seed in range(seeds):
            found[Cell("Grid", 1000, band, None, seed, 1000 + signal, "Noise")] = level + rng.normal(0, of_seeds)
    return found


@pytest.mark.parametrize(("of_signals", "of_seeds"), [(2.0, 0.5), (0.5, 2.0), (0.0, 1.0), (1.0, 0.0)])
def test_both_causes_are_found_again(of_signals, of_seeds):
    rng = np.random.default_rng(0)
    found = [spread(simulated(rng, of_signals, of_seeds)) for _ in range(30)]
    assert math.sqrt(np.mean([one.signals**2 for one in found])) == pytest.approx(of_signals, abs=0.2)
    assert math.sqrt(np.mean([one.seeds**2 for one in found])) == pytest.approx(of_seeds, abs=0.05)
    whole = math.hypot(of_signals, of_seeds)
    assert math.sqrt(np.mean([one.whole**2 for one in found])) == pytest.approx(whole, abs=0.1)


def test_the_components_by_hand():
    """Seeds vary by 2 about signals' means of 2 and 8; these vary by 18, of which the seeds make 2 / 2."""
    scores = {(1, 1): 1.0, (2, 1): 3.0, (1, 2): 7.0, (2, 2): 9.0}
    found = spread(
        {Cell("Grid", 1000, 0.5, None, seed, signal, "Noise"): score for (seed, signal), score in scores.items()}
    )
    assert found == pytest.approx((math.sqrt(40 / 3), math.sqrt(18 - 1), math.sqrt(2)))


def test_signals_that_differ_by_less_than_their_seeds_explain_do_not_differ():
    scores = {(1, 1): 1.0, (2, 1): 3.0, (1, 2): 1.0, (2, 2): 3.0}
    found = spread(
        {Cell("Grid", 1000, 0.5, None, seed, signal, "Noise"): score for (seed, signal), score in scores.items()}
    )
    assert found.signals == 0


def test_seeds_that_draw_their_own_signals_cannot_tell_the_causes_apart():
    found = spread({Cell("Grid", 1000, 0.5, None, seed, seed, "Noise"): float(seed) for seed in (1, 2, 3)})
    assert found.whole == 1
    assert math.isnan(found.signals)
    assert math.isnan(found.seeds)


def test_one_signal_has_the_spread_of_its_seeds_alone():
    found = spread({Cell("Grid", 1000, 0.5, None, seed, 7, "Noise"): float(seed) for seed in (1, 2, 3)})
    assert (found.whole, found.seeds) == (1, 1)
    assert math.isnan(found.signals)


def test_images_are_no_signals_that_were_drawn():
    """Of two images at two seeds each: the seeds' spread within an image."""
    scores = {Cell("Grid", 1000, None, item, s, 7, "Noise"): 10 * i + s for i, item in enumerate("ab") for s in (1, 2)}
    assert spread(scores).seeds == pytest.approx(math.sqrt(0.5))
    assert math.isnan(spread(scores).signals)
