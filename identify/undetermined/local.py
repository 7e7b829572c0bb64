"""The solutions near one to first order: singular values and null space of the Jacobian."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from identify.arrays import FloatArray
from identify.undetermined.system import System
from identify.undetermined.work import Work, decomposition


@dataclass(frozen=True, slots=True)
class LocalView:
    """The solutions near one, to first order.

    Attributes:
        values: Singular values of the Jacobian, one per unknown, decreasing.
        right: Right singular vectors as rows, (unknowns, unknowns).
        samples: Number of samples n.
        dimension: Number q of coordinates of a sample.
    """

    values: FloatArray
    right: FloatArray
    samples: int
    dimension: int

    def null(self, tolerance: float) -> FloatArray:
        """Return the directions along which the residual does not change.

        Args:
            tolerance: Singular values at or below it count as zero.

        Returns:
            Orthonormal rows.
        """
        return self.right[self.values <= tolerance]

    def motion(self, X: FloatArray, tolerance: float) -> FloatArray:
        """Return how far a null direction of length 1 can turn each sample.

        Args:
            X: Samples, (n, q).
            tolerance: As for :meth:`null`.

        Returns:
            Between 0 and 1 per sample, (n,); changes along the sample itself are left out.
        """
        null = self.null(tolerance)
        if not len(null):
            return np.zeros(self.samples)
        return _norms(self._turns(X, null))

    def bounds(self, X: FloatArray, tolerance: float, error: float) -> FloatArray:
        """Return how far an error of the equations can turn each sample, to first order.

        Args:
            X: Samples, (n, q).
            tolerance: As for :meth:`null`; only the other directions are looked at.
            error: Norm of the error relative to the right-hand sides.

        Returns:
            Angles, (n,).
        """
        kept = self.values > tolerance
        if not kept.any():
            return np.zeros(self.samples)
        scaled = self.right[kept] / self.values[kept, None]
        turned = np.array([np.linalg.norm(block, 2) for block in self._turns(X, scaled)])
        return np.where(turned > 0, turned * min(error, 1e200), 0.0)

    def _turns(self, X: FloatArray, vectors: FloatArray) -> list[FloatArray]:
        shaped = vectors.reshape(len(vectors), self.samples, -1)[:, :, : self.dimension]
        u = X / np.linalg.norm(X, axis=1, keepdims=True)
        turned = shaped - np.sum(shaped * u, axis=2, keepdims=True) * u
        return [turned[:, i] for i in range(self.samples)]


def _norms(blocks: list[FloatArray]) -> FloatArray:
    return np.array([float(np.linalg.norm(block, 2)) for block in blocks], dtype=np.float64)


def local_view(system: System, X: FloatArray, b: FloatArray, work: Work) -> LocalView:
    """Decompose the Jacobian at a set of samples.

    Args:
        system: The equations.
        X: Samples, (n, q).
        b: Coefficients, (n,).
        work: Counts what it costs.

    Returns:
        The singular values, filled up by zeros to the number of unknowns, and vectors.
    """
    J = system.jacobian(X, b)
    rows, columns = J.shape
    work.spend(system.jacobian_cost(len(X)) + decomposition(max(rows, columns), columns))
    _, values, right = np.linalg.svd(J, full_matrices=rows < columns)
    filled = np.zeros(J.shape[1])
    filled[: len(values)] = values
    return LocalView(filled, right, len(X), X.shape[1])
