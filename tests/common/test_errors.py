"""Errors of others become one line."""

import pytest

from common.errors import LONGEST, UsageError, cause_of


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (KeyError("psnr"), "KeyError: 'psnr'"),
        (ValueError("two\n  lines\tof it\n"), "ValueError: two lines of it"),
        (MemoryError(), "MemoryError"),
        (ValueError("a: "), "ValueError: a:"),
    ],
)
def test_what_an_error_is_and_says_is_one_line(error, said):
    assert cause_of(error) == said


def test_of_a_long_error_the_beginning_is_said():
    assert cause_of(RuntimeError("ab " * LONGEST)) == ("RuntimeError: " + "ab " * LONGEST)[:LONGEST]


def test_names_in_a_mistake_steer_no_terminal():
    """And bytes of a name that are no text are what they were, which every output shows as escapes."""
    assert str(UsageError("no file '\x1b[2J\ttwo\nlines \u202e\udcff'")) == "no file '�[2J�two lines �\udcff'"
