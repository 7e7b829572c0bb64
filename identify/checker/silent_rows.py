"""ReLU: the samples of a first layer from the rows that each of them left alone, in balls.

    D = W_T - rho W_0 = C X + E,    |E| <= eps (spectral norm),    C_ji = 0 for j in S_i,

with n samples as the rows of X (with a bias: [x, 1], the bias the last column of both W). Letters:
B (d, n) a basis, nearly orthonormal, M = D B, Z = X B, v0_i approximate null vectors of M_{S_i}, Z0
the inverse of the matrix of columns v0_i, norms spectral or Euclidean.

1. M = C Z + E B. As s = sigma_n(M) - eps |B| > 0, Z is invertible. Column v_i of Z^-1 obeys
   C Z v_i = C e_i, which is 0 on S_i, so |M_S v_i| <= eps |B| |v_i|.
2. Up to a factor v_i = v0_i + p, p orthogonal to v0_i. With A = M_S^T M_S + t v0_i v0_i^T and l the
   root of its smallest eigenvalue, p = A^-1 M_S^T (M_S p) and
   |p| <= pi = (eps |B| |v0_i| + |M_S v0_i|) / (l - eps |B|); a v_i orthogonal to v0_i is excluded
   by eps |B| < l. So with g_k = z0_k A^-1 M_S^T

       E_ki = |z0_k.p_i| <= |g_k| eps |B| (|v0_i| + pi) + |g_k.M_S v0_i|.

3. Up to factors z_k - z0_k is at most E (1 - E)^-1 |z0| in norm: E q for any q > |z0| + E q.
4. Outside the span, Y = X - Z (B^T B)^-1 B^T = Z Theta with
   |Theta| <= (|D - M (B^T B)^-1 B^T| + eps) / s.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from identify.arrays import BoolArray, FloatArray
from identify.checker.arithmetic import (
    SLACK,
    ball_matrix,
    ball_precision,
    ceiling_text,
    exact_matrix,
    floor_text,
    identity_minus,
    lower_norms,
    near_floats,
    norm_bound,
    upper_floats,
)
from identify.checker.singular_values import singular_value_bounds

if TYPE_CHECKING:
    from flint import arb_mat


@dataclass(frozen=True, slots=True)
class SilentClaims:
    """What a certificate of a ReLU layer claims.

    Attributes:
        decay: rho.
        basis: B, (d, n).
        duals: v0_i as rows, (n, n).
        silent: Whether row j is in S_i, (n, h).
        error: eps.
        radius: Bounds on the distance of x_i / |x_i| from that of the centres, (n,), inf where
            nothing is claimed.
    """

    decay: float
    basis: FloatArray
    duals: FloatArray
    silent: BoolArray
    error: float
    radius: FloatArray


class SilentProof:
    """The change of a layer in balls, and what follows from it."""

    M: arb_mat
    outside: float
    smallest: float
    off: float

    def __init__(self, claims: SilentClaims, weights: Mapping[str, FloatArray]) -> None:
        """Project the change on the basis."""
        from flint import arb

        self.claims = claims
        with ball_precision():
            B = exact_matrix(claims.basis)
            D = exact_matrix(weights["trained"]) - exact_matrix(weights["initial"]) * arb(
                claims.decay
            )
            gram = B.transpose() * B
            self.off = float(norm_bound(upper_floats(identity_minus(gram))))
            if not self.off < 1e-6:
                raise ValueError("basis: found columns that are not orthonormal")
            self.M = D * B
            rest = near_floats(D - self.M * gram.inv() * B.transpose())
        M = near_floats(self.M)
        low, _ = singular_value_bounds(M)
        self.smallest = float(low[-1] - 1e-15 * np.linalg.norm(M))
        self.outside = float(singular_value_bounds(rest)[1][0] * SLACK)

    def radii(self, error: float) -> FloatArray:
        """Bound the distance of each x_i / |x_i| from its centre, (n,); inf where nothing holds."""
        n, grown = len(self.claims.duals), (1 + self.off) * SLACK
        nothing, eps = np.full(n, np.inf), error * grown
        if not self.smallest > eps:
            return nothing
        with ball_precision():
            try:
                Z = exact_matrix(self.claims.duals.T).inv()
            except ZeroDivisionError:
                return nothing
            E = np.column_stack([self._turned(Z, i, eps) for i in range(n)])
        sizes = norm_bound(upper_floats(Z), axis=1)
        inside = _inverse_errors(E, sizes)
        theta = (self.outside + error) / (self.smallest - eps) * SLACK
        far = inside * grown + 1.1 * self.off * sizes + (sizes + inside) * theta
        shortest = lower_norms(Z) / grown  # |B z0| from below
        share = far / shortest * SLACK
        with np.errstate(invalid="ignore"):  # a share that is inf, nan or above 1 claims nothing
            angle = np.sqrt(2 * share**2 / (1 + np.sqrt(1 - share**2))) * SLACK
        return np.where(share < 1, angle, np.inf)

    def _turned(self, Z: arb_mat, i: int, eps: float) -> FloatArray:
        """Step 2: column i of E."""
        n, v = len(self.claims.duals), exact_matrix(self.claims.duals[i][:, None])
        rows = [
            row for row, used in zip(self.M.tolist(), self.claims.silent[i], strict=True) if used
        ]
        # with fewer than n - 1 rows A is singular, and no singular matrix has an inverse in balls
        M = ball_matrix(len(rows), n, [t for row in rows for t in row])
        normal = M.transpose() * M
        weight = float(np.trace(near_floats(normal))) / n
        A = normal + v * v.transpose() * weight
        try:
            inverse = A.inv()
        except ZeroDivisionError:
            return np.full(n, np.inf)
        lowest = 1 / np.sqrt(float(norm_bound(upper_floats(inverse)))) / SLACK
        if not lowest > eps:
            return np.full(n, np.inf)
        length = float(norm_bound(upper_floats(v)))
        left = float(norm_bound(upper_floats(M * v)))
        pi = (eps * length + left) / (lowest - eps) * SLACK
        g = Z * inverse
        sizes = np.sqrt(np.diag(upper_floats(g * normal * g.transpose()))) * SLACK
        return (sizes * eps * (length + pi) + upper_floats(g * (normal * v))[:, 0]) * SLACK


def _inverse_errors(E: FloatArray, sizes: FloatArray) -> FloatArray:
    """Step 3: E q with q > sizes + E q, inf where there is none."""
    nothing = np.full(len(E), np.inf)
    try:
        q = np.linalg.solve(np.eye(len(E)) - E, sizes) * (1 + 1e-6)  # not finite where E is not
    except np.linalg.LinAlgError:
        return nothing
    if not (np.all(q > 0) and np.all((E @ q + sizes) * SLACK < q)):
        return nothing
    return E @ q * SLACK


def check_silent_rows(claims: SilentClaims, weights: Mapping[str, FloatArray]) -> tuple[str, ...]:
    """Prove the claims for the weights ``trained`` and ``initial``, (h, d) each.

    Returns:
        What is proved, as sentences.

    Raises:
        ValueError: If a claim is not proved; names it.
    """
    found = SilentProof(claims, weights).radii(claims.error)
    short = np.flatnonzero(found > claims.radius)
    if len(short):
        raise ValueError(
            f"radius: sample {short[0] + 1} is proved to {found[short[0]]:.3g}, not to "
            f"{claims.radius[short[0]]:.3g}"
        )
    return said_of_silent_rows(claims)


def said_of_silent_rows(claims: SilentClaims) -> tuple[str, ...]:
    """Say in full what a proved certificate of a ReLU layer means."""
    sure = np.isfinite(claims.radius)
    n, least = len(sure), int(claims.silent.sum(axis=1).min())
    if not sure.any():
        return ()
    return (
        (
            f"Whatever n = {n} samples X and coefficients C: if W - rho W0 = C X up to an error of "
            f"spectral norm {floor_text(claims.error)} (rho = {claims.decay:.17g}, weights as "
            "stored) and each sample left alone the rows that the certificate lists for it (at "
            f"least {least} of {claims.silent.shape[1]}: C is 0 there), then X has rank {n}, and "
            f"{int(sure.sum())} of its rows lie, scaled to norm 1 and up to their sign, within at "
            f"most {ceiling_text(claims.radius[sure].max())} of those of the certificate."
        ),
        (
            "That those rows were left alone is not proved: it is what the search found, and what "
            "the hypotheses of the report are about."
        ),
    )
