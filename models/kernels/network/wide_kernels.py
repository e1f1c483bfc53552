"""Kernels of one layer whose tiles hold all units of some points."""

import triton
import triton.language as tl

from models.kernels.network.activation_kernels import gabor, gabor_gradient, pairs, sine_and_cosine, value_and_slope
from models.kernels.network.layers_kernels import LARGEST, STRIP, _affine, dot, rounded_to_bf16


@triton.jit
def wide_forward_kernel(
    x, w, bias, y, saved, head, out, depth, points, omega, phase, constant, second, n, width,
    D: tl.constexpr, FIRST: tl.constexpr, PARTS: tl.constexpr, SAVES: tl.constexpr, C: tl.constexpr,
    ACTIVATION: tl.constexpr, ROWS: tl.constexpr, COLUMNS: tl.constexpr, DEPTH: tl.constexpr,
):  # fmt: skip
    row = tl.program_id(0) * ROWS
    rows = row + tl.arange(0, ROWS)
    totals = ()
    for strip in tl.static_range(COLUMNS // STRIP):
        totals = totals + (tl.zeros((ROWS, STRIP), tl.float32),)
    if not FIRST:
        for k in range(0, depth, DEPTH):
            a = tl.reshape(x.load([0, row, k]), (ROWS, DEPTH))
            if PARTS == 2:
                rest = tl.reshape(x.load([1, row, k]), (ROWS, DEPTH))
            found = ()
            for strip in tl.static_range(COLUMNS // STRIP):
                b = tl.reshape(w.load([0, strip * STRIP, k]), (STRIP, DEPTH))
                total = dot(a, b.T, totals[strip])
                if PARTS == 2:
                    total = dot(rest, b.T, total)
                    low = tl.reshape(w.load([1, strip * STRIP, k]), (STRIP, DEPTH))
                    total = dot(a, low.T, total)
                found = found + (total,)
            totals = found
    for strip in tl.static_range(COLUMNS // STRIP):
        first = strip * STRIP
        units = first + tl.arange(0, STRIP)
        used = units < width
        if FIRST:  # w is W itself
            argument = _affine(points, w, bias, rows, units, n, width, D)
        else:
            argument = totals[strip] + tl.load(bias + units, mask=used, other=0.0)[None, :]
        value, kept = argument, argument
        if ACTIVATION == "filter":
            factor, _ = sine_and_cosine(_affine(points, omega, phase, rows, units, n, width, D))
            value = factor * argument
        elif ACTIVATION == "gabor":
            a, b = pairs(argument, ROWS, STRIP)
            real, imaginary = gabor(a, b, constant, second)
            value = tl.reshape(tl.join(real, imaginary), (ROWS, STRIP))
        else:
            value, kept = value_and_slope(argument, constant, ACTIVATION)
        high = rounded_to_bf16(value)
        y.store([0, row, first], tl.reshape(high.to(tl.bfloat16), (1, ROWS, STRIP)))
        if PARTS == 2:
            y.store([1, row, first], tl.reshape((value - high).to(tl.bfloat16), (1, ROWS, STRIP)))
        if SAVES:
            if ACTIVATION != "sine":
                kept = tl.minimum(tl.maximum(kept, -LARGEST), LARGEST)
            saved.store([row, first], kept.to(tl.float16))
        for c in tl.static_range(C):
            weights = tl.load(head + c * width + units, mask=used, other=0.0)
            read = tl.sum(value * weights[None, :], axis=1)
            tl.store(out + (first // STRIP * C + c) * n + rows, read, mask=rows < n)


@triton.jit
def wide_backward_kernel(
    next_gradient, next_weight, y, saved, to_argument, head, to_head, sums, depth, points, omega, phase, constant,
    second, n, width, D: tl.constexpr, FIRST: tl.constexpr, LAST: tl.constexpr, C: tl.constexpr,
    SUMS: tl.constexpr, ACTIVATION: tl.constexpr, ROWS: tl.constexpr, COLUMNS: tl.constexpr, DEPTH: tl.constexpr,
):  # fmt: skip
    row_tile = tl.program_id(0)
    row = row_tile * ROWS
    rows = row + tl.arange(0, ROWS)
    totals = ()
    for strip in tl.static_range(COLUMNS // STRIP):
        totals = totals + (tl.zeros((ROWS, STRIP), tl.float32),)
    if not LAST:
        for k in range(0, depth, DEPTH):
            a = next_gradient.load([row, k])
            found = ()
            for strip in tl.static_range(COLUMNS // STRIP):
                found = found + (dot(a, next_weight.load([k, strip * STRIP]), totals[strip]),)
            totals = found
    HEAD: tl.constexpr = 1 + D if FIRST else 1  # of the sums, where the head's begin
    for strip in tl.static_range(COLUMNS // STRIP):
        first = strip * STRIP
        units = first + tl.arange(0, STRIP)
        used = units < width
        gradient = totals[strip]
        to_sums = sums + row_tile * SUMS * width + units
        if (C > 0) or (ACTIVATION == "relu") or (ACTIVATION == "gabor"):
            value = y.load([row, first]).to(tl.float32)
        for c in tl.static_range(C):
            given = tl.load(to_head + c * n + rows, mask=rows < n, other=0.0)[:, None]
            gradient += given * tl.load(head + c * width + units, mask=used, other=0.0)[None, :]
            tl.store(to_sums + (HEAD + c) * width, tl.sum(given * value, axis=0), mask=used)
        if ACTIVATION == "relu":
            gradient = tl.where(value > 0, gradient, 0.0)
        elif ACTIVATION == "filter":
            factor, slope = sine_and_cosine(_affine(points, omega, phase, rows, units, n, width, D))
            to_phase = gradient * saved.load([row, first]).to(tl.float32) * slope
            tl.store(to_sums + (HEAD + C) * width, tl.sum(to_phase, axis=0), mask=used)
            gradient *= factor
        elif ACTIVATION == "gabor":
            a, b = pairs(saved.load([row, first]).to(tl.float32), ROWS, STRIP)
            real, imaginary = pairs(value, ROWS, STRIP)
            to_real, to_imaginary = pairs(gradient, ROWS, STRIP)
            to_a, to_b = gabor_gradient(a, b, real, imaginary, to_real, to_imaginary, constant, second)
            gradient = tl.reshape(tl.join(to_a, to_b), (ROWS, STRIP))
        elif ACTIVATION != "none":
            gradient *= saved.load([row, first]).to(tl.float32)
        tl.store(to_sums, tl.sum(gradient, axis=0), mask=used)
        if FIRST:
            for k in tl.static_range(D):
                coordinate = tl.load(points + rows * D + k, mask=rows < n, other=0.0)[:, None]
                tl.store(to_sums + (1 + k) * width, tl.sum(gradient * coordinate, axis=0), mask=used)
        else:
            to_argument.store([row, first], gradient.to(tl.bfloat16))
