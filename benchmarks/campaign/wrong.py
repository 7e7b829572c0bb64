"""Wrong statements of the caller: activation, initial weights, counts, norms, margins.

Where no equation contradicts the statement, the truth becomes the set that fits it exactly
(``adjusted``); everywhere else what is claimed is held against the samples that were trained on.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from . import geometry, stationary
from .instances import (
    NEARLY,
    NO_KKT,
    Case,
    Rng,
    coefficients,
    gradient_step,
    gram_count,
    log_uniform,
    observed,
    samples,
    signed,
    told,
    unit,
)

THREE_TERMS = ([0, 0.5, -0.2, 1], [0, 1, 0.5, 0, 1], [0, 1, 0.5, 0.3])
POWERS = (3, 3, 4, 5)


def _with(case: Case, **options: Any) -> Case:
    return replace(case, options=case.options | options)


def power_coefficient(rng: Rng) -> Case:
    """The one coefficient of a power: b absorbs it, the samples stay."""
    x, b, _ = geometry.drawn(rng, compact=True)
    factor = log_uniform(rng, -1, 1)
    case = observed(rng, x, b, 3, words=f"coefficient of t^3 stated {factor:.3g} times too large")
    case = _with(case, activation=[0, 0, 0, factor])
    return told(rng, replace(case, b=case.b / factor, adjusted="the leading coefficient"))


def two_terms(rng: Rng) -> Case:
    """One of two coefficients: sigma'(t) = k sigma(s t), so the norms absorb it exactly."""
    x, b = samples(rng, 3, int(rng.integers(3, 8)), norms=True), signed(rng, 3)
    factor = 1 + log_uniform(rng, -6, -0.5) * rng.choice([-1, 1])
    case = observed(rng, x, b, [0, 1, 0, 1], words=f"c_1 stated {factor:.6g} times too large")
    # k s = factor, k s^3 = 1; x' = x / s
    s = factor**-0.5
    truth = {"x": x / s, "b": case.b * s**3, "adjusted": "the ratio of two coefficients"}
    return told(rng, replace(_with(case, activation=[0, factor, 0, 1]), **truth))


def three_terms(rng: Rng) -> Case:
    """One of three coefficients, by 1e-8 to 30 %: no scale absorbs it."""
    c = list(THREE_TERMS[rng.integers(len(THREE_TERMS))])
    n = int(rng.integers(3, 5))
    x, b = samples(rng, n, int(rng.integers(n, 8)), norms=True), signed(rng, n)
    size = log_uniform(rng, -8, -0.5)
    which = int(rng.choice(np.flatnonzero(c)))
    case = observed(rng, x, b, c, words=f"c_{which} stated too large by {size:.1e}")
    return told(
        rng, _with(case, activation=[v * (1 + size * (k == which)) for k, v in enumerate(c)])
    )


def extra_term(rng: Rng) -> Case:
    """A lower degree is forgotten, or one is stated that is not there."""
    n = int(rng.integers(3, 5))
    x, b = samples(rng, n, int(rng.integers(n, 8))), signed(rng, n)
    size = log_uniform(rng, -8, 0)
    c = [0, 0, 0, 1.0]
    c[int(rng.integers(1, 3))] = size
    forgotten = bool(rng.random() < 0.5)
    words = f"{c} {'trained, the cube' if forgotten else 'stated, the cube'}"
    case = observed(rng, x, b, c if forgotten else 3, words=words)
    return told(rng, _with(case, activation=3 if forgotten else c))


def degree(rng: Rng) -> Case:
    """Another power than the trained one."""
    x, b, _ = geometry.drawn(rng, compact=True)
    x = x[:4]
    true, said = rng.choice([2, 3, 4, 5], 2, replace=False)
    m = 2 * gram_count(len(x), np.eye(6)[max(true, said)]) + 8
    case = gradient_step(rng, x, b[: len(x)], int(true), m, NEARLY, words=f"degree {true}")
    return told(rng, _with(case, activation=int(said)))


def other_seed(rng: Rng) -> Case:
    """Initial weights of another seed, for W, a or both."""
    x, b, activation = geometry.drawn(rng, compact=True)
    m = 2 * gram_count(len(x), coefficients(activation)) + 8
    case = gradient_step(rng, x, b, activation, m, NEARLY)
    a0, W0 = case.options["init"]
    which = rng.integers(3)
    if which != 0:
        a0 = rng.standard_normal(a0.shape)
    if which != 1:
        W0 = rng.standard_normal(W0.shape)
    words = f"initial {('W', 'a', 'a and W')[which]} of another seed"
    return told(rng, replace(_with(case, init=(a0, W0)), words=words))


