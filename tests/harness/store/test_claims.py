"""Who runs which trial: one holder at a time, whatever the clocks say, and nobody waits for the dead."""

import contextlib
import errno
import json
import os
import platform
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from common.errors import UsageError
from harness.store import claims, liveness
from harness.store.claims import Claims
from tests.harness.sweep import wait_until


@pytest.fixture
def trial(make_trial, tmp_path):
    one = make_trial("Grid")
    (tmp_path / one.folder).mkdir()
    return one


@pytest.fixture
def left_by(trial, tmp_path):
    """`left_by(pid=…, numbering=…)`: a claim on the trial as a process elsewhere left it."""

    def leave(**said):
        path = Claims(tmp_path).path(trial)
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps({"trial": str(trial), "host": "elsewhere", "pid": 1, "numbering": "theirs"} | said))
        return path

    return leave


def files(folder):
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def test_one_at_a_time(trial, tmp_path):
    one, other = Claims(tmp_path), Claims(tmp_path)
    with one.take(trial):
        assert other.take(trial) is None
        assert one.take(trial) is None, "not even the same process twice"
        assert other.held(trial)["pid"] == os.getpid()
    assert other.held(trial) is None
    assert files(tmp_path) == []
    with other.take(trial):
        assert one.take(trial) is None


def test_a_claim_says_who_and_how_far(trial, tmp_path, monkeypatch):
    monkeypatch.setattr(claims, "EVERY", 0.01)
    with Claims(tmp_path).take(trial) as claim:
        (said,) = liveness.read_claims(tmp_path)
        assert (said["trial"], said["host"], said["pid"]) == (str(trial), platform.node(), os.getpid())
        assert liveness.is_alive(said)
        claim.say(step=70, steps=100)
        wait_until(lambda: liveness.read_claims(tmp_path)[0].get("step") == 70, "the next sign of life")
    assert liveness.read_claims(tmp_path) == []


def test_an_error_gives_the_trial_back(trial, tmp_path):
    with pytest.raises(KeyboardInterrupt), Claims(tmp_path).take(trial):
        raise KeyboardInterrupt
    assert files(tmp_path) == []


def test_of_many_that_start_at_once_each_gets_other_trials(make_trial, tmp_path):
    """Threads: creating a file exclusively is the same race among them as among processes and machines."""
    trials = [make_trial("Grid", seed=seed) for seed in range(40)]
    (tmp_path / trials[0].folder).mkdir()
    start = threading.Barrier(6)

    def take_all(_):
        start.wait()
        return [claim for trial in trials if (claim := Claims(tmp_path).take(trial)) is not None]

    with ThreadPoolExecutor(6) as pool, contextlib.ExitStack() as stack:
        taken = [stack.enter_context(claim) for mine in pool.map(take_all, range(6)) for claim in mine]
        assert sorted(claim.path.stem for claim in taken) == sorted(trial.key for trial in trials)
    assert files(tmp_path) == []


def test_a_dead_holders_claim_on_a_trial_that_is_done_is_taken_away_without_a_word(trial, left_by, tmp_path, capsys):
    claims = Claims(tmp_path)
    claims.bury(trial)  # there is none
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    left_by(pid=gone.pid, numbering=liveness.numbering())
    claims.bury(trial)
    assert (files(tmp_path), capsys.readouterr().err) == ([], "")
    assert not claims.path(trial).parent.exists()
    with claims.take(trial) as claim:
        claims.bury(trial)
        assert claim.path.exists(), "its holder lives"


def test_a_claim_on_a_trial_that_is_done_may_stay(trial, left_by, tmp_path, monkeypatch):
    """The folder may be read and not written."""
    path = left_by(pid=1 << 30, numbering=liveness.numbering())

    def refuse(source, target):
        raise OSError(errno.EROFS, "Read-only file system", source)

    monkeypatch.setattr(os, "rename", refuse)
    Claims(tmp_path).bury(trial)
    assert path.exists()


def test_who_is_gone_from_this_machine_is_seen_at_once(trial, left_by, tmp_path, capsys):
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    left_by(pid=gone.pid, numbering=liveness.numbering())
    assert Claims(tmp_path).held(trial) is None
    with Claims(tmp_path).take(trial) as claim:
        assert claim is not None
    says = f"process {gone.pid} on elsewhere is gone without finishing {trial}; it runs again\n"
    assert capsys.readouterr().err == says
    assert files(tmp_path) == []


def test_elsewhere_a_minute_of_silence_tells(trial, left_by, tmp_path):
    path, ours = left_by(), Claims(tmp_path)
    assert ours.take(trial) is None
    then = path.stat().st_mtime - liveness.EXPIRES
    os.utime(path, (then + 5, then + 5))
    assert ours.take(trial) is None
    os.utime(path, (then - 1, then - 1))
    with ours.take(trial) as claim:
        assert claim is not None


@pytest.mark.parametrize("days", [-1, 1])
def test_the_clock_of_the_day_decides_nothing(trial, left_by, tmp_path, monkeypatch, days):
    """Neither a worker's, which may be set while it runs, …"""
    path, ours = left_by(), Claims(tmp_path)
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + days * 86400)
    monkeypatch.setattr(time, "time_ns", lambda: int((now + days * 86400) * 1e9))
    assert ours.take(trial) is None, "its holder lives"
    os.utime(path, (now - liveness.EXPIRES - 1,) * 2)
    with ours.take(trial) as claim:
        assert claim is not None, "its holder is gone"


def test_a_file_server_whose_clock_went_back_keeps_nobody_waiting(trial, left_by, tmp_path, monkeypatch):
    """… nor the server's: a claim from its future is dead when nothing has changed for a minute."""
    path, ours = left_by(), Claims(tmp_path)
    os.utime(path, (time.time() + 86400,) * 2)
    assert ours.take(trial) is None
    since = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: since + liveness.EXPIRES + 1)
    with ours.take(trial) as claim:
        assert claim is not None


