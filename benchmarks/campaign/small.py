"""Degrees 1 and 2, too few neurons, one sample, one dimension; and a few larger instances."""

from __future__ import annotations

from dataclasses import replace
from math import ceil, comb
from typing import Any

import numpy as np

from identify.points.patterns import enumerate_patterns
from identify.points.synthesis import synthesize_kkt

from . import geometry
from .instances import (
    AMBIGUOUS,
    IDENTIFIABLE,
    NEARLY,
    Case,
    Rng,
    coefficients,
    form_count,
    frozen_features,
    gradient_step,
    gram_count,
    log_uniform,
    orthonormal,
    samples,
    signed,
    told,
)

LOW: tuple[Any, ...] = (1, 2, 2, [0, 1, 1], [0, -0.5, 2], [0.5, 1, 1], [0, 3], [1, 1], [1, 0, 1])


def low_degree(rng: Rng) -> Case:
    """Degree 1 or 2 with a known initialisation; a single sample at times."""
    activation = LOW[rng.integers(len(LOW))]
    n = int(rng.choice([1, 2, 3, 4, 5]))
    d = int(rng.integers(max(n, 2), 8))
    x, b = samples(rng, n, d, norms=True), log_uniform(rng, -2, 0) * signed(rng, n)
    m = form_count(d, coefficients(activation)) + int(rng.integers(5, 40))
    kind = AMBIGUOUS if n > 1 else NEARLY
    if rng.random() < 0.3:
        case = frozen_features(rng, x, b, activation, m, kind)
    else:
        case = gradient_step(rng, x, b, activation, m, kind, frozen=bool(rng.random() < 0.3))
    return told(rng, case)


def low_degree_kkt(rng: Rng) -> Case:
    """KKT points of degree 1 or 2, a margin stated at times."""
    alpha = int(rng.integers(1, 3))
    n = int(rng.integers(3, 6))
    x = orthonormal(rng, n, int(rng.integers(n, 9)), 0.05 * (alpha == 1))
    x *= rng.uniform(0.7, 1.4, (n, 1))
    often = int(rng.integers(1, 4)) + 2 * (alpha == 1)
    point = synthesize_kkt(x, rng.choice([-1, 1], n), alpha, multiplicities=often)
    options: dict[str, Any] = {"activation": alpha}
    options |= [{}, {}, {"margin": 1.0}][rng.integers(3)]
    return told(rng, Case(point.a, point.W, options, point.x, point.b, AMBIGUOUS))


def few_neurons(rng: Rng) -> Case:
    """One to as many neurons as either test needs, all through known initial weights."""
    n = int(rng.integers(2, 6))
    alpha = int(rng.choice([3, 3, 4]))
    x, b = samples(rng, n, int(rng.integers(n, 9))), signed(rng, n)
    m = int(rng.integers(1, comb(n + alpha - 2, alpha - 1) + 2))
    unknowns, equations = n * n, m * n
    kind = AMBIGUOUS if equations < unknowns else NEARLY
    words = f"{m} neurons; the symmetric test needs {ceil(comb(n + alpha - 1, alpha) / n)}"
    return told(rng, gradient_step(rng, x, b, alpha, m, kind, words=words))


def few_features(rng: Rng) -> Case:
    """About as many frozen neurons as the form has coefficients, or fewer."""
    d = int(rng.integers(2, 6))
    n = int(rng.integers(1, d + 1))
    x, b = samples(rng, n, d), signed(rng, n)
    m = max(1, comb(d + 2, 3) + int(rng.integers(-6, 4)))
    kind = AMBIGUOUS if m < n * d else NEARLY
    return told(rng, frozen_features(rng, x, b, 3, m, kind, words=f"{m} features"))


def few_directions(rng: Rng) -> Case:
    """A cubic KKT point with fewer neurons than samples."""
    n = int(rng.integers(3, 6))
    labels = rng.choice([-1, 1], n)
    patterns = enumerate_patterns(labels, 3)
    chosen = patterns[:0]
    while not np.abs(chosen).any(axis=0).all():
        chosen = patterns[rng.permutation(len(patterns))[: int(rng.integers(1, n))]]
    x = orthonormal(rng, n, int(rng.integers(n, 9)), float(rng.choice([0.0, 0.05])))
    point = synthesize_kkt(x, labels, 3, directions=chosen)
    options: dict[str, Any] = [{}, {"margin": 1.0}][rng.integers(2)]
    return told(rng, Case(point.a, point.W, options, point.x, point.b, AMBIGUOUS))


def tiny(rng: Rng) -> Case:
    """One sample, or two, in one to three dimensions; few neurons, every activation."""
    n, d = int(rng.integers(1, 3)), int(rng.integers(1, 4))
    activation = geometry.ACTIVATIONS[rng.integers(len(geometry.ACTIVATIONS))]
    c = coefficients(activation)
    m = int(rng.integers(1, form_count(d, c) + 8))
    x, b = samples(rng, n, d, norms=bool(rng.random() < 0.5)), signed(rng, n)
    front = gradient_step if rng.random() < 0.7 else frozen_features
    return told(rng, front(rng, x, b, activation, m, NEARLY))