def one_row(rng: Rng) -> Case:
    """One row of the initial W changed, by 1e-8 to 1."""
    x, b, activation = geometry.drawn(rng, compact=True)
    m = 2 * gram_count(len(x), coefficients(activation)) + 8
    case = gradient_step(rng, x, b, activation, m, NEARLY)
    a0, W0 = case.options["init"]
    size, row = log_uniform(rng, -8, 0), int(rng.integers(m))
    W0 = W0.copy()
    W0[row] += size * rng.standard_normal(W0.shape[1])
    words = f"row {row} of W0 changed by {size:.1e}"
    return told(rng, replace(_with(case, init=(a0, W0)), words=words))


def scaled_outputs(rng: Rng) -> Case:
    """a0 off by a factor: absorbed by b where a was not trained, a contradiction where it was."""
    x, b, activation = geometry.drawn(rng, compact=True)
    m = 2 * gram_count(len(x), coefficients(activation)) + 8
    frozen = bool(rng.random() < 0.5)
    case = gradient_step(rng, x, b, activation, m, NEARLY, frozen=frozen)
    a0, W0 = case.options["init"]
    factor = 1 + log_uniform(rng, -8, 0) * rng.choice([-0.5, 1])
    case = _with(case, init=(factor * a0, W0))
    if frozen:
        case = replace(case, a=factor * a0, b=b / factor, adjusted="the scale of a0")
    return told(rng, replace(case, words=f"a0 multiplied by {factor:.8g}, a trained: {not frozen}"))


def count(rng: Rng) -> Case:
    """n_samples one too small or one too large."""
    x, b, activation = geometry.drawn(rng, compact=True)
    said = len(x) + int(rng.choice([-1, 1]))
    case = observed(rng, x, b, activation, words=f"n_samples = {said}, truly {len(x)}")
    return told(rng, _with(case, n_samples=said))


def norm_of_a_power(rng: Rng) -> Case:
    """unit_norm=True of a power whose samples have other norms: nothing shows a norm."""
    x, b, _ = geometry.drawn(rng, compact=True)
    norms = rng.uniform(0.5, 2, len(x))
    power = int(rng.choice([3, 3, 4]))
    case = observed(rng, norms[:, None] * unit(x), b, power)
    truth = {"x": unit(x), "b": case.b * norms**power}
    return told(rng, replace(_with(case, unit_norm=True), **truth, adjusted="unit norms"))


def norm_of_a_polynomial(rng: Rng) -> Case:
    """unit_norm=True where the lower degrees show that it is false."""
    c = list(THREE_TERMS[rng.integers(len(THREE_TERMS))])
    n = int(rng.integers(3, 5))
    x = samples(rng, n, int(rng.integers(n, 8)))
    x *= 1 + log_uniform(rng, -6, -0.3) * rng.uniform(-1, 1, (n, 1))
    words = f"norms {np.linalg.norm(x, axis=1).round(4)} stated as 1"
    return told(rng, _with(observed(rng, x, signed(rng, n), c, words=words), unit_norm=True))


def norm_and_margin(rng: Rng) -> Case:
    """A true margin and a false unit_norm=True, which contradict each other."""
    case = stationary.at_margin(stationary.stationary_point(rng, 3, coherent=False), 1.0)
    case = _with(case, unit_norm=True)
    return told(rng, replace(case, kind=NEARLY, words=f"{case.words}; unit_norm=True is false"))


def random_change(rng: Rng) -> Case:
    """A change of the weights that no samples explain."""
    m, d = int(rng.integers(10, 60)), int(rng.integers(2, 7))
    W0, a0 = rng.standard_normal((m, d)), rng.standard_normal(m)
    size = log_uniform(rng, -6, 0)
    a = a0 + size * rng.standard_normal(m) if rng.random() < 0.5 else a0
    if rng.random() < 0.2:
        options: dict[str, Any] = {"init": (a0, None)}
        a = a0 + size * rng.standard_normal(m)
        return told(rng, Case(a, W0, options, None, None, NO_KKT, words="random change of a"))
    change = rng.standard_normal((m, d))
    if rng.random() < 0.5:  # of low rank, as true changes are
        change = change[:, :2] @ rng.standard_normal((2, d))
    options = {"init": (a0, W0), "activation": int(rng.choice(POWERS))}
    return told(
        rng, Case(a, W0 + size * change, options, None, None, NO_KKT, words="random change")
    )
