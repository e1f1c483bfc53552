"""The documents whose numbers the shipped reference results are held against."""

from itertools import dropwhile, takewhile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ANSWER = (ROOT / "docs" / "answer.md").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")
BITS = (ROOT / "docs" / "bits.md").read_text(encoding="utf-8")
SIZES = {"10k": 10_000, "100k": 100_000}


def table(after, text=ANSWER):
    """The cells of the first table behind a heading or sentence, without its head."""
    return _cells(after, text)[2:]


def columns(after, text=ANSWER):
    """The names of its columns but the first."""
    return _cells(after, text)[0][1:]


def _cells(after, text):
    lines = text[text.index(after) :].splitlines()
    inside = dropwhile(lambda line: not line.startswith("|"), lines)
    rows = takewhile(lambda line: line.startswith("|"), inside)
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]
