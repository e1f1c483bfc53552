"""What is represented, how it is observed and scored: `get_signal` builds a signal, `load_signal` reads a file."""

import sys
from pathlib import Path

if sys.argv[:1] == ["-m"]:  # as in harness/__init__.py: a person's own common.py may lie where Python looks first
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from common.lattice import Lattice
from target_signals.base import Signal, registry
from target_signals.make_signal import get_signal
from target_signals.user_file import load_signal

__all__ = ["Lattice", "Signal", "get_signal", "load_signal", "registry"]
