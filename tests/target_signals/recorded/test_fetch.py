"""Downloads against a server on this machine: whole, resumed, broken in every way; and the check at every reading."""

import errno
import fcntl
import hashlib
import http.server
import io
import re
import shutil
import socket
import subprocess
import sys
import tarfile
import threading
import zipfile
from pathlib import Path

import pytest

from common.errors import UsageError
from common.files import ROOT
from target_signals import fetch
from target_signals.recorded import catalogue, local_files
from target_signals.recorded.catalogue import SOURCES, Archive, RecordedFile, Source

CONTENT = {"a.png": b"picture " * 20000, "b.png": bytes(range(256)) * 300}


def digest(content):
    return hashlib.sha256(content).hexdigest()


def zipped(content):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, data in content.items():
            archive.writestr(f"inner/{name}", data)
        archive.writestr("inner/unwanted.png", b"no")
    return file.getvalue()


class Handler(http.server.BaseHTTPRequestHandler):
    """Serves `server.body`; `server.mode` says how badly. Asked-for ranges are kept in `server.asked`."""

    def do_GET(self):
        body, mode, asked = self.server.body, self.server.mode, self.headers.get("Range")
        self.server.asked.append(asked)
        if mode == "404":
            self.send_error(404)
            return
        start = int(re.fullmatch(r"bytes=(\d+)-", asked)[1]) if asked and mode != "no ranges" else 0
        self.send_response(206 if start else 200)
        if start:
            first = start + 1 if mode == "another range" else start
            self.send_header("Content-Range", f"bytes {first}-{len(body) - 1}/{len(body)}")
        self.send_header("Content-Length", str(len(body) - start))
        self.end_headers()
        self.wfile.write(body[start : len(body) // 2] if mode == "truncated" else body[start:])

    def log_message(self, *args):
        pass


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        running.body, running.mode, running.asked = zipped(CONTENT), "good", []
        thread = threading.Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        yield running
        running.shutdown()
        thread.join()


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.delenv("INRBENCH_DATA", raising=False)
    monkeypatch.setenv("INRBENCH_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def publish(server, cache):
    """Make the server's body the archive of the one source there is, 'Toy'."""

    def change(body=None, members=None, name="toy.zip", **files):
        server.body = zipped(CONTENT) if body is None else body
        members = members or {f"inner/{name}": f"toy/{name}" for name in CONTENT}
        recorded_files = [RecordedFile(f"toy/{name}", digest(data), len(data)) for name, data in CONTENT.items()]
        url = f"http://127.0.0.1:{server.server_address[1]}/{name}"
        archive = Archive(url, digest(server.body), len(server.body), members)
        SOURCES["Toy"] = Source(files.get("files") or tuple(recorded_files), "a licence", archive)
        return SOURCES["Toy"]

    before = dict(SOURCES)
    SOURCES.clear()
    yield change
    SOURCES.clear()
    SOURCES.update(before)


def run(*arguments):
    return fetch.main(["Toy", *arguments])


def everything_in(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def last_line(capsys):
    """The error: the last line, after what a progress bar has drawn."""
    return capsys.readouterr().err.strip().split("\n")[-1]


WHOLE = ["toy/a.png", "toy/b.png"]
PART = "archives/toy.zip.part"


def test_wanted_members_arrive_and_nothing_else_stays(publish, cache, capsys):
    publish()
    assert run() == 0
    assert everything_in(cache) == WHOLE
    assert local_files.local("toy/a.png").read_bytes() == CONTENT["a.png"]
    assert "2 files in" in capsys.readouterr().out


def test_a_second_run_asks_the_server_for_nothing(publish, server, capsys):
    publish()
    assert (run(), run()) == (0, 0)
    assert len(server.asked) == 1
    assert "all there already" in capsys.readouterr().out


def test_an_archive_can_be_kept_and_is_used_again(publish, cache, server):
    publish()
    assert run("--keep") == 0
    assert everything_in(cache) == ["archives/toy.zip", *WHOLE]
    (cache / "toy/a.png").unlink()
    assert run("--keep") == 0
    assert len(server.asked) == 1
    assert everything_in(cache) == ["archives/toy.zip", *WHOLE]


@pytest.mark.parametrize("mode", ["good", "no ranges"])
def test_what_has_arrived_before_is_resumed_where_the_server_can(publish, cache, server, mode):
    publish()
    (cache / "archives").mkdir(parents=True)
    (cache / PART).write_bytes(server.body[:1000])
    server.mode = mode
    assert run() == 0
    assert server.asked == ["bytes=1000-"]
    assert everything_in(cache) == WHOLE


def test_a_download_that_breaks_off_is_kept_and_resumed(publish, cache, server, capsys):
    publish()
    server.mode = "truncated"
    assert run() == 1
    line = last_line(capsys)
    assert line.startswith("error: http://127.0.0.1")
    assert "run this again" in line
    assert everything_in(cache) == [PART]
    kept = (cache / PART).read_bytes()
    assert 0 < len(kept) <= len(server.body) // 2
    assert server.body.startswith(kept)
    server.mode = "good"
    assert run() == 0
    assert server.asked == [None, f"bytes={len(kept)}-"]
    assert everything_in(cache) == WHOLE


def test_more_than_the_archive_is_deleted(publish, cache, server, capsys):
    publish()
    (cache / "archives").mkdir(parents=True)
    (cache / PART).write_bytes(server.body + b"more")
    assert run() == 1
    assert "is not what was recorded" in last_line(capsys)
    assert everything_in(cache) == []


def test_a_server_without_the_file(publish, cache, server, capsys):
    publish()
    server.mode = "404"
    assert run() == 1
    assert re.match(r"error: the server refused: 404 .*/toy.zip; try again later", last_line(capsys))
    assert everything_in(cache) == []


def test_a_server_that_mixes_ranges_up(publish, cache, server, capsys):
    publish()
    (cache / "archives").mkdir(parents=True)
    (cache / PART).write_bytes(server.body[:1000])
    server.mode = "another range"
    assert run() == 1
    assert "answered with another range than asked for" in last_line(capsys)
    assert everything_in(cache) == []


def test_no_server(publish, cache, capsys):
    source = publish()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}/toy.zip"
    SOURCES["Toy"] = Source(source.files, "", Archive(url, "0" * 64, 10, source.archive.members))
    assert run() == 1
    assert re.match(rf"error: {url} cannot be reached: .*Connection refused; check the connection", last_line(capsys))
    assert everything_in(cache) == []


def test_another_archive_than_recorded_is_never_opened(publish, cache, server, capsys):
    publish()
    server.body = zipped(CONTENT | {"a.png": b"Picture " * 20000})
    assert run() == 1
    assert "is not what was recorded: SHA-256" in last_line(capsys)
    assert everything_in(cache) == []


def test_a_member_that_is_not_the_file_recorded_is_not_kept(publish, cache, capsys):
    publish(body=zipped(CONTENT | {"b.png": b"other"}))
    assert run() == 1
    assert "inner/b.png in toy.zip is not the file that was recorded" in last_line(capsys)
    assert everything_in(cache) == ["archives/toy.zip", "toy/a.png"]


def test_a_missing_member_is_named_before_any_is_written(publish, cache, capsys):
    publish(body=zipped({"a.png": CONTENT["a.png"]}))
    assert run() == 1
    assert "has no file inner/b.png" in last_line(capsys)
    assert everything_in(cache) == ["archives/toy.zip"]


def test_no_path_leads_out_of_the_cache(publish, cache, capsys):
    files = (RecordedFile("../a.png", digest(CONTENT["a.png"])),)
    publish(members={"inner/a.png": "../a.png"}, files=files)
    assert run() == 1
    assert "'../a.png' leads out of" in last_line(capsys)
    assert not (cache.parent / "a.png").exists()


def tarred(*infos):
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        for name, data, link in infos:
            info = tarfile.TarInfo(f"inner/{name}")
            info.size, info.type, info.linkname = len(data), tarfile.SYMTYPE if link else tarfile.REGTYPE, link
            archive.addfile(info, io.BytesIO(data))
    return file.getvalue()


def test_a_tar_archive(publish, cache):
    publish(body=tarred(*((name, data, "") for name, data in CONTENT.items())), name="toy.tar.gz")
    assert run() == 0
    assert everything_in(cache) == WHOLE


def test_a_link_in_a_tar_archive_is_no_file(publish, cache, capsys):
    publish(body=tarred(("a.png", CONTENT["a.png"], ""), ("b.png", b"", "/etc/passwd")), name="toy.tar.gz")
    assert run() == 1
    assert "has no file inner/b.png" in last_line(capsys)


@pytest.mark.parametrize("name", ["toy.zip", "toy.tar.gz"])
def test_an_archive_that_cannot_be_unpacked(publish, cache, capsys, name):
    publish(body=b"neither one" * 100, name=name)
    assert run() == 1
    assert "cannot be unpacked" in last_line(capsys)
    assert everything_in(cache) == [f"archives/{name}"]


def test_a_member_of_monstrous_size_is_refused(publish, capsys, monkeypatch):
    publish()
    monkeypatch.setattr("target_signals.recorded.download.LARGEST_MEMBER", 100)
    assert run() == 1
    assert "far more than it has" in last_line(capsys)


def test_a_cache_that_cannot_be_written(publish, tmp_path, monkeypatch, capsys):
    publish()
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("INRBENCH_CACHE", str(tmp_path / "file" / "cache"))
    assert run() == 1
    assert re.match(r"error: '.*' cannot be written: Not a directory; set INRBENCH_CACHE", last_line(capsys))


def test_too_little_room_is_said_before_anything_is_asked_for(publish, cache, server, monkeypatch, capsys):
    publish()
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10, 10, 0))
    assert run() == 1
    assert re.search(r"has 0 MB free and toy.zip needs \d+; make room", last_line(capsys))
    assert server.asked == []
    assert everything_in(cache) == []


def test_a_disk_that_fills_up_leaves_no_half_file(publish, cache, monkeypatch, capsys):
    publish()

    def fill_up(source, target, length):
        target.write(source.read(10))
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(shutil, "copyfileobj", fill_up)
    assert run() == 1
    assert "cannot be written: No space left on device; set INRBENCH_CACHE" in last_line(capsys)
    assert everything_in(cache) == ["archives/toy.zip"]


def test_two_downloads_of_one_archive_do_not_mix(publish, cache, server, capsys):
    publish()
    (cache / "archives").mkdir(parents=True)
    with (cache / PART).open("ab") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        other.write(b"begun")
        other.flush()
        assert run() == 1
    assert "another download of" in last_line(capsys)
    assert (cache / PART).read_bytes() == b"begun"
    assert server.asked == []


def test_a_file_without_a_recorded_sum_is_pinned_by_its_archive(publish, cache, capsys):
    publish(files=tuple(RecordedFile(f"toy/{name}") for name in CONTENT))
    assert run() == 0
    assert everything_in(cache) == ["pins/toy/a.png.sha256", "pins/toy/b.png.sha256", *WHOLE]
    (cache / "toy/a.png").write_bytes(b"changed")
    with pytest.raises(UsageError, match=r"is not the file that was recorded.*, pinned in '.*a\.png\.sha256'"):
        local_files.local("toy/a.png")


def test_a_file_without_a_recorded_sum_is_pinned_at_its_first_reading(publish, cache, tmp_path, monkeypatch):
    publish(files=(RecordedFile("toy/a.png"),))
    monkeypatch.setenv("INRBENCH_DATA", str(tmp_path / "data"))
    (tmp_path / "data/toy").mkdir(parents=True)
    place = tmp_path / "data/toy/a.png"
    place.write_bytes(b"first")
    assert local_files.local("toy/a.png") == place
    assert everything_in(tmp_path / "data") == ["toy/a.png"]
    place.write_bytes(b"second")
    with pytest.raises(UsageError, match="pinned in"):
        local_files.local("toy/a.png")


def test_the_named_folder_comes_before_the_cache(publish, cache, tmp_path, monkeypatch):
    publish()
    assert run() == 0
    monkeypatch.setenv("INRBENCH_DATA", str(tmp_path / "data"))
    assert local_files.local("toy/a.png") == cache / "toy/a.png"
    (tmp_path / "data/toy").mkdir(parents=True)
    place = tmp_path / "data/toy/a.png"
    place.write_bytes(CONTENT["a.png"])
    assert local_files.local("toy/a.png") == place
    place.write_bytes(b"")
    with pytest.raises(UsageError, match=r"its SHA-256 is e3b0c44298fc…, expected .*; delete or replace it, then run"):
        local_files.local("toy/a.png")


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (None, r"'chest/chest.png' not found in INRBENCH_DATA \(which is not set\) or the cache \('.*cache'\)"),
        ("absent", r"not found in INRBENCH_DATA \('.*absent', which is no folder\) or the cache"),
        (".", r"not found in INRBENCH_DATA \('.*'\) or .*; set INRBENCH_DATA to a folder that has it \(no licence"),
    ],
)
def test_an_absent_file_is_named_with_where_it_was_looked_for(cache, tmp_path, monkeypatch, data, text):
    if data:
        monkeypatch.setenv("INRBENCH_DATA", str(tmp_path / data))
    with pytest.raises(UsageError, match=text):
        local_files.local(catalogue.CHEST)


