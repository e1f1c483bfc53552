"""Everything that goes wrong in a night, for real: what is finished stays, nothing finished is run twice, and a
message says how to go on. Out of memory and divergence are in test_gone_wrong.py, dead claims and clocks in
test_claims.py, a lost Ray node in test_executors.py.
"""

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys

import pytest

from common.exits import EXIT_INTERRUPTED
from harness.execution.executor import Order
from harness.execution.executors import local
from tests.harness.sweep import wait_until

RESUME = "finished trials are stored; run the same command again to resume"


def gone(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def holders(paths):
    return [json.loads(path.read_text())["pid"] for path in paths]


def check_resumed(sweep, before, trials):
    """Every trial has its row, the finished ones untouched, and nothing else is left."""
    after = sweep.rows()
    assert len(after) == trials
    assert {name: after[name] for name in before} == before
    assert sweep.leftovers() == []


def test_a_killed_worker_is_replaced(sweep):
    process = sweep.begin("--workers", 2, hold=2)
    victim, _ = holders(sweep.wait_until_held(starts=4))
    before = sweep.rows()
    os.kill(victim, signal.SIGKILL)
    sweep.release()
    _, err = sweep.end(process)
    assert f"(process {victim}) was killed by signal 9; another one goes on, and runs its trial again" in err
    check_resumed(sweep, before, 8)
    assert sweep.starts() == 9, "the trial in flight alone ran twice"


def test_ctrl_c_ends_no_worker_that_only_begins(make_trial, monkeypatch, tmp_path):
    """It reaches every process of a terminal; one that still imports would end with a traceback."""
    worker = tmp_path / "harness/execution/worker.py"
    worker.parent.mkdir(parents=True)
    worker.write_text("import os, signal, sys\nos.kill(os.getpid(), signal.SIGINT)\nsys.exit(7)")
    monkeypatch.setattr(local, "ROOT", tmp_path)
    workers = local.Workers(Order((), str(tmp_path), "cpu"), 1, tmp_path)
    workers.submit([make_trial()])
    assert workers.processes[0].wait() == 7
    workers.stop()
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, []), "here it is taken again"


def test_a_worker_whose_starter_is_gone_before_it_says_what_to_do_ends_silently(root, environment):
    line = [sys.executable, "harness/execution/worker.py"]
    for half in (b"", b'{"arguments": ["--sig'):
        done = subprocess.run(line, cwd=root, env=environment, input=half, capture_output=True)
        assert (done.returncode, done.stderr) == (EXIT_INTERRUPTED, b"")


def test_workers_that_are_killed_again_and_again_are_given_up(sweep):
    """A trial that needs more memory than there is would otherwise be started for ever."""
    after_two = "from harness.execution.executors import local; local.MOST_DEATHS = 1"
    process = sweep.begin("--workers", 2, seeds=[0], hold=0, before=after_two)
    for deaths in (1, 2):
        wait_until(lambda deaths=deaths: sweep.starts() == deaths, f"{deaths} starts")
        (pid,) = holders(sweep.wait_for("claims"))
        os.kill(pid, signal.SIGKILL)
    _, err = sweep.end(process, code=1)
    assert "is there enough memory for --workers?" in err
    assert err.splitlines()[-1] == RESUME


def test_a_mistake_in_a_file_of_ones_own_that_all_workers_meet_is_told_once(sweep):
    process = sweep.begin("--workers", 2, seeds=range(2), hold=0)
    sweep.wait_until_held(starts=2)
    sweep.release(broken=True)
    _, err = sweep.end(process, code=2)
    file = sweep.folder / "counted.py"
    code = 'raise RuntimeError("a broken model")'
    number = 1 + next(i for i, line in enumerate(file.read_text().splitlines()) if line.strip() == code)
    told = f"  File \"{file}\", line {number}, in solve\n    {code}\nerror: '{file}', line {number}, in solve: "
    assert err.endswith(f"{told}RuntimeError: a broken model\n")
    assert err.count("broken model") == 2


def test_workers_end_with_their_driver(sweep):
    process = sweep.begin("--workers", 2, hold=2)
    pids = holders(sweep.wait_until_held(starts=4))
    process.kill()
    process.wait()
    wait_until(lambda: all(map(gone, pids)), "the end of workers that are alone")
    before = sweep.rows()
    out, _ = sweep.run()
    assert "8 trials, 2 of them done before" in out
    check_resumed(sweep, before, 8)
    assert sweep.starts() == 4 + 6


@pytest.mark.parametrize("where", [[], ["--workers", "2"]], ids=["one process", "workers"])
def test_sigterm_abandons_the_trials_in_flight_and_says_so(sweep, where):
    process = sweep.begin(*where, hold=2)
    sweep.wait_until_held(starts=4 if where else 3)
    process.terminate()
    _, err = sweep.end(process, code=130)
    assert "abandoned: Counted 2,500" in err
    assert err.splitlines()[-1] == f"terminated: {RESUME}"
    assert "Traceback" not in err
    assert sweep.leftovers() == [], "the next one need not wait for anybody"
    assert len(sweep.rows()) == 2


