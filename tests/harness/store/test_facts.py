"""What is asked of rows wherever they are shown."""

import pytest

from harness.store.facts import at_once, busy


@pytest.mark.parametrize(("load", "is_busy"), [(None, False), (0.0, False), (1.5, False), (1.51, True)])
def test_a_machine_is_busy_that_has_more_to_do_than_a_run(make_row, load, is_busy):
    assert busy(make_row(load_at_start=load)) == is_busy
    assert not busy({}), "a row of another version"


def test_fits_that_ran_at_the_same_time_on_gpus_are_counted(make_row):
    """Two at once, then one that starts as the second ends, and one of which nothing is known."""
    starts = {"00:00:00": 10.0, "00:00:06": 10.0, "00:00:16": 5.0, "later": 99.0}
    rows = [
        make_row(device="cuda: NVIDIA H200", seconds=seconds, started=f"2026-01-01T{start}+00:00")
        for start, seconds in starts.items()
    ]
    assert at_once(rows) == 2
    assert at_once(rows[:1]) == 1
    assert at_once(row | {"device": "cpu: AMD EPYC, 1 threads"} for row in rows) == 0
    assert at_once(row | {"seconds": None} for row in rows) == 0
