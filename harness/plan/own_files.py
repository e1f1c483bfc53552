"""A person's own files: what paths and folders name, checked to be one data set before anything runs."""

import math
import os
from collections.abc import Iterable, Sequence
from operator import attrgetter
from pathlib import Path
from typing import NamedTuple

from common.errors import UsageError
from common.grouped import grouped
from common.words import printable
from target_signals import item_names, shrink, user_file
from target_signals.base import Kind
from target_signals.readers.itk import dicom_files

MOST = 1000  # files of one run
SAID = 5  # names of one sort; what is more is counted


class OwnFile(NamedTuple):
    """A file as a plan needs it. shape: of its lattice, as recorded. source: what was done to its values. spacing: of
    neighbours along each axis, where the file says."""

    path: str
    item: str
    dim: int
    kind: Kind
    shape: tuple[int, ...]
    channels: int
    source: str
    spacing: tuple[float, ...] | None = None

    def shape_at(self, length: int | None) -> tuple[int, ...]:
        """Its lattice where a plan asks for that length."""
        return shrink.shorter(self.shape, length, self.spacing)


def own_files(paths: Sequence[str], dim: int | None) -> tuple[list[OwnFile], list[str]]:
    """The files that paths of files and folders name, in order, and what there is to say about them.

    A folder stands for the files in it that can be read, or for one volume if it holds a DICOM series.
    UsageError for what cannot be read, and for files whose scores would not be of one sort.
    """
    named, notes = _named(paths)
    if len(named) > MOST:
        raise UsageError(
            f"{len(named):,} files are named, and one run takes up to {MOST:,}; give some at a time, all with one --out"
        )
    found = [_read(path, dim) for path in named]
    files, again = _once(found)
    _check(files)
    if len(files) > 1:
        notes = [f"{len(files)} files, which are the items of one experiment:", *_described(files), *notes]
    else:
        notes = [f"{files[0].path}: {'×'.join(map(str, _values(files[0])))}, {files[0].source}", *notes]
    if again:
        notes.append(f"left out, as other files hold the same: {_listed(again)}")
    if alike := _of_one_name(files):
        notes.append(f"tables tell files of one name apart by the SHA-256 of their contents: {_listed(alike)}")
    if twins := _of_one_stem(files):
        notes.append(f"one picture in several formats counts several times: {_listed(twins)}")
    return files, list(map(printable, notes))


def dataset_of(files: Sequence[OwnFile]) -> str | None:
    """What several files are called together, the name of the folder that they lie in; None for a file alone."""
    if len(files) == 1:
        return None
    folder = os.path.commonpath([Path(file.path).absolute().parent for file in files])
    return item_names.called(Path(folder)) or "files"


def _named(paths: Sequence[str]) -> tuple[list[str], list[str]]:
    """Files and folders with a DICOM series; and a line for each folder of which something is left out."""
    named: list[str] = []
    notes: list[str] = []
    for path in paths:
        if not os.path.isdir(path):  # not pathlib's, which raises for a text that no file can be called
            named.append(path)
            continue
        place = Path(path)
        try:
            inside = sorted(entry for entry in place.iterdir() if not entry.name.startswith("."))
            series = dicom_files(place)
        except OSError as error:
            raise UsageError(f"'{error.filename or path}' {user_file.why_unread(error)}") from error
        taken = series or [entry for entry in inside if entry.is_file() and user_file.is_known(entry)]
        if not taken:
            known = " ".join(user_file.READERS)
            raise UsageError(f"'{path}' is a folder without files of a known format or DICOM; known: {known}")
        named += [path] if series else map(str, taken)
        if rest := [entry.name + "/" * entry.is_dir() for entry in inside if entry not in taken]:
            notes.append(f"left out of '{path}': {_listed(rest)}")
    return named, notes


def _read(path: str, dim: int | None) -> OwnFile:
    found = user_file.load_signal(path, None, dim)
    if dim not in (None, found.dim):
        raise UsageError(f"'{path}' holds a signal with dim {found.dim}, not {dim}; leave --dim out")
    shape = found.values.shape[: found.dim]
    source, spacing = found.source or "as it is", None if found.geometry is None else found.geometry.spacing
    return OwnFile(path, user_file.item_of(path), found.dim, found.kind, shape, found.channels, source, spacing)


def _once(files: Sequence[OwnFile]) -> tuple[list[OwnFile], list[str]]:
    """The first of every content, and the paths of the others."""
    first: dict[str, OwnFile] = {}
    for file in files:
        first.setdefault(item_names.digest_of(file.item), file)
    kept = list(first.values())
    return kept, [file.path for file in files if file not in kept]


def _check(files: Sequence[OwnFile]) -> None:
    """UsageError unless all are images or all volumes, of as many channels: a budget means something else else."""
    first = files[0]
    for file in files:
        if file.dim != first.dim:
            raise UsageError(
                f"'{first.path}' has dim {first.dim} and '{file.path}' dim {file.dim}; run images and volumes apart"
            )
        if file.channels != first.channels:
            few, many = sorted((first, file), key=lambda one: one.channels)
            raise UsageError(
                f"'{few.path}' has {_channels(few)} and '{many.path}' {_channels(many)}, which share a budget; "
                "run them apart, or convert some"
            )


def _channels(file: OwnFile) -> str:
    return "1 channel" if file.channels == 1 else f"{file.channels} channels"


def _described(files: Sequence[OwnFile]) -> list[str]:
    """A line for the files of each source."""
    lines = []
    for source, own in grouped(files, attrgetter("source")).items():
        shapes = list(dict.fromkeys(_values(file) for file in sorted(own, key=lambda file: math.prod(file.shape))))
        extent = " to ".join("×".join(map(str, shape)) for shape in dict.fromkeys((shapes[0], shapes[-1])))
        lines.append(f"  {_listed([Path(file.path).name for file in own])}: {extent}, {source}")
    rest = [f"  and files of {len(lines) - SAID} other kinds"] if len(lines) > SAID else []
    return lines[:SAID] + rest


def _values(file: OwnFile) -> tuple[int, ...]:
    """The shape of its array."""
    return file.shape if file.channels == 1 else (*file.shape, file.channels)


def _of_one_name(files: Sequence[OwnFile]) -> list[str]:
    names = item_names.names_of([file.item for file in files])
    return [f"{file.path} is {file.item}" for file in files if names[file.item] == file.item]


def _of_one_stem(files: Sequence[OwnFile]) -> list[str]:
    stems = grouped([file.path for file in files], lambda path: str(Path(path).with_suffix("")).lower())
    return [" and ".join(own) for own in stems.values() if len(own) > 1]


def _listed(names: Iterable[str]) -> str:
    """`a, b, c and 4 more`"""
    every = list(names)
    more = f" and {len(every) - SAID} more" if len(every) > SAID else ""
    return ", ".join(every[:SAID]) + more
