"""How wide text is on a page, in inches, and how it is broken into lines."""

import math
import textwrap
from collections.abc import Sequence

from harness.figures import style

EDGE = 0.1  # free on either side of a page
LABEL_GAP = 0.05  # between labels of ticks
LINE = 0.155  # from one line of text to the next
LETTER, BOLD_LETTER = 0.0083, 0.0096  # mean width of a letter of one point


def text_width(text: str) -> float:
    """About how wide a text is."""
    return len(text) * style.TEXT * LETTER


def thinned(labels: Sequence[str], width: float) -> list[str]:
    """Labels for ticks at equal distances along `width` inches: all where they fit, else every second, third …"""
    room = max(map(text_width, labels)) + LABEL_GAP
    every = math.ceil(room * len(labels) / width)
    return [label if index % every == 0 else "" for index, label in enumerate(labels)]


def wrapped(text: str, width: float, letter: float = LETTER) -> list[str]:
    """A text in lines that fit into `width` inches, with `5 %` in one. letter: mean width of a letter of one point."""
    whole = text.replace(" %", "\N{NO-BREAK SPACE}%")
    lines = textwrap.wrap(whole, int((width - 2 * EDGE) / (style.TEXT * letter)))
    return [line.replace("\N{NO-BREAK SPACE}", " ") for line in lines]
