"""What a command line says: every number is read exactly, or refused in a line that says what is allowed."""

import argparse
import math
import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.words import budget_text
from harness.execution.option_types import (
    MOST_MINUTES,
    bits_a_value,
    budget,
    minutes,
    number,
    positive,
    share,
    whole_number,
)
from harness.execution.options import command_of, parse

TEXTS = st.one_of(
    st.text(max_size=8),
    st.integers().map(str),
    st.floats().map(repr),
    st.from_regex(r"[-+]?\d{1,4}(\.\d)?([eE][-+]?\d{1,3})?", fullmatch=True),
    st.sampled_from(["nan", "inf", "-inf", "1e400", "9" * 5000, "", " 7 ", "1_000", "٣", "²", "0x10"]),
)


def read(kind, text):
    """The value, or None where it is refused; nothing else may happen."""
    try:
        return kind(text)
    except argparse.ArgumentTypeError:
        return None


@given(st.integers(0, 10**30))
def test_a_whole_number_is_read_to_its_last_digit(value):
    assert whole_number(str(value)) == value


@given(st.integers(0, 999), st.integers(0, 12))
def test_so_is_one_with_an_exponent(digits, power):
    assert whole_number(f"{digits}e{power}") == digits * 10**power


@pytest.mark.parametrize(
    ("text", "value"),
    [("10k", 10_000), ("1M", 1_000_000), ("2.5k", 2_500), ("1.001M", 1_001_000), ("1e4", 10_000), ("7", 7)],
)
def test_a_budget_is_read_as_tables_write_it(text, value):
    assert budget(text) == value
    assert budget(budget_text(value)) == value


@pytest.mark.parametrize("text", ["k", "10 k", "10K", "10m", "1e4k", "-1k", "1kk", "1.0005k", "10G", ""])
def test_no_other_unit_is_read(text):
    with pytest.raises(argparse.ArgumentTypeError, match="is not a whole number like 10000 or 1e4"):
        budget(text)


@given(TEXTS)
def test_any_text_is_a_number_within_bounds_or_refused(text):
    whole, value = read(whole_number, text), number(text)
    assert (whole is None) == (not math.isfinite(value) or value < 0 or value != int(value))
    assert read(positive, text) == (whole or None)
    spent, part = read(minutes, text), read(share, text)
    assert spent == value if 0 < value <= MOST_MINUTES else spent is None
    assert part == value if 0 <= value <= 1 else part is None
    assert read(bits_a_value, text) == (whole if whole in {*range(2, 17), 32} else None)


@pytest.mark.parametrize("text", ["0", "-1", "nan", "inf", "-inf", "1e300", "soon"])
def test_minutes_say_what_is_allowed(text):
    allowed = rf"^must be more than 0 and at most 525,600, a year; leave it out for no limit; got '{text}'$"
    with pytest.raises(argparse.ArgumentTypeError, match=allowed):
        minutes(text)


def test_a_command_that_is_offered_asks_for_the_same():
    """Also where names begin with a dash, as that of a folder may."""
    options = parse(["--signal=-photo.png", "--out=-results", "--models", "Grid", "Siren", "--save-model", "--force"])
    _, _, *words = shlex.split(command_of(options, {}))
    assert vars(parse(words)) == vars(options) | {"force": False}