def test_a_sign_of_life_starts_the_minute_anew(trial, left_by, tmp_path, monkeypatch):
    path, ours = left_by(), Claims(tmp_path)
    os.utime(path, (time.time() + 86400,) * 2)
    assert ours.take(trial) is None
    since = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: since + liveness.EXPIRES + 1)
    os.utime(path, (time.time() + 86402,) * 2)
    assert ours.take(trial) is None


def test_a_holder_that_was_thought_dead_harms_nobody(trial, tmp_path, monkeypatch, capsys):
    """It slept for too long: it must neither write into the new claim nor take it away."""
    slept = Claims(tmp_path).take(trial)
    path = Claims(tmp_path).path(trial)
    os.utime(path, (0, 0))
    with slept, Claims(tmp_path).take(trial) as claim:
        claim.say(step=1)
        claim.write()
        slept.say(step=99)
        slept.write()
        assert liveness.read_claims(tmp_path)[0]["step"] == 1
        slept.__exit__(None, None, None)
        assert liveness.read_claims(tmp_path)[0]["step"] == 1
        slept.thread, slept.descriptor = claim.thread, os.dup(claim.descriptor)
    assert "runs again" in capsys.readouterr().err


def test_a_claim_that_is_let_go_as_somebody_looks_is_free(trial, left_by, tmp_path, monkeypatch):
    path, read = left_by(), claims.read_claim

    def read_too_late(claim):
        path.unlink(missing_ok=True)
        return read(claim)

    monkeypatch.setattr(claims, "read_claim", read_too_late)
    with Claims(tmp_path).take(trial) as claim:
        assert claim is not None


def test_who_takes_over_second_gets_nothing(trial, left_by, tmp_path, monkeypatch):
    """Two find the same dead claim; the slower one renames what is the quicker one's by now, and puts it back."""
    path = left_by()
    os.utime(path, (0, 0))
    quicker, slower = Claims(tmp_path), Claims(tmp_path)
    rename, won = os.rename, []

    def too_late(source, target):
        monkeypatch.setattr(os, "rename", rename)
        won.append(quicker.take(trial))
        rename(source, target)

    monkeypatch.setattr(os, "rename", too_late)
    assert slower.take(trial) is None
    with won[0]:
        assert quicker.held(trial)["pid"] == os.getpid()
        assert files(tmp_path) == [path.name]
    assert files(tmp_path) == []


@pytest.mark.parametrize("text", ["", "{", "[1]", '{"pid": "x"}', "[" * 900, "\0" * 50])
def test_what_is_no_claim_is_cleared_away_in_time(trial, left_by, tmp_path, text):
    path = left_by()
    path.write_text(text)
    ours = Claims(tmp_path)
    assert ours.take(trial) is None, "it may have been made this moment"
    os.utime(path, (0, 0))
    with ours.take(trial) as claim:
        assert claim is not None


def unreadable(path, how, monkeypatch):
    """A claim that is there and that nobody here can read."""
    match how:
        case "too long":
            path.write_text("x" * (liveness.SIZE + 1))
        case "a folder":
            path.mkdir()
        case "a link to nothing":
            path.symlink_to(path.parent / "nothing")
        case "another user's":
            path.write_text("{}")

            def refused(path, most):
                raise PermissionError(13, "Permission denied")

            monkeypatch.setattr(liveness, "read_bounded", refused)


@pytest.mark.parametrize("how", ["too long", "a folder", "a link to nothing", "another user's"])
def test_a_claim_that_cannot_be_read_holds_its_trial_for_a_minute(trial, left_by, tmp_path, monkeypatch, how, capsys):
    path, ours = left_by(), Claims(tmp_path)
    path.unlink()
    unreadable(path, how, monkeypatch)
    assert ours.take(trial) is None
    assert ours.held(trial) is not None, "others wait for it, and do not ask again and again"
    os.utime(path, (0, 0), follow_symlinks=False)
    assert ours.held(trial) is None
    with ours.take(trial) as claim:
        assert claim is not None
    assert capsys.readouterr().err == f"another process is gone without finishing {trial}; it runs again\n"


@pytest.mark.parametrize("said", [{}, {"pid": "x"}, {"pid": 1}, {"silent": 1e9}, {"numbering": liveness.numbering()}])
def test_nonsense_is_not_alive(said):
    assert not liveness.is_alive(said)


def test_a_folder_that_takes_no_claims_is_one_line(trial, tmp_path):
    (tmp_path / trial.folder / "claims").write_text("in the way")
    with pytest.raises(UsageError, match=r"^cannot write results to '.*claims': .*; finished trials are stored\."):
        Claims(tmp_path).take(trial)


def test_a_folder_that_another_run_clears_up_meanwhile_is_made_again(trial, left_by, tmp_path, monkeypatch):
    """Between finding it and opening a claim in it, the last other claim ends and takes the folder away."""
    path, make = left_by(), Path.mkdir

    def late(*given, **named):
        try:
            make(*given, **named)
        except FileExistsError:
            path.unlink()
            path.parent.rmdir()
            raise

    monkeypatch.setattr(Path, "mkdir", late)
    with Claims(tmp_path).take(trial):
        assert path.exists()


def test_a_full_disk_does_not_end_the_signs_of_life(trial, tmp_path, monkeypatch):
    def full(*arguments):
        raise OSError(28, "No space left on device")

    with Claims(tmp_path).take(trial) as claim:
        monkeypatch.setattr(os, "pwrite", full)
        claim.write()
