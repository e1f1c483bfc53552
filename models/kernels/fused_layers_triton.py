"""The kernels of models/kernels/fused_mlp_triton.py: a tile of points through all layers, there and back.

The rows of a tile are kept in a work area [layers, points, WIDTH] that is small enough to stay in the
cache. All widths are multiples of the blocks (padded with zeros by the caller), so columns need no masks.
A program writes rows that its own threads read next, hence the barriers. Loops over points are not
pipelined (`num_stages=1`): that would load rows before they are written.
"""

import triton
import triton.language as tl

SINE, GABOR, FILTER = tl.constexpr(0), tl.constexpr(1), tl.constexpr(2)


@triton.jit
def _product(
    rows_ptr, w_ptr, r, n, SN: tl.constexpr, SK: tl.constexpr, WIDTH: tl.constexpr, BLOCK: tl.constexpr,
    COLUMNS: tl.constexpr, DEPTH: tl.constexpr, STAGES: tl.constexpr, PRECISION: tl.constexpr,
):  # fmt: skip
    """Σₖ rows[r, k] w[n, k] → [BLOCK, COLUMNS]; SN and SK are the strides of w, so that it can be transposed."""
    total = tl.zeros((BLOCK, COLUMNS), tl.float32)
    for start in tl.range(0, WIDTH, DEPTH, num_stages=STAGES):
        k = start + tl.arange(0, DEPTH)
        rows = tl.load(rows_ptr + r[:, None] * WIDTH + k[None, :])
        w = tl.load(w_ptr + n[None, :] * SN + k[:, None] * SK)
        total = tl.dot(rows, w, total, input_precision=PRECISION)
    return total


@triton.jit
def _from_points(x_ptr, w_ptr, b_ptr, p, inside, n, D: tl.constexpr):
    """x Wᵀ + b in float32 → [BLOCK, COLUMNS]: phases are large, so there is no matrix product here."""
    total = tl.load(b_ptr + n)[None, :]
    for k in tl.static_range(D):
        x = tl.load(x_ptr + p * D + k, mask=inside, other=0.0)
        total += x[:, None] * tl.load(w_ptr + n * D + k)[None, :]
    return total


@triton.jit
def _gabor(a, b, omega, sigma):
    modulus = tl.exp(-omega * b - sigma * sigma * (a * a + b * b))
    return modulus * tl.cos(omega * a), modulus * tl.sin(omega * a)


@triton.jit
def _forward_tile(
    x_ptr, first_ptr, phase_ptr, w_ptr, b_ptr, outputs_ptr, out_bias_ptr, h_ptr, pre_ptr, out_ptr, p, r, count, stride,
    omega, sigma, READ, LAYERS: tl.constexpr, KIND: tl.constexpr, KEEP: tl.constexpr, D: tl.constexpr, C: tl.constexpr,
    WIDTH: tl.constexpr, BLOCK: tl.constexpr, COLUMNS: tl.constexpr, DEPTH: tl.constexpr, STAGES: tl.constexpr,
    PRECISION: tl.constexpr,
):  # fmt: skip
    """Points p into rows r of the work area, or into the outputs where there is nothing to KEEP.

    KEEP: rows of h and pre of all layers stay; else two layers of h alternate, and READ (bit l: layer l
    has an output) is followed.
    """
    inside = p < count
    HALF: tl.constexpr = WIDTH // 2 if KIND == GABOR else WIDTH  # columns of the real part
    head = 0
    for layer in tl.range(0, LAYERS + 1, num_stages=1):
        before = h_ptr + (layer - 1 if KEEP else (layer + 1) % 2) * stride
        after = h_ptr + (layer if KEEP else layer % 2) * stride
        w, b = w_ptr + (layer - 1) * WIDTH * WIDTH, b_ptr + (layer - 1) * WIDTH
        for start in tl.range(0, HALF, COLUMNS, num_stages=1):
            n = start + tl.arange(0, COLUMNS)
            at = r[:, None] * WIDTH + n[None, :]
            if layer == 0:
                if KIND == FILTER:
                    a = tl.full((BLOCK, COLUMNS), 1.0, tl.float32)
                else:
                    a = _from_points(x_ptr, first_ptr, phase_ptr, p, inside, n, D)
            else:
                a = _product(before, w, r, n, WIDTH, 1, WIDTH, BLOCK, COLUMNS, DEPTH, STAGES, PRECISION)
                a += tl.load(b + n)[None, :]
            if KIND == GABOR:
                i = n + HALF
                if layer == 0:
                    imaginary = tl.zeros((BLOCK, COLUMNS), tl.float32)
                else:
                    imaginary = _product(before, w, r, i, WIDTH, 1, WIDTH, BLOCK, COLUMNS, DEPTH, STAGES, PRECISION)
                    imaginary += tl.load(b + i)[None, :]
                value, other = _gabor(a, imaginary, omega, sigma)
                tl.store(after + at + HALF, other)
                if KEEP:
                    tl.store(pre_ptr + layer * stride + at + HALF, imaginary)
            elif KIND == FILTER:
                own = layer * WIDTH
                value = a * tl.sin(_from_points(x_ptr, first_ptr + own * D, phase_ptr + own, p, inside, n, D))
            else:
                value = tl.sin(omega * a)
            tl.store(after + at, value)
            if KEEP:
                tl.store(pre_ptr + layer * stride + at, a)
        tl.debug_barrier()
        if not KEEP:  # noqa: SIM102 (one is known when compiling, the other is not)
            if (READ >> layer) & 1:
                for c in tl.static_range(C):
                    answer = tl.zeros((BLOCK,), tl.float32)
                    for start in tl.range(0, WIDTH, COLUMNS, num_stages=1):
                        n = start + tl.arange(0, COLUMNS)
                        h = tl.load(after + r[:, None] * WIDTH + n[None, :])
                        answer += tl.sum(h * tl.load(outputs_ptr + (head * C + c) * WIDTH + n)[None, :], axis=1)
                    answer += tl.load(out_bias_ptr + head * C + c)
                    tl.store(out_ptr + (p.to(tl.int64) + head * count) * C + c, answer, mask=inside)
                head += 1


