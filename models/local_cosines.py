"""Local cosines: an orthonormal basis of cosines in blocks whose windows overlap (Coifman & Meyer 1991, "Remarques sur
l'analyse de Fourier à fenêtre"; Malvar 1990, "Lapped transforms for efficient transform/subband coding")."""

import math

import numpy as np


def blocks(n: int, length: int) -> list[int]:
    """Lengths of about `length` that sum to n and differ by at most one."""
    return [len(part) for part in np.array_split(np.arange(n), max(1, round(n / length)))]


def matrix(n: int, length: int) -> np.ndarray:
    """The basis of n samples in blocks of about `length`, one function a row, block by block: float64 [n, n].

    Samples on both sides of an edge between blocks are first turned into each other, up to half a block from it, then
    each block has its DCT-IV.
    """
    lengths = blocks(n, length)
    cosines, folded, edge = np.zeros((n, n)), np.eye(n), 0
    reach = min(lengths) // 2
    angles = math.pi / 4 * (1 + np.sin(math.pi / 2 * (np.arange(reach) + 0.5) / reach)) if reach else np.empty(0)
    for size in lengths:
        if edge:
            after, before = edge + np.arange(reach), edge - 1 - np.arange(reach)
            folded[after, after] = folded[before, before] = np.sin(angles)
            folded[after, before], folded[before, after] = np.cos(angles), -np.cos(angles)
        at = np.arange(size) + 0.5
        here = slice(edge, edge + size)
        cosines[here, here] = math.sqrt(2 / size) * np.cos(math.pi / size * at[:, None] * at)
        edge += size
    return cosines @ folded
