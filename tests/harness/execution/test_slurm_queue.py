"""What squeue says of jobs, and what is made of it; on a real Slurm in test_slurm.py."""

import pytest

from harness.execution import slurm_queue
from harness.execution.slurm_queue import GONE, Queue, State

ANSWER = """\
7_2                                      PENDING              0          Resources                    \x20
7_3                                      PENDING              1          BeginTime                    \x20
8                                        PENDING              0          PartitionTimeLimit           \x20
7_0                                      RUNNING              0          None                         \x20
7_1                                      CANCELLED            2          None                         \x20
"""


@pytest.fixture
def squeue(tmp_path, monkeypatch):
    """`squeue(0, "…")`: what the command ends with and prints from now on. How often it was asked."""
    program, answer, calls = tmp_path / "squeue", tmp_path / "answer", tmp_path / "calls"
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")

    def say(code, text):
        answer.write_text(text)
        program.write_text(f"#!/bin/sh\necho >>'{calls}'\ncat '{answer}'\nexit {code}\n")
        program.chmod(0o755)

    say.asked = lambda: len(calls.read_text())
    return say


def test_every_job_of_an_array_has_its_state():
    assert slurm_queue.read(ANSWER) == {
        "7_2": State("PENDING", 0, None),
        "7_3": State("PENDING", 1, "BeginTime"),
        "8": State("PENDING", 0, "PartitionTimeLimit"),
        "7_0": State("RUNNING", 0, None),
        "7_1": State("CANCELLED", 2, None),
    }


def test_slurm_is_asked_every_few_seconds_however_many_jobs_there_are(squeue, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(slurm_queue.time, "monotonic", lambda: now[0])
    squeue(0, ANSWER)
    queue = Queue()
    assert not any(queue.state(job).has_ended for job in ("7_0", "7_2", "7_3", "8"))
    assert queue.state("7_1").has_ended
    assert queue.state("9") == State(GONE, 0, None)
    assert queue.state("9").has_ended
    assert squeue.asked() == 1
    now[0] = slurm_queue.EVERY
    queue.state("7_0")
    assert squeue.asked() == 2


def test_a_controller_that_does_not_answer_ends_no_job(squeue, monkeypatch):
    monkeypatch.setattr(slurm_queue, "EVERY", 0.0)
    queue = Queue()
    squeue(1, "slurm_load_jobs error: Unable to contact slurm controller (connect failure)")
    assert queue.state("7_0") is None
    squeue(0, ANSWER)
    assert queue.state("7_0").name == "RUNNING"
    squeue(1, "")
    assert queue.state("7_0").name == "RUNNING", "as it was last seen"
    monkeypatch.setenv("PATH", "/nowhere")
    assert queue.state("7_0").name == "RUNNING"
