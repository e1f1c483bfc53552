"""The collector of garbage is paused for a while, and on again whatever happens."""

import gc

import pytest

from common.process import without_collection


@without_collection()
def divide(by):
    assert not gc.isenabled()
    return 1 / by


def test_the_collector_is_on_again_after_a_pause():
    assert gc.isenabled()
    assert divide(1) == 1
    assert gc.isenabled()
    with pytest.raises(ZeroDivisionError):
        divide(0)
    assert gc.isenabled()


def test_who_switched_the_collector_off_keeps_it_off():
    gc.disable()
    try:
        assert divide(1) == 1
        assert not gc.isenabled()
    finally:
        gc.enable()
