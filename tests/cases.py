"""Instances of verify_identifiability whose truth is known by construction."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import ceil, comb
from typing import Any

import numpy as np

from identify.activation import Polynomial
from identify.demo.training import train
from identify.eigenvectors import enumerate_patterns
from identify.synthesis import synthesize_kkt

IDENTIFIABLE, AMBIGUOUS, NEARLY, NOISY = "identifiable", "ambiguous", "nearly ambiguous", "noisy"
NO_KKT, CLOSE = "no KKT point", "one neuron off"
POLYNOMIALS = ([0, 1, 0, 1], [0.3, 0.5, -0.2, 1], [0, 1, 0.5, 0, 1], [0, 0, 1, 1], [0.1, 1, 1, 0.5])


@dataclass(frozen=True)
class Case:
    """Arguments, the samples they come from, and what may be said of them."""

    a: Any
    W: Any
    options: dict[str, Any]
    x: np.ndarray | None
    b: np.ndarray | None
    kind: str
    noise: float = 0.0

    @property
    def coefficients(self) -> np.ndarray:
        """c_0, ..., c_alpha."""
        return coefficients(self.options.get("activation", 3))


def coefficients(activation) -> np.ndarray:
    if isinstance(activation, int):
        return np.eye(activation + 1)[-1]
    return np.asarray(activation, dtype=float)


def power_sum(c, w, x, b) -> tuple[np.ndarray, np.ndarray]:
    """P(w) = sum_i b_i sigma(x_i.w) and its gradient, written out by numpy's own polynomials."""
    sigma = np.polynomial.Polynomial(c)
    t = w @ x.T
    return sigma(t) @ b, (sigma.deriv()(t) * b) @ x


def orthonormal(rng, n, d, coherence=0.0) -> np.ndarray:
    basis = np.linalg.qr(rng.standard_normal((d, n)))[0].T
    gram = np.eye(n) + coherence * (np.ones((n, n)) - np.eye(n))
    return np.linalg.cholesky(gram) @ basis


def samples(rng, n, d, norms=False) -> np.ndarray:
    x = rng.standard_normal((n, d))
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    return x * rng.uniform(0.7, 1.4, (n, 1)) if norms else x


def signed(rng, n) -> np.ndarray:
    return rng.uniform(0.5, 2, n) * rng.choice([-1, 1], n)


def kkt(rng, alpha=None, norms=True) -> Case:
    """An exact KKT point on all directions, some neurons doubled, sometimes with what is known."""
    alpha = alpha or int(rng.choice([3, 3, 4]))
    n = int(rng.integers(3, 5 if alpha == 4 else 6))
    d = int(rng.integers(n, 11))
    x = orthonormal(rng, n, d, rng.choice([0.0, 0.05]))
    if norms and rng.random() < 0.5:
        x *= rng.uniform(0.7, 1.4, (n, 1))
    labels = np.ones(n, int) if alpha == 4 else rng.choice([-1, 1], n)
    count = len(enumerate_patterns(labels, alpha))
    q = rng.choice([1, 1, 1, 2], count)
    point = synthesize_kkt(x, labels, alpha, multiplicities=q, seed=int(rng.integers(99)))
    options = {"activation": alpha}
    options |= [{}, {"margin": 1.0}, {"n_samples": n}, {}][rng.integers(4)]
    return Case(point.a, point.W, options, point.x, point.b, IDENTIFIABLE)


def kkt_few_neurons(rng) -> Case:
    n = int(rng.integers(4, 6))
    labels = rng.choice([-1, 1], n)
    patterns = enumerate_patterns(labels, 3)
    few = patterns[np.abs(patterns).sum(axis=1) == 1]  # m r = n^2 < C(n+2, 3)
    point = synthesize_kkt(orthonormal(rng, n, 8), labels, 3, directions=few)
    return Case(point.a, point.W, {"activation": 3}, point.x, point.b, AMBIGUOUS)


