"""The tensor T without forming it.

Symbols: T = sum_i b_i x_i^{(x) alpha}; p(w) = T(w, ..., w); f(w) = T(., w, ..., w) = grad p /
alpha;
M(v) = T(., ., v, ..., v) = Hess p(v) / (alpha (alpha - 1)) (paper, eqs. A.1 and A.6).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from identify.arrays import FloatArray
from identify.equations.activation import integer_power


@dataclass(frozen=True, slots=True)
class ImplicitTensor:
    """The symmetric part of sum_j u_j^{(x) alpha-1} (x) y_j, evaluated without being formed.

    Attributes:
        degree: alpha, at least 1.
        nodes: u_j, (m, r).
        dual: y_j, (m, r).
    """

    degree: int
    nodes: FloatArray
    dual: FloatArray

    def p(self, w: FloatArray) -> FloatArray:
        """Evaluate the form p, the sum of (u_j.w)^{alpha-1} (y_j.w).

        Args:
            w: Points, (k, r).

        Returns:
            Values, (k,).
        """
        return np.sum(integer_power(w @ self.nodes.T, self.degree - 1) * (w @ self.dual.T), axis=1)

    def f(self, w: FloatArray) -> FloatArray:
        """Evaluate f, the gradient of p over alpha.

        Args:
            w: Points, (k, r).

        Returns:
            Values, (k, r).
        """
        alpha, t = self.degree, w @ self.nodes.T
        along_dual = integer_power(t, alpha - 1) @ self.dual
        if alpha == 1:
            return along_dual
        y = w @ self.dual.T
        return (along_dual + (alpha - 1) * (integer_power(t, alpha - 2) * y) @ self.nodes) / alpha

    def slice(self, v: FloatArray) -> FloatArray:
        """Return the slice M(v) (paper, eq. A.6); alpha >= 2.

        Args:
            v: Direction, (r,).

        Returns:
            A symmetric matrix, (r, r).
        """
        alpha, t = self.degree, self.nodes @ v
        mixed = (self.nodes * integer_power(t, alpha - 2)[:, None]).T @ self.dual
        matrix = mixed + mixed.T
        if alpha > 2:
            weight = (alpha - 2) * integer_power(t, alpha - 3) * (self.dual @ v)
            matrix = matrix + (self.nodes * weight[:, None]).T @ self.nodes
        return matrix / alpha

    def restricted(self, basis: FloatArray) -> ImplicitTensor:
        """Return T restricted to the span of an orthonormal basis, in its coordinates.

        Args:
            basis: Orthonormal columns, (r, n).

        Returns:
            The restriction, in n variables.
        """
        return ImplicitTensor(self.degree, self.nodes @ basis, self.dual @ basis)


def cp_tensor(x: FloatArray, b: FloatArray, alpha: int) -> FloatArray:
    """Form T = sum_i b_i x_i^{(x) alpha} from its components, through TensorLy.

    Args:
        x: Components as rows, (n, d).
        b: Coefficients, (n,).
        alpha: Degree.

    Returns:
        The tensor, shape (d,) * alpha.
    """
    import tensorly

    return np.asarray(tensorly.cp_to_tensor((tensorly.tensor(b), [tensorly.tensor(x.T)] * alpha)))


def inner_product(x: FloatArray, b: FloatArray, y: FloatArray, c: FloatArray, alpha: int) -> float:
    """Return <T(x, b), T(y, c)> in factored form, sum_ik b_i c_k (x_i.y_k)^alpha.

    Args:
        x: Components of the first tensor, (n, d).
        b: Their coefficients, (n,).
        y: Components of the second tensor, (n', d).
        c: Their coefficients, (n',).
        alpha: Degree.

    Returns:
        The inner product; with the tensor itself, its squared Frobenius norm.
    """
    return float(b @ integer_power(x @ y.T, alpha) @ c)
