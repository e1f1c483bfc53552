"""Files are written whole or not at all, and read up to a bound."""

import errno
import os
import subprocess
import sys

import pytest

from common.errors import Failure, UsageError
from common.files import ROOT, Unfit, read_bounded, write_atomically, write_for_user


def test_a_file_is_on_the_disk_before_it_has_its_name(tmp_path, monkeypatch):
    path, done, fsync, replace = tmp_path / "x.json", [], os.fsync, os.replace

    def note_and_fsync(descriptor):
        done.append(("on the disk", os.fstat(descriptor).st_size))
        fsync(descriptor)

    def note_and_replace(source, target):
        done.append(("named", target.exists()))
        replace(source, target)

    monkeypatch.setattr(os, "fsync", note_and_fsync)
    monkeypatch.setattr(os, "replace", note_and_replace)
    write_atomically(path, b"whole")
    assert done == [("on the disk", 5), ("named", False)]
    assert path.read_bytes() == b"whole"


def test_a_failure_while_writing_leaves_no_half_file_and_names_the_whole_one(tmp_path):
    class Half:
        parts = [b"half"]

        def read(self, _):
            if self.parts:
                return self.parts.pop()
            raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OSError, match="No space left") as caught:
        write_atomically(tmp_path / "x.json", Half())
    assert list(tmp_path.iterdir()) == []
    assert caught.value.filename == str(tmp_path / "x.json")


@pytest.mark.parametrize(
    ("number", "raises", "says"),
    [
        (errno.ENOSPC, Failure, "No space left on device; make room"),
        (errno.EDQUOT, Failure, "Disk quota exceeded; make room"),
        (errno.EROFS, UsageError, "Read-only file system; choose another place"),
    ],
)
def test_a_full_disk_is_nobodys_mistake(tmp_path, monkeypatch, number, raises, says):
    def refuse(descriptor):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(raises) as caught:
        write_for_user(tmp_path / "x.png", b"picture")
    assert str(caught.value) == f"cannot write '{tmp_path / 'x.png'}': {says}"
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_file_of_bounded_size_is_refused(tmp_path):
    (tmp_path / "large").write_bytes(bytes(11))
    with pytest.raises(Unfit, match="it has 11 bytes and at most 10 are read"):
        read_bounded(tmp_path / "large", 10)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(Unfit, match="no regular file"):  # and does not wait for a writer
        read_bounded(tmp_path / "pipe", 10)
    with pytest.raises(Unfit, match="no regular file"):
        read_bounded("/dev/zero", 10)
    with pytest.raises(IsADirectoryError):
        read_bounded(tmp_path, 10)
    (tmp_path / "whole").write_bytes(bytes(10))
    assert read_bounded(tmp_path / "whole", 10) == bytes(10)


@pytest.mark.parametrize("at_once", [4, 100])
def test_a_file_is_read_to_its_end_though_reads_are_short_and_it_grows(tmp_path, monkeypatch, at_once):
    path, read = tmp_path / "file", os.read

    def grow_and_read(descriptor, most):
        if path.stat().st_size == 10:
            path.write_bytes(bytes(15))
        return read(descriptor, min(most, at_once))

    monkeypatch.setattr(os, "read", grow_and_read)
    path.write_bytes(bytes(10))
    assert read_bounded(path, 20) == bytes(15)
    path.write_bytes(bytes(10))
    with pytest.raises(Unfit, match="grows beyond 12 bytes"):
        read_bounded(path, 12)


def test_who_keeps_files_private_keeps_these_private_as_well(tmp_path):
    code = "import pathlib, sys; from common.files import write_atomically; "
    code += "write_atomically(pathlib.Path(sys.argv[1]), b'')"
    for mask, mode in ((0o077, 0o600), (0o022, 0o644), (0o002, 0o664)):
        path = tmp_path / f"{mask}"
        subprocess.run([sys.executable, "-c", code, path], umask=mask, check=True, cwd=ROOT)
        assert path.stat().st_mode & 0o777 == mode
