"""What the values of options are: numbers within bounds, and paths. Each raises what argparse says in one line."""

import argparse
import math
import re

from harness.plan.trial import BITS, EXACT

UNITS = {"k": "e3", "M": "e6"}
MOST_MINUTES = 365 * 24 * 60


def number(text: str) -> float:
    """What a text says; not a number where it says none."""
    try:
        return float(text)
    except ValueError:
        return math.nan


def whole_number(text: str) -> int:
    """`10000` or `1e4`; of digits alone every one counts."""
    value = number(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"'{text}' is less than 0; give a whole number like 10000 or 1e4")
    if not value.is_integer():
        several = "; several stand apart, like 1e4 1e5" if "," in text else ""
        raise argparse.ArgumentTypeError(f"'{text}' is not a whole number like 10000 or 1e4{several}")
    return int(text) if text.strip().isdecimal() else int(value)


def budget(text: str) -> int:
    """A whole number, or one as tables write it: `10k`, `1M`."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([kM])", text)
    return whole_number(text if match is None else f"{match[1]}{UNITS[match[2]]}")


def bits_a_value(text: str) -> int:
    """Bits a value: one of BITS."""
    value = whole_number(text)
    if value not in BITS:
        raise argparse.ArgumentTypeError(f"bits a value are {BITS[0]} to {BITS[-2]}, or {EXACT}, got {value}")
    return value


def share(text: str) -> float:
    """A share from 0 to 1, both allowed."""
    value = number(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"'{text}' is not a share from 0 to 1")
    return value


def minutes(text: str) -> float:
    """Minutes: more than 0, up to a year."""
    value = number(text)
    if not 0 < value <= MOST_MINUTES:
        allowed = f"must be more than 0 and at most {MOST_MINUTES:,}, a year; leave it out for no limit"
        raise argparse.ArgumentTypeError(f"{allowed}; got '{text}'")
    return value


def given_path(text: str) -> str:
    """A path as it stands; an empty one, of a shell's unset variable for example, would mean the current folder."""
    if not text:
        raise argparse.ArgumentTypeError("it is empty; name a folder or a file, or . for the current folder")
    return text


def positive(text: str) -> int:
    """A whole number from 1 on."""
    value = whole_number(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1, got {value}")
    return value