def test_several_absent_files_are_counted(cache):
    line = local_files.missing([catalogue.low_resolution("0064"), catalogue.low_resolution("0007")])
    assert line.startswith("'div2k/lr_x4/0064x4.png' and 1 more not found")
    assert "run 'python -m target_signals.fetch DIV2K' (247 MB; academic research only" in line


def test_the_listing_says_what_is_there_and_what_is_not(publish, cache, capsys):
    publish()
    SOURCES["ByHand"] = Source((RecordedFile("hand/c.png", "0" * 64, 10**6),), "no licence")
    assert fetch.main(["--list"]) == 0
    before = capsys.readouterr().out
    assert "Toy: 0 of 2 files there; a licence" in before
    assert "hand/c.png                        1.00 MB  missing; only from INRBENCH_DATA" in before
    run()
    (cache / "toy/a.png").write_bytes(b"")
    capsys.readouterr()
    assert fetch.main(["--list"]) == 0
    after = capsys.readouterr().out
    assert re.search(r"toy/a.png .* WRONG SUM in .*a\.png\n", after)
    assert re.search(r"toy/b.png .* there\n", after)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (
            ["Div2k"],
            "error: nothing is called 'Div2k' (did you mean 'DIV2K'?); known: DIV2K, DIV2K_HR, Dragon, ChestCT",
        ),
        ([], "error: name what to fetch: DIV2K, DIV2K_HR, Dragon, ChestCT; or give --list"),
        (["--lost"], "error: unrecognized arguments: --lost (did you mean '--list'?); --help names every option"),
        (["ChestCT"], "error: ChestCT cannot be downloaded: 'chest/chest.png' not found in "),
    ],
)
def test_mistakes_are_one_line_and_exit_with_2(cache, capsys, arguments, text):
    assert fetch.main(arguments) == 2
    error = capsys.readouterr().err
    assert error.startswith(text)
    assert error.count("\n") == 1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no device that is always full")
