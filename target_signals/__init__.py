"""What is represented, how it is observed and how it is scored. `get_signal` builds any signal."""

from common.lattice import Lattice
from target_signals.base import Signal, get_signal, registry

__all__ = ["Lattice", "Signal", "get_signal", "registry"]
