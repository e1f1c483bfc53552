"""Sweeps on a real Slurm, of one node on this machine: jobs that are requeued, cancelled, killed, out of time."""

import json
import os
import signal

import pytest

from tests.harness.sweep import needs, takes_minutes, wait_until

pytestmark = [takes_minutes, needs["slurm"]]
SLURM = ["--executor", "slurm", "--workers", "2"]


@pytest.fixture
def held(sweep, slurm):
    """`held(…)`: a launch of five trials, of which two are done and two are held; a job that holds one; the claim of
    its process; the rows so far."""

    def begin(*more):
        process = sweep.begin(*SLURM, *more, seeds=range(5), hold=2)
        claim, _ = sweep.wait_until_held(starts=4)
        return process, slurm.job_of(pid_of(claim)), claim, sweep.rows()

    return begin


def pid_of(claim):
    return json.loads(claim.read_text())["pid"]


def told(err, job):
    """What the launch says about a job beyond that it was started."""
    return [line for line in err.splitlines() if line.startswith(f"job {job} ")]


def check(sweep, before, starts=6):
    """Every trial has its row, the finished ones untouched, one trial alone ran twice, and nothing else is left."""
    after = sweep.rows()
    assert len(after) == 5
    assert {name: after[name] for name in before} == before
    assert sweep.starts() == starts
    assert sweep.leftovers() == []


def test_a_job_that_is_requeued_starts_again_and_skips_what_is_done(sweep, slurm, held):
    process, job, claim, before = held()
    slurm("scontrol", "requeue", job)
    wait_until(lambda: not claim.exists(), "the end of the trial that is abandoned")
    sweep.release()
    _, err = sweep.end(process)
    assert told(err, job) == [f"job {job} was requeued; when it starts again it skips what is done"]
    check(sweep, before)
    assert err.count(" trials in ") == 1, "no other job was needed"


def test_what_a_job_that_is_cancelled_has_not_run_goes_into_another_one(sweep, slurm, held):
    process, job, claim, before = held()
    slurm("scancel", job)
    wait_until(lambda: not claim.exists(), "the end of the trial that is abandoned")
    sweep.release()
    _, err = sweep.end(process)
    assert told(err, job) == [f"job {job} ended early, CANCELLED; what it has not run goes into another one"]
    check(sweep, before)


def test_what_a_job_that_is_killed_has_not_run_goes_into_another_one(sweep, held):
    process, job, claim, before = held()
    os.kill(pid_of(claim), signal.SIGKILL)
    sweep.release()
    _, err = sweep.end(process)
    assert told(err, job) == [f"job {job} ended early, FAILED; what it has not run goes into another one"]
    check(sweep, before)


def test_a_job_that_meets_its_time_limit_stops_in_time(sweep, held):
    """Both are told 60 to 90 seconds before."""
    process, job, claim, before = held("--slurm", "timeout_min=2", "slurm_signal_delay_s=60")
    wait_until(lambda: not claim.exists(), "the end of the trial that is abandoned")
    sweep.release()
    _, err = sweep.end(process)
    assert told(err, job) == [f"job {job} has met its time limit; what it has not run goes into another one"]
    check(sweep, before, sweep.starts())
    assert sweep.starts() in (6, 7), "the other one may have had time to finish"


def test_a_partition_that_is_not_there_is_one_line(sweep, slurm):
    _, err = sweep.end(sweep.begin(*SLURM, "--slurm", "slurm_partition=gpus"), code=2)
    assert err.splitlines()[0].startswith("error: Slurm refuses the jobs: sbatch: error: invalid partition")
    assert len(err.splitlines()) == 1


def test_why_jobs_wait_is_said(sweep, slurm):
    process = sweep.begin(*SLURM, "--slurm", "timeout_min=1000")
    line = next(line for line in iter(process.stderr.readline, "") if "wait" in line)
    assert line == "jobs wait in Slurm's queue: PartitionConfig\n"
    process.terminate()
    sweep.end(process, code=130)
    wait_until(lambda: not slurm("squeue", "--noheader"), "an empty queue")


def test_jobs_outlive_their_launch(sweep, slurm, held):
    process, _, _, before = held()
    process.kill()
    process.wait()
    sweep.release()
    wait_until(lambda: len(sweep.rows()) == 5, "all rows")
    sweep.run(seeds=range(5))
    check(sweep, before, 5)
