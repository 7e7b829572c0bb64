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
lambda_i y_i, which makes it an equation. What remains is |V_S| = rho_C in the unknown z
(``gates``); sets whose gates do not come out right are dropped.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from identify.arrays import FloatArray, IntArray
from identify.relu.arguments import check_seed
from identify.relu.conditions import Layers, evaluate_conditions
from identify.relu.gates import GateSets, all_sets, alphas, gates_hold, least_move

TOLERANCE = 1e-12
"""Largest stationarity residual and margin error of a point that is handed out."""

MAX_SAMPLES = 12
"""All 2^n sets of samples are looked at."""

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
        sets = all_sets(y, component, deep=L > 2, rng=rng)
        sets = sets.keep(gates_hold(z, y, sets))
        sets = sets.keep(rng.permutation(len(sets.sigma))[: widths[1]])
        while sets.reach_all:
            solved = least_move(z, y, sets, rho, L, biased)
            good = gates_hold(solved, y, sets)
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


def _assembled(
    z: FloatArray,
    y: IntArray,
    sets: GateSets,
    rho: FloatArray,
    widths: tuple[int, ...],
    biased: bool,
    rng: np.random.Generator,
) -> ReluPoint | None:
    """Write the point out; None where a multiplier is not positive or the equations do not hold."""
    L, count, alpha = len(widths), len(sets.sigma), alphas(sets, rho, len(widths))
    force = sets.members.T @ (alpha[:, None] * (sets.members @ z))
    # y_i Phi(x_i) = 1: lambda_i = sum_{S with i} alpha V_S.z_i, x_i = y_i z_i / lambda_i
    lam = np.sum(force * z, axis=1)
    if lam.min() <= 1e-3 * lam.max():
        return None
    x = (y / lam)[:, None] * z[:, : widths[0]]
    # alpha_j: the alpha of a set in random parts over the neurons that carry it
    carried = np.concatenate([np.arange(count), rng.integers(count, size=widths[1] - count)])
    carried = rng.permutation(carried)
    parts = rng.uniform(0.5, 1.5, widths[1])
    root = np.sqrt(alpha[carried] * parts / np.bincount(carried, parts)[carried])
    sigma = sets.sigma[carried]
    # W_1j = sqrt(alpha_j) sigma_j V_S
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
