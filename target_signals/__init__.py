"""What is represented, how it is observed and how it is scored. `get_signal` builds any signal."""

from target_signals.base import Signal, get_signal, registry
from target_signals.lattice import Lattice

__all__ = ["Lattice", "Signal", "get_signal", "registry"]
