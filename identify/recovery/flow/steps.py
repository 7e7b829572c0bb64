"""Classical Runge-Kutta steps from time 0 to 1, and the derivative of their end along the way.

S steps have 2 S + 1 times, their ends and middles; the path at a middle is Hermite's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache

import numpy as np

from identify.arrays import Float64, FloatArray


def times_of(steps: int) -> Float64[FloatArray, " t"]:
    """Return the ends and middles of all steps."""
    return np.arange(2 * steps + 1) / (2 * steps)


def simpson(steps: int) -> Float64[FloatArray, " t"]:
    """Return the weights of the times in an integral from 0 to 1."""
    weights = np.full(2 * steps + 1, 2.0)
    weights[1::2], weights[[0, -1]] = 4.0, 1.0
    return weights / (6 * steps)


def integrated(
    velocity: Callable[[FloatArray, float], FloatArray],
    theta: Float64[FloatArray, "m q"],
    steps: int,
) -> Float64[FloatArray, "t m q"]:
    """Return the path from theta at all times."""
    h = 1 / steps
    path = np.empty((2 * steps + 1, *theta.shape))
    path[0], before = theta, velocity(theta, 0.0)
    for k in range(steps):
        s = k * h
        k2 = velocity(theta + h / 2 * before, s + h / 2)
        k3 = velocity(theta + h / 2 * k2, s + h / 2)
        k4 = velocity(theta + h * k3, s + h)
        new = theta + h / 6 * (before + 2 * k2 + 2 * k3 + k4)
        after = velocity(new, s + h)
        path[2 * k + 1] = (theta + new) / 2 + h / 8 * (before - after)
        path[2 * k + 2], theta, before = new, new, after
    return path


def backwards(
    B: FloatArray, right: Callable[[FloatArray, int], FloatArray], steps: int
) -> Iterator[tuple[int, FloatArray]]:
    """Yield the number of a time and B there, from the last to the first.

    B at the last time is given, dB/ds = -B A: the derivative of the end by the position where it is
    the identity, that of a function of the end where it is its gradient. ``right(B, k)`` returns
    B A at a time of that number, A the derivative of the velocity by the position.
    """
    h, last = 1 / steps, 2 * steps
    yield last, B
    k1 = right(B, last)
    for k in range(last - 2, -1, -2):
        k2 = right(B + h / 2 * k1, k + 1)
        k3 = right(B + h / 2 * k2, k + 1)
        k4 = right(B + h * k3, k)
        new = B + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
        after = right(new, k)
        yield k + 1, (B + new) / 2 + h / 8 * (k1 - after)
        yield k, new
        B, k1 = new, after


def accumulated(
    given: Callable[[int], FloatArray], left: Callable[[FloatArray, int], FloatArray], steps: int
) -> FloatArray:
    """Return the sum of B times ``given`` over all times, B as in ``backwards`` from the identity.

    It is the exact transpose, step by step; ``left(y, k)`` returns A y at a time of that number.
    """
    h, y = 1 / steps, given(0)
    for k in range(0, 2 * steps, 2):
        middle = given(k + 1)
        y = y + middle / 2 - h / 8 * left(middle, k)
        s4 = left(h / 6 * y, k)
        s3 = left(h / 3 * y + h * s4, k + 1)
        s2 = left(h / 3 * y + h / 2 * s3, k + 1)
        s1 = left(h / 6 * y + h / 2 * s2 + h / 8 * middle, k + 2)
        y = y + s1 + s2 + s3 + s4 + middle / 2 + given(k + 2)
    return y


def propagators(
    by_position: Callable[[int], Float64[FloatArray, "m q q"]], steps: int
) -> Iterator[tuple[int, Float64[FloatArray, "m q q"]]]:
    """Yield the derivative of the end by the position at all times, from the last to the first."""
    kept = lru_cache(maxsize=2)(by_position)
    A = kept(2 * steps)
    start = np.tile(np.eye(A.shape[1]), (len(A), 1, 1))
    return backwards(start, lambda B, k: B @ kept(k), steps)
