"""What runs trials elsewhere, for real: two nodes of Ray, and a Slurm of one node, on this machine."""

import subprocess
import sys
from pathlib import Path

import pytest

from common.files import ROOT
from tests.harness.sweep import needs, takes_minutes

CLUSTER = """
import os, signal, sys
from pathlib import Path
from ray.cluster_utils import Cluster
cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
other = cluster.add_node(num_cpus=1)
print(cluster.address, flush=True)
for line in sys.stdin:  # to be told to kill a node with all that runs on it, and at its end to go
    node = other.all_processes["raylet"][0].process.pid
    parents = {p.parent.name: p.read_text().rpartition(")")[2].split()[1] for p in Path("/proc").glob("[0-9]*/stat")}
    for pid in [node, *(int(pid) for pid, parent in parents.items() if int(parent) == node)]:
        os.kill(pid, signal.SIGKILL)
    cluster.remove_node(other, allow_graceful=False)
    print("killed", flush=True)
cluster.shutdown()
"""


@pytest.fixture(scope="module")
def ray(environment):
    """Two Ray nodes on this machine: a process that kills one of them when it is told."""
    line, pipe, silent = [sys.executable, "-W", "ignore", "-c", CLUSTER], subprocess.PIPE, subprocess.DEVNULL
    with subprocess.Popen(line, env=environment, stdin=pipe, stdout=pipe, stderr=silent, text=True) as process:
        address = process.stdout.readline().strip()
        assert address, "Ray did not start; it says why without stderr=silent"
        patch = pytest.MonkeyPatch()
        patch.setitem(environment, "RAY_ADDRESS", address)
        yield process
        patch.undo()
        process.stdin.close()


class Slurm:
    """Slurm's commands, for the cluster of these tests."""

    def __init__(self, environment):
        self.environment = environment

    def __call__(self, *line):
        return subprocess.run(line, env=self.environment, capture_output=True, text=True, check=True).stdout

    def job_of(self, pid):
        """The job that a process belongs to."""
        environment = Path(f"/proc/{pid}/environ").read_bytes().decode().split("\0")
        values = dict(entry.partition("=")[::2] for entry in environment if entry)
        return f"{values['SLURM_ARRAY_JOB_ID']}_{values['SLURM_ARRAY_TASK_ID']}"


@pytest.fixture(scope="module")
def slurm(environment, tmp_path_factory):
    """A Slurm of this machine alone, with two CPUs; skips where none can be set up."""
    folder, pipe = tmp_path_factory.mktemp("slurm"), subprocess.PIPE
    line = ["bash", str(ROOT / "tests/harness/slurm_node.sh"), str(folder)]
    with subprocess.Popen(line, env=environment, stdin=pipe, stdout=pipe, stderr=pipe, text=True) as process:
        settings = process.stdout.readline().strip()
        if not settings:
            pytest.skip(f"no Slurm can be set up here: {process.stderr.read().strip()}")
        patch = pytest.MonkeyPatch()
        patch.setitem(environment, "SLURM_CONF", settings)
        yield Slurm(environment)
        patch.undo()
        process.stdin.close()


SLURM = ["--executor", "slurm", "--workers", "2"]


@pytest.fixture(
    params=[
        pytest.param(["--workers", "2"], id="workers"),
        pytest.param(["--executor", "ray"], id="ray", marks=needs["ray"]),
        pytest.param(SLURM, id="slurm", marks=[needs["slurm"], takes_minutes]),
        pytest.param(SLURM, id="no slurm", marks=needs["slurm"]),
    ]
)
def where(request, environment, monkeypatch):
    """The options that choose an executor with two workers; Ray's are on two nodes."""
    (_, _, kind) = request.node.callspec.id.rpartition("-")
    if kind in ("ray", "slurm"):
        request.getfixturevalue(kind)
    if kind == "no slurm":  # whatever is installed here
        monkeypatch.setitem(environment, "PATH", str(Path(sys.executable).parent))
    return request.param
