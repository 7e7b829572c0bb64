"""Networks with known samples, and sets of samples that miss their equations by a given amount."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from identify.arrays import FloatArray


@dataclass(frozen=True)
class Step:
    """A network after one gradient step; b as the equations see it."""

    weights: dict[str, FloatArray]
    x: FloatArray
    b: FloatArray
    sigma: np.polynomial.Polynomial

    @property
    def init(self):
        """The argument of verify_identifiability."""
        return self.weights["a0"], self.weights.get("W0")


def one_step(n=3, d=6, m=60, activation=3, frozen=False, seed=0, x=None, size=1e-3) -> Step:
    """Draw a network and take a step."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((n, d)) if x is None else x
    n, d = x.shape
    x = x / np.linalg.norm(x, axis=1, keepdims=True)
    b = size * rng.choice([-1, 1], n) * rng.uniform(0.5, 2, n)
    W0, a0 = rng.standard_normal((m, d)), rng.standard_normal(m)
    coefficients = np.eye(activation + 1)[-1] if isinstance(activation, int) else activation
    sigma = np.polynomial.Polynomial(coefficients)
    t = W0 @ x.T
    W, a = W0 + a0[:, None] * (sigma.deriv()(t) * b) @ x, a0 + sigma(t) @ b
    weights = {"a": a, "W": W0 if frozen else W, "a0": a0} | ({} if frozen else {"W0": W0})
    return Step(weights, x, b, sigma)


def worst_neighbour(step: Step, x, b, error, i) -> FloatArray:
    """Move the samples where the equations feel it least and sample i moves most, missing by error.

    For a power activation, b is fixed and x is what moves.
    """
    n, d = x.shape

    def F(v):
        return equations(step, v.reshape(n, d), b)

    h, v0 = 1e-6, x.ravel()
    J = np.array([(F(v0 + h * e) - F(v0 - h * e)) / (2 * h) for e in np.eye(n * d)]).T
    rows = np.linalg.pinv(J)[i * d : (i + 1) * d]
    direction = rows.T @ np.linalg.svd(rows)[0][:, 0]  # what moves sample i most
    move = np.linalg.lstsq(J, direction, rcond=None)[0]
    low, high = 0.0, 10 * error / np.linalg.norm(direction)
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (
            (middle, high) if np.linalg.norm(F(v0 + middle * move)) < error else (low, middle)
        )
    return (v0 + low * move).reshape(n, d)


def equations(step: Step, x, b) -> FloatArray:
    """The equations at some samples."""
    w = step.weights
    if "W0" not in w:
        return step.sigma(w["W"] @ x.T) @ b - (w["a"] - w["a0"])
    left = w["a0"][:, None] * (step.sigma.deriv()(w["W0"] @ x.T) * b) @ x
    return (left - (w["W"] - w["W0"])).ravel()
