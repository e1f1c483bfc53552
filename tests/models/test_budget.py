"""The largest size within a budget, against a linear scan and closed forms."""

import math
from functools import partial

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

import models
from common.errors import UsageError
from models.base import Representation
from models.budget import MOST_TENSORS, count, largest_that_fits
from target_signals import Lattice

LATTICE = Lattice.regular((5, 7))


class Square(Representation):
    """size² + C·size values, of which a frozen buffer and a frozen parameter are no part."""

    name = "Square"

    def __init__(self, config, lattice, channels, size):
        super().__init__(config, lattice, channels, size)
        assert size >= self.smallest, "a size below the smallest was tried"
        self.matrix = nn.Parameter(torch.empty(size, size))
        self.vector = nn.Parameter(torch.empty(channels, size))
        self.frozen = nn.Parameter(torch.empty(1000), requires_grad=False)
        self.register_buffer("table", torch.empty(1000))


class Stairs(Representation):
    """The count rests for runs of sizes: ⌊size / 4⌋ · 10 + 6. No size below 3."""

    name = "Stairs"
    smallest = 3

    def __init__(self, config, lattice, channels, size):
        super().__init__(config, lattice, channels, size)
        assert size >= self.smallest, "a size below the smallest was tried"
        self.values = nn.Parameter(torch.empty(size // 4 * 10 + 6))


class Codec(Representation):
    """Stores numbers that are no parameters."""

    name = "Codec"

    def count_values(self):
        return 3 * self.size + 2


class Deaf(Representation):
    """Five values at any size."""

    name = "Deaf"

    def count_values(self):
        return 5


class Slow(Representation):
    """A value more every 700 sizes."""

    name = "Slow"

    def count_values(self):
        return self.size // 700


def solve(cls, budget, channels=1):
    return largest_that_fits(partial(cls, cls.Config(), LATTICE, channels), budget, cls.smallest, cls.name)


def scan(values, smallest, budget):
    """The last of the sizes that fit, one by one."""
    size = smallest
    if values(size) > budget:
        return None
    while values(size + 1) <= budget:
        size += 1
    return size


@given(st.integers(0, 4000), st.integers(1, 4))
def test_equals_a_linear_scan(budget, channels):
    assert solve(Square, budget, channels) == scan(lambda n: n * n + channels * n, 1, budget)


@given(st.integers(0, 1000))
def test_a_resting_count_gives_its_last_size(budget):
    assert solve(Stairs, budget) == scan(lambda n: n // 4 * 10 + 6, 3, budget)


@pytest.mark.parametrize("budget", range(30))
def test_every_small_budget(budget):
    assert solve(Square, budget) == scan(lambda n: n * n + n, 1, budget)
    assert solve(Codec, budget) == scan(lambda n: 3 * n + 2, 1, budget)


@pytest.mark.parametrize(("cls", "least"), [(Square, 2), (Stairs, 6), (Codec, 5)])
def test_no_size_below_the_smallest_form(cls, least):
    for budget in (-1, 0, 1, least - 1):
        assert solve(cls, budget) is None
    assert solve(cls, least) is not None


@pytest.mark.parametrize("budget", [5, 1000, 10**15])
def test_a_dial_without_effect_is_named(budget):
    with pytest.raises(ValueError, match=r"^Deaf: its size dial has no effect: .* or define solve_size$"):
        solve(Deaf, budget)
    assert solve(Deaf, 4) is None


@pytest.mark.parametrize("budget", [0, 1, 1000, 10**9])
def test_a_slow_dial_is_not_taken_for_one_without_effect(budget):
    assert solve(Slow, budget) == 700 * budget + 699


@pytest.mark.parametrize("budget", [10**6, 3 * 10**6, 10**9, 10**12, 10**15, 2**60])
def test_huge_budgets_cost_nothing_and_are_exact(budget):
    assert solve(Square, budget) == (math.isqrt(4 * budget + 1) - 1) // 2  # n² + n ≤ budget
    assert solve(Codec, budget) == (budget - 2) // 3


@given(st.integers(2, 10**12))
def test_the_next_size_never_fits(budget):
    size = solve(Square, budget)
    assert size**2 + size <= budget < (size + 1) ** 2 + size + 1


def test_solving_takes_few_constructions(monkeypatch):
    built = []
    original = Square.__init__

    def remember(self, config, lattice, channels, size):
        built.append(size)
        original(self, config, lattice, channels, size)

    monkeypatch.setattr(Square, "__init__", remember)
    assert solve(Square, 10**12) == 999_999
    assert len(built) <= 2 * math.log2(10**6) + 3


def test_counting_allocates_nothing_and_leaves_the_default_device():
    assert count(partial(Square, Square.Config(), LATTICE, 2), 10**7) == 10**14 + 2 * 10**7
    assert torch.empty(1).device.type == "cpu"


@pytest.mark.parametrize("name", ["Siren", "Wire"])
def test_thousands_of_layers_are_refused_in_the_first_model(name, tensors):
    settings = {"lr": 1e-3, "omega": 30.0, "hidden_layers": 60_000}
    settings |= {"output": "sine"} if name == "Siren" else {"sigma": 10.0}
    cls = models.get_model(name)
    with pytest.raises(UsageError, match="models have up to 4,096 tensors, and these settings ask for more"):
        cls.solve_size(cls.Config(**settings), LATTICE, 1, 10**9)
    assert len(tensors) == MOST_TENSORS + 1
    assert count(partial(cls, cls.Config(**settings | {"hidden_layers": 2000}), LATTICE, 1), 1) > 4000, (
        "what is counted is one model"
    )


def test_a_model_solves_its_size_by_counting():
    assert Square.solve_size(Square.Config(), LATTICE, 2, 1000) == solve(Square, 1000, 2) == 30


@pytest.mark.parametrize("given", [None, "many", 2.5, torch.tensor(3)])
def test_a_count_that_is_no_whole_number_is_named(monkeypatch, given):
    monkeypatch.setattr(Codec, "count_values", lambda self: given)
    with pytest.raises(UsageError, match=rf"^Codec\.count_values gave {type(given).__name__}; it must give an int$"):
        count(partial(Codec, None, LATTICE, 1), 4)
