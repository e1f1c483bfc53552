"""Trials on every GPU of one machine: by --device all, and by Ray."""

import json
from collections import Counter
from pathlib import Path

import pytest
import torch

from harness.execution.executors.local import visible_gpus
from tests.harness.sweep import needs, takes_minutes

FOUND = torch.cuda.device_count()
pytestmark = pytest.mark.gpu


def device_of(claim):
    """What the process that holds a claim was shown of the GPUs when it started."""
    pid = json.loads(claim.read_text())["pid"]
    entries = Path(f"/proc/{pid}/environ").read_text().split("\0")
    return next(entry.partition("=")[2] for entry in entries if entry.startswith("CUDA_VISIBLE_DEVICES="))


def devices_in_rows(sweep):
    return {json.loads(content)["device"].partition(":")[0] for content, _ in sweep.rows().values()}


@pytest.mark.skipif(FOUND < 2, reason=f"needs two CUDA devices, and PyTorch sees {FOUND} here")
def test_two_launches_on_all_devices_share_the_trials_of_one_store(sweep, environment, monkeypatch):
    """Two devices, of however many there are: four workers, each with one trial that is held, two on each device."""
    devices = visible_gpus()[:2]
    monkeypatch.setitem(environment, "CUDA_VISIBLE_DEVICES", ",".join(devices))
    launches = [sweep.begin("--device", "all", seeds=range(12), hold=0) for _ in range(2)]
    claims = sweep.wait_until_held(starts=4)
    assert Counter(map(device_of, claims)) == dict.fromkeys(devices, 2)
    sweep.release()
    for launch in launches:
        out, _ = sweep.end(launch)
        assert "[12/12]" in out, "both tell of all trials"
    assert (len(sweep.rows()), sweep.starts()) == (12, 12)
    assert devices_in_rows(sweep) == {"cuda"}
    assert sweep.leftovers() == []


@takes_minutes
@needs["ray"]
def test_ray_gives_each_trial_a_gpu_of_its_own(sweep, environment, monkeypatch):
    """On a Ray that the launch starts, and that finds what GPUs there are."""
    monkeypatch.delitem(environment, "RAY_ADDRESS", raising=False)
    launch = sweep.begin("--executor", "ray", "--device", "cuda", seeds=range(FOUND + 2), hold=0)
    assert len(sweep.wait_until_held(starts=FOUND)) == FOUND
    sweep.release()
    sweep.end(launch)
    assert (len(sweep.rows()), sweep.starts()) == (FOUND + 2, FOUND + 2)
    assert devices_in_rows(sweep) == {"cuda"}
    assert sweep.leftovers() == []
