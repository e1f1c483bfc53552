"""Errors of others become one line."""

import pytest

from common.errors import LONGEST, cause_of


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
