"""Networks with biases trained by gradient descent written out, each part at its own rate."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Biased:
    """Weights before and after, the bias as last column, and the samples."""

    a: np.ndarray
    W: np.ndarray
    init: tuple[np.ndarray, np.ndarray]
    x: np.ndarray


def descended(
    *, n=5, d=20, m=120, seed=0, steps=300, rate=5e-3, bias=1.0, decay=0.0, bias_decay=None,
    sigma=(0.0, 0.0, 0.0, 1.0), x=None, batch=None, output=1.0, output_decay=None,
) -> Biased:  # fmt: skip
    """Train on labels of either sign.

    ``bias`` and ``output`` are rates of the bias and of the output layer over that of the weights.
    """
    rng = np.random.default_rng(seed)
    if x is None:
        x = rng.standard_normal((n, d))
        x *= rng.uniform(0.8, 2.0, (n, 1)) / np.linalg.norm(x, axis=1, keepdims=True)
    n, d = x.shape
    p = np.polynomial.Polynomial(sigma)
    X, y = np.hstack([x, np.ones((n, 1))]), np.where(np.arange(n) % 2, 1.0, -1.0)
    W = rng.uniform(-1, 1, (m, d + 1)) / np.sqrt(d)
    a, e = rng.uniform(-1, 1, m) / np.sqrt(m), 0.0
    init = a.copy(), W.copy()
    rates = np.append(np.full(d, rate), rate * bias)
    shrink = np.append(np.full(d, decay), decay if bias_decay is None else bias_decay)
    for _ in range(steps):
        rows = rng.permutation(n)[:batch] if batch else np.arange(n)
        t = W @ X[rows].T
        rho = 2 * (y[rows] - a @ p(t) - e) / len(rows)
        by_a, by_W = p(t) @ rho, (a[:, None] * p.deriv()(t) * rho) @ X[rows]
        W = W * (1 - rate * shrink) + rates * by_W
        kept = 1 - rate * (decay if output_decay is None else output_decay)
        a, e = a * kept + rate * output * by_a, e + rate * float(rho.sum())
    return Biased(a, W, init, x)
