"""A sorted list of whole numbers in few bits: Elias–Fano coding (Elias 1974, "Efficient storage and retrieval by
content and address of static files"; Fano 1971).

Each number in [0, total] is cut in two. Its lowest ⌊log₂(total/count)⌋ bits stand as they are; what is left rises along
the list, and the gaps between neighbours stand in unary. So `count` numbers take about count · (2 + log₂(total/count))
bits, whichever they are. Telling all sets of them apart takes about half a bit less a number where they are sparse.
"""

import torch
from torch import Tensor

WORD = 32  # bits


def low_bits(count: int, total: int) -> int:
    """How many bits of each number stand as they are."""
    return max(total // count, 1).bit_length() - 1


def words(count: int, total: int) -> int:
    """How many words of 32 bits hold `count` numbers in [0, total]."""
    low = low_bits(count, total)
    return -(-(count * (low + 1) + (total >> low)) // WORD)


def pack(numbers: Tensor, total: int) -> Tensor:
    """Numbers [count] in [0, total], none below the one before, int64 → int32 [words]."""
    count, device = len(numbers), numbers.device
    low = low_bits(count, total)
    unary = count + (total >> low)
    bits = torch.zeros(WORD * words(count, total), dtype=torch.int64, device=device)
    bits[(numbers >> low) + torch.arange(count, device=device)] = 1
    bits[unary : unary + count * low] = (numbers[:, None] >> torch.arange(low, device=device) & 1).flatten()
    packed = (bits.view(-1, WORD) << torch.arange(WORD, device=device)).sum(1)
    return torch.where(packed < 1 << WORD - 1, packed, packed - (1 << WORD)).int()


def unpack(packed: Tensor, count: int, total: int) -> Tensor:
    """What `pack` made: int32 [words] → int64 [count]. Raises ValueError where the words are no such list."""
    device, low = packed.device, low_bits(count, total)
    unary = count + (total >> low)
    bits = (packed.long()[:, None] >> torch.arange(WORD, device=device) & 1).flatten()
    marks = bits[:unary].nonzero().flatten()
    if len(marks) != count:
        raise ValueError(f"its packed indices are {len(marks):,}, and {count:,} are expected")
    lowest = bits[unary : unary + count * low].view(count, low) << torch.arange(low, device=device)
    numbers: Tensor = (marks - torch.arange(count, device=device) << low) + lowest.sum(1)
    if int(numbers.max()) > total or bool((numbers.diff() < 0).any()):
        raise ValueError(f"its packed indices do not rise from 0 to at most {total:,}")
    return numbers
