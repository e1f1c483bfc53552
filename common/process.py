"""What libraries read once from the environment, when they are first imported."""

import os


def prepare() -> None:
    """Set it for a process that trains, before PyTorch is imported. What its user has set stays."""
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # idle threads must not spin: others may need the cores
