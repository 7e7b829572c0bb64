"""Well-separated samples through every front door, and the first awkward ones."""

from __future__ import annotations

from dataclasses import replace
from math import ceil, comb
from typing import Any

import numpy as np

from identify.demo.training import train
from identify.equations.activation import Polynomial
from identify.points.patterns import enumerate_patterns
from identify.points.synthesis import synthesize_kkt

from .instances import (
    AMBIGUOUS,
    CLOSE,
    IDENTIFIABLE,
    NEARLY,
    NO_KKT,
    NOISY,
    Builder,
    Case,
    Rng,
    frozen_features,
    gradient_step,
    gram_count,
    orthonormal,
    samples,
    signed,
)

POLYNOMIALS = ([0, 1, 0, 1], [0.3, 0.5, -0.2, 1], [0, 1, 0.5, 0, 1], [0, 0, 1, 1], [0.1, 1, 1, 0.5])


def kkt(rng: Rng, alpha: int | None = None, norms: bool = True) -> Case:
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


def kkt_few_neurons(rng: Rng) -> Case:
    """A KKT point on single-sample directions: m r = n^2 < C(n+2, 3) equations."""
    n = int(rng.integers(4, 6))
    labels = rng.choice([-1, 1], n)
    patterns = enumerate_patterns(labels, 3)
    few = patterns[np.abs(patterns).sum(axis=1) == 1]
    point = synthesize_kkt(orthonormal(rng, n, 8), labels, 3, directions=few)
    return Case(point.a, point.W, {"activation": 3}, point.x, point.b, AMBIGUOUS)


def kkt_split(rng: Rng) -> Case:
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


def random_weights(rng: Rng) -> Case:
    """Weights of no training at all, balanced half of the time, read as a KKT point."""
    m, d = int(rng.integers(10, 40)), int(rng.integers(2, 6))
    W, a = rng.standard_normal((m, d)), rng.standard_normal(m)
    if rng.random() < 0.5:  # balanced, so that only the tensor equations can tell
        a = np.sign(a) * np.linalg.norm(W, axis=1) / np.sqrt(3)
    return Case(a, W, {"activation": 3}, None, None, NO_KKT)


def one_neuron_off(rng: Rng) -> Case:
    """A KKT point with one neuron moved by 10 to 100 % of its norm."""
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


def trained(rng: Rng, known: bool = False) -> Case:
    """A cubic network trained to fit, read as a KKT point or with its initial weights."""
    n, d, m = 3, 5, 40
    x, y = samples(rng, n, d), rng.choice([-1.0, 1.0], n)
    scale = float(rng.choice([0.01, 0.1, 1.0])) if known else 1.0
    net = train(x, scale * y, m, Polynomial((0.0, 0.0, 0.0, 1.0)), centred=known, goal=1e-6,
                max_steps=2000, seed=int(rng.integers(10**6)))  # fmt: skip
    if known:
        return Case(net.a, net.W, {"init": (net.a0, net.W0)}, x, None, NOISY, scale)
    return Case(net.a, net.W, {"activation": 3}, None, None, NO_KKT)


def trained_known(rng: Rng) -> Case:
    """The same with the initial weights known."""
    return trained(rng, known=True)


def step(rng: Rng, alpha: int | None = None) -> Case:
    """One exact gradient step, a power, separated samples, neurons enough."""
    alpha = alpha or int(rng.choice([3, 4]))
    n = int(rng.integers(3, 6 if alpha == 3 else 5))
    x = samples(rng, n, int(rng.integers(n, 11)), norms=False)
    m = int(rng.choice([1.3, 2.0]) * comb(n + alpha - 2, alpha - 1)) + 2
    options: dict[str, Any] = {"unit_norm": True} if rng.random() < 0.3 else {}
    return gradient_step(rng, x, signed(rng, n), alpha, m, **options)


def step_polynomial(rng: Rng) -> Case:
    """One exact gradient step, a polynomial, norms 0.7 to 1.4."""
    c = POLYNOMIALS[rng.integers(len(POLYNOMIALS))]
    n = int(rng.integers(3, 5))
    x = samples(rng, n, int(rng.integers(n, 9)), norms=True)
    return gradient_step(rng, x, signed(rng, n), c, int(1.5 * gram_count(n, c)) + 3)


