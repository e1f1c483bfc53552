"""What the tests of the benchmarks share."""

import pytest

from harness.plan.config import load_config


@pytest.fixture(scope="module")
def config():
    return load_config()
