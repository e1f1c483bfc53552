"""The command line in this process."""

import pytest

from tests.harness.commands.running import SMOKE
from tests.harness.refused import refused


@pytest.fixture
def run(out, run_py):
    """`run_py` on one small trial."""

    def call(*arguments, out=out, models=("Grid",), draw=False):
        chosen = () if models is None else ("--models", *models)
        return run_py(*SMOKE, "--out", out, *chosen, *arguments, draw=draw)

    return call


@pytest.fixture
def complaint(run, out):
    """The one line with which a command line is refused; nothing is written."""

    def call(*arguments, **named):
        err = refused(*run(*arguments, **named))
        assert not out.exists()
        return err

    return call
