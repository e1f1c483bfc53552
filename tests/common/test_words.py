"""Numbers and lists as people read them."""

import pytest

from common.words import budget_text, columns, first_few


@pytest.mark.parametrize(("size", "text"), [(500, "500"), (2500, "2.5k"), (10_000, "10k"), (3_000_000, "3M")])
def test_budgets_as_text(size, text):
    assert budget_text(size) == text


def test_lists_say_how_much_they_leave_out():
    assert first_few(["a", "b"], 2) == ["a", "b"]
    assert first_few([str(i) for i in range(1002)], 1) == ["0", "and 1,001 more"]
    assert first_few([], 2) == []


def test_columns_hold_words_to_the_left_and_numbers_to_the_right():
    assert columns([["model", "rows"], ["Siren", "12"], ["(mean)", ""]], texts=(0,)) == [
        "model   rows",
        "Siren     12",
        "(mean)",
    ]