def kkt_split(rng) -> Case:
    """x_1 -> x_1 +- z with z orthogonal to every neuron: the same weights, one sample more."""
    case = kkt(rng)
    while case.x.shape[0] == case.x.shape[1]:
        case = kkt(rng)
    z = rng.standard_normal(case.x.shape[1])
    z -= np.linalg.pinv(case.W) @ (case.W @ z)
    z *= rng.choice([1e-3, 0.1, 1.0]) / np.linalg.norm(z)
    x = np.concatenate([[case.x[0] + z, case.x[0] - z], case.x[1:]])
    b = np.concatenate([[case.b[0] / 2] * 2, case.b[1:]])
    options = case.options | {"n_samples": len(x)}
    return replace(case, options=options, x=x, b=b, kind=AMBIGUOUS)


def random_weights(rng) -> Case:
    m, d = int(rng.integers(10, 40)), int(rng.integers(2, 6))
    W, a = rng.standard_normal((m, d)), rng.standard_normal(m)
    if rng.random() < 0.5:  # balanced, so that only the tensor equations can tell
        a = np.sign(a) * np.linalg.norm(W, axis=1) / np.sqrt(3)
    return Case(a, W, {"activation": 3}, None, None, NO_KKT)


def one_neuron_off(rng) -> Case:
    case = kkt(rng)
    j, W, a = rng.integers(len(case.a)), case.W.copy(), case.a.copy()
    size = rng.uniform(0.1, 1.0)
    step = (
        rng.standard_normal(W.shape[1])
        if rng.random() < 0.5
        else case.x.T @ signed(rng, len(case.x))
    )
    W[j] += size * np.linalg.norm(W[j]) * step / np.linalg.norm(step)
    if rng.random() < 0.5:  # still balanced
        a[j] = np.sign(a[j]) * np.linalg.norm(W[j]) / np.sqrt(case.options["activation"])
    return replace(case, a=a, W=W, kind=CLOSE, noise=size)


def trained(rng, known=False) -> Case:
    n, d, m = 3, 5, 40
    x, y = samples(rng, n, d), rng.choice([-1.0, 1.0], n)
    scale = float(rng.choice([0.01, 0.1, 1.0])) if known else 1.0
    net = train(x, scale * y, m, Polynomial((0.0, 0.0, 0.0, 1.0)), centred=known, goal=1e-6,
                max_steps=2000, seed=int(rng.integers(10**6)))  # fmt: skip
    if known:
        return Case(net.a, net.W, {"init": (net.a0, net.W0)}, x, None, NOISY, scale)
    return Case(net.a, net.W, {"activation": 3}, None, None, NO_KKT)


def gradient_step(rng, x, b, activation, m, kind=IDENTIFIABLE, **options) -> Case:
    """One exact gradient step from random weights: W = W0 + a0 grad P(W0), a = a0 + P(W0)."""
    W0, a0 = rng.standard_normal((m, x.shape[1])), rng.standard_normal(m)
    value, gradient = power_sum(coefficients(activation), W0, x, b)
    options |= {"activation": activation, "init": (a0, W0)}
    return Case(a0 + value, W0 + a0[:, None] * gradient, options, x, b, kind)


def _gram_count(r, c) -> int:
    return sum(comb(r + k - 2, k - 1) for k in range(1, len(c)) if c[k])


def step(rng) -> Case:
    alpha = int(rng.choice([3, 4]))
    n = int(rng.integers(3, 6 if alpha == 3 else 5))
    x = samples(rng, n, int(rng.integers(n, 11)), norms=False)
    m = int(rng.choice([1.3, 2.0]) * comb(n + alpha - 2, alpha - 1)) + 2
    options = {"unit_norm": True} if rng.random() < 0.3 else {}
    return gradient_step(rng, x, signed(rng, n), alpha, m, **options)


def step_polynomial(rng) -> Case:
    c = POLYNOMIALS[rng.integers(len(POLYNOMIALS))]
    n = int(rng.integers(3, 5))
    x = samples(rng, n, int(rng.integers(n, 9)), norms=True)
    return gradient_step(rng, x, signed(rng, n), c, int(1.5 * _gram_count(n, c)) + 3)


