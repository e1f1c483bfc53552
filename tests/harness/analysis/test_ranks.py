"""Average ranks by hand: over images, and over signals whose bands are conditions of one data set."""

import pytest

from harness.analysis.experiments import experiments
from harness.analysis.means import means
from harness.analysis.ranks import over_items, over_signals
from harness.analysis.winner import ONE_DRAW

SIZE = 1000


@pytest.fixture
def images(make_row):
    """`images(a={"Grid": [30, 20]}, …)`: rows of images by the scores of models at one seed after the other."""

    def make(metric="psnr", **items):
        own = {"signal": "SampleImages", "bandlimit": None, "size": SIZE}
        return [
            make_row(**own, item=item, model=model, seed=seed, **{metric: score})
            for item, scores in items.items()
            for model, draws in scores.items()
            for seed, score in enumerate(draws)
        ]

    return make


@pytest.fixture
def bands(make_row):
    """`bands(signal, {0.1: {"Grid": 30}})`: rows of a signal by the scores of models at each band."""

    def make(signal, scores, **columns):
        return [
            make_row(signal=signal, bandlimit=band, size=SIZE, model=model, psnr=psnr, **columns)
            for band, own in scores.items()
            for model, psnr in own.items()
        ]

    return make


A = {"Grid": [30, 20], "Siren": [24, 24], "Wire": [10, 10]}  # by means over seeds Grid is first, by seeds as good
B = {"Grid": [20, 20], "Siren": [30, 30], "Wire": [10, 10]}


def items_of(rows, metric="psnr"):
    (experiment,) = experiments(rows)
    return over_items(experiment, metric, SIZE)


def average(found):
    return dict(zip(found.models, found.ranks.average, strict=True))


def test_an_image_ranks_means_over_seeds(images):
    found = items_of(images(a=A, b=B))
    assert average(found) == {"Grid": 1.5, "Siren": 1.5, "Wire": 3}
    assert (found.ranks.sets, found.of, found.without) == (2, 2, ())


def test_other_budgets_and_yardsticks_play_no_part(images):
    others = [row | {"size": 2 * SIZE, "psnr": 90 - row["psnr"]} for row in images(a=A, b=B)]
    others += [row | {"model": "Wavelet", "label": "classical"} for row in images(a={"Grid": [60, 60]})]
    assert items_of(images(a=A, b=B) + others) == items_of(images(a=A, b=B))


def test_who_lacks_an_image_is_named_and_who_cannot_be_asked_is_not(images):
    more = images(a={"BACON": [40, 40]})
    more += [row | {"status": "unsupported"} for row in images(a={"GSplat": [40, 40]})]
    found = items_of(images(a=A, b=B) + more)
    assert average(found) == {"Grid": 1.5, "Siren": 1.5, "Wire": 3}
    assert found.without == ("BACON",)


def test_a_failure_ranks_last(images):
    rows = images(a=A, b=B)
    rows[0] |= {"status": "diverged", "psnr": None}
    assert average(items_of(rows)) == {"Grid": 2.5, "Siren": 1, "Wire": 2.5}


def test_a_score_that_does_not_exist_is_a_missing_run(images):
    """As SSIM of an image below its window."""
    found = items_of(images("ssim", a=A, b=B, c={model: [None] for model in A}), "ssim")
    assert average(found) == {"Grid": 1.5, "Siren": 1.5, "Wire": 3}
    assert found.of == 2


def test_models_that_share_no_image_have_no_ranks(images):
    assert items_of(images(a={"Grid": [30]}, b={"Siren": [30]}, c={"Wire": [30]})) is None


def test_less_is_better_where_the_metric_says_so(images):
    found = items_of(images("lpips", a=A, b=B), "lpips")
    assert average(found) == {"Grid": 2.5, "Siren": 2.5, "Wire": 1}


def test_one_image_or_two_models_have_no_ranks(images):
    assert items_of(images(a=A)) is None
    two = {"Grid": [30, 20], "Siren": [24, 24]}
    assert items_of(images(a=two, b=two)) is None


def test_two_volumes_of_one_dragon_are_no_two_data_sets(images):
    rows = [
        row | {"signal": "Dragon", "dim": 3}
        for row in images(
            occupancy={"Grid": [1], "Siren": [2], "Wire": [3]}, surface={"Grid": [1], "Siren": [2], "Wire": [3]}
        )
    ]
    (experiment,) = experiments(rows)
    assert over_items(experiment, "psnr", SIZE) is None
    outcome = means(experiment, ["model", "size"], "psnr").outcomes[(SIZE,)]
    assert (outcome.trained.best, outcome.trained.verdict) == ("Wire", ONE_DRAW)
    photographs = [row | {"signal": "DIV2K"} for row in rows]
    (experiment,) = experiments(photographs)
    assert over_items(experiment, "psnr", SIZE).ranks.sets == 2


def test_bands_are_conditions_of_one_signal_and_constant_ones_are_one(bands):
    """Siren is first at two constant bands, which are one signal, and Grid at the third."""
    coarse, fine = {"Grid": 150, "Siren": 160, "Wire": 140}, {"Grid": 30, "Siren": 20, "Wire": 10}
    rows = bands("BandlimitedSignal", {0.1: coarse, 0.2: coarse}, psnr_constant=160.0)
    rows += bands("BandlimitedSignal", {0.5: fine}) + bands("Sierpinski", {0.5: fine})
    found = over_signals(experiments(rows), SIZE)
    assert average(found) == {"Grid": 1.25, "Siren": 1.75, "Wire": 3}
    assert found.ranks.sets == 2
