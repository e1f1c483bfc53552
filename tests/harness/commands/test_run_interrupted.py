"""A run that is killed, interrupted, or no longer read."""

import signal
import subprocess
import sys
import time

from harness.store.store import Store, parse_row
from harness.store.table import load
from tests.harness.commands.running import SMOKE
from tests.harness.sweep import HANG


def test_a_reader_that_stops_reading_gets_no_traceback(environment, root):
    line = f"'{sys.executable}' run.py {' '.join(SMOKE)} --dry-run --sizes $(seq -s ' ' 1000 1199) | head -1"
    done = subprocess.run(["bash", "-c", line], cwd=root, env=environment, capture_output=True, text=True, timeout=600)
    assert done.stdout.startswith("Sierpinski, 2D")
    assert done.stderr == ""


def test_a_killed_run_loses_the_trial_in_flight_alone(sweep):
    process = sweep.begin(hold=2)
    sweep.wait_until_held(starts=3)
    process.kill()
    assert process.wait(HANG) == -signal.SIGKILL
    before = sweep.rows()
    assert len(before) == 2
    for name in before:
        assert parse_row(sweep.out / "2d_StarTarget" / "rows" / name)["status"] == "ok"
        assert Store(sweep.out, "2d_StarTarget").array_path(name.removesuffix(".json")).exists()

    stdout, _ = sweep.run()
    assert "8 trials, 2 of them done before, 6 to run" in stdout
    after = sweep.rows()
    assert len(after) == 8
    assert {name: after[name] for name in before} == before, "finished rows are left untouched"
    assert set(load(sweep.out)["status"]) == {"ok"}


def test_an_interrupted_run_says_how_to_resume(sweep):
    as_at_a_terminal = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    process = sweep.begin(hold=2, before=as_at_a_terminal)  # what runs in the background starts without
    sweep.wait_until_held(starts=3)
    process.send_signal(signal.SIGINT)
    time.sleep(0.02)
    process.send_signal(signal.SIGINT)  # impatience changes nothing
    _, stderr = sweep.end(process, code=130)
    last = stderr.splitlines()[-1]
    assert last == "interrupted: finished trials are stored; run the same command again to resume"
    assert "Traceback" not in stderr
    assert not [path for path in sweep.out.rglob(".*") if path.is_file()], "no half file is left"
    assert len(load(sweep.out)) == 2
