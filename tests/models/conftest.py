"""Without a GPU, Triton's kernels run in its interpreter, which must be chosen before they are defined.

The choice stands while the modules of this folder are imported and while their tests run, so that no other test starts
a process that inherits it.
"""

import contextlib

import pytest
import torch


@contextlib.contextmanager
def interpreted():
    with pytest.MonkeyPatch.context() as patch:
        if not torch.cuda.is_available():
            patch.setenv("TRITON_INTERPRET", "1")
        yield


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report():
    with interpreted():
        return (yield)


@pytest.fixture(scope="module", autouse=True)
def interpreter():
    with interpreted():
        yield
