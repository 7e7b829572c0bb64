"""Trainings whose samples are known: planted flows, and descent taken literally."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.polynomial import legendre

from identify.equations.activation import Polynomial, parse_activation
from identify.recovery.flow.ends import Ends
from identify.recovery.flow.flow import Drive, Flow

CUBIC = parse_activation(3)
QUARTIC = parse_activation(4)
MIXED = Polynomial((0.1, 0.5, 0.7, 1.0))


@dataclass(frozen=True)
class Planted:
    """A flow from known samples and residual functions to where its neurons ended."""

    ends: Ends
    drive: Drive


def neurons(rng, m, r, activation=CUBIC, decay=1.0) -> Ends:
    """Neurons of a common size, not trained yet; the output layer counts as trained."""
    a0, U0 = rng.standard_normal(m), rng.standard_normal((m, r))
    return Ends(a0, U0, a0 + 1, U0, activation, decay)


def unit_samples(rng, n, r):
    z = rng.standard_normal((n, r))
    return z / np.linalg.norm(z, axis=1, keepdims=True)


def planted(
    seed, n=5, m=100, *, activation=CUBIC, functions=3, movement=0.3, lag=0.0, steps=16
) -> Planted:
    """Residuals that change over time; the fastest neuron moves by about that share of its size."""
    rng = np.random.default_rng(seed)
    ends, z = neurons(rng, m, n, activation), unit_samples(rng, n, n)
    c = rng.choice([-1.0, 1.0], (n, 1)) * rng.uniform(0.6, 1.4, (n, 1))
    c = np.hstack([c] + [c * rng.uniform(-0.4, 0.4, (n, 1)) / k**2 for k in range(1, functions)])
    start, flow = np.column_stack([ends.a0, ends.U0]), Flow(ends, functions, steps)
    size = np.linalg.norm(start, axis=1)
    speed = np.linalg.norm(flow.velocity(start, Drive(z, c), 0.5), axis=1)
    c *= movement / float(np.max(speed / size))
    drive = Drive(z, c, lag)
    return Planted(ended(flow, drive), drive)


def ended(flow: Flow, drive: Drive) -> Ends:
    """The neurons with the end of the flow for their final weights."""
    theta = flow.path(drive)[-1]
    return replace(flow.ends, a=theta[:, 0], U=theta[:, 1:])


def field(theta, z, rho, sigma: Polynomial):
    """(da/ds, du/ds) neuron by neuron and sample by sample, from the definition."""
    v = np.zeros_like(theta)
    for j, (a, *u) in enumerate(theta):
        for i, x in enumerate(z):
            t = float(np.dot(u, x))
            v[j, 0] += rho[i] * float(sigma(np.array(t)))
            v[j, 1:] += a * rho[i] * float(sigma(np.array(t), 1)) * x
    return v


def residual(c, s):
    """rho(s) from Legendre coefficients, one sample at a time."""
    return np.array([legendre.legval(2 * s - 1, row) for row in c])


def descended(ends: Ends, z, rho, steps, *, beta=0.0, shrink=1.0):
    """Gradient descent with these residuals, ``torch.optim.SGD`` written out: theta at its end."""
    theta = np.column_stack([ends.a0, ends.U0])
    momentum, rate = np.zeros_like(theta), (1 - beta) / steps
    sigma = ends.activation
    for _ in range(steps):
        a, t = theta[:, :1], theta[:, 1:] @ z.T
        gradient = np.column_stack([sigma(t) @ rho, (a * sigma(t, 1) * rho) @ z])
        momentum = beta * momentum + rate * gradient - (1 - shrink) * theta
        theta = theta + momentum
    return theta


def cosines(x, truth):
    """Of every true sample to the nearest one found, modulo sign."""
    x, truth = (y / np.linalg.norm(y, axis=1, keepdims=True) for y in (x, truth))
    return np.abs(truth @ x.T).max(axis=1)
