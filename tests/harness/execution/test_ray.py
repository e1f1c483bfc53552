"""Trials on a real Ray: a node that dies, a task that is killed, and GPUs."""

from tests.harness.sweep import needs, takes_minutes

pytestmark = [takes_minutes, needs["ray"]]


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
    after = sweep.rows()
    assert {name: after[name] for name in before} == before
    assert sweep.starts() == 6, "the one that was lost, and no other, ran again"
    assert sweep.leftovers() == []
