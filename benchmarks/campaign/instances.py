"""What one instance is, and the pieces that every family is built from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import comb
from typing import Any

import numpy as np

from identify.arrays import FloatArray

Rng = np.random.Generator

IDENTIFIABLE, AMBIGUOUS, NEARLY, NOISY = "identifiable", "ambiguous", "nearly ambiguous", "noisy"
NO_KKT, CLOSE = "no KKT point", "one neuron off"


@dataclass(frozen=True, slots=True)
class Case:
    """Arguments of ``verify_identifiability``, the truth, and what may be said of it.

    Attributes:
        a: Output weights, (m,).
        W: First layer, (m, d).
        options: Keyword arguments.
        x: True samples, (n, d); None where there are none.
        b: Their signed weights, (n,), or None where no single number describes them.
        kind: IDENTIFIABLE: ``NOT_IDENTIFIABLE`` is false; AMBIGUOUS, NO_KKT and CLOSE:
            ``GLOBALLY_IDENTIFIABLE`` is; NEARLY and NOISY: what is claimed is compared.
        noise: Relative size of what the equations leave out of the weights; 0 for exact weights, of
            which every bound must hold.
        words: How it was built, beyond what the arrays show.
        refusable: Whether a ValueError is a right answer.
        adjusted: What the caller states falsely and no equation contradicts; ``x`` is then the set
            that fits the statement exactly, in place of the one the weights were made of.
        stored: The type that the trained weights were rounded to, whatever the arrays show.
    """

    a: Any
    W: Any
    options: dict[str, Any]
    x: Any
    b: Any
    kind: str
    noise: float = 0.0
    words: str = ""
    refusable: bool = False
    adjusted: str = ""
    stored: str = "float64"

    @property
    def coefficients(self) -> FloatArray:
        """The coefficients c_0, ..., c_alpha of the activation that the caller states."""
        return coefficients(self.options.get("activation", 3))

    @property
    def setting(self) -> str:
        """The front door: "kkt", "known-init" or "random-features"."""
        if "init" not in self.options:
            return "kkt"
        W0 = self.options["init"][1]
        frozen = W0 is None or np.array_equal(plain(self.W), plain(W0))
        return "random-features" if frozen else "known-init"


Builder = Callable[[Rng], Case]


def plain(values: Any) -> FloatArray:
    """Return an array or a torch tensor of any floating type in float64."""
    if hasattr(values, "double"):
        values = values.double().numpy()
    return np.asarray(values, dtype=np.float64)


def coefficients(activation: Any) -> FloatArray:
    """Return c_0, ..., c_alpha of an activation as the caller passes it."""
    if isinstance(activation, int | np.integer):
        return np.eye(int(activation) + 1)[-1]
    return np.asarray(activation, dtype=float)


def power_sum(c: Any, w: FloatArray, x: FloatArray, b: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Evaluate P(w) = sum_i b_i sigma(x_i.w) and its gradient by numpy's own polynomials."""
    sigma = np.polynomial.Polynomial(c)
    t = w @ x.T
    return sigma(t) @ b, (sigma.deriv()(t) * b) @ x


def unit(x: FloatArray) -> FloatArray:
    """Scale rows to norm 1; a row of zeros stays."""
    norm = np.linalg.norm(x, axis=1, keepdims=True)
    return x / np.where(norm > 0, norm, 1.0)


def samples(rng: Rng, n: int, d: int, norms: bool = False) -> FloatArray:
    """Draw directions uniformly, of norm 1 or 0.7 to 1.4."""
    x = unit(rng.standard_normal((n, d)))
    return x * rng.uniform(0.7, 1.4, (n, 1)) if norms else x


def orthonormal(rng: Rng, n: int, d: int, coherence: float = 0.0) -> FloatArray:
    """Draw unit samples with equal pairwise cosines."""
    basis = np.linalg.qr(rng.standard_normal((d, n)))[0].T
    gram = np.eye(n) + coherence * (np.ones((n, n)) - np.eye(n))
    return np.asarray(np.linalg.cholesky(gram) @ basis, dtype=np.float64)


