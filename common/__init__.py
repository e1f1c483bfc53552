"""What every other package may import and what imports none of them.

A Python that cannot run the suite is told so here, before it stumbles over the first library that it lacks.
"""

import sys
from importlib.util import find_spec
from pathlib import Path

if sys.platform == "win32":  # where numbers of processes, signals and files that are open mean something else
    raise ImportError("this suite runs on Linux and macOS; on Windows, run it in WSL")
if sys.version_info < (3, 10) or find_spec("torch") is None or find_spec("numpy") is None:
    raise ImportError(
        f"{sys.executable}, Python {sys.version.split()[0]}, cannot run this suite, which needs Python 3.10 or newer, "
        "PyTorch and more: use .venv/bin/python, where a launcher has made .venv, "
        f"or run pip install -e '{Path(__file__).resolve().parents[1]}' once"
    )
