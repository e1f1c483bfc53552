"""The range of a scale: of most values, not of the few that lie far away."""

import pytest

from harness.analysis.frame import frame


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([3.0], (3, 3)),
        ([20.0, 25.0], (20, 25)),
        ([20.0, 22.0, 25.0, 30.0, 33.0], (20, 33)),
        ([20.0, 22.0, 25.0, 30.0, 156.0], (20, 30)),
        ([20.0, 22.0, 25.0, 30.0, 43.0], (20, 30)),
        ([20.0, 22.0, 25.0, 30.0, 42.0], (20, 42)),
        ([-80.0, 20.0, 22.0, 25.0, 30.0], (20, 30)),
        ([5.0, 5.0, 5.0, 5.0, 6.0], (5, 5)),
    ],
)
def test_far_values_stay_outside(values, expected):
    assert frame(values) == expected
    assert frame(values[::-1]) == expected
