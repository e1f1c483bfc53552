import os

import pytest
import torch
from hypothesis import settings

# Threads that wait for each other lose whole time slices on a machine that others use as well; the tests' own
# work is too small to gain by them. The variable is for the processes that tests start.
torch.set_num_threads(1)
os.environ["OMP_NUM_THREADS"] = "1"


# HYPOTHESIS_PROFILE=nightly: thousands of cases of every property that names no number of its own. For what reads
# other people's files and words: pytest tests/harness/test_strangers.py tests/target_signals/test_user_file.py
settings.register_profile("nightly", max_examples=2500, deadline=None, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


def pytest_collection_modifyitems(items):
    if not torch.cuda.is_available():
        for item in items:
            if item.get_closest_marker("gpu"):
                item.add_marker(pytest.mark.skip(reason="needs a CUDA device, and PyTorch sees none here"))
