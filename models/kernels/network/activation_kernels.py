"""The entries of activations.py in Triton: an activation and its slope, made together."""

import math
import os

import triton
import triton.language as tl
from triton.language.extra import libdevice

INTERPRETED = tl.constexpr(os.environ.get("TRITON_INTERPRET") == "1")
TURN, PER_TURN = tl.constexpr(2 * math.pi), tl.constexpr(1 / (2 * math.pi))
TURN_1, TURN_2 = tl.constexpr(6.28125), tl.constexpr(2 * math.pi - 6.28125)
ROUNDING = tl.constexpr(1.5 * 2**23)  # added and taken off again, it leaves the nearest whole number
NEAR_ZERO = tl.constexpr(0.05)  # where a quotient by x is a series instead, to 1e-9


@triton.jit
def sine_and_cosine(x):
    """To 1e-6, and what one rounding of x makes: whole turns are taken off in two parts, the first of so few bits that
    its multiples are exact; the hardware does the rest."""
    turns = x * PER_TURN + ROUNDING - ROUNDING
    r = x - turns * TURN_1
    return _within_a_turn(r - turns * TURN_2)


@triton.jit
def sine_and_cosine_of_turns(x):
    """Both of 2π x, of which whole turns are taken off without error."""
    return _within_a_turn((x - (x + ROUNDING - ROUNDING)) * TURN)


@triton.jit
def _within_a_turn(x):
    if INTERPRETED:
        sine, cosine = tl.sin(x), tl.cos(x)
    else:
        sine, cosine = libdevice.fast_sinf(x), libdevice.fast_cosf(x)
    return sine, cosine


@triton.jit
def value_and_slope(x, constant, ACTIVATION: tl.constexpr):
    """An elementwise activation and its derivative by x; `relu` and `none` have no slope that need be kept."""
    value, slope = x, x
    if ACTIVATION == "relu":
        value = tl.maximum(x, 0.0)
    elif ACTIVATION == "sine":
        value, slope = sine_and_cosine(x)
    elif ACTIVATION == "finer":
        stretch = constant * tl.abs(x) + 1
        value, slope = sine_and_cosine(x * stretch)
        slope *= stretch
    elif ACTIVATION == "gauss":
        value = tl.exp(-x * x)
        slope = -2 * x * value
    elif ACTIVATION == "sinc":
        sine, cosine = sine_and_cosine(x)
        near, square = tl.abs(x) < NEAR_ZERO, x * x
        divisor = tl.where(near, 1.0, x)
        value = tl.where(near, 1 - square / 6 * (1 - square / 20), sine / divisor)
        slope = tl.where(near, -x / 3 * (1 - square / 10), (cosine - value) / divisor)
    elif ACTIVATION == "hosc":
        sine, cosine = sine_and_cosine(x)
        value = 2 * tl.sigmoid(2 * constant * sine) - 1
        slope = constant * cosine * (1 - value * value)
    else:
        tl.static_assert(ACTIVATION == "none", "an activation without an entry in activation_kernels.py")
    return value, slope


@triton.jit
def gabor_gradient(a, b, real, imaginary, to_real, to_imaginary, omega, sigma):
    """The gradient of a and b from that of the parts of exp(iωz - |σz|²), z = a + ib, which are given."""
    radial = to_real * real + to_imaginary * imaginary  # towards a larger modulus
    angular = to_imaginary * real - to_real * imaginary  # towards a larger phase
    twice = 2 * sigma * sigma
    return omega * angular - twice * a * radial, -(omega + twice * b) * radial
