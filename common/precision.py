"""Precisions of matrix products, by name; harness/train/precision.py makes them."""

from typing import Literal, get_args

Precision = Literal["fp32", "tf32", "bf16", "bf16x3"]
PRECISIONS: tuple[str, ...] = get_args(Precision)