@triton.jit
def forward_kernel(
    x_ptr, first_ptr, phase_ptr, w_ptr, b_ptr, outputs_ptr, out_bias_ptr, h_ptr, out_ptr, count, stride, omega, sigma,
    READ, LAYERS: tl.constexpr, KIND: tl.constexpr, D: tl.constexpr, C: tl.constexpr, WIDTH: tl.constexpr,
    BLOCK: tl.constexpr, COLUMNS: tl.constexpr, DEPTH: tl.constexpr, STAGES: tl.constexpr, PRECISION: tl.constexpr,
):  # fmt: skip
    """Every program has BLOCK rows of the work area and walks over tiles of points."""
    r = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    for tile in tl.range(tl.program_id(0), tl.cdiv(count, BLOCK), tl.num_programs(0), num_stages=1):
        p = tile * BLOCK + tl.arange(0, BLOCK)
        _forward_tile(
            x_ptr, first_ptr, phase_ptr, w_ptr, b_ptr, outputs_ptr, out_bias_ptr, h_ptr, h_ptr, out_ptr, p, r, count,
            stride, omega, sigma, READ, LAYERS, KIND, False, D, C, WIDTH, BLOCK, COLUMNS, DEPTH, STAGES, PRECISION,
        )  # fmt: skip
        tl.debug_barrier()  # the next tile overwrites the rows


@triton.jit
def _add(sum_ptr, value):
    tl.store(sum_ptr, tl.load(sum_ptr) + value)


