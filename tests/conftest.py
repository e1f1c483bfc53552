import functools
import os

import pytest
import torch
from hypothesis import settings
from torch.nn.modules.module import register_module_parameter_registration_hook

from harness.plan.config import load_config

# Threads that wait for each other lose whole time slices on a machine that others use as well; the tests' own
# work is too small to gain by them. The variable is for the processes that tests start.
torch.set_num_threads(1)
os.environ["OMP_NUM_THREADS"] = "1"


# HYPOTHESIS_PROFILE=nightly: thousands of cases of every property that names no number of its own. For what reads
# other people's files and words: pytest tests/harness/test_strangers.py tests/target_signals/test_strange_files.py
# No case has a deadline: how long one takes is also a matter of what else the machine does.
settings.register_profile("steady", deadline=None)
settings.register_profile("nightly", max_examples=2500, deadline=None, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "steady"))


@pytest.fixture(scope="session")
def config():
    return load_config()


@pytest.fixture
def calls(monkeypatch):
    """`calls(os, "open")`: a list that gets the positional arguments of each call from now on; it does what it did."""

    def watch(owner, name):
        inner, found = getattr(owner, name), []

        @functools.wraps(inner)
        def outer(*arguments, **named):
            found.append(arguments)
            return inner(*arguments, **named)

        monkeypatch.setattr(owner, name, outer)
        return found

    return watch


@pytest.fixture
def tensors():
    """The names of the parameters that modules have been given so far in this test."""
    made = []
    hook = register_module_parameter_registration_hook(lambda module, name, value: made.append(name))
    yield made
    hook.remove()


def pytest_collection_modifyitems(items):
    if not torch.cuda.is_available():
        for item in items:
            if item.get_closest_marker("gpu"):
                item.add_marker(pytest.mark.skip(reason="needs a CUDA device, and PyTorch sees none here"))
