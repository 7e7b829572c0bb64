"""Classical Runge-Kutta steps from time 0 to 1, and the derivative of their end along the way.

S steps have 2 S + 1 times, their ends and middles; the path at a middle is Hermite's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

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
    by_position: Callable[[int], Float64[FloatArray, "m q q"]], steps: int
) -> Iterator[tuple[int, Float64[FloatArray, "m q q"]]]:
    """Yield the number of a time and B there, from the last to the first.

    B is the derivative of the end by the position: B(1) = I, dB/ds = -B A, with A the derivative of
    the velocity by the position at a time of that number.
    """
    h, last = 1 / steps, 2 * steps
    A = by_position(last)
    B = np.tile(np.eye(A.shape[1]), (len(A), 1, 1))
    yield last, B
    for k in range(last - 2, -1, -2):
        middle, before = by_position(k + 1), by_position(k)
        k1 = B @ A
        k2 = (B + h / 2 * k1) @ middle
        k3 = (B + h / 2 * k2) @ middle
        k4 = (B + h * k3) @ before
        new = B + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
        yield k + 1, (B + new) / 2 + h / 8 * (k1 - new @ before)
        yield k, new
        B, A = new, before