def step_few_neurons(rng) -> Case:
    n = int(rng.integers(4, 6))
    m = (comb(n + 2, 3) - 1) // n  # m r < C(r+2, 3)
    return gradient_step(rng, samples(rng, n, 8), signed(rng, n), 3, m, AMBIGUOUS)


def step_overcomplete(rng) -> Case:
    """More samples than dimensions: no decomposition into d of them."""
    alpha, d = int(rng.choice([3, 4])), int(rng.integers(2, 5))
    n = d + int(rng.integers(1, 4))
    x, b = samples(rng, n, d), signed(rng, n)
    if rng.random() < 0.3:
        b[0] *= 10.0 ** -rng.integers(1, 7)
    options = {"n_samples": n} if rng.random() < 0.4 else {}
    m = 2 * comb(d + alpha - 1, alpha) + 4
    return gradient_step(rng, x, b, alpha, m, AMBIGUOUS, **options)


def step_parallel(rng) -> Case:
    n, d = int(rng.integers(3, 5)), 6
    x = samples(rng, n, d)
    angle = 10.0 ** -rng.integers(3, 7)
    z = samples(rng, 1, d)[0]
    x[1] = rng.choice([-1, 1]) * x[0] + angle * (z - (z @ x[0]) * x[0])
    x[1] /= np.linalg.norm(x[1])
    options = {"n_samples": n} if rng.random() < 0.3 else {}
    return gradient_step(rng, x, signed(rng, n), 3, 30, NEARLY, **options)


def step_faint(rng) -> Case:
    """One sample a million times fainter, sometimes below the noise."""
    n = int(rng.integers(3, 6))
    b = signed(rng, n)
    b[rng.integers(n)] *= 1e-6
    case = gradient_step(rng, samples(rng, n, 6), b, 3, 60, NEARLY)
    return noisy(rng, case, 10.0 ** -rng.integers(4, 13), NEARLY) if rng.random() < 0.5 else case


def step_threshold(rng) -> Case:
    n = int(rng.integers(3, 6))
    m = [comb(n + 1, 2), ceil(comb(n + 2, 3) / n), comb(n + 1, 2) - 1][rng.integers(3)]
    return gradient_step(rng, samples(rng, n, 7), signed(rng, n), 3, m, NEARLY)


def features(rng) -> Case:
    alpha = int(rng.choice([3, 4]))
    d = int(rng.integers(3, 6))
    n = int(rng.integers(3, d + 1))
    x, b = samples(rng, n, d), signed(rng, n)
    m = comb(d + alpha - 1, alpha) + int(rng.integers(10, 40))
    W, a0 = rng.standard_normal((m, d)), rng.standard_normal(m)
    value, _ = power_sum(coefficients(alpha), W, x, b)
    return Case(a0 + value, W, {"activation": alpha, "init": (a0, None)}, x, b, IDENTIFIABLE)


def noisy(rng, case: Case, size: float, kind=NOISY) -> Case:
    a, W = (v + size * np.std(v) * rng.standard_normal(v.shape) for v in (case.a, case.W))
    if case.options.get("init", (None, 0))[1] is None and "init" in case.options:
        W = case.W  # frozen
    return replace(case, a=a, W=W, kind=kind, noise=size)


def with_noise(builder: Callable[[np.random.Generator], Case]):
    return lambda rng: noisy(rng, builder(rng), 10.0 ** -rng.uniform(3, 10))


def single(builder: Callable[[np.random.Generator], Case]):
    """Round the trained weights to float32, told (by the dtype) or not."""

    def build(rng) -> Case:
        case = builder(rng)
        a, W = case.a.astype(np.float32), case.W.astype(np.float32)
        if rng.random() < 0.5:
            a, W = a.astype(float), W.astype(float)
        return replace(case, a=a, W=W, kind=NOISY, noise=6e-8)

    return build
