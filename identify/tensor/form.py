"""A symmetric tensor by the coefficients of its form, and a basis of forms to evaluate many points.

Symbols: p(w) = T(w, ..., w) = sum_e q_e phi_e(w) with the weighted monomials phi of
``identify.tensor.features``, in which the norm of q is that of T. With e_i one more w_i,

    f_i(w) = (d p / d w_i) / k = sum_e phi_e(w) sqrt((e_i + 1) / k) q_{e + e_i},

the sum over the monomials of degree k - 1, and once more for the slices M(w).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from identify.arrays import Float64, FloatArray, IntArray
from identify.tensor.features import form_dimension, monomial_features, monomial_indices


@lru_cache(maxsize=64)
def raised(r: int, k: int) -> tuple[IntArray, FloatArray]:
    """Return the place of e + e_i among the monomials of degree k, and sqrt((e_i + 1) / k), (N, r).

    e runs over the monomials of degree k - 1 >= 0.
    """
    below = monomial_indices(r, k - 1)
    joined = np.empty((len(below), r, k), dtype=np.intp)
    joined[:, :, 1:] = below[:, None, :]
    joined[:, :, 0] = np.arange(r)
    joined.sort(axis=2)
    base = r ** np.arange(k - 1, -1, -1, dtype=np.int64)  # the order is that of these numbers
    place = np.searchsorted(monomial_indices(r, k) @ base, joined @ base)
    times = (joined == np.arange(r)[None, :, None]).sum(axis=2)
    return place, np.sqrt(times / k)


def slopes(q: Float64[FloatArray, "... N"], r: int, k: int) -> Float64[FloatArray, "... M r"]:
    """Return the coefficients of f, the form of degree k being sum_e q_e phi_e."""
    place, factor = raised(r, k)
    return np.asarray(q[..., place] * factor, dtype=np.float64)


def slopes_transposed(
    C: Float64[FloatArray, "... M r"], r: int, k: int
) -> Float64[FloatArray, "... N"]:
    """Apply the transpose of ``slopes``."""
    place, factor = raised(r, k)
    N = form_dimension(r, k)
    weighted = (C * factor).reshape(-1, place.size)
    rows = np.zeros((len(weighted), N))
    for row, values in zip(rows, weighted, strict=True):
        row[:] = np.bincount(place.ravel(), weights=values, minlength=N)
    return rows.reshape(*C.shape[:-2], N)


@dataclass(frozen=True, slots=True)
class Form:
    """A symmetric tensor T given by the coefficients of its form p.

    Attributes:
        degree: alpha, at least 1.
        variables: r.
        q: Coefficients of the weighted monomials.
    """

    degree: int
    variables: int
    q: Float64[FloatArray, " N"]

    def p(self, w: Float64[FloatArray, "k r"]) -> Float64[FloatArray, " k"]:
        """Evaluate the form p."""
        return monomial_features(w, self.degree) @ self.q

    def f(self, w: Float64[FloatArray, "k r"]) -> Float64[FloatArray, "k r"]:
        """Evaluate f = grad p / alpha."""
        k = self.degree
        return monomial_features(w, k - 1) @ slopes(self.q, self.variables, k)

    def slice(self, v: Float64[FloatArray, " r"]) -> Float64[FloatArray, "r r"]:
        """Return the slice M(v) (paper, eq. A.6), symmetric; alpha >= 2."""
        return self.slices(v[None])[0]

    def slices(self, w: Float64[FloatArray, "k r"]) -> Float64[FloatArray, "k r r"]:
        """Return the slices at several points."""
        r, k = self.variables, self.degree
        first = slopes(self.q, r, k).T  # of each partial derivative
        second = slopes(first, r, k - 1).transpose(1, 0, 2).reshape(-1, r * r)
        return (monomial_features(w, k - 2) @ second).reshape(-1, r, r)
