"""The documents whose numbers the shipped reference results are held against."""

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ANSWER = (ROOT / "docs" / "answer.md").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")
BITS = (ROOT / "docs" / "bits.md").read_text(encoding="utf-8")
SIZES = {"10k": 10_000, "100k": 100_000}


def table(after, text=ANSWER):
    """The cells of the first table behind a heading or sentence, without its head."""
    lines = text[text.index(after) :].splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("|"))
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[start:] if line.startswith("|")]
    width = len(rows[0])
    return rows[2 : next((i for i, row in enumerate(rows) if len(row) != width), len(rows))]