def test_a_kill_in_the_middle_of_a_write(sweep):
    """The second file that is written is the first trial's row: its array is there, and half of its row."""
    kill = """
import os, signal
fsync, calls = os.fsync, []
def die(descriptor):
    name = os.readlink(f'/proc/self/fd/{descriptor}')
    if '/rows/.' in name:
        os.ftruncate(descriptor, os.fstat(descriptor).st_size // 2)
        os.kill(os.getpid(), signal.SIGKILL)
    fsync(descriptor)
os.fsync = die
"""
    sweep.end(sweep.begin(seeds=[0], before=kill), code=-signal.SIGKILL)
    (half,) = sweep.out.glob("*/rows/.*")
    assert len(list(sweep.out.glob("*/arrays/*.npz"))) == 1
    _, err = sweep.run(seeds=[0, 1])
    assert "is gone without finishing Counted 2,500 seed 0; it runs again" in err
    assert (len(sweep.rows()), sweep.starts()) == (2, 3)
    assert half.exists(), "it may be somebody's who writes this moment"
    os.utime(half, (0, 0))
    sweep.run(seeds=[0, 1, 2])
    check_resumed(sweep, {}, 3)


def test_rows_that_are_cut_short_or_of_another_version(sweep):
    sweep.run(seeds=range(4))
    cut, older, newer, _ = sorted(sweep.out.glob("*/rows/*.json"))
    cut.write_bytes(cut.read_bytes()[:200])
    row = json.loads(older.read_text())
    older.write_text(json.dumps({name: row[name] for name in row if name not in ("residual_sha256", "label")}))
    newer.write_text(json.dumps(json.loads(newer.read_text()) | {"a_column_of_next_year": [1, 2]}))
    before = {name: found for name, found in sweep.rows().items() if name != cut.name}
    says = rf"'{cut}' is not a row .* set aside as '{cut.stem}\.corrupt', its trial will run again"
    with pytest.warns(UserWarning, match=says):
        sweep.run(seeds=range(4))
    check_resumed(sweep, before, 4)
    assert sweep.starts() == 5


# A file system of a test's own, which goes with its process


def may_mount():
    line = ["unshare", "-rm", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]
    return shutil.which("unshare") is not None and subprocess.run(line, capture_output=True).returncode == 0


needs_mount = pytest.mark.skipif(not may_mount(), reason="mounting a file system of one's own is not permitted here")


@pytest.fixture
def mounted(sweep, root, undrawn):
    """`mounted("run", "mount -o remount,…", …)`: lines of a shell in which the results folder, $OUT, is a tmpfs of
    200 kB and `run` is the sweep's command on 40 seeds; the output of each, and after ` => ` its exit code."""

    def shell(*lines):
        command = shlex.join(sweep.words(seeds=range(40)))
        sweep.out.mkdir()
        script = 'mount -t tmpfs -o size=200k tmpfs "$OUT" || exit 99\n'
        script += f'run() {{ \'{sys.executable}\' -c "$CODE" {command} "$@"; }}\n'
        script += "\n".join(f'{{ {line}; }} 2>&1; echo " => $?"' for line in lines)
        environment = sweep.environment | {"CODE": undrawn[2], "OUT": str(sweep.out)}
        done = subprocess.run(
            ["unshare", "-rm", "bash", "-c", script], cwd=root, env=environment, capture_output=True, text=True
        )
        return done.stdout.split(" => ")

    return shell


@needs_mount
@pytest.mark.parametrize("where", ["", "--workers 2"], ids=["one process", "workers"])
def test_a_full_disk(mounted, sweep, where):
    full, rows, half, _, again, total, _ = mounted(
        f"run {where}",
        'ls "$OUT"/*/rows | wc -l',
        'find "$OUT" -name ".*" -type f',
        'mount -o remount,size=20m "$OUT"',
        "run",
        'ls "$OUT"/*/rows | wc -l',
    )
    assert f"error: cannot write results to '{sweep.out}" in full
    assert f"No space left on device; make room\n{RESUME}\n" in full
    assert "Traceback" not in full
    code, rows = rows.split("\n")[:2]
    assert code == "1", "whoever runs the trial, and a full disk is no mistake in the command"
    assert 0 < int(rows) < 40
    assert half.split("\n")[1:] == [""], "no half file takes the room that is left"
    assert f"40 trials, {rows} of them done before" in again
    assert total.split("\n")[:2] == ["0", "40"]


@needs_mount
def test_a_store_that_cannot_be_written(mounted, sweep):
    """Root may write whatever the permissions say, but not into a file system that is read-only."""
    sweep.run(seeds=[0, 1])
    _, _, refused, status, _ = mounted(
        f"cp -r '{sweep.out.rename(sweep.folder / 'done')}'/* \"$OUT\"",
        'mount -o remount,ro "$OUT"',
        "run",
        f"'{sys.executable}' -m harness status --out \"$OUT\"",
    )
    assert "Read-only file system; finished trials are stored. Make it writable" in refused
    assert "Traceback" not in refused
    assert status.startswith("2\n")
    assert "2 rows of 1 experiment" in status
    assert sweep.starts() == 2, "it is found out before any work"