@triton.jit
def backward_kernel(
    x_ptr, first_ptr, phase_ptr, w_ptr, b_ptr, outputs_ptr, grad_ptr, h_ptr, pre_ptr, sums_ptr, start_point, end_point,
    count, stride, omega, sigma, READ, LAYERS: tl.constexpr, HEADS: tl.constexpr, KIND: tl.constexpr, D: tl.constexpr,
    C: tl.constexpr, WIDTH: tl.constexpr, BLOCK: tl.constexpr, COLUMNS: tl.constexpr, DEPTH: tl.constexpr,
    STAGES: tl.constexpr, PRECISION: tl.constexpr,
):  # fmt: skip
    """Points start to end, whose rows start at 0: h stays, and pre is replaced by its gradient.

    sums [programs, vectors, WIDTH]: what each program adds to the gradients of the vectors, which are the
    hidden biases, then those of the first layer (bias, columns of its weight; with filters: phases), then
    the outputs' weights.
    """
    HALF: tl.constexpr = WIDTH // 2 if KIND == GABOR else WIDTH
    OWN: tl.constexpr = LAYERS + 1 if KIND == FILTER else 1 + D
    sums_ptr += tl.program_id(0) * (LAYERS + OWN + HEADS * C) * WIDTH
    for tile in tl.range(tl.program_id(0), tl.cdiv(end_point - start_point, BLOCK), tl.num_programs(0), num_stages=1):
        r = tile * BLOCK + tl.arange(0, BLOCK)
        p = start_point + r
        inside = p < end_point
        _forward_tile(
            x_ptr, first_ptr, phase_ptr, w_ptr, b_ptr, outputs_ptr, b_ptr, h_ptr, pre_ptr, h_ptr, p, r, end_point,
            stride, omega, sigma, READ, LAYERS, KIND, True, D, C, WIDTH, BLOCK, COLUMNS, DEPTH, STAGES, PRECISION,
        )  # fmt: skip
        head = HEADS
        for back in tl.range(0, LAYERS + 1, num_stages=1):
            layer = LAYERS - back
            reads = (READ >> layer) & 1
            head -= reads
            w, above = w_ptr + layer * WIDTH * WIDTH, pre_ptr + (layer + 1) * stride
            for start in tl.range(0, HALF, COLUMNS, num_stages=1):
                n = start + tl.arange(0, COLUMNS)
                at = layer * stride + r[:, None] * WIDTH + n[None, :]
                bias = sums_ptr + tl.where(layer > 0, layer - 1, LAYERS) * WIDTH + n
                if back == 0:
                    grad = tl.zeros((BLOCK, COLUMNS), tl.float32)
                else:
                    grad = _product(above, w, r, n, 1, WIDTH, WIDTH, BLOCK, COLUMNS, DEPTH, STAGES, PRECISION)
                h = tl.load(h_ptr + at)
                if reads:
                    grad += _from_heads(
                        grad_ptr, outputs_ptr, sums_ptr + (LAYERS + OWN) * WIDTH, h, p, inside, n, head, count, C,
                        WIDTH, BLOCK, COLUMNS,
                    )  # fmt: skip
                if KIND == GABOR:
                    i = n + HALF
                    if back == 0:
                        turn = tl.zeros((BLOCK, COLUMNS), tl.float32)
                    else:
                        turn = _product(above, w, r, i, 1, WIDTH, WIDTH, BLOCK, COLUMNS, DEPTH, STAGES, PRECISION)
                    other = tl.load(h_ptr + at + HALF)
                    if reads:
                        turn += _from_heads(
                            grad_ptr, outputs_ptr, sums_ptr + (LAYERS + OWN) * WIDTH, other, p, inside, i, head, count,
                            C, WIDTH, BLOCK, COLUMNS,
                        )  # fmt: skip
                    a, b = tl.load(pre_ptr + at), tl.load(pre_ptr + at + HALF)
                    h = tl.load(h_ptr + at)  # again, rather than held during the second product
                    radial, angular = grad * h + turn * other, turn * h - grad * other
                    grad = omega * angular - 2 * sigma * sigma * a * radial
                    turn = -(omega + 2 * sigma * sigma * b) * radial
                    tl.store(pre_ptr + at + HALF, turn)
                    _add(bias + HALF, tl.sum(turn, axis=0))
                elif KIND == FILTER:
                    own = layer * WIDTH
                    phase = _from_points(x_ptr, first_ptr + own * D, phase_ptr + own, p, inside, n, D)
                    a = tl.load(pre_ptr + at)
                    _add(sums_ptr + LAYERS * WIDTH + own + n, tl.sum(grad * a * tl.cos(phase), axis=0))
                    grad *= tl.sin(phase)
                else:
                    grad *= omega * tl.cos(omega * tl.load(pre_ptr + at))
                tl.store(pre_ptr + at, grad)
                if layer > 0:
                    _add(bias, tl.sum(grad, axis=0))
                elif KIND != FILTER:
                    _add(bias, tl.sum(grad, axis=0))
                    for k in tl.static_range(D):
                        x = tl.load(x_ptr + p * D + k, mask=inside, other=0.0)
                        _add(bias + (1 + k) * WIDTH, tl.sum(grad * x[:, None], axis=0))
            tl.debug_barrier()


@triton.jit
def _from_heads(
    grad_ptr, outputs_ptr, sums_ptr, h, p, inside, n, head, count, C: tl.constexpr, WIDTH: tl.constexpr,
    BLOCK: tl.constexpr, COLUMNS: tl.constexpr,
):  # fmt: skip
    """What an output sends back to h [BLOCK, COLUMNS]; adds to the gradient of its weights."""
    total = tl.zeros((BLOCK, COLUMNS), tl.float32)
    for c in tl.static_range(C):
        grad = tl.load(grad_ptr + (p.to(tl.int64) + head * count) * C + c, mask=inside, other=0.0)
        at = (head * C + c) * WIDTH + n
        total += grad[:, None] * tl.load(outputs_ptr + at)[None, :]
        _add(sums_ptr + at, tl.sum(grad[:, None] * h, axis=0))
    return total


@triton.jit
def weights_kernel(
    h_ptr, grad_ptr, sums_ptr, count, stride, WIDTH: tl.constexpr, POINTS: tl.constexpr, SIDE: tl.constexpr,
    STAGES: tl.constexpr, PRECISION: tl.constexpr,
):  # fmt: skip
    """sums[split, l] += grad[l + 1]ᵀ h[l], one SIDE × SIDE block of one layer and a share of the points a program."""
    block, layer, split = tl.program_id(0), tl.program_id(1), tl.program_id(2)
    m = block // (WIDTH // SIDE) * SIDE + tl.arange(0, SIDE)
    n = block % (WIDTH // SIDE) * SIDE + tl.arange(0, SIDE)
    h_ptr += layer * stride
    grad_ptr += (layer + 1) * stride
    at = sums_ptr + (split * tl.num_programs(1) + layer) * WIDTH * WIDTH + m[:, None] * WIDTH + n[None, :]
    total = tl.load(at)
    for tile in tl.range(split, tl.cdiv(count, POINTS), tl.num_programs(2), num_stages=STAGES):
        r = tile * POINTS + tl.arange(0, POINTS)
        inside = r < count
        grad = tl.load(grad_ptr + r[None, :] * WIDTH + m[:, None], mask=inside[None, :], other=0.0)
        h = tl.load(h_ptr + r[:, None] * WIDTH + n[None, :], mask=inside[:, None], other=0.0)
        total = tl.dot(grad, h, total, input_precision=PRECISION)
    tl.store(at, total)
