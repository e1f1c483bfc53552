"""Which files of a source are on this machine, as the list of what is there and the doctor say it."""

from dataclasses import dataclass

from common.errors import UsageError
from target_signals.recorded.catalogue import RecordedFile, Source
from target_signals.recorded.local_files import check, find

THERE = "there"


@dataclass(frozen=True)
class Inventory:
    """states: of every file of a source, in words. absent: needed files that are not there as they were recorded."""

    states: dict[RecordedFile, str]
    needed: tuple[RecordedFile, ...]
    absent: tuple[RecordedFile, ...]

    def count(self) -> str:
        """`3 of 10 files there`, of those that are needed."""
        return f"{len(self.needed) - len(self.absent)} of {len(self.needed)} files there"


def take_inventory(source: Source) -> Inventory:
    """The files of a source and their states; reads those that are there."""
    needed = needed_files(source)
    states = {file: _state(file, file in needed, source.has_address(file)) for file in source.files}
    return Inventory(states, needed, tuple(file for file in needed if not states[file].startswith(THERE)))


def needed_files(source: Source) -> tuple[RecordedFile, ...]:
    """What signals read: of a source that has files with an address and others, the others where one of them is there,
    and else those with an address, from which the same is made."""
    fetched = tuple(file for file in source.files if source.has_address(file))
    by_hand = tuple(file for file in source.files if file not in fetched)
    return by_hand if not fetched or any(find(file.path) for file in by_hand) else fetched


def _state(file: RecordedFile, needed: bool, has_address: bool) -> str:
    place = find(file.path)
    if place is None:
        return ("missing" if needed else "not needed") + ("" if has_address else "; only from INRBENCH_DATA")
    try:
        check(place, file)
    except UsageError:
        return f"WRONG SUM in {place}"
    return THERE if file.sha256 else f"{THERE}; sum pinned at its first reading"
