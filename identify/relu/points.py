"""Exact KKT points of the max-margin problem for ReLU networks of any depth, in closed form.

Network Phi of L layers, homogeneous in theta, biases in the first layer or none; write x for
(x, 1) where there are biases. With z_i = lambda_i y_i x_i and V_S = sum_{i in S} z_i, let every
first-layer neuron carry a set S of samples and a sign sigma, and let

    sigma y_i V_S.z_i > 0 exactly for i in S    (the gates),
    |V_S| = rho_C                               (C: the component of the neuron).

Two layers: there is one component, rho = 1, and W_j = a_j V_S, sign(a_j) = sigma, for any |a_j|.
Deeper: C is a set of samples of one class, S a subset of it, and the neurons of C are connected to
one another only. They are off on all samples outside C, so the whole component is 0 there. Inside
C the later layers are on, so they are of rank one: W_l = s q_l q_{l-1}^T with unit q_l > 0 and

    W_1j = s^{L-1} (q_1)_j sigma V_S,    rho_C = s^{-(L-2)},    W_L = sigma s q_{L-1}^T.

In both cases Phi(x) = sum_j sigma_j alpha_j max(sigma_j V_S.x, 0) and W_1j = sqrt(alpha_j) sigma_j
V_S, with alpha_j = a_j^2 for two layers and s^{2L-2} (q_1)_j^2 for more. So y_i Phi(x_i) = 1 is

    lambda_i = sum_{j: i in S_j} alpha_j V_S.z_i,

which defines lambda_i and x_i = y_i z_i / lambda_i; with biases the last coordinate of z_i is
lambda_i y_i, which makes it an equation. What remains is |V_S| = rho_C in the unknown z, solved by
Newton steps of least norm; sets whose gates do not come out right are dropped.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from identify.arrays import BoolArray, FloatArray, IntArray
from identify.relu.conditions import Layers, evaluate_conditions
from identify.relu.problem import check_seed

TOLERANCE = 1e-12
"""Largest stationarity residual and margin error of a point that is handed out."""

MAX_SAMPLES = 12
"""All 2^n sets of samples are looked at."""

_CLEAR = 1e-2
"""Smallest cosine of V_S and z_i: no sample is near a boundary of its region."""

_ATTEMPTS = 2000


@dataclass(frozen=True, slots=True)
class ReluPoint:
    """A ReLU network that satisfies the KKT conditions of its own training set.

    Attributes:
        layers: One (W, bias or None) per layer, the last W of one row.
        x: Samples as rows, (n, d), all of margin 1.
        b: lambda_i y_i, (n,), no entry 0.
        labels: (n,) in {-1, +1}.
    """

    layers: Layers
    x: FloatArray
    b: FloatArray
    labels: IntArray


@dataclass(frozen=True, slots=True)
class _Sets:
    """The sets S as rows of 0 and 1 (K, n), with their signs, components and shares of alpha."""

    members: FloatArray
    sigma: IntArray
    component: IntArray
    share: FloatArray

    def keep(self, kept: BoolArray | IntArray) -> _Sets:
        return _Sets(self.members[kept], self.sigma[kept], self.component[kept], self.share[kept])

    @property
    def reach_all(self) -> bool:
        return bool(self.members.any(axis=0).all())


def synthesize_relu_kkt(
    widths: tuple[int, ...], n: int, *, biased: bool = False, seed: int = 0
) -> ReluPoint:
    """Draw a ReLU network, samples and multipliers that satisfy all KKT conditions to rounding.

    Args:
        widths: (d, m_1, ..., m_{L-1}), L >= 2: input dimension and hidden widths. For n < d the
            samples do not span the space, for n >= d they almost surely do.
        n: Number of samples, from 1 to 12.
        biased: Whether the first layer has biases.
        seed: Draws everything.

    Returns:
        The point, with relative stationarity residual and margins within 1e-12.

    Raises:
        ValueError: If an argument is malformed, or no such point was found; says what to change.
    """
    _check(widths, n)
    rng, L = check_seed(seed), len(widths)
    for _ in range(_ATTEMPTS):
        y, z = _draw(widths[0], n, rng)
        if biased:
            z = np.asarray(np.column_stack([z, 0.3 / n * y]), dtype=np.float64)
        component = np.zeros(n, dtype=np.int64)
        if L > 2:
            component = _components(y, min(widths[1:]), rng)
        rho = np.ones(1) if L == 2 else rng.uniform(1.0, 2.0, component.max() + 1)
        sets = _all_sets(y, component, deep=L > 2, rng=rng)
        sets = sets.keep(_gates(z, y, sets))
        sets = sets.keep(rng.permutation(len(sets.sigma))[: widths[1]])
        while sets.reach_all:
            solved = _newton(z, y, sets, rho, L, biased)
            good = _gates(solved, y, sets)
            if good.all():
                point = _assembled(solved, y, sets, rho, widths, biased, rng)
                if point is not None:
                    return point
                break
            sets = sets.keep(good)
    raise ValueError(
        f"widths, n: found no point for {tuple(widths)} and {n} samples in {_ATTEMPTS} draws; pass "
        "a larger input dimension, wider layers or fewer samples"
    )


def _check(widths: tuple[int, ...], n: int) -> None:
    sizes = widths if isinstance(widths, tuple | list) else ()
    whole = all(isinstance(m, int | np.integer) and not isinstance(m, bool) for m in sizes)
    if len(sizes) < 2 or not whole or min(sizes) < 1:
        raise ValueError(f"widths: found {widths!r}; pass (d, m_1, ...), at least two ints >= 1")
    if isinstance(n, bool) or not isinstance(n, int | np.integer) or not 1 <= n <= MAX_SAMPLES:
        raise ValueError(f"n: found {n!r}; pass an int from 1 to {MAX_SAMPLES}")


def _draw(d: int, n: int, rng: np.random.Generator) -> tuple[IntArray, FloatArray]:
    """Labels and z_i about up to d + 1 centres of x at obtuse angles, each of one class."""
    k = int(rng.integers(min(n, 2), min(n, d + 1) + 1, 2).max())
    frame = np.linalg.qr(rng.standard_normal((max(d, k), k)))[0]
    simplex = np.linalg.svd(np.eye(k) - 1 / k)[0][:, : max(k - 1, 1)]
    centres = simplex @ frame[:d, : simplex.shape[1]].T
    group = np.concatenate([np.arange(k), rng.integers(k, size=n - k)])
    signs = rng.permutation(np.append(rng.choice(np.array([-1, 1]), k), [-1, 1])[-k:])
    spread = rng.uniform(0.1, 1.0) / np.sqrt(d)
    x = centres[group] + spread * rng.standard_normal((n, d))
    y = signs[group]
    return y, y[:, None] * x / n


def _components(y: IntArray, most: int, rng: np.random.Generator) -> IntArray:
    """Divide each class into one or two components, no more of them than neurons in a layer."""
    if most < 2:
        y[:] = y[0]
    parts = rng.integers(2, size=len(y)) if most >= 4 else np.zeros(len(y), dtype=np.int64)
    return np.unique(2 * (y > 0) + parts, return_inverse=True)[1].astype(np.int64)


def _all_sets(y: IntArray, component: IntArray, *, deep: bool, rng: np.random.Generator) -> _Sets:
    """All sets of samples with either sign; deep networks: within a component, with its class."""
    n = len(y)
    members = ((np.arange(1, 2**n)[:, None] >> np.arange(n)) & 1).astype(float)
    members = np.concatenate([members, members])
    sigma = np.repeat(np.array([1, -1]), len(members) // 2)
    lead = np.argmax(members, axis=1)
    sets = _Sets(members, sigma, component[lead], rng.uniform(0.1, 0.5, len(members)))
    if not deep:
        return sets
    crossing = ((members > 0) & (component != component[lead][:, None])).any(axis=1)
    return sets.keep(~crossing & (sigma == y[lead]))


def _gates(z: FloatArray, y: IntArray, sets: _Sets) -> BoolArray:
    """Whether sigma y_i V_S.z_i > 0 exactly for i in S, clear of 0, (K,)."""
    V = sets.members @ z
    cosines = V @ z.T / np.outer(np.linalg.norm(V, axis=1), np.linalg.norm(z, axis=1))
    on = sets.sigma[:, None] * y * cosines
    return np.asarray((np.where(sets.members > 0, on, -on) > _CLEAR).all(axis=1))


def _alpha(sets: _Sets, rho: FloatArray, L: int) -> FloatArray:
    """The sum of alpha_j over the neurons of each set, (K,)."""
    if L == 2:
        return sets.share
    totals = rho ** (-(2 * L - 2) / (L - 2))
    return sets.share * (totals / np.bincount(sets.component, sets.share))[sets.component]


def _newton(
    z: FloatArray, y: IntArray, sets: _Sets, rho: FloatArray, L: int, biased: bool
) -> FloatArray:
    """Move z the least way to |V_S| = rho and, with biases, to margins of 1."""
    S, alpha = sets.members, _alpha(sets, rho, L)
    together, n = S.T @ (alpha[:, None] * S), len(z)
    diagonal = np.arange(n)
    for _ in range(30):
        V = S @ z
        residual = np.sum(V**2, axis=1) - rho[sets.component] ** 2
        jacobian = 2 * S[:, :, None] * V[:, None, :]
        if biased:
            force = S.T @ (alpha[:, None] * V)
            residual = np.concatenate([residual, y * z[:, -1] - np.sum(force * z, axis=1)])
            rows = -together[:, :, None] * z[:, None, :]
            rows[diagonal, diagonal] -= force
            rows[diagonal, diagonal, -1] += y
            jacobian = np.concatenate([jacobian, rows])
        if np.abs(residual).max() < 1e-15:
            break
        step = np.linalg.lstsq(jacobian.reshape(len(residual), -1), residual, rcond=1e-12)[0]
        z = np.asarray(z - step.reshape(z.shape), dtype=np.float64)
    return z


def _assembled(
    z: FloatArray,
    y: IntArray,
    sets: _Sets,
    rho: FloatArray,
    widths: tuple[int, ...],
    biased: bool,
    rng: np.random.Generator,
) -> ReluPoint | None:
    """Write the point out; None where a multiplier is not positive or the equations do not hold."""
    L, count, alpha = len(widths), len(sets.sigma), _alpha(sets, rho, len(widths))
    force = sets.members.T @ (alpha[:, None] * (sets.members @ z))
    lam = np.sum(force * z, axis=1)
    if lam.min() <= 1e-3 * lam.max():
        return None
    x = (y / lam)[:, None] * z[:, : widths[0]]
    carried = np.concatenate([np.arange(count), rng.integers(count, size=widths[1] - count)])
    carried = rng.permutation(carried)
    parts = rng.uniform(0.5, 1.5, widths[1])
    root = np.sqrt(alpha[carried] * parts / np.bincount(carried, parts)[carried])
    sigma = sets.sigma[carried]
    W = (root * sigma)[:, None] * (sets.members @ z)[carried]
    layers: list[tuple[FloatArray, FloatArray | None]] = [
        (W[:, : widths[0]], W[:, -1] if biased else None)
    ]
    if L == 2:
        layers.append((np.asarray(sigma * root, dtype=np.float64)[None], None))
    else:
        layers += _later_layers(root, sets.component[carried], sigma, rho, widths, rng)
    point = ReluPoint(layers, x, lam * y, y)
    found = evaluate_conditions(layers, x, point.b, y)
    exact = max(found.stationarity, -found.margin, found.slackness) <= TOLERANCE
    return point if exact else None


def _later_layers(
    root: FloatArray,
    component: IntArray,
    sigma: IntArray,
    rho: FloatArray,
    widths: tuple[int, ...],
    rng: np.random.Generator,
) -> list[tuple[FloatArray, FloatArray | None]]:
    """W_l = s q_l q_{l-1}^T within each component, from the second layer on."""
    L, count = len(widths), len(rho)
    s = rho ** (-1 / (L - 2))
    q, of = root / s[component] ** (L - 1), component
    layers: list[tuple[FloatArray, FloatArray | None]] = []
    for m in widths[2:]:
        new_of = rng.permutation(np.arange(m) % count)
        new = rng.uniform(0.5, 1.5, m)
        new /= np.sqrt(np.bincount(new_of, new**2))[new_of]
        same = new_of[:, None] == of
        layers.append((np.where(same, s[new_of][:, None] * np.outer(new, q), 0.0), None))
        q, of = new, new_of
    sign = np.zeros(count)
    sign[component] = sigma
    layers.append((((sign * s)[of] * q)[None], None))
    return layers