def test_a_listing_that_cannot_be_written_is_one_line():
    with Path("/dev/full").open("w") as full:
        line = [sys.executable, "-m", "target_signals.fetch", "--list"]
        result = subprocess.run(line, cwd=ROOT, stdout=full, stderr=subprocess.PIPE, text=True, timeout=600)
    assert (result.returncode, result.stderr) == (1, "error: standard output: No space left on device; make room\n")


def test_the_catalogue_is_consistent():
    paths = [file.path for source in SOURCES.values() for file in source.files]
    assert len(paths) == len(set(paths)) == 26
    for source in SOURCES.values():
        sums = [file.sha256 for file in source.files if file.sha256]
        if source.archive:
            sums.append(source.archive.sha256)
            assert set(source.archive.members.values()) <= {file.path for file in source.files}
        assert all(re.fullmatch("[0-9a-f]{64}", each) for each in sums)
        assert all((file.sha256 is None) == (file.size is None) for file in source.files)


def test_it_runs_as_a_module_without_torch():
    code = "import runpy, sys; sys.argv = ['fetch', '--list']; runpy.run_module('target_signals.fetch', run_name='x'); "
    code += (
        "import target_signals; target_signals.registry.names(); print({'torch', 'pooch', 'PIL'} & set(sys.modules))"
    )
    line = [sys.executable, "-W", "error", "-c", code]
    result = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, timeout=600)
    assert (result.stdout, result.stderr) == ("set()\n", "")
