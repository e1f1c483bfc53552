"""Which trials the page shows as pictures: thumbnails of a size in all, spread over experiments, bands and budgets.

A thumbnail takes a moment to make, so it is kept beside the arrays, as <folder>/pictures/<key>.json, safe to delete.
"""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from common.files import Unfit, read_bounded, write_atomically
from harness.analysis.experiments import Experiment
from harness.analysis.means import label
from harness.report.thumbnail import load_thumbnail
from harness.store.scan import Gathered, Stored
from harness.store.schema import CHECKSUM, OK
from target_signals.user_file import UserFile

TYPICAL = 6000  # characters of one thumbnail, to know beforehand how many may fit
GOLDEN = 0.6180339887  # multiples of it, modulo 1, fill an interval evenly however many there are
LARGEST = 1 << 21  # bytes of a kept thumbnail
VERSION = 5  # of thumbnails: a kept one of another version is made again
Shown = Collection[tuple[int, str, int, str]]  # experiment, band, budget, model


@dataclass
class Pictures:
    """by_row: thumbnails by `folder/key`; in place of one, what is wrong with the array, as {"flaw": words}.

    targets: the images that several thumbnails share, which name them by their place here. possible: how many trials
    left an array.
    """

    by_row: dict[str, dict[str, Any]]
    targets: list[str]
    possible: int

    def summary(self) -> str:
        """What the page says of its pictures."""
        flaws = sum("flaw" in picture for picture in self.by_row.values())
        text = f"Pictures of {len(self.by_row) - flaws:,} of the {self.possible:,} trials that left an array."
        return text + (f" Arrays that are not their rows': {flaws:,}; those trials say why." if flaws else "")


def pictures(found: Gathered, every: Sequence[Experiment], megabytes: float, shown: Shown = ()) -> Pictures:
    """Thumbnails that take at most `megabytes` in the page: as many as fit, in turn, those of `shown` first."""
    candidates = list(_in_turn(found, every, shown))
    targets: dict[str, int] = {}
    by_row = dict(_that_fit(candidates, int(megabytes * 1e6), targets))
    return Pictures(by_row, list(targets), len(candidates))


def _that_fit(candidates: Sequence[Stored], room: int, targets: dict[str, int]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Thumbnails by `folder/key`, in the candidates' order, until the next one is larger than what is left of `room`.

    They are made in batches and by signal, so that each is built once, but spend the room in turn. targets: is filled
    with their images of targets, by place.
    """
    done = 0
    while batch := candidates[done : done + room // TYPICAL]:
        done += len(batch)
        made = {stored.name: thumbnail_of(stored) for stored in sorted(batch, key=_signal)}
        for name in (stored.name for stored in batch):
            thumbnail = made[name]
            if thumbnail is None:
                continue
            unknown = [image for image in _targets_of(thumbnail) if image not in targets]
            new = {image: len(targets) + i for i, image in enumerate(unknown)}
            thumbnail = _shared(thumbnail, targets | new)
            room -= len(json.dumps({name: thumbnail})) + sum(map(len, new))
            if room < 0:
                return
            targets |= new
            yield name, thumbnail


def _targets_of(thumbnail: Mapping[str, Any]) -> list[str]:
    parts = [thumbnail, thumbnail.get("detail", {})]
    return list(dict.fromkeys(part["target"] for part in parts if "target" in part))


def _shared(thumbnail: dict[str, Any], targets: Mapping[str, int]) -> dict[str, Any]:
    """A thumbnail with places in place of its targets' images."""
    made: dict[str, Any] = {name: targets[part] if name == "target" else part for name, part in thumbnail.items()}
    return made | {"detail": _shared(made["detail"], targets)} if "detail" in made else made


def thumbnail_of(stored: Stored) -> dict[str, Any] | None:
    """The kept thumbnail of a row where it is of the row's array as it is, else a new one; None without an array.

    One without its target is not kept: the data may be here the next time.
    An array that is damaged, or another row's, gives {"flaw": what is wrong}.
    """
    array, folder = stored.store.array_path(stored.key), stored.store.folder
    kept = folder / "pictures" / f"{stored.key}.json"
    try:
        made = {"of": array.stat().st_mtime_ns, "sha256": stored.row[CHECKSUM], "version": VERSION}
        try:
            thumbnail = json.loads(read_bounded(kept, LARGEST))
            if made.items() <= thumbnail.items():
                return thumbnail["thumbnail"]
        except (OSError, ValueError, RecursionError, AttributeError, KeyError):  # there is none yet, or it is damaged
            pass
        thumbnail = load_thumbnail(array, stored.row, folder.parent)
    except Unfit as error:
        return {"flaw": str(error)}
    except OSError:
        return None
    if "target" not in thumbnail:
        return thumbnail
    try:
        kept.parent.mkdir(exist_ok=True)
        write_atomically(kept, json.dumps(made | {"thumbnail": thumbnail}).encode())
    except OSError:  # somebody else's results, to be read and not written
        pass
    return thumbnail


def _in_turn(found: Gathered, every: Sequence[Experiment], shown: Shown) -> Iterator[Stored]:
    """The trials that left an array, the most telling first: a person's own, then first draws, and of those what is
    shown, and of each experiment some early on.

    The models of one signal and budget follow each other, since they are there to be compared.
    """
    order: list[tuple[tuple[float, ...], Stored]] = []
    for number, experiment in enumerate(every):
        draws = {draw: i for i, draw in enumerate(experiment.draws)}
        shots = list(dict.fromkeys((cell.band, cell.size) for cell in experiment.latest))
        spread = {shot: i * GOLDEN % 1 for i, shot in enumerate(sorted(shots, key=str))}
        others = experiment.kind.signal != UserFile.name
        for cell, i in experiment.latest.items():
            stored = found.stored[i]
            if stored.row["status"] == OK and stored.store.array_path(stored.key).exists():
                later = (number, label("band", cell.band), cell.size, cell.model) not in shown
                rank = (others, draws[cell.draw], later, spread[cell.band, cell.size], number)
                order.append((rank, stored))
    for _, stored in sorted(order, key=lambda entry: entry[0]):
        yield stored


def _signal(stored: Stored) -> tuple[str, ...]:
    names = ("dim", "signal", "task", "length", "item", "bandlimit", "signal_seed")
    return tuple(str(stored.row.get(name)) for name in names)
