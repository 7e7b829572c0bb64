"""Networks with known samples for the certificates: plain ones, and ones made to mislead."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from identify import synthesize_kkt
from identify.arrays import BoolArray, FloatArray

FAMILIES = (
    "step",
    "step float32",
    "step near-duplicates",
    "step coplanar",
    "step faint",
    "step beside noise",
    "step one ulp",
    "step several degrees",
    "step more samples than shown",
    "kkt",
    "kkt beside noise",
    "kkt one ulp",
    "random features",
    "random features float32",
    "relu",
    "relu near-duplicates",
)


@dataclass(frozen=True)
class Instance:
    """A network with its truth.

    Attributes:
        family: Of ``FAMILIES``.
        weights: What the certificate is about.
        x: Samples, (n, d).
        b: Signed weights, (n,); empty for ReLU.
        activation: Coefficients or degree.
        output: ReLU: the output layer.
        active: ReLU: whether a neuron was ever on for a sample, (h, n).
    """

    family: str
    weights: dict[str, FloatArray]
    x: FloatArray
    b: FloatArray
    activation: int | list[float] = 3
    output: FloatArray = field(default_factory=lambda: np.zeros((1, 1)))
    active: BoolArray = field(default_factory=lambda: np.zeros((0, 0), dtype=bool))

    @property
    def sigma(self) -> np.polynomial.Polynomial:
        """The activation."""
        coefficients = self.activation
        if isinstance(coefficients, int):
            coefficients = np.eye(coefficients + 1)[-1]
        return np.polynomial.Polynomial(coefficients)

    def miss(self, base: float, decay: float) -> float:
        """Norm of what the true samples leave in the equations, in extended precision."""
        w = {name: value.astype(np.longdouble) for name, value in self.weights.items()}
        x, b = self.x.astype(np.longdouble), self.b.astype(np.longdouble)
        coefficients = self.sigma.coef.astype(np.longdouble)
        slopes = coefficients[1:] * np.arange(1, len(coefficients))
        if self.family.startswith("random"):
            return float(
                np.linalg.norm(
                    (_polynomial(coefficients, w["W"] @ x.T) @ b - (w["a"] - w["a0"])).astype(float)
                )
            )
        points, scale, right = w["W"], w["a"], w["W"]
        if "W0" in w:
            W = w["W"] / decay
            a = w["a"] / decay
            points, scale = (1 - base) * w["W0"] + base * W, (1 - base) * w["a0"] + base * a
            right = W - w["W0"]
        left = scale[:, None] * (_polynomial(slopes, points @ x.T) * b) @ x
        return float(np.linalg.norm((left - right).astype(float)))

    def scaled(self) -> FloatArray:
        """The samples in the scale of the certificate; signs of x are left to the judge."""
        if not isinstance(self.activation, int):
            return self.x
        return self.x * np.abs(self.b)[:, None] ** (1 / self.activation)


def _polynomial(coefficients: NDArray[np.longdouble], t: NDArray[np.longdouble]) -> Any:
    """Evaluate by Horner's rule, in extended precision."""
    value = np.zeros_like(t)
    for c in coefficients[::-1]:
        value = value * t + c
    return value


def instance(seed: int) -> Instance:
    """Draw a network; the families take turns."""
    turn, place = divmod(seed, len(FAMILIES))
    family, rng = FAMILIES[place], np.random.default_rng(seed)
    if family.startswith("relu") and turn % 4:  # they take ten times as long
        family = FAMILIES[turn % 9]
    if family.startswith("relu"):
        return _relu(family, rng)
    if family.startswith("kkt"):
        return _kkt(family, rng)
    return _step(family, rng)


