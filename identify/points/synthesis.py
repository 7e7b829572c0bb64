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

What remains is to find b such that the margins are 1: ``following`` for alpha >= 3, ``low_degree``
for alpha = 1 and 2. The problem is variational: Phi(x_i) is the derivative in b_i of
sum_k q_k h(mu_k(b)) with h(mu) = -(alpha-1)/2 kappa |mu|^{-2/(alpha-1)}, because the derivative of
mu in b_i is (u.x_i)^alpha.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from identify.arrays import BoolArray, FloatArray, IntArray
from identify.points.arguments import check_degree, check_labelled_samples, check_multiplicities
from identify.points.following import correct, follow, orthonormal_bundle
from identify.points.low_degree import linear, quadratic
from identify.points.patterns import check_directions

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
    x, y = check_labelled_samples(X, labels)
    alpha, c = check_degree(alpha, leading)
    rng = np.random.default_rng(seed)
    if alpha >= 3:
        patterns = check_directions(directions, y, alpha)
        q = check_multiplicities(multiplicities, len(patterns))
        vectors, b, kept = _higher_degree(x, y, alpha, c, patterns, q)
    else:
        if not isinstance(directions, str) or directions != "all":
            raise ValueError(
                f"directions: at alpha = {alpha} only 'all' is possible; drop the argument"
            )
        q = check_multiplicities(multiplicities, len(x) if alpha == 2 else 1)
        vectors, b = quadratic(x, y, c, q) if alpha == 2 else linear(x, y, c)
        patterns, kept = np.sign(vectors @ x.T).astype(np.int64), np.arange(len(q))
    lost = ~np.isin(np.arange(len(q)), kept) & (q > 0)
    q = np.where(lost, 0, q)
    direction = rng.permutation(np.repeat(np.arange(len(q)), q))
    W = _neurons(vectors[np.searchsorted(kept, direction)], alpha, rng)
    # |W_j|^2 = alpha a_j^2, and a_j has the sign of c p(W_j)
    norms = np.linalg.norm(W, axis=1) / np.sqrt(alpha)
    a = norms * np.sign(c * ((W @ x.T) ** alpha @ b))
    point = KKTPoint(a, W, x, b, y, alpha, c, patterns, q, lost, direction)
    _check_point(point)
    return point


def _neurons(W: FloatArray, alpha: int, rng: np.random.Generator) -> FloatArray:
    """Draw what the equations leave open of the neurons: their signs; alpha = 1: their norms."""
    if alpha == 1:  # W_j = c a_j v for any a_j; only sum a_j^2 is fixed
        shares = rng.uniform(0.5, 1.5, len(W))
        W = W * np.sqrt(shares / shares.sum())[:, None]
    return W * rng.choice([-1.0, 1.0], len(W))[:, None]


def _higher_degree(
    x: FloatArray, y: IntArray, alpha: int, c: float, patterns: IntArray, q: IntArray
) -> tuple[FloatArray, FloatArray, IntArray]:
    """Return rows W (K', d), one per surviving direction, b (n,), and their patterns (K',).

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
    # f(w) = eps w, scaled to a neuron
    w = end.eps[:, None] * (end.b * end.z ** (alpha - 1)) @ unit
    R = end.squared_norms
    scale = (np.sqrt(alpha) * abs(c)) ** (-1 / (alpha - 1)) * R ** (-1 / (2 * (alpha - 1)))
    return scale[:, None] * w, end.b * target, used[end.index]


def _check_point(point: KKTPoint) -> None:
    """Refuse a point whose equations do not hold to ``TOLERANCE``."""
    off = float(np.abs(point.margins - 1).max())
    if not (
        point.stationarity <= TOLERANCE and off <= TOLERANCE and (point.b * point.labels > 0).all()
    ):
        raise ValueError(
            f"X: the point found has stationarity {point.stationarity:.1e} and margins off by "
            f"{off:.1e}, more than {TOLERANCE:.0e}; pass better conditioned samples"
        )
