"""Trials of a model that counts its starts and waits where it is told to, for tests of what runs, dies and resumes."""

import contextlib
import importlib.util
import io
import json
import os
import subprocess
import sys
import time

import pytest

from common.files import ROOT
from harness.commands import run as run_command
from harness.store import liveness
from tests.own_files import forgotten

HANG = 600  # seconds after which what a test waits for is taken for hung; no test is about how long anything takes
NEVER = 10**9
needs = {
    name: pytest.mark.skipif(importlib.util.find_spec(package) is None, reason=f"{package} is not installed")
    for name, package in (("ray", "ray"), ("slurm", "submitit"))
}
takes_minutes = pytest.mark.skipif(
    "SWEEP_TESTS" not in os.environ, reason="starts clusters and launches, which takes minutes; set SWEEP_TESTS=1"
)  # all of them together; the one that every run makes on each executor is the quick preset
COUNTED = '''
"""Notes in a file beside this one whenever it starts; another one says how it is to behave."""

import json
import time
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from models.base import Representation, register

HERE = Path(__file__)


@register
class Counted(Representation):
    """Solved, as loading PyTorch's optimisers would take every process another second."""

    name = "Counted"

    @dataclass(frozen=True)
    class Config:
        pass

    def __init__(self, config, lattice, channels, size):
        super().__init__(config, lattice, channels, size)
        self.value = nn.Parameter(torch.empty(size, channels))
        self.number = 0

    def initialise(self, rng):
        super().initialise(rng)
        self.value.data.fill_(0.0)
        with HERE.with_name("starts").open("ab", buffering=0) as file:
            file.write(b"started\\n")  # at the end, whoever else writes, and the file then stands there
            self.number = file.tell() // len(b"started\\n")

    def solve(self, lattice, target):
        while (how := json.loads(HERE.with_name("how.json").read_text()))["hold"] < self.number:
            time.sleep(0.01)
        if how["broken"]:
            raise RuntimeError("a broken model")
        return True

    def forward(self, x):
        return self.value.mean(0).expand(len(x), -1)
'''

# run.py without figures and the report page
UNDRAWN = [
    sys.executable,
    "-c",
    "from common import process; process.prepare(); from harness.commands import run, run_launch; "
    "run_launch.draw = lambda *given: None; raise SystemExit(run.main())",
]


class Sweep:
    """By default eight trials, of which each takes no time unless it is held.

    hold: how many starts go on at once; later ones wait until `release`.
    """

    def __init__(self, folder, environment):
        self.folder, self.environment, self.out = folder, environment, folder / "out"
        self.started = []
        (folder / "counted.py").write_text(COUNTED)

    def words(self, *more, seeds=range(8), hold=NEVER, broken=False):
        """The command line, and how the model behaves from now on."""
        self.release(hold, broken)
        words = ["--signal", "StarTarget", "--preset", "smoke", "--device", "cpu", "--out", self.out]
        words += ["--models", self.folder / "counted.py", "--seeds", *seeds, "--steps", 2, *more]
        return [*map(str, words)]

    def release(self, hold=NEVER, broken=False):
        (self.folder / "how.new").write_text(json.dumps({"hold": hold, "broken": broken}))
        os.replace(self.folder / "how.new", self.folder / "how.json")  # whole whenever it is read

    def run(self, *more, **named):
        """Run to the end in this process: stdout and stderr."""
        words, out, err = self.words(*more, **named), io.StringIO(), io.StringIO()
        with forgotten(), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = run_command.main(words)
        assert code == 0, err.getvalue()
        return out.getvalue(), err.getvalue()

    def begin(self, *more, before="", **named):
        """Start a process of its own. before: code that it runs first."""
        (*python, code), pipe = UNDRAWN, subprocess.PIPE
        line = [*python, f"{before}\n{code}", *self.words(*more, **named)]
        process = subprocess.Popen(line, cwd=ROOT, env=self.environment, stdout=pipe, stderr=pipe, text=True)
        self.started.append(process)
        return process

    def end(self, process, code=0):
        """Wait for its end: stdout and stderr."""
        out, err = process.communicate(timeout=HANG)
        assert process.returncode == code, err
        return out, err

    def wait_for(self, what, count=1):
        """Until there are so many `rows`, `claims` or, for any other pattern, files."""
        pattern = {"rows": "*/rows/*.json", "claims": "*/claims/*.json"}.get(what, what)
        self._wait_until(lambda: len(list(self.out.glob(pattern))) >= count, f"{count} {what}")
        return sorted(self.out.glob(pattern))

    def wait_until_held(self, starts):
        """Until so many trials have started, and all that may go on have their rows: the claims of the others."""
        self._wait_until(lambda: self.starts() >= starts, f"{starts} starts")
        hold = json.loads((self.folder / "how.json").read_text())["hold"]
        self.wait_for("rows", hold)
        return self.wait_for("claims", starts - hold)

    def wait_until_free(self):
        """Until nobody alive claims a trial: Ray ends the workers a moment after their launch, and leaves them no
        time to clear up when they are slow."""
        wait_until(lambda: not any(map(liveness.is_alive, liveness.read_claims(self.out))), "the end of every holder")

    def _wait_until(self, true, what):
        """Or until there is no process any more that could make it true, which then says why."""
        wait_until(lambda: true() or all(one.poll() is not None for one in self.started), what)
        assert true(), [one.communicate()[1] for one in self.started]

    def rows(self):
        """Content and time of every row's file: what is done stays as it is."""
        return {p.name: (p.read_bytes(), p.stat().st_mtime_ns) for p in self.out.glob("*/rows/*.json")}

    def starts(self):
        path = self.folder / "starts"
        return len(path.read_text().splitlines()) if path.exists() else 0

    def leftovers(self):
        """Claims and half files; submitit's own files are none."""
        found = [p for p in self.out.glob("*/*/*") if p.is_file() and self.out / "slurm" not in p.parents]
        return [p for p in found if p.name.startswith(".") or "claims" in p.parts]


def wait_until(true, what):
    deadline = time.monotonic() + HANG
    while not true():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.01)
