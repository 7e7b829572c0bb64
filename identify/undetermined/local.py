"""The solutions near one to first order: singular values and null space of the Jacobian."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from identify.arrays import FloatArray
from identify.undetermined.sample_equations import SampleEquations
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
        """Return orthonormal rows along which the residual does not change, up to a tolerance."""
        return self.right[self.values <= tolerance]

    def motion(self, X: FloatArray, tolerance: float) -> FloatArray:
        """Return how far a null direction of length 1 can turn each sample of X, (n,), 0 to 1.

        Changes along the sample itself are left out.
        """
        null = self.null(tolerance)
        if not len(null):
            return np.zeros(self.samples)
        return self._turned(X, null)

    def bounds(self, X: FloatArray, tolerance: float, error: float) -> FloatArray:
        """Return how far an error of the equations can turn each sample, to first order: (n,).

        ``error`` is relative to the right-hand sides; directions up to the tolerance are left out.
        """
        kept = self.values > tolerance
        if not kept.any():
            return np.zeros(self.samples)
        scaled = self.right[kept] / self.values[kept, None]
        turned = self._turned(X, scaled)
        return np.where(turned > 0, turned * min(error, 1e200), 0.0)

    def _turned(self, X: FloatArray, vectors: FloatArray) -> FloatArray:
        """Return how far a combination of the vectors of norm 1 can turn each sample, (n,)."""
        shaped = vectors.reshape(len(vectors), self.samples, -1)[:, :, : self.dimension]
        u = X / np.linalg.norm(X, axis=1, keepdims=True)
        turned = shaped - np.sum(shaped * u, axis=2, keepdims=True) * u
        rates = [float(np.linalg.norm(turned[:, i], 2)) for i in range(self.samples)]
        return np.array(rates, dtype=np.float64)


def local_view(system: SampleEquations, X: FloatArray, b: FloatArray, work: Work) -> LocalView:
    """Decompose the Jacobian at (X, b); values are filled up by zeros, one per unknown."""
    J = system.jacobian(X, b)
    rows, columns = J.shape
    work.spend(system.jacobian_cost(len(X)) + decomposition(max(rows, columns), columns))
    _, values, right = np.linalg.svd(J, full_matrices=rows < columns)
    filled = np.zeros(J.shape[1])
    filled[: len(values)] = values
    return LocalView(filled, right, len(X), X.shape[1])