def _samples(family: str, rng: np.random.Generator, n: int, d: int) -> FloatArray:
    x = rng.standard_normal((n, d))
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    if "near-duplicates" in family:
        x[1] = x[0] + 10.0 ** rng.uniform(-5, -1) * rng.standard_normal(d) / np.sqrt(d)
    if "coplanar" in family and n > 2:
        x[2] = 0.6 * x[0] - 0.8 * x[1] + 10.0 ** rng.uniform(-14, -1) * x[2]
    return x


def _step(family: str, rng: np.random.Generator) -> Instance:
    random, several = family.startswith("random"), "several" in family
    n = int(rng.integers(2, 6))
    d = n + int(rng.integers(0, 3 if random else 6))
    alpha = int(rng.integers(3, 5))
    m = int(rng.integers(60, 120)) * (2 if random else 1)
    x = _samples(family, rng, n, d)
    b = 10.0 ** rng.uniform(-5, -2) * rng.choice([-1, 1], n) * rng.uniform(0.5, 2, n)
    if "faint" in family:
        b[0] *= 10.0 ** rng.uniform(-9, -1)
    if "more samples" in family:  # three of one plane are two others to a cubic
        x = np.vstack([x, (x[0] + x[1]) / np.linalg.norm(x[0] + x[1])])
        b = np.append(b, 10.0 ** rng.uniform(-12, -4))
    activation: int | list[float] = (
        [0.0, *rng.uniform(0.3, 1, alpha - 1), 1.0] if several else alpha
    )
    W0, a0 = rng.standard_normal((m, d)), rng.standard_normal(m)
    case = Instance(family, {}, x, b, activation)
    t = W0 @ x.T
    W, a = W0 + a0[:, None] * (case.sigma.deriv()(t) * b) @ x, a0 + case.sigma(t) @ b
    if "noise" in family:
        level = 10.0 ** rng.uniform(-13, -6)
        W, a = W + level * rng.standard_normal(W.shape), a + level * rng.standard_normal(m)
    if "one ulp" in family:
        W, a = (np.nextafter(v, v + rng.choice([-1, 1], v.shape)) for v in (W, a))
    weights = {"a": a, "W": W0 if random else W, "a0": a0}
    weights |= {} if random else {"W0": W0}
    if "float32" in family:
        weights = {name: value.astype(np.float32) for name, value in weights.items()}
    return Instance(family, weights, x, b, activation)


def _kkt(family: str, rng: np.random.Generator) -> Instance:
    n, alpha = int(rng.integers(2, 5)), int(rng.integers(3, 5))
    d = n + int(rng.integers(0, 4))
    x = np.linalg.qr(rng.standard_normal((d, d)))[0][:n]
    x = x + 0.03 * rng.standard_normal(x.shape)
    labels = [1] * n if alpha % 2 == 0 else [int(s) for s in rng.choice([-1, 1], n)]
    point = synthesize_kkt(x, labels, alpha)
    a, W = point.a, point.W
    if "noise" in family:
        W = W + 10.0 ** rng.uniform(-13, -7) * rng.standard_normal(W.shape)
    if "one ulp" in family:
        W, a = (np.nextafter(v, v + rng.choice([-1, 1], v.shape)) for v in (W, a))
    return Instance(family, {"a": a, "W": W}, x, point.b, alpha)


def _relu(family: str, rng: np.random.Generator) -> Instance:
    """Full-batch descent on the squared loss; only the first layer is trained."""
    n, d, h = int(rng.integers(3, 7)), int(rng.integers(16, 24)), 120
    x, y = _samples(family, rng, n, d), rng.choice([-1.0, 1.0], n)
    W0, a = rng.standard_normal((h, d)), rng.standard_normal(h) / np.sqrt(h)
    W, active = W0, np.zeros((h, n), dtype=bool)
    for _ in range(30):
        t = W @ x.T
        active |= t > 0
        residual = np.maximum(t, 0).T @ a - y
        W = W - 0.2 * ((t > 0) * a[:, None] * residual) @ x
    return Instance(family, {"trained": W, "initial": W0}, x, np.zeros(0), 1, a[None], active)
