"""What searches have found: which of it a budget takes, and how two searches are joined."""

import dataclasses
import json

import pytest

from common.errors import UsageError
from harness.plan.tuned import Found, found_for, load_tuned, merged, write_tuned

FOUND = Found({"lr": 0.1}, 10.0, 9.0, 0, 16, 3, ("camera",), 100, 2.0, "cpu", "abc")


def at(**budgets):
    """Siren's for images, by budget: `b9000=0.1` is the learning rate there."""
    found = {name[1:]: dataclasses.replace(FOUND, settings={"lr": lr}) for name, lr in budgets.items()}
    return {"paper": {"Siren": {"image": found}}}


@pytest.mark.parametrize(
    ("size", "lr"),
    [
        (301, 0.1),
        (9000, 0.1),
        (18_900, 0.1),
        (19_100, 0.2),
        (40_000, 0.2),
        (60_000, 0.2),
        (70_000, 0.3),
        (2_999_999, 0.3),
    ],
)
def test_a_budget_takes_what_was_found_nearest_by_ratio(size, lr):
    assert found_for(at(b9000=0.1, b40000=0.2, b100000=0.3), "paper", "Siren", "image", size).settings == {"lr": lr}


@pytest.mark.parametrize("size", [299, 3_000_001])
def test_beyond_thirty_times_nothing_is_taken(size):
    assert found_for(at(b9000=0.1, b100000=0.3), "paper", "Siren", "image", size) is None


@pytest.mark.parametrize(("tuned", "size"), [("b10000", 300_000), ("b300000", 10_000)])
def test_thirty_times_is_near_enough(tuned, size):
    assert found_for(at(**{tuned: 0.1}), "paper", "Siren", "image", size) is not None


def test_of_two_as_near_the_lesser_is_taken():
    for tuned in (at(b500=0.1, b2000=0.2), at(b2000=0.2, b500=0.1)):
        assert found_for(tuned, "paper", "Siren", "image", 1000).settings == {"lr": 0.1}


@pytest.mark.parametrize("place", [("quick", "Siren", "image"), ("paper", "Grid", "image"), ("paper", "Siren", "ct")])
def test_nothing_is_taken_from_elsewhere(place):
    assert found_for(at(b9000=0.1), *place, 9000) is None


def test_joined_they_have_both_and_the_new_where_both_have_a_budget():
    old = at(b9000=0.1, b100000=0.3)
    new = at(b9000=0.5, b40000=0.2) | {"quick": {}}
    whole = merged(old, new)
    assert whole == at(b9000=0.5, b40000=0.2, b100000=0.3) | {"quick": {}}
    assert list(whole["paper"]["Siren"]["image"]) == ["9000", "40000", "100000"]


def test_what_is_written_is_added_to_the_file(tmp_path):
    settings = tmp_path / "settings.json"
    assert load_tuned(settings) == {}
    write_tuned(settings, at(b9000=0.1))
    write_tuned(settings, at(b40000=0.2))
    assert load_tuned(settings) == at(b9000=0.1, b40000=0.2)


@pytest.mark.parametrize(
    "text",
    [
        "[",
        "[]",
        '{"quick": 1}',
        '{"quick": {"Grid": {"image": {"1e4": {}}}}}',
        '{"quick": {"Grid": {"image": {}}}}',
        *(json.dumps({"quick": {"Grid": {"image": {key: dataclasses.asdict(FOUND)}}}}) for key in ("0", "9" * 5000)),
    ],
)
def test_a_file_that_is_none_is_refused_in_a_line(tmp_path, text):
    (tmp_path / "tuned.json").write_text(text)
    with pytest.raises(UsageError) as caught:
        load_tuned(tmp_path / "settings.json")
    assert "tuned.json" in str(caught.value)
    assert "\n" not in str(caught.value)
