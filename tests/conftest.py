import os

import pytest
import torch

# Threads that wait for each other lose whole time slices on a machine that others use as well; the tests' own
# work is too small to gain by them. The variable is for the processes that tests start.
torch.set_num_threads(1)
os.environ["OMP_NUM_THREADS"] = "1"


def pytest_collection_modifyitems(items):
    if not torch.cuda.is_available():
        for item in items:
            if item.get_closest_marker("gpu"):
                item.add_marker(pytest.mark.skip(reason="needs a CUDA device, and PyTorch sees none here"))
