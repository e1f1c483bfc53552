"""What is represented, how it is observed and scored: `get_signal` builds a signal, `load_signal` reads a file."""

from common.lattice import Lattice
from target_signals.base import Signal, get_signal, registry
from target_signals.user_file import load_signal

__all__ = ["Lattice", "Signal", "get_signal", "load_signal", "registry"]
