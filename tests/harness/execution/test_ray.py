"""Trials on a real Ray of two nodes: a task that is killed, and then a node that dies."""

import json
import os
import signal

from tests.harness.sweep import needs, takes_minutes

pytestmark = [takes_minutes, needs["ray"]]


def check(sweep, before, trials):
    """Every trial has its row, the finished ones untouched, one trial alone ran twice, and nothing else is left."""
    after = sweep.rows()
    assert len(after) == trials
    assert {name: after[name] for name in before} == before
    assert sweep.starts() == trials + 1
    assert sweep.leftovers() == []


def test_a_trial_whose_process_is_killed_runs_again(sweep, ray):
    process = sweep.begin("--executor", "ray", seeds=range(4), hold=1)
    one, _ = sweep.wait_until_held(starts=3)
    before = sweep.rows()
    os.kill(json.loads(one.read_text())["pid"], signal.SIGKILL)
    sweep.release()
    out, _ = sweep.end(process)  # what a task says Ray passes on a moment later, which may be after the launch's end
    assert "[4/4]" in out
    check(sweep, before, 4)


def test_the_trials_of_a_node_that_dies_run_on_another(sweep, ray):
    process = sweep.begin("--executor", "ray", seeds=range(5), hold=1)
    sweep.wait_until_held(starts=3)
    before = sweep.rows()
    ray.stdin.write("kill\n")
    ray.stdin.flush()
    assert ray.stdout.readline() == "killed\n"
    sweep.release()
    out, _ = sweep.end(process)
    assert "[5/5]" in out
    check(sweep, before, 5)
