"""Numbers, states and lists in the words that every display uses."""

from collections.abc import Sequence

NO_SCORE, FAILED = "–", "fail"
FEWER, NOTHING = "*", "°"  # behind a score
LEARNED_NOTHING = "learned nothing over the mean of the truth"
MARKS = {"unsupported": "n/a", "diverged": "div", "out_of_memory": "oom"}  # what a cell without a score says
MEANINGS = {
    NO_SCORE: "no score",
    "n/a": "unsupported",
    "div": "diverged",
    "oom": "out of memory",
    FAILED: "failed",
    FEWER: "mean of fewer runs, as some failed or are missing",
    NOTHING: f"a fit there {LEARNED_NOTHING}",
}


def budget_text(size: float) -> str:
    """10000 as `10k`, 3000000 as `3M`."""
    for unit, name in ((1e6, "M"), (1e3, "k")):
        if size >= unit:
            return f"{size / unit:g}{name}"
    return f"{size:g}"


def printable(text: str) -> str:
    """A text without what would steer a terminal, as names of files may. Bytes of a name that are no text stay, for
    every output shows these as escapes."""
    return "".join(c if c.isprintable() or "\ud800" <= c <= "\udfff" else "\N{REPLACEMENT CHARACTER}" for c in text)


def plural(count: int, noun: str) -> str:
    """`1 trial`, `1,200 trials`."""
    return f"{count:,} {noun}" + ("" if count == 1 else "s")


def duration(seconds: float, hours: str = "hours") -> str:
    """`40 seconds`, `12 minutes`, `3.5 hours`."""
    if seconds > 5400:
        return f"{seconds / 3600:,.1f} {hours}"
    return f"{seconds / 60:.0f} minutes" if seconds > 90 else plural(round(seconds), "second")


def first_few(lines: Sequence[str], most: int) -> list[str]:
    """At most so many lines, and in one more how many are left out."""
    rest = len(lines) - most
    return [*lines[:most], *([f"and {rest:,} more"] if rest > 0 else [])]


def columns(lines: Sequence[Sequence[str]], texts: Sequence[int]) -> list[str]:
    """Lines of cells as text in columns: those of `texts` to the left, numbers to the right."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]

    def align(line: Sequence[str]) -> str:
        cells = enumerate(zip(line, widths, strict=True))
        return "  ".join(text.ljust(width) if i in texts else text.rjust(width) for i, (text, width) in cells)

    return [align(line).rstrip() for line in lines]
