"""The kernel of decoder_triton.py."""

import triton
import triton.language as tl


@triton.jit
def output_kernel(
    hidden, head, out, active, factor, count, width, C: tl.constexpr, POINTS: tl.constexpr, BLOCK: tl.constexpr
):  # fmt: skip
    """Sums over BLOCK hidden units of ReLU(hidden) · factor · head, out [blocks, C, count], and which units are active
    [N, 2, width], float16. hidden: [N, width]. head: [C, width]. N is a multiple of POINTS."""
    p = tl.program_id(0) * POINTS + tl.arange(0, POINTS)
    unit = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    used = unit < width
    row = p.to(tl.int64)[:, None] * width
    value = tl.load(hidden + row + unit[None, :], mask=used[None, :], other=0.0)
    mark = (value > 0).to(tl.float16)
    tl.store(active + 2 * row + unit[None, :], mark, mask=used[None, :])
    tl.store(active + 2 * row + width + unit[None, :], mark, mask=used[None, :])
    value = tl.maximum(value, 0.0) * tl.load(factor)
    for c in tl.static_range(C):
        weight = tl.load(head + c * width + unit, mask=used, other=0.0)
        to = out + (tl.program_id(1) * C + c).to(tl.int64) * count + p
        tl.store(to, tl.sum(value * weight[None, :], axis=1), mask=p < count)
