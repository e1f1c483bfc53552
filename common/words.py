"""Numbers and states in the words that every display uses."""

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
