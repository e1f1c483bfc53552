"""What rows call a person's own file or array, `photo.png-0123abcd`, and what people call it, `photo.png`."""

import re
from collections import Counter
from collections.abc import Collection
from pathlib import Path

LONGEST_NAME = 60  # characters of a file's name that an item keeps
UNFIT = "/\\$"  # in a name for people: of paths, and of formulas in figures
DIGITS = 8  # hexadecimal ones of a content's SHA-256


def called(place: Path) -> str:
    """The name of a file or a folder as people read it, of a long one the end."""
    return "".join(c if c.isprintable() and c not in UNFIT else "_" for c in place.name)[-LONGEST_NAME:]


def with_digits(name: str, digest: str) -> str:
    """The item that people call `name`. digest: the SHA-256 of its content, hexadecimal."""
    return f"{name}-{digest[:DIGITS]}"


def digest_of(item: str) -> str:
    """The digits of the content that `with_digits` put into an item's name."""
    return item[-DIGITS:]


def name_of(item: str) -> str:
    """What people call a file that rows call `item`: its name without the digits of its content."""
    return re.sub(rf"-[0-9a-f]{{{DIGITS}}}$", "", item)


def subject(signal: str, item: str | None) -> str:
    """What people call what a row is of: its item, or where a signal has none the signal."""
    return signal if item is None else name_of(item)


def names_of(items: Collection[str]) -> dict[str, str]:
    """What to call each of several items: its name, or the item in full where another one has the same name."""
    counts = Counter(map(name_of, items))
    return {item: item if counts[name_of(item)] > 1 else name_of(item) for item in items}
