"""The hash encoding through tiny-cuda-nn, from a table laid out as encoding.py lays it out."""

import functools
from typing import Any

import torch
from torch import Tensor


def encode(x: Tensor, table: Tensor, dim: int, levels: int, log2_table: int, base: int, growth: float) -> Tensor:
    """x [N, d] in [0, 1), table [entries, F] → [N, levels·F], float32; differentiable in both."""
    encoding = _encoding(dim, levels, table.shape[1], log2_table, base, growth)
    flat = table.flatten()
    if encoding.params.numel() != flat.numel():
        raise RuntimeError(f"tiny-cuda-nn lays out {encoding.params.numel()} values where there are {flat.numel()}")
    return torch.func.functional_call(encoding, {"params": flat}, (x,))


@functools.lru_cache(maxsize=8)
def _encoding(dim: int, levels: int, features: int, log2_table: int, base: int, growth: float) -> Any:
    import tinycudann

    config = {
        "otype": "HashGrid",
        "n_levels": levels,
        "n_features_per_level": features,
        "log2_hashmap_size": log2_table,
        "base_resolution": base,
        "per_level_scale": growth,
        "interpolation": "Linear",
    }
    return tinycudann.Encoding(dim, config, dtype=torch.float32)
