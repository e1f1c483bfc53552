"""What libraries read once from the environment, when they are first imported."""

import os

# PyTorch's name for: ask Linux for pages of 2 MB, so that large tensors, which go back to the system when freed, cost
# fewer page faults at every update
LARGE_PAGES = "THP_MEM_ALLOC_ENABLE"


def prepare() -> None:
    """Set it for a process that trains, before PyTorch is imported. What its user has set stays."""
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # idle threads must not spin: others may need the cores
    os.environ.setdefault(LARGE_PAGES, "1")
