"""What is asked of rows wherever they are shown."""

import pytest

from harness.store.facts import busy


@pytest.mark.parametrize(("load", "is_busy"), [(None, False), (0.0, False), (1.5, False), (1.51, True)])
def test_a_machine_is_busy_that_has_more_to_do_than_a_run(make_row, load, is_busy):
    assert busy(make_row(load_at_start=load)) == is_busy
    assert not busy({}), "a row of another version"
