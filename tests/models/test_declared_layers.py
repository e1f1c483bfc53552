"""A chain of layers that is no network is told in one line, whoever wrote it, when the model is made."""

from dataclasses import dataclass, replace

import pytest
import torch
from torch import nn

from common.errors import UsageError
from common.lattice import Lattice
from models.coordinate_network import CoordinateNetwork
from models.kernels.network.layers import Layer

LATTICE = Lattice.regular((5, 6))


class Sketched(CoordinateNetwork):
    """A sine layer and a linear one, with what a test changes of them."""

    name = "Sketched"
    changed: tuple = ({}, {})

    @dataclass(frozen=True)
    class Config:
        lr: float = 1e-3

    def __init__(self, config, lattice, channels, size):
        super().__init__(config, lattice, channels, size)
        self.layers = nn.ModuleList([nn.Linear(2, size), nn.Linear(size, size), nn.Linear(size, channels)])

    def chain(self):
        first, second, output = ((layer.weight, layer.bias) for layer in self.layers)
        found = [Layer(*first, "sine"), Layer(*second, "none", head=output)]
        return [replace(layer, **changes) for layer, changes in zip(found, self.changed, strict=True)]


def ones(*shape):
    return torch.ones(shape)


@pytest.mark.parametrize(
    ("first", "second", "says"),
    [
        (
            {"activation": "sin"},
            {},
            r"layer 0 has an unknown activation 'sin' \(did you mean 'sin[ec]'\?\); known: none, ",
        ),
        ({"weight": ones(7, 3)}, {}, r"layer 0 has a weight \[7, 3\]; with a bias of 7 behind 2 it must be \[7, 2\]"),
        ({}, {"weight": ones(7, 6)}, r"layer 1 has a weight \[7, 6\]; with a bias of 7 behind 7 it must be \[7, 7\]"),
        ({}, {"head": None}, "the last layer has no head, so nothing reads it"),
        ({"head": (ones(1, 7), ones(1))}, {"head": None}, "the last layer has no head"),
        ({}, {"head": (ones(2, 7), ones(2))}, r"layer 1 has a head's weight \[2, 7\]; .* it must be \[1, 7\]"),
        ({}, {"head": (ones(1, 7), ones(7))}, r"layer 1 has a head's bias \[7\]; .* it must be \[1\]"),
        ({}, {"activation": "filter"}, "layer 1 has the activation 'filter'; a filter is for 'filter', behind"),
        ({}, {"filter": (ones(7, 2), ones(7))}, "layer 1 has the activation 'none'; a filter is for 'filter', behind"),
        (
            {"activation": "filter", "filter": (ones(7, 2), ones(7))},
            {},
            "layer 0 has the activation 'filter'; a filter",
        ),
        ({}, {"activation": "filter", "filter": (ones(7, 3), ones(7))}, r"layer 1 has a ω \[7, 3\]; .* be \[7, 2\]"),
        ({}, {"activation": "filter", "filter": (ones(7, 2), ones(6))}, r"layer 1 has a φ \[6\]; .* be \[7\]"),
        ({"activation": "gabor"}, {}, "layer 0 has 7 units, and must have real and imaginary parts of as many"),
    ],
)
def test_what_is_no_network_is_one_line(monkeypatch, first, second, says):
    monkeypatch.setattr(Sketched, "changed", (first, second))
    with pytest.raises(UsageError, match=rf"^Sketched\.chain: {says}"):
        Sketched.construct(Sketched.Config(), LATTICE, 1, 7)


def test_a_network_without_a_chain_says_so(monkeypatch):
    monkeypatch.delattr(Sketched, "chain")
    with pytest.raises(UsageError, match=r"^Sketched defines no chain; it must give the network's layers"):
        Sketched.construct(Sketched.Config(), LATTICE, 1, 7)


def test_a_network_passes_and_its_chain_is_made_once(monkeypatch):
    """Not where sizes are counted: there it would take most of the time."""
    made = []
    whole = Sketched.chain
    monkeypatch.setattr(Sketched, "chain", lambda self: made.append(self.size) or whole(self))
    size = Sketched.solve_size(Sketched.Config(), LATTICE, 1, 100)
    assert made == []
    Sketched.construct(Sketched.Config(), LATTICE, 1, size)
    assert made == [size]
