"""A least-squares solution of the equations, and what moving its samples can follow."""

from __future__ import annotations

from dataclasses import dataclass

from scipy.linalg import cho_solve

from identify.arrays import Float64, FloatArray
from identify.equations.system import Equations, jacobian_product, residual_gradient


@dataclass(frozen=True, slots=True)
class Fit:
    """A least-squares solution of the equations.

    Attributes:
        x: Samples.
        b: Coefficients.
        residual: Euclidean norm of the residual.
        factor: Cholesky factor of the normal matrix at the solution (as of ``cho_factor``), in
            units where its diagonal is 1; None for large problems, unless it had to be formed.
        unit: Those units; q is r, or r + 1 where b is free.
        converged: Whether the step had become negligible.
    """

    x: Float64[FloatArray, "n r"]
    b: Float64[FloatArray, " n"]
    residual: float
    factor: tuple[FloatArray, bool] | None
    unit: Float64[FloatArray, "n q"]
    converged: bool


def project_out(
    equations: Equations, fit: Fit, change: Float64[FloatArray, "m r"]
) -> Float64[FloatArray, "m r"]:
    """Return (I - J J^+) change: what of a change of the gradients no samples can follow."""
    assert fit.factor is not None
    along = (residual_gradient(equations, fit.x, fit.b, change) / fit.unit).ravel()
    step = cho_solve(fit.factor, along, check_finite=False).reshape(fit.unit.shape) / fit.unit
    return change - jacobian_product(equations, fit.x, fit.b, step)
