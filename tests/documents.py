"""The documents whose numbers tests hold against the code and the shipped reference results, and the launchers."""

import re
from itertools import dropwhile, takewhile

from common.files import ROOT

ANSWER = (ROOT / "docs" / "answer.md").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")
BITS = (ROOT / "docs" / "bits.md").read_text(encoding="utf-8")
SIZES = {"10k": 10_000, "100k": 100_000}
README_COLUMNS = [(preset, size) for size in SIZES.values() for preset in ("paper", "tuned")]  # of who is best


def unwrapped(text):
    """A page in one line: wherever its lines break, its sentences are found."""
    return " ".join(text.split())


def words_of(launcher):
    """What a launcher gives run.py: a line of the shell, or a list in Python."""
    text = (ROOT / launcher).read_text(encoding="utf-8")
    return re.findall(r"[\w-]+", re.search(r'(--signal.*?)(?:"\$@"|\*sys)', text)[1])


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
