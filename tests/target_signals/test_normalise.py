"""Values of a person's file brought to [0, 1], and what is said of it."""

import numpy as np
import pytest

from common.files import Unfit
from target_signals.normalise import normalise


@pytest.mark.parametrize(
    ("values", "peak", "expected", "was", "how"),
    [
        ([0, 1], None, [0, 1], (0, 1), "0 and 1 as they are"),
        ([0, 1], 255, [0, 1 / 255], (0, 255), "divided by 255"),  # a picture that is nearly black
        ([0.0, 1.0], 1, [0, 1], (0, 1), "from 0 to 1 as they are"),
        ([0.25, 0.5], 1, [0.25, 0.5], (0, 1), "from 0 to 1 as they are"),
        ([-0.5, 1.0], 1, [0, 1], (0, 1), "clipped from [-0.5, 1] to [0, 1]"),
        ([0.0, 1.5], 1, [0, 1], (0, 1), "clipped from [0, 1.5] to [0, 1]"),
        ([2, 4, 10], None, [0, 0.25, 1], (2, 10), "scaled from [2, 10] to [0, 1]"),
        ([-3.0, 0.0, 3.0], None, [0, 0.5, 1], (-3, 3), "scaled from [-3, 3] to [0, 1]"),
        (
            [-1.5e308, 0.0, 1.5e308],
            None,
            [0, 0.5, 1],
            (-1.5e308, 1.5e308),
            "scaled from [-1.5e+308, 1.5e+308] to [0, 1]",
        ),
    ],
)
def test_what_0_and_1_were_by_hand(values, peak, expected, was, how):
    found, own, said = normalise(np.array(values), peak)
    assert (found.dtype, own, said) == (np.float32, was, how)
    np.testing.assert_allclose(found, expected, rtol=1e-6)


@pytest.mark.skipif(np.finfo(np.longdouble).nmant <= 52, reason="the widest floats are float64 here")
@pytest.mark.parametrize("values", [["0", "1e4000"], ["1e4000", "2e4000"], ["1", "1.0000000000000000002"]])
def test_what_float64_cannot_tell_apart_is_refused(values):
    with pytest.raises(Unfit, match="do not fit into float64; rescale them"):
        normalise(np.array([np.longdouble(value) for value in values]), None)