def signed(rng: Rng, n: int) -> FloatArray:
    """Draw weights b_i, 0.5 to 2 in size, of either sign."""
    return rng.uniform(0.5, 2, n) * rng.choice([-1, 1], n)


def gram_count(r: int, c: Any) -> int:
    """Count the neurons from which the Gram test can hold in r dimensions."""
    return sum(comb(r + k - 2, k - 1) for k in range(1, len(c)) if c[k])


def form_count(r: int, c: Any) -> int:
    """Count the coefficients of all forms that an activation shows, constants included."""
    return sum(comb(r + k - 1, k) for k in range(len(c)) if c[k])


def gradient_step(
    rng: Rng, x: FloatArray, b: FloatArray, activation: Any, m: int,
    kind: str = IDENTIFIABLE, *, frozen: bool = False, words: str = "", **options: Any,
) -> Case:  # fmt: skip
    """Take one exact gradient step from random weights: W = W0 + a0 grad P(W0), a = a0 + P(W0).

    With ``frozen`` the output weights are not trained.
    """
    W0, a0 = rng.standard_normal((m, x.shape[1])), rng.standard_normal(m)
    value, gradient = power_sum(coefficients(activation), W0, x, b)
    options |= {"activation": activation, "init": (a0, W0)}
    a = a0 if frozen else a0 + value
    return Case(a, W0 + a0[:, None] * gradient, options, x, b, kind, words=words)


def frozen_features(
    rng: Rng, x: FloatArray, b: FloatArray, activation: Any, m: int,
    kind: str = IDENTIFIABLE, *, words: str = "", **options: Any,
) -> Case:  # fmt: skip
    """Train the output layer alone, by one step: a = a0 + P(W)."""
    W, a0 = rng.standard_normal((m, x.shape[1])), rng.standard_normal(m)
    value, _ = power_sum(coefficients(activation), W, x, b)
    options |= {"activation": activation, "init": (a0, None)}
    return Case(a0 + value, W, options, x, b, kind, words=words)


def observed(
    rng: Rng, x: FloatArray, b: FloatArray, activation: Any, kind: str = NEARLY, words: str = ""
) -> Case:
    """Show samples through a front door with a known initialisation, with neurons enough.

    At times there are many neurons, and at times the step is so small that little of the change is
    left above the rounding of the weights.
    """
    c, (n, d) = coefficients(activation), x.shape
    if rng.random() < 0.25:
        rate = log_uniform(rng, -7, 0)
        b, words = rate * b, f"{words}; rate {rate:.1e}"
    if d <= 6 and rng.random() < 0.3:
        m = form_count(d, c) + int(rng.integers(10, 60))
        return frozen_features(rng, x, b, activation, m, kind, words=words)
    m = int(rng.choice([1.3, 2.0, 4.0]) * gram_count(min(n, d), c)) + 8
    if n <= 5 and rng.random() < 0.25:
        m = max(m, int(rng.integers(150, 301)))
    frozen = bool(rng.random() < 0.3)
    return gradient_step(rng, x, b, activation, m, kind, frozen=frozen, words=words)


def told(rng: Rng, case: Case) -> Case:
    """Add true statements of the caller at random, and the seed."""
    options: dict[str, Any] = {"seed": int(rng.integers(1000))}
    if case.x is not None and rng.random() < 0.5:
        options["n_samples"] = len(case.x)
    if (
        case.x is not None
        and rng.random() < 0.3
        and np.allclose(np.linalg.norm(case.x, axis=1), 1, rtol=0, atol=1e-14)
        and "margin" not in case.options
    ):
        options["unit_norm"] = True
    if rng.random() < 0.004:
        options["certify"] = True
    return replace(case, options=options | case.options)


def log_uniform(rng: Rng, low: float, high: float) -> float:
    """Draw 10**u, u uniform between two exponents."""
    return float(10.0 ** rng.uniform(low, high))
