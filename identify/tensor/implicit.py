"""The tensor T without forming it.

Symbols: T = sum_i b_i x_i^{(x) alpha}; p(w) = T(w, ..., w); f(w) = T(., w, ..., w) =
grad p(w) / alpha; M(v) = T(., ., v, ..., v) = Hess p(v) / (alpha (alpha - 1)) (paper, eqs. A.1 and
A.6). Nodes u_j and duals y_j stand for the symmetric part of sum_j u_j^{(x) alpha-1} (x) y_j.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np

from identify.arrays import Float64, FloatArray
from identify.equations.activation import integer_power

_HELD = 2**23
"""Products of points and nodes held at a time (64 MB)."""


@runtime_checkable
class SymmetricTensor(Protocol):
    """What a decomposition needs of a symmetric tensor."""

    @property
    def degree(self) -> int:
        """The degree alpha."""
        ...

    @property
    def variables(self) -> int:
        """The number r of variables."""
        ...

    def p(self, w: Float64[FloatArray, "k r"]) -> Float64[FloatArray, " k"]:
        """Evaluate the form p."""
        ...

    def slice(self, v: Float64[FloatArray, " r"]) -> Float64[FloatArray, "r r"]:
        """Return the slice M(v)."""
        ...


@dataclass(frozen=True, slots=True)
class ImplicitTensor:
    """The symmetric part of sum_j u_j^{(x) alpha-1} (x) y_j, evaluated without being formed.

    Attributes:
        degree: alpha, at least 1.
        nodes: u_j.
        dual: y_j.
    """

    degree: int
    nodes: Float64[FloatArray, "m r"]
    dual: Float64[FloatArray, "m r"]

    @property
    def variables(self) -> int:
        """The number r of variables."""
        return self.nodes.shape[1]

    def p(self, w: Float64[FloatArray, "k r"]) -> Float64[FloatArray, " k"]:
        """Evaluate the form p, the sum of (u_j.w)^{alpha-1} (y_j.w)."""
        return np.concatenate([self._p(part) for part in self._parts(w)])

    def f(self, w: Float64[FloatArray, "k r"]) -> Float64[FloatArray, "k r"]:
        """Evaluate f = grad p / alpha by the product rule."""
        return np.concatenate([self._f(part) for part in self._parts(w)])

    def _parts(self, w: Float64[FloatArray, "k r"]) -> list[FloatArray]:
        """Split the points so that little is held at a time."""
        step = max(1, _HELD // max(1, len(self.nodes)))
        return [w[start : start + step] for start in range(0, max(1, len(w)), step)]

    def _p(self, w: Float64[FloatArray, "k r"]) -> Float64[FloatArray, " k"]:
        along = integer_power(w @ self.nodes.T, self.degree - 1)
        return np.einsum("kj,kj->k", along, w @ self.dual.T)

    def _f(self, w: Float64[FloatArray, "k r"]) -> Float64[FloatArray, "k r"]:
        alpha, t = self.degree, w @ self.nodes.T
        along_dual = integer_power(t, alpha - 1) @ self.dual
        if alpha == 1:
            return along_dual
        y = w @ self.dual.T
        return (along_dual + (alpha - 1) * (integer_power(t, alpha - 2) * y) @ self.nodes) / alpha

    def slice(self, v: Float64[FloatArray, " r"]) -> Float64[FloatArray, "r r"]:
        """Return the slice M(v) (paper, eq. A.6), symmetric; alpha >= 2."""
        alpha, t = self.degree, self.nodes @ v
        # (u.v)^{alpha-2} (u y^T + y u^T)
        mixed = (self.nodes * integer_power(t, alpha - 2)[:, None]).T @ self.dual
        matrix = mixed + mixed.T
        if alpha > 2:  # + (alpha - 2) (u.v)^{alpha-3} (y.v) u u^T
            weight = (alpha - 2) * integer_power(t, alpha - 3) * (self.dual @ v)
            matrix = matrix + (self.nodes * weight[:, None]).T @ self.nodes
        return matrix / alpha

    def restricted(self, basis: Float64[FloatArray, "r n"]) -> ImplicitTensor:
        """Return T restricted to the span of orthonormal columns, in their coordinates."""
        return ImplicitTensor(self.degree, self.nodes @ basis, self.dual @ basis)
