"""The spaces hold the paper's settings, and a search is a sequence that depends on nothing but its seed."""

import dataclasses
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
import pytest

import models
from common.dials import ADDED, Choice, Dial, dials_of, digested
from common.files import ROOT
from harness.plan.make_plan import make_plan
from harness.plan.model_settings import model_names, model_settings, training_settings
from harness.plan.search import candidates, cells, described, points, space
from harness.plan.source import choose_source
from harness.plan.tuned import KINDS

BUDGETS = (1000, 10_000, 100_000, 3_000_000)
TRAINED = [name for name in models.registry.names() if models.get_model(name).label == "learned"]


@dataclass(frozen=True)
class Newcomer:
    sigma: Annotated[float, Dial(1, 100, "log", "a source")]
    width: Annotated[int, Dial(1, 4, "linear", "a source")] = 2
    way: Annotated[Literal["a", "b", "c"], Choice("a source")] = "a"
    fixed: float = 3.0
    later: Annotated[float, ADDED] = 1.0


def test_every_trained_model_has_a_space_and_every_space_the_files_own_setting(config):
    for name in model_names(config):
        assert bool(space(name)) == (name in TRAINED)
        for kind in KINDS:
            for size in BUDGETS:
                settings, lr_schedule = training_settings(config, name, kind, size)
                own = {"lr_schedule": lr_schedule} | dataclasses.asdict(settings)
                assert [str(s) for s in space(name) if not s.holds(own[s.name])] == []


def test_trial_0_is_the_files_own_setting(config):
    for name in model_names(config):
        first = candidates(config, name, "ct", 20_000, 4, 0)[0]
        assert first.settings == model_settings(config, name, "ct", 20_000)
        assert first.lr_schedule == "constant"


def test_a_longer_search_goes_on_with_a_shorter_one_and_another_seed_has_other_trials(config):
    short, long = (candidates(config, "Siren", "image", 10_000, trials, 5) for trials in (3, 16))
    other = candidates(config, "Siren", "image", 10_000, 16, 6)
    assert long[:3] == short
    assert [c.index for c in long] == list(range(16))
    assert other[0] == long[0]
    assert all(one.dials != two.dials for one, two in zip(long[1:], other[1:], strict=True))


def test_every_candidate_is_within_the_space(config):
    for name in TRAINED:
        for candidate in candidates(config, name, "image", 10_000, 16, 3):
            assert all(setting.holds(candidate.dials[setting.name]) for setting in space(name))
            assert candidate.lr_schedule == candidate.dials["lr_schedule"]
            own = {name: value for name, value in candidate.dials.items() if name != "lr_schedule"}
            assert own == {key: getattr(candidate.settings, key) for key in own}


def test_a_model_without_dials_has_one_trial(config):
    assert len(candidates(config, "Wavelet", "image", 10_000, 16, 0)) == 1


def test_every_signal_has_a_start_of_its_own_and_finalists_have_two_more(config):
    """docs/tuning.md, "Protocol"."""
    extent = dataclasses.replace(config.preset("smoke", "DevelopmentImages", 2), sizes=(1000, 3000), seeds=(31,))
    plan = make_plan(config, choose_source("DevelopmentImages", 2), ["fit"], extent, ["Siren", "Grid"])
    found = {(cell.model, cell.budget): cell for cell in cells(config, plan, "image", 3, 0)}
    assert found.keys() == {("Siren", 1000), ("Siren", 3000), ("Grid", 1000), ("Grid", 3000)}
    siren = found["Siren", 1000]
    signals = [trial.item for trial in siren.fits[0]]
    assert len(set(signals)) == 4
    for candidate, fits in zip(siren.candidates, siren.fits, strict=True):
        assert [(fit.item, fit.seed) for fit in fits] == list(zip(signals, (31, 32, 33, 34), strict=True))
        assert {(fit.settings, fit.lr_schedule) for fit in fits} == {(candidate.settings, candidate.lr_schedule)}
    assert [trial.item for trial in siren.trials] == [item for item in signals for _ in range(3)], "each is built once"
    again = siren.again(2)
    assert [fit.seed for fit in again] == [131, 132, 133, 134, 231, 232, 233, 234]
    assert [fit.item for fit in again] == 2 * signals
    assert {fit.settings for fit in again} == {siren.candidates[2].settings}


def test_points_fill_the_cube_evenly():
    """A Sobol sequence has one of its first 16 points in each sixteenth of every axis, which random points have not."""
    shares = np.array(points(3, 16, 1))
    assert all(sorted((16 * axis).astype(int)) == list(range(16)) for axis in shares.T)
    assert points(2, 5, 1) == points(2, 9, 1)[:5]
    assert points(2, 0, 1) == []


def test_dials_are_read_from_the_settings():
    sigma, width, way = dials_of(Newcomer)
    assert (sigma.at(0), sigma.at(0.5), sigma.at(1)) == pytest.approx((1, 10, 100))
    assert [width.at(share) for share in (0, 0.5, 0.9)] == [1, 2, 4]
    assert [way.at(share) for share in (0, 0.34, 0.99)] == ["a", "b", "c"]
    assert [sigma.dial.share(value) for value in (1, 10, 100)] == pytest.approx((0, 0.5, 1))
    assert way.options == ("a", "b", "c")


def test_a_setting_that_came_later_leaves_the_digest_as_it_was():
    assert "later" not in digested(Newcomer(1.0))
    assert digested(Newcomer(1.0, later=2.0))["later"] == 2.0
    assert digested(Newcomer(1.0))["fixed"] == 3.0


@pytest.mark.parametrize(
    ("kind", "mark", "message"),
    [
        (str, Dial(1, 2, "log", ""), "x: a Dial is for a float or an int, not for str"),
        (int, Choice(""), "x: a Choice is for a Literal, not for int"),
    ],
)
def test_a_dial_of_the_wrong_kind_is_refused(kind, mark, message):
    broken = dataclasses.make_dataclass("Broken", [("x", Annotated[kind, mark])])
    with pytest.raises(ValueError, match=message):
        dials_of(broken)


def test_a_dial_needs_a_range_and_a_model_has_four_at_most():
    with pytest.raises(ValueError, match="low < high"):
        Dial(0, 1, "log", "")
    five = dataclasses.make_dataclass("Five", [(f"x{i}", Annotated[float, Dial(0, 1, "linear", "")]) for i in range(5)])
    with pytest.raises(ValueError, match=r"5 dials \(x0, .*, and 4 are"):
        dials_of(five)


def test_every_range_has_a_source():
    for name in models.registry.names():
        assert all(setting.dial.source for setting in space(name))


def test_the_documented_spaces_are_the_models(config):
    page = (ROOT / "docs" / "tuning.md").read_text(encoding="utf-8")
    shown = page.partition("<!-- spaces -->\n")[2].partition("\n\n")[0]
    assert shown == described(config), "write below the mark what `python -m harness.plan.search` prints"
