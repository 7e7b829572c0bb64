"""Exact KKT points of the max-margin problem with chosen samples (paper, section 4 and appendix A).

Network Phi(x) = sum_j a_j c (W_j.x)^alpha, signed weights b_i = lambda_i y_i,
T = sum_i b_i x_i^{⊗alpha}, f(w) = sum_i b_i (x_i.w)^{alpha-1} x_i, p(w) = w.f(w). A KKT point has

    a_j = c p(W_j),    W_j = alpha c a_j f(W_j)  (4.1),    y_i Phi(x_i) = 1,    lambda_i > 0.

So W_j = s u for a unit eigenvector f(u) = mu u, and the two equations leave one norm and one sign:

    s = (sqrt(alpha) |c mu|)^{-1/(alpha-1)},    a_j = c mu s^alpha = sign(c mu) s / sqrt(alpha).

alpha odd: (u, mu) ~ (-u, -mu), hence (W_j, a_j) ~ (-W_j, -a_j); alpha even: W_j ~ -W_j and a_j has
the sign of c mu. A direction may carry q_k neurons, all of that one norm (alpha >= 2). With
f(w) = eps w in place of |w| = 1, R = |w|^2 (so |mu| = R^{-(alpha-2)/2}), neurons and margins become

    W_j = (sqrt(alpha) |c|)^{-1/(alpha-1)} R^{-1/(2(alpha-1))} w,
    Phi(x) = sum_k q_k eps_k kappa R_k^{-1/(alpha-1)} (w_k.x)^alpha,
    kappa = |c|^{-2/(alpha-1)} alpha^{-alpha/(alpha-1)}.

What remains is to find b such that the margins are 1: ``eigenvectors`` for alpha >= 3,
``low_degree_points`` for alpha = 1 and 2. The problem is variational: Phi(x_i) is the derivative
in b_i
of sum_k q_k h(mu_k(b)) with h(mu) = -(alpha-1)/2 kappa |mu|^{-2/(alpha-1)}, because the derivative
of mu in b_i is (u.x_i)^alpha.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from identify.arrays import BoolArray, FloatArray, IntArray
from identify.equations.activation import MAX_DEGREE
from identify.points.eigenvectors import correct, enumerate_patterns, follow, orthonormal_bundle
from identify.points.low_degree import linear, quadratic

TOLERANCE = 1e-12
"""Largest relative stationarity residual and margin error of a point that is handed out."""


@dataclass(frozen=True, slots=True)
class KKTPoint:
    """A network that satisfies the KKT conditions of its own training set.

    Attributes:
        a: (m,) output weights.
        W: (m, d) first layer.
        x: (n, d) samples, all active.
        b: (n,) signed weights lambda_i y_i.
        labels: (n,) in {-1, +1}.
        alpha: Degree of the activation.
        leading: Its leading coefficient c.
        patterns: (K, n) signs of w.x_i of the directions asked for; for alpha >= 3 at the
            orthonormal samples from which they were followed, 0 outside the support.
        multiplicities: (K,) neurons on each direction, 0 where the direction was lost.
        lost: (K,) whether the direction vanished between orthonormal and given samples.
        direction: (m,) row of ``patterns`` on which each neuron lies.
    """

    a: FloatArray
    W: FloatArray
    x: FloatArray
    b: FloatArray
    labels: IntArray
    alpha: int
    leading: float
    patterns: IntArray
    multiplicities: IntArray
    lost: BoolArray
    direction: IntArray

    @property
    def survived(self) -> int:
        """How many directions carry neurons: those asked for and not lost."""
        return int((self.multiplicities > 0).sum())

    @property
    def stationarity(self) -> float:
        """Largest relative residual of the two stationarity equations over all neurons."""
        z = self.W @ self.x.T
        f = (self.b * z ** (self.alpha - 1)) @ self.x
        rows = np.linalg.norm(self.W - self.alpha * self.leading * self.a[:, None] * f, axis=1)
        outputs = np.abs(self.a - self.leading * (z**self.alpha @ self.b))
        relative = (rows / np.linalg.norm(self.W, axis=1), outputs / np.abs(self.a))
        return float(np.max(relative))

    @property
    def margins(self) -> FloatArray:
        """y_i Phi(x_i), (n,)."""
        return self.labels * self.leading * ((self.x @ self.W.T) ** self.alpha @ self.a)


def synthesize_kkt(
    X: ArrayLike,
    labels: ArrayLike,
    alpha: int,
    *,
    multiplicities: ArrayLike | None = None,
    directions: ArrayLike | str = "all",
    leading: float = 1.0,
    seed: int = 0,
) -> KKTPoint:
    """Build a network for which given samples satisfy all KKT conditions, to rounding.

    For orthogonal samples of any norms the point exists for every choice of multiplicities that
    reaches every sample, and b is unique. Otherwise eigenvectors are followed from orthonormal
    samples along the Gram matrices (1 - t) 1 + t C of the unit samples; those lost are reported.

    Args:
        X: (n, d) samples, linearly independent rows, any norms.
        labels: (n,) in {-1, +1}.
        alpha: Degree of the activation c t^alpha, from 1 to 16.
        multiplicities: Neurons per direction: None for one, an int for the same on each, or (K,)
            ints in the order of the directions, 0 allowed. alpha = 2: equal ones only. alpha = 1:
            there is one direction, and the norms of its neurons are free (drawn from ``seed``).
        directions: "all", or (K, n) rows in {-1, 0, +1} for some of the directions (alpha >= 3):
            signs of w.x_i at orthonormal samples, on a support within one class if alpha is even.
        leading: Leading coefficient c, not 0.
        seed: Draws the order of the neurons, and their signs where the equations leave them free.

    Returns:
        The point, with relative stationarity and margins within 1e-12.

    Raises:
        ValueError: If an argument is malformed, or no such point was found; says what to change.
    """
    x, y = _check_samples(X, labels)
    if (
        isinstance(alpha, bool)
        or not isinstance(alpha, int | np.integer)
        or not 1 <= alpha <= MAX_DEGREE
    ):
        raise ValueError(f"alpha: found {alpha!r}; pass an int from 1 to {MAX_DEGREE}")
    if not np.isfinite(leading) or leading == 0:
        raise ValueError(f"leading: found {leading}; pass a finite coefficient other than 0")
    rng = np.random.default_rng(seed)
    alpha, c = int(alpha), float(leading)
    if alpha >= 3:
        patterns = _check_directions(directions, y, alpha)
        q = _check_multiplicities(multiplicities, len(patterns))
        vectors, b, kept = _higher_degree(x, y, alpha, c, patterns, q)
    else:
        if not isinstance(directions, str) or directions != "all":
            raise ValueError(
                f"directions: at alpha = {alpha} only 'all' is possible; drop the argument"
            )
        q = _check_multiplicities(multiplicities, len(x) if alpha == 2 else 1)
        vectors, b = quadratic(x, y, c, q) if alpha == 2 else linear(x, y, c)
        patterns, kept = np.sign(vectors @ x.T).astype(np.int64), np.arange(len(q))
    lost = ~np.isin(np.arange(len(q)), kept) & (q > 0)
    q = np.where(lost, 0, q)
    direction = rng.permutation(np.repeat(np.arange(len(q)), q))
    W = vectors[np.searchsorted(kept, direction)]
    if alpha == 1:  # W_j = c a_j v for any a_j; only sum a_j^2 is fixed
        shares = rng.uniform(0.5, 1.5, len(W))
        W *= np.sqrt(shares / shares.sum())[:, None]
    W *= rng.choice([-1.0, 1.0], len(W))[:, None]
    norms = np.linalg.norm(W, axis=1) / np.sqrt(alpha)
    a = norms * np.sign(c * ((W @ x.T) ** alpha @ b))
    point = KKTPoint(a, W, x, b, y, alpha, c, patterns, q, lost, direction)
    _check_point(point)
    return point


def _higher_degree(
    x: FloatArray, y: IntArray, alpha: int, c: float, patterns: IntArray, q: IntArray
) -> tuple[FloatArray, FloatArray, IntArray]:
    """Solve for eigenvectors and b, alpha >= 3.

    Returns:
        Rows W (K', d), one per surviving direction, b (n,), and their rows in ``patterns`` (K',).

    Raises:
        ValueError: If a sample is out of reach of every neuron.
    """
    used = np.flatnonzero(q)
    bare = np.flatnonzero(~patterns[used].any(axis=0))
    if len(bare):
        raise ValueError(
            f"multiplicities: sample {bare[0]} is in the support of no direction that carries a "
            "neuron, so its margin cannot be 1; give a direction through it a positive multiplicity"
        )
    norms = np.linalg.norm(x, axis=1)
    unit = x / norms[:, None]
    target = norms ** -float(alpha)  # y_i Phi(x_i) = |x_i|^alpha y_i Phi(unit_i)
    kappa = abs(c) ** (-2 / (alpha - 1)) * alpha ** (-alpha / (alpha - 1))
    start = orthonormal_bundle(patterns[used], y, q[used].astype(float), alpha, kappa, target)
    C = unit @ unit.T
    end = follow(start, C, y * target)
    end = correct(end, C, y * target) or end  # one more Newton step, to rounding
    w = end.eps[:, None] * (end.b * end.z ** (alpha - 1)) @ unit
    R = end.squared_norms
    scale = (np.sqrt(alpha) * abs(c)) ** (-1 / (alpha - 1)) * R ** (-1 / (2 * (alpha - 1)))
    return scale[:, None] * w, end.b * target, used[end.index]


def _check_samples(X: ArrayLike, labels: ArrayLike) -> tuple[FloatArray, IntArray]:
    try:
        x, y = np.array(X, dtype=np.float64), np.array(labels, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"X, labels: found no arrays of numbers ({error}); pass (n, d) and (n,) array-likes"
        ) from error
    if x.ndim != 2 or 0 in x.shape:
        raise ValueError(f"X: found shape {x.shape}; pass the samples as rows of an (n, d) array")
    if not np.isfinite(x).all():
        raise ValueError("X: found NaN or infinity; pass finite samples")
    if y.shape != (len(x),):
        raise ValueError(f"labels: found shape {y.shape}; pass {len(x)} labels, one per row of X")
    if not np.isin(y, (-1, 1)).all():
        raise ValueError(f"labels: found {sorted(set(y.tolist()))}; pass -1 or +1 for each sample")
    norms = np.linalg.norm(x, axis=1)
    rank = np.linalg.matrix_rank(x / norms[:, None], tol=1e-6) if norms.all() else 0
    if rank < len(x):
        found = f"{len(x)} rows of rank {rank}" if norms.all() else "a row of zeros"
        raise ValueError(f"X: found {found}; pass linearly independent samples (so n <= d)")
    return x, y.astype(np.int64)


def _check_directions(directions: ArrayLike | str, y: IntArray, alpha: int) -> IntArray:
    if isinstance(directions, str):
        if directions != "all":
            raise ValueError(
                f"directions: found {directions!r}; pass 'all' or a (K, n) array of signs"
            )
        return enumerate_patterns(y, alpha)
    patterns = np.array(directions)
    expected = f"pass (K, {len(y)}) rows of -1, 0, +1, as in enumerate_patterns(labels, alpha)"
    if patterns.ndim != 2 or patterns.shape[1] != len(y) or not len(patterns):
        raise ValueError(f"directions: found shape {patterns.shape}; {expected}")
    if not np.isin(patterns, (-1, 0, 1)).all() or not patterns.any(axis=1).all():
        raise ValueError(
            f"directions: found an entry other than -1, 0, +1 or a row of zeros; {expected}"
        )
    patterns = patterns.astype(np.int64)
    if alpha % 2:
        patterns = np.abs(patterns) * y
    else:
        mixed = np.flatnonzero(np.abs(np.abs(patterns) @ y) < np.abs(patterns).sum(axis=1))
        if len(mixed):
            raise ValueError(
                f"directions: row {mixed[0]} mixes the classes at even alpha; {expected}"
            )
        first = patterns[np.arange(len(patterns)), np.argmax(patterns != 0, axis=1)]
        patterns *= first[:, None]
    if len(np.unique(patterns, axis=0)) < len(patterns):
        raise ValueError("directions: found a direction twice; use multiplicities for copies")
    return patterns


def _check_multiplicities(multiplicities: ArrayLike | None, count: int) -> IntArray:
    q = np.array(1 if multiplicities is None else multiplicities)
    if q.dtype.kind not in "iu" or (q < 0).any():
        raise ValueError(f"multiplicities: found {q.tolist()}; pass non-negative ints")
    if q.ndim and q.shape != (count,):
        raise ValueError(
            f"multiplicities: found shape {q.shape}; pass one int, or {count}, one per direction"
        )
    q = np.broadcast_to(q, (count,)).astype(np.int64)
    if not q.any():
        raise ValueError("multiplicities: found no neuron at all; pass a positive int somewhere")
    return q


def _check_point(point: KKTPoint) -> None:
    """Refuse a point that is not exact.

    Raises:
        ValueError: If the equations do not hold to ``TOLERANCE``.
    """
    off = float(np.abs(point.margins - 1).max())
    if not (
        point.stationarity <= TOLERANCE and off <= TOLERANCE and (point.b * point.labels > 0).all()
    ):
        raise ValueError(
            f"X: the point found has stationarity {point.stationarity:.1e} and margins off by "
            f"{off:.1e}, more than {TOLERANCE:.0e}; pass better conditioned samples"
        )
