"""Precisions of matrix products, each by its name."""

import pytest
import torch

from common.files import ROOT
from common.lattice import Lattice
from common.precision import PRECISIONS
from harness.train.precision import running
from tests import building
from tests.documents import table

PROTOCOL = (ROOT / "docs" / "protocol.md").read_text(encoding="utf-8")
LATTICE = Lattice.regular((12, 10))


def answer(precision):
    model = building.build("Siren", lattice=LATTICE.shape, budget=20_000)
    with torch.no_grad(), running(precision, model):
        return model.on_lattice(LATTICE)


def test_the_documented_precisions_are_all():
    assert tuple(row[0].strip("`") for row in table("## 11. Precision", PROTOCOL)) == PRECISIONS


@pytest.mark.parametrize("precision", PRECISIONS)
def test_every_precision_rounds_as_its_name_says(precision):
    """On a CPU, where there is no TF32."""
    largest = (answer(precision).float() - answer("fp32")).abs().max().item()
    low, high = {"bf16": (1e-3, 1.0), "bf16x3": (1e-8, 1e-3)}.get(precision, (0.0, 0.0))
    assert low <= largest <= high


def test_a_precision_without_a_context_is_never_taken_for_float32():
    with pytest.raises(ValueError, match="no context for precision 'fp16'"):
        answer("fp16")
