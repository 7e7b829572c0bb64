"""Troubles that show at third order, in few equations, or as noise that follows a pattern."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from . import stationary
from .geometry import beside, drawn
from .instances import (
    NEARLY,
    NOISY,
    Case,
    Rng,
    coefficients,
    gradient_step,
    gram_count,
    log_uniform,
    observed,
    power_sum,
    told,
    unit,
)


def planar_cluster(rng: Rng, *, compact: bool = False) -> Case:
    """Three or four near samples, nearly in one plane: two others match them to third order."""
    x, b, activation = drawn(rng, least=5, compact=compact)
    size = int(rng.integers(3, 5))
    angle, height = log_uniform(rng, -6, -1), log_uniform(rng, -6, 0)
    along = beside(rng, x[0], np.pi / 2)
    for k in range(1, size):
        out = height * beside(rng, x[0], np.pi / 2)
        new = x[0] + angle * rng.choice([-1, 1]) * rng.uniform(0.3, 1) * (along + out)
        x[k] = np.linalg.norm(x[0]) * unit(new[None])[0]
    if rng.random() < 0.5:
        b[:size] = np.abs(b[:size])
    words = f"samples 0 to {size - 1} within {angle:.1e}, {height:.1e} of that from one plane"
    return told(rng, observed(rng, x, b, activation, NEARLY, words))


def along_a_ray(rng: Rng, *, compact: bool = False) -> Case:
    """Three samples of one direction, or nearly, and different norms."""
    x, b, activation = drawn(rng, least=4, compact=compact)
    if isinstance(activation, int):
        activation = ([0, 1, 0, 1], [0, 0.5, -0.2, 1], [0, 1, 0.5, 0, 1])[rng.integers(3)]
    angle = 0.0 if rng.random() < 0.3 else log_uniform(rng, -8, -1)
    spread = log_uniform(rng, -5, -0.2)
    for k in (1, 2):
        x[k] = (1 + spread * rng.uniform(-1, 1)) * (beside(rng, x[0], angle) if angle else x[0])
    words = f"samples 0 to 2 of one direction up to {angle:.1e}, norms {spread:.1e} apart"
    return told(rng, observed(rng, x, b, activation, NEARLY, words))


def unequal_pair(rng: Rng, *, compact: bool = False) -> Case:
    """Two near samples, one of them fainter by 1 to 1e-5."""
    x, b, activation = drawn(rng, compact=compact)
    angle, share = log_uniform(rng, -7, -1), log_uniform(rng, -5, 0)
    x[1] = beside(rng, x[0], angle)
    b[1] = share * b[0] * rng.choice([-1, 1])
    words = f"samples 0 and 1 are {angle:.1e} apart, 1 is fainter by {share:.1e}"
    return told(rng, observed(rng, x, b, activation, NEARLY, words))


def cancelling_pair(rng: Rng, *, compact: bool = False) -> Case:
    """Two near samples whose weights nearly cancel: what is left is close to a derivative."""
    x, b, activation = drawn(rng, compact=compact)
    angle, left = log_uniform(rng, -6, -1), log_uniform(rng, -6, 0)
    x[1] = beside(rng, x[0], angle)
    b[:2] *= min(1 / angle, 1 / left, 1e3)
    b[1] = -b[0] * (1 + left * rng.choice([-1, 1]))
    words = f"samples 0 and 1 are {angle:.1e} apart, their weights cancel up to {left:.1e}"
    return told(rng, observed(rng, x, b, activation, NEARLY, words))


def unequal_neurons(rng: Rng, *, compact: bool = False) -> Case:
    """Rows of W0 and entries of a0 that differ by up to five orders of magnitude."""
    x, b, activation = drawn(rng, compact=compact)
    if rng.random() < 0.4:
        x[1] = beside(rng, x[0], log_uniform(rng, -6, -1))
    c = coefficients(activation)
    m = 3 * gram_count(len(x), c) + 12
    W0 = rng.standard_normal((m, x.shape[1])) * 10 ** rng.uniform(-1.5, 1, (m, 1))
    a0 = rng.standard_normal(m) * 10 ** rng.uniform(-3, 2, m)
    value, gradient = power_sum(c, W0, x, b)
    a = a0 if rng.random() < 0.4 else a0 + value
    options = {"activation": activation, "init": (a0, W0)}
    words = "neurons of very different sizes"
    return told(rng, Case(a, W0 + a0[:, None] * gradient, options, x, b, NEARLY, words=words))


def uneven_rates(rng: Rng) -> Case:
    """A learning rate per neuron or per input, 1 up to 1e-8 to 0.3."""
    x, b, activation = drawn(rng, compact=True)
    m = 3 * gram_count(len(x), coefficients(activation)) + 8
    case = gradient_step(rng, x, b, activation, m, NOISY)
    a0, W0 = case.options["init"]
    size, by_row = log_uniform(rng, -8, -0.5), bool(rng.random() < 0.5)
    shape = (m, 1) if by_row else (1, x.shape[1])
    W = W0 + (case.W - W0) * (1 + size * rng.uniform(-1, 1, shape))
    words = f"rates per {'neuron' if by_row else 'input'} differ by {size:.1e}"
    a = case.a if rng.random() < 0.5 else a0
    return told(rng, replace(case, a=a, W=W, noise=size, words=words))


def midpoint_step(rng: Rng) -> Case:
    """One implicit step, whose gradients are those at the midpoint, exactly."""
    x, b, activation = drawn(rng, compact=True)
    c = coefficients(activation)
    b = b * log_uniform(rng, -6, -2)
    m = 3 * gram_count(len(x), c) + 8
    W0, a0 = rng.standard_normal((m, x.shape[1])), rng.standard_normal(m)
    W, a = W0, a0
    for _ in range(100):
        value, gradient = power_sum(c, (W0 + W) / 2, x, b)
        W, a = W0 + (a0 + a)[:, None] / 2 * gradient, a0 + value
        if np.abs(W - W0).max() > 1:
            return midpoint_step(rng)
    # the iteration may not have ended; a small step ends it to rounding
    moved = float(np.linalg.norm(W - W0) / np.linalg.norm(W0))
    options = {"activation": activation, "init": (a0, W0)}
    noise = 0.0 if moved < 1e-3 else moved
    words = f"an implicit midpoint step of {moved:.1e}"
    return told(rng, Case(a, W, options, x, b, NOISY, noise, words))


def nearly_a_power(rng: Rng) -> Case:
    """Stationary points of t^3 + s t^2 or t^3 + s t, told to be a cube; s is 1e-8 to 0.1."""
    case = stationary.stationary_point(rng, 3, coherent=False)
    size, degree = log_uniform(rng, -8, -1), int(rng.integers(1, 3))
    c = np.array([0.0, 0.0, 0.0, 1.0])
    c[degree] = size
    a, W = case.a, case.W
    sigma = np.polynomial.Polynomial(c)
    first, second = sigma.deriv(), sigma.deriv(2)
    eye = np.eye(W.shape[1])
    for _ in range(30):  # W = P(W) grad P(W), Newton's method for every neuron
        t = W @ case.x.T
        P, g = sigma(t) @ case.b, (first(t) * case.b) @ case.x
        H = np.einsum("ki,id,ie->kde", second(t) * case.b, case.x, case.x)
        J = eye - g[:, :, None] * g[:, None, :] - P[:, None, None] * H
        W = W - np.linalg.solve(J, (W - P[:, None] * g)[..., None])[..., 0]
    t = W @ case.x.T
    a, g = sigma(t) @ case.b, (first(t) * case.b) @ case.x
    miss = np.linalg.norm(W - a[:, None] * g, axis=1)
    kept = (miss < 1e-12 * np.linalg.norm(W, axis=1)) & (np.linalg.norm(W - case.W, axis=1) < 1)
    if kept.sum() < len(case.x):
        return nearly_a_power(rng)
    words = f"{kept.sum()} neurons, stationary for t^3 + {size:.1e} t^{degree}"
    moved = replace(case, a=a[kept], W=W[kept], kind=NOISY, noise=size, words=words)
    return told(rng, moved)
