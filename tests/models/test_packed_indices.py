"""Packed indices come back as they were, in as few bits as promised, and strangers' words are refused."""

import math

import pytest
import torch

from models.packed_indices import pack, unpack, words


@pytest.mark.parametrize(
    ("count", "total"), [(1, 1), (1, 10**7), (5, 5), (40, 50), (33, 1000), (500, 10**6), (64, 64), (9, 4)]
)
def test_numbers_come_back(count, total):
    rng = torch.Generator().manual_seed(0)
    for numbers in (
        torch.randint(total + 1, (count,), generator=rng).sort().values,
        torch.full((count,), total),
        torch.zeros(count, dtype=torch.int64),
    ):
        packed = pack(numbers, total)
        assert packed.dtype == torch.int32
        assert len(packed) == words(count, total)
        assert torch.equal(unpack(packed, count, total), numbers)


@pytest.mark.parametrize("total", [10**4, 786_432, 9 * 10**6])
def test_words_are_near_the_least_that_tell_every_set_apart(total):
    for count in (total // 500, total // 100, total // 13, total // 3):
        least = (math.lgamma(total + 1) - math.lgamma(count + 1) - math.lgamma(total - count + 1)) / math.log(2)
        assert least <= 32 * words(count, total) <= least + 0.8 * count + 64


def test_more_numbers_never_take_fewer_values():
    for total in (1, 7, 100, 1000):
        values = [count + words(count, total) for count in range(1, total + 1)]
        assert values == sorted(values)


def test_other_words_are_refused():
    packed = pack(torch.tensor([3, 5, 900]), 1000)
    with pytest.raises(ValueError, match=r"^its packed indices are 0, and 3 are expected$"):
        unpack(torch.zeros_like(packed), 3, 1000)
    wrong = pack(torch.tensor([3, 5, 1023]), 1023)
    with pytest.raises(ValueError, match=r"^its packed indices do not rise from 0 to at most 1,000$"):
        unpack(wrong, 3, 1000)
