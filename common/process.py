"""What is set for a whole process: the environment that libraries read once, and the collector of garbage."""

import contextlib
import gc
import os
from collections.abc import Iterator


def prepare() -> None:
    """Set the environment of a process that trains, before PyTorch is imported. What its user has set stays."""
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # idle threads must not spin: others may need the cores


@contextlib.contextmanager
def without_collection() -> Iterator[None]:
    """Pause the collection of cyclic garbage, for making objects of ten thousand rows: none is garbage, and the
    collector would look through all that there are again and again."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