def one_sample(rng: Rng) -> Case:
    """One sample, in up to ten dimensions, neurons enough."""
    d = int(rng.integers(1, 11))
    activation = geometry.ACTIVATIONS[rng.integers(len(geometry.ACTIVATIONS))]
    x, b = samples(rng, 1, d), signed(rng, 1)
    return told(rng, gradient_step(rng, x, b, activation, int(rng.integers(8, 40)), NEARLY))


def with_idle_neurons(rng: Rng) -> Case:
    """Zero rows, a_j = 0, and neurons that occur twice."""
    x, b, activation = geometry.drawn(rng)
    c = coefficients(activation)
    m = 3 * gram_count(len(x), c) + 12
    case = gradient_step(rng, x, b, activation, m, NEARLY)
    a0, W0 = (v.copy() for v in case.options["init"])
    idle = rng.permutation(m)
    W0[idle[: m // 8]] = 0
    a0[idle[m // 8 : m // 4]] = 0
    copies = idle[m // 4 : m // 3]
    W0[copies], a0[copies] = W0[idle[-1]], a0[idle[-1]]
    sigma = np.polynomial.Polynomial(c)
    t = W0 @ x.T
    a, W = a0 + sigma(t) @ b, W0 + a0[:, None] * ((sigma.deriv()(t) * b) @ x)
    words = f"of {m} neurons {m // 8} start at 0, {m // 8} have a_j = 0, {len(copies)} are copies"
    return told(
        rng, replace(case, a=a, W=W, options=case.options | {"init": (a0, W0)}, words=words)
    )


def extreme_scales(rng: Rng) -> Case:
    """Weights in units of 1e-30 to 1e30, powers of two or not; powers only."""
    alpha, n = int(rng.choice([3, 3, 4])), int(rng.integers(3, 5))
    x, b = samples(rng, n, int(rng.integers(n, 8))), signed(rng, n)
    m = 2 * comb(n + alpha - 2, alpha - 1) + 4
    case = gradient_step(rng, x, b, alpha, m, IDENTIFIABLE)
    s, t = (log_uniform(rng, -30, 30) for _ in range(2))
    if rng.random() < 0.5:
        s, t = (2.0 ** round(np.log2(v)) for v in (s, t))
    a0, W0 = case.options["init"]
    gradients = case.W - W0
    # b is divided by t s^(alpha - 2): the change of W scales with W, that of a with s^2 / t
    a = t * (a0 + (case.a - a0) * (s / t) ** 2)
    W, b = s * W0 + s * gradients, b * s ** (2 - alpha) / t
    words = f"W in units of {s:.1e}, a of {t:.1e}"
    options = case.options | {"init": (t * a0, s * W0)}
    lost = 1 if (s / t) ** 2 < 1e-10 or (s / t) ** 2 > 1e10 else 0  # a's change or a0 rounds away
    case = replace(case, a=a, W=W, b=b, options=options, words=words, refusable=True)
    return told(rng, replace(case, kind=NEARLY) if lost else case)


def extreme_kkt(rng: Rng) -> Case:
    """A KKT point in units of 1e-30 to 1e30."""
    n = int(rng.integers(3, 5))
    labels = rng.choice([-1, 1], n)
    point = synthesize_kkt(orthonormal(rng, n, int(rng.integers(n, 8))), labels, 3)
    s = log_uniform(rng, -30, 30)
    if rng.random() < 0.5:
        s = 2.0 ** round(np.log2(s))
    case = Case(s * point.a, s * point.W, {}, point.x, point.b / s**2, IDENTIFIABLE,
                words=f"scaled by {s:.1e}", refusable=True)  # fmt: skip
    return told(rng, case)


def larger(rng: Rng) -> Case:
    """10 to 20 samples, 20 to 64 dimensions, 200 to 600 neurons."""
    n, d = int(rng.integers(10, 21)), int(rng.integers(20, 65))
    m = int(rng.integers(max(200, comb(n + 1, 2) + 10), 601))
    x, b = samples(rng, n, d), signed(rng, n)
    return told(rng, gradient_step(rng, x, b, 3, m, IDENTIFIABLE))


def larger_with_near_duplicates(rng: Rng) -> Case:
    """The same with a near-duplicate, a faint sample or a cubic of three terms."""
    n, d = int(rng.integers(10, 15)), int(rng.integers(20, 65))
    x, b = samples(rng, n, d), signed(rng, n)
    angle = log_uniform(rng, -7, -1)
    x[1] = geometry.beside(rng, x[0], angle)
    if rng.random() < 0.3:
        b[2] *= log_uniform(rng, -8, -1)
    activation = 3 if rng.random() < 0.6 else [0, 0.5, -0.2, 1]
    words = f"samples 0 and 1 are {angle:.1e} apart"
    return told(rng, gradient_step(rng, x, b, activation, 300, NEARLY, words=words))