def step_few_neurons(rng: Rng) -> Case:
    """One exact gradient step, fewer equations than the form has coefficients."""
    n = int(rng.integers(4, 6))
    m = (comb(n + 2, 3) - 1) // n  # m r < C(r+2, 3)
    return gradient_step(rng, samples(rng, n, 8), signed(rng, n), 3, m, AMBIGUOUS)


def step_overcomplete(rng: Rng) -> Case:
    """More samples than dimensions; ambiguous by count, or not, but no Jennrich either way."""
    alpha, d = int(rng.choice([3, 4])), int(rng.integers(2, 5))
    n = d + int(rng.integers(1, 4))
    x, b = samples(rng, n, d), signed(rng, n)
    if rng.random() < 0.3:
        b[0] *= 10.0 ** -rng.integers(1, 7)
    options: dict[str, Any] = {"n_samples": n} if rng.random() < 0.4 else {}
    m = 2 * comb(d + alpha - 1, alpha) + 4
    kind = AMBIGUOUS if n * d > comb(d + alpha - 1, alpha) else NEARLY
    return gradient_step(rng, x, b, alpha, m, kind, **options)


def step_parallel(rng: Rng) -> Case:
    """Two samples 1e-3 to 1e-6 apart, of equal or opposite direction."""
    n, d = int(rng.integers(3, 5)), 6
    x = samples(rng, n, d)
    angle = 10.0 ** -rng.integers(3, 7)
    z = samples(rng, 1, d)[0]
    x[1] = rng.choice([-1, 1]) * x[0] + angle * (z - (z @ x[0]) * x[0])
    x[1] /= np.linalg.norm(x[1])
    options: dict[str, Any] = {"n_samples": n} if rng.random() < 0.3 else {}
    return gradient_step(rng, x, signed(rng, n), 3, 30, NEARLY, **options)


def step_faint(rng: Rng) -> Case:
    """One sample a million times fainter, sometimes below the noise."""
    n = int(rng.integers(3, 6))
    b = signed(rng, n)
    b[rng.integers(n)] *= 1e-6
    case = gradient_step(rng, samples(rng, n, 6), b, 3, 60, NEARLY)
    return noisy(rng, case, 10.0 ** -rng.integers(4, 13), NEARLY) if rng.random() < 0.5 else case


def step_threshold(rng: Rng) -> Case:
    """As many neurons as the Gram or the symmetric test needs, or one fewer."""
    n = int(rng.integers(3, 6))
    m = [comb(n + 1, 2), ceil(comb(n + 2, 3) / n), comb(n + 1, 2) - 1][rng.integers(3)]
    return gradient_step(rng, samples(rng, n, 7), signed(rng, n), 3, m, NEARLY)


def features(rng: Rng) -> Case:
    """A frozen first layer, a power, separated samples, neurons enough."""
    alpha = int(rng.choice([3, 4]))
    d = int(rng.integers(3, 6))
    n = int(rng.integers(3, d + 1))
    x, b = samples(rng, n, d), signed(rng, n)
    m = comb(d + alpha - 1, alpha) + int(rng.integers(10, 40))
    return frozen_features(rng, x, b, alpha, m)


def noisy(rng: Rng, case: Case, size: float, kind: str = NOISY) -> Case:
    """Add Gaussian noise of a size relative to the spread of each array; frozen weights keep."""
    a, W = (v + size * np.std(v) * rng.standard_normal(v.shape) for v in (case.a, case.W))
    if case.setting == "random-features":
        W = case.W
    return replace(case, a=a, W=W, kind=kind, noise=size)


def with_noise(builder: Builder) -> Builder:
    """Add noise of 1e-10 to 1e-3."""
    return lambda rng: noisy(rng, builder(rng), 10.0 ** -rng.uniform(3, 10))


def single(builder: Builder) -> Builder:
    """Round the trained weights to float32, told (by the dtype) or not."""

    def build(rng: Rng) -> Case:
        case = builder(rng)
        a, W = case.a.astype(np.float32), case.W.astype(np.float32)
        if rng.random() < 0.5:
            a, W = a.astype(float), W.astype(float)
        return replace(case, a=a, W=W, kind=NOISY, noise=6e-8, stored="float32")

    return build
