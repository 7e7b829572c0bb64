"""Theorem 4.1 from end to end on samples that are not orthogonal, in ball arithmetic.

arXiv 2602.08723, section 4.2 and appendix A.2. For such samples neither the eigenvectors nor b
are rational, so a KKT point is enclosed first: a box that holds exactly one solution of

    stationarity           z_k = eps_k G (b z_k^(alpha-1)) for every direction k,
    all margins equal to 1  sum_k eps_k kappa R_k^(-1/(alpha-1)) z_ki^alpha = y_i,

where z_ki = x_i.w_k, G is the Gram matrix of the samples, f(w_k) = eps_k w_k, R_k = |w_k|^2 =
eps_k sum_i b_i z_ki^alpha, and kappa = alpha^(-alpha/(alpha-1)). ``identify.points.synthesis`` only
says where to look for the box; that there is such a point is proved here.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
from flint import acb_mat, arb, ctx

from identify.points.synthesis import synthesize_kkt
from proofs_check.docket import Docket
from proofs_check.exact.enclosure import enclose_zero
from proofs_check.exact.formulas import dot
from proofs_check.exact.proof_a_2 import FlintMatrix, recover_samples
from proofs_check.exact.rational import Matrix, cayley
from proofs_check.ledger import ClaimVerdict, claim

DIGITS = 30
"""The KKT point is enclosed to this many digits."""
SHARP = 15
"""The recovered samples have to be enclosed to this many digits."""


class Margins:
    """The square system for z (K, n) and b (n,) at given samples.

    Attributes:
        G: Gram matrix of the samples, n x n.
        y: Labels, n.
        eps: Sign of each eigenvalue, K.
        alpha: Degree.
    """

    def __init__(self, x: Matrix, y: Sequence[int], eps: Sequence[int], alpha: int) -> None:
        self.G = [[ball(dot(u, v)) for v in x] for u in x]
        self.y, self.eps, self.alpha = y, eps, alpha

    def split(self, unknowns: Sequence[arb]) -> tuple[list[list[arb]], list[arb]]:
        """The unknowns as z, one row per direction, and b."""
        n = len(self.y)
        rows = [list(unknowns[i : i + n]) for i in range(0, len(unknowns), n)]
        return rows[:-1], rows[-1]

    def output(self, z: Sequence[arb], b: Sequence[arb], eps: int) -> tuple[arb, arb]:
        """R = |w|^2 and kappa eps R^(-1/(alpha-1)), the weight of a direction in Phi."""
        alpha = self.alpha
        R = eps * dot(b, [t**alpha for t in z])
        return R, eps * arb(alpha) ** (arb(-alpha) / (alpha - 1)) * R ** (arb(-1) / (alpha - 1))

    def residual(self, unknowns: Sequence[arb]) -> list[arb]:
        """All equations, right side minus left: K n of stationarity, then n margins."""
        z, b = self.split(unknowns)
        found, outputs = [], [arb(-y_i) for y_i in self.y]
        for z_k, eps in zip(z, self.eps, strict=True):
            c = [b_i * t ** (self.alpha - 1) for b_i, t in zip(b, z_k, strict=True)]
            found += [eps * dot(row, c) - t for row, t in zip(self.G, z_k, strict=True)]
            _, weight = self.output(z_k, b, eps)
            outputs = [s + weight * t**self.alpha for s, t in zip(outputs, z_k, strict=True)]
        return found + outputs

    def jacobian(self, unknowns: Sequence[arb]) -> list[list[arb]]:
        """The derivatives of ``residual``, row by row."""
        z, b = self.split(unknowns)
        alpha, n, K = self.alpha, len(b), len(z)
        J = [[arb(0)] * (n * (K + 1)) for _ in range(n * (K + 1))]
        for k, (z_k, eps) in enumerate(zip(z, self.eps, strict=True)):
            R, weight = self.output(z_k, b, eps)
            for i in range(n):
                J[n * k + i][n * k + i] -= 1
                J[n * K + i][n * k + i] += alpha * weight * z_k[i] ** (alpha - 1)
                for j in range(n):
                    power = z_k[j] ** (alpha - 1)
                    J[n * k + i][n * k + j] += (
                        eps * (alpha - 1) * self.G[i][j] * b[j] * z_k[j] ** (alpha - 2)
                    )
                    J[n * k + i][n * K + j] += eps * self.G[i][j] * power
                    turn = -eps * weight * z_k[i] ** alpha / ((alpha - 1) * R)  # through R
                    J[n * K + i][n * k + j] += turn * alpha * b[j] * power
                    J[n * K + i][n * K + j] += turn * power * z_k[j]
        return J


def ball(value: Fraction | int) -> arb:
    """A rational number as a ball."""
    return arb(value.numerator) / value.denominator


def unit_samples(d: int, seed: int) -> Matrix:
    """Unit samples of small coherence: row i of the i-th of d small rational rotations."""
    draws = np.random.default_rng(seed).integers(-9, 10, (d, d * (d - 1) // 2)).tolist()
    return [cayley([Fraction(t, 300) for t in row], d)[i] for i, row in enumerate(draws)]


def enclosed_point(
    x: Matrix, y: Sequence[int], alpha: int
) -> tuple[list[list[arb]], list[arb], list[int]] | None:
    """Enclose the KKT point with one neuron on each eigenvector: directions, b, signs."""
    point = synthesize_kkt([[float(t) for t in row] for row in x], y, alpha)
    eps = [1 if alpha % 2 or t > 0 else -1 for t in point.a]
    factor = alpha * point.a if alpha % 2 else np.abs(alpha * point.a)
    scale = np.sign(factor) * np.abs(factor) ** (1 / (alpha - 2))  # f(w) = eps w
    z = scale[:, None] * point.W @ point.x.T
    system = Margins(x, y, eps, alpha)
    start = [*z.ravel().tolist(), *point.b.tolist()]
    zero = enclose_zero(system.residual, system.jacobian, start, digits=DIGITS)
    if zero is None:
        return None
    rows, b = system.split(zero)
    columns = [[ball(t) for t in column] for column in zip(*x, strict=True)]
    u = []
    for z_k, sign in zip(rows, eps, strict=True):
        c = [sign * b_i * t ** (alpha - 1) for b_i, t in zip(b, z_k, strict=True)]
        u.append([dot(column, c) for column in columns])  # w = eps sum_i b_i z_i^(alpha-1) x_i
    return u, b, eps


def ball_eigenvectors(C: FlintMatrix) -> FlintMatrix:
    """Eigenvectors as columns, rigorous; ValueError if the eigenvalues cannot be told apart."""
    return acb_mat(C).eig(right=True)[1]


def is_enclosed(x: Matrix, y: Sequence[int], alpha: int, seed: int) -> bool:
    """Whether every (x_i, b_i) lies in one recovered ball, up to sign, and the balls are small."""
    found = enclosed_point(x, y, alpha)
    if found is None:
        return False
    u, b, eps = found
    if not all(y_i * b_i > 0 for y_i, b_i in zip(y, b, strict=True)):  # lambda_i > 0
        return False
    values = [[sign * t for t in row] for row, sign in zip(u, eps, strict=True)]
    draws = np.random.default_rng(seed).integers(-99, 100, (2, len(x))).tolist()
    slices = ([arb(t) for t in draws[0]], [arb(t) for t in draws[1]])
    X, weights = recover_samples(u, values, alpha, slices, ball_eigenvectors)
    used = set()
    for row, weight in zip(X.tolist(), weights, strict=True):
        length = dot(row, row).sqrt()
        unit, b_unit = [t / length for t in row], weight * length**alpha
        for i, x_i in enumerate(x):
            for sign in (1, -1):
                gaps = [t - sign * ball(s) for t, s in zip(unit, x_i, strict=True)]
                gaps.append(b_unit - sign**alpha * b[i])
                if all(gap.contains(0) and gap.abs_upper() < arb(10) ** -SHARP for gap in gaps):
                    used.add(i)
    return used == set(range(len(x)))


@claim(
    "theorem-4.1-balls",
    where="4.2, Theorem 4.1",
    statement=(
        "α >= 3, rank(K) = N, samples independent with |x_i| = 1: (a, W) determines the active "
        "(x_i, b_i)."
    ),
    gist="Theorem 4.1 for samples that are not orthogonal, in balls",
    recorded=ClaimVerdict.SUPPORTED,
    hypotheses=(
        "rational unit samples, not orthogonal, as many as dimensions",
        "all eigenvectors that orthonormal samples have still exist, one neuron on each",
        "up to permutation and sign (E2)",
    ),
)
def theorem_balls(docket: Docket) -> None:
    """A box with exactly one KKT point (Krawczyk), then A.2 in balls: V^T V is invertible in them.

    The recovered balls hold the rational samples from which the point was built.
    """
    previous = ctx.dps
    ctx.dps = 3 * DIGITS
    try:
        cases = ((3, (1, 1)), (3, (1, -1)), (3, (1, -1, 1)), (4, (1, 1)), (4, (-1, -1, -1)))
        for alpha, labels in cases:
            samples = [unit_samples(len(labels), seed) for seed in range(3)]
            docket.ball(
                f"α = {alpha}, labels {labels}: KKT point with all margins 1 enclosed to "
                f"1e-{DIGITS}, every (x_i, b_i) to 1e-{SHARP}, for 3 sets of samples",
                [is_enclosed(x, labels, alpha, seed) for seed, x in enumerate(samples)],
                seed=0,
            )
            docket.exact(
                "none of these sets is orthogonal", [dot(x[0], x[1]) != 0 for x in samples], seed=0
            )
    finally:
        ctx.dps = previous
