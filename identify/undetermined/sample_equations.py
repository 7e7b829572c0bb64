"""The equations as equations in the samples, with the constraints and the Jacobian.

``identify.equations.system.Equations`` are linear in the tensor, taken at the neurons; these are
the same, reduced (``compressed``), in the unknowns (x, b): L q = y with q = sum_i b_i phi(X_i) and
X_i = sigma x_i. With as few equations as are independent the Jacobian in (x, b) is small enough to
be formed. A margin given of samples of norm 1 adds one equation per sample; without |x_i| = 1 a
margin only fixes the scale of each sample.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from operator import add

import numpy as np

from identify.arrays import FloatArray
from identify.equations.activation import Polynomial
from identify.equations.pose import Problem
from identify.options import Options
from identify.sample_sets import SampleSet, unit_rows
from identify.tensor.features import gradient_features, monomial_features
from identify.undetermined.compressed import Forms, compress

FAINT = 1e-3
"""A sample whose weight is below this share of the largest could be anything: it is not used."""


@dataclass(frozen=True, slots=True)
class SampleEquations:
    """The equations and constraints in (X, b), X (n, q) and b (n,).

    For a power activation b_i = +-1 is fixed and X_i carries |b_i|^{1/alpha}: that takes out the
    scale symmetry. Steps are relative: (eta, beta) moves X_i by |X_i| eta_i and b_i by |b_i|
    beta_i, so that singular values of the Jacobian compare with 1.

    Attributes:
        activation: sigma.
        forms: The reduced equations.
        blocks: Their matrices by degree.
        free_b: Whether b is unknown.
        margin: Margin required of samples of norm 1, or None.
        unit: Whether |x_i| = 1 is required as an equation (activations that are no power).
        a: kkt: output weights, (m,), for the margins.
        points: kkt: neurons in these coordinates times sigma^-1, (m, q).
    """

    activation: Polynomial
    forms: Forms
    blocks: list[tuple[int, FloatArray]]
    free_b: bool
    margin: float | None
    unit: bool
    a: FloatArray
    points: FloatArray

    @property
    def dimension(self) -> int:
        """Number q of coordinates of a sample."""
        return self.forms.basis.shape[1]

    def features(self, X: FloatArray) -> FloatArray:
        """Return L phi(X_i), (n, rho): what one sample with b_i = 1 adds to the left-hand side."""
        return reduce(add, (monomial_features(X, k) @ block.T for k, block in self.blocks))

    def residual(self, X: FloatArray, b: FloatArray) -> FloatArray:
        """Return left minus right-hand sides, a vector, constraints last."""
        parts = [b @ self.features(X) - self.forms.target]
        if self.margin is not None:
            parts.append(b * self.outputs(X) / self.margin - 1)
        if self.unit:
            parts.append(np.sum(X**2, axis=1) / self.forms.sigma**2 - 1)
        return np.concatenate(parts)

    def outputs(self, X: FloatArray) -> FloatArray:
        """Return Phi at the samples scaled to norm 1, (n,) (kkt, power activation)."""
        return self.activation(unit_rows(X) @ self.points.T) @ self.a

    def jacobian(self, X: FloatArray, b: FloatArray) -> FloatArray:
        """Return the derivative of the residual in relative steps.

        It has n q columns, or n (q + 1) where b is free, sample by sample.
        """
        n, q = X.shape
        size = np.linalg.norm(X, axis=1)
        # b_i L dphi(X_i) |X_i| for eta_i, |b_i| L phi(X_i) for beta_i
        along = reduce(add, (gradient_features(X, k) @ block.T for k, block in self.blocks if k))
        along *= (b * size)[:, None, None]
        if self.free_b:
            own = (np.abs(b)[:, None] * self.features(X))[:, None, :]
            along = np.concatenate([along, own], axis=1)
        columns = along.shape[1]
        rows = [along.reshape(n * columns, -1).T]
        for block in self._constraint_rows(X, b, size):
            sparse = np.zeros((n, n, columns))
            sparse[np.arange(n), np.arange(n), :q] = block
            rows.append(sparse.reshape(n, -1))
        return np.concatenate(rows)

    def jacobian_cost(self, n: int) -> float:
        """Return the number of operations of the Jacobian at n samples."""
        return float(n) * (self.dimension + 1) * len(self.forms.target) * sum(self.forms.sizes)

    def _constraint_rows(self, X: FloatArray, b: FloatArray, size: FloatArray) -> list[FloatArray]:
        found = []
        u = unit_rows(X)
        if self.margin is not None:  # b_i Phi(u_i) / margin, a function of the direction alone
            slope = (self.activation(u @ self.points.T, 1) * self.a) @ self.points
            slope -= np.sum(slope * u, axis=1, keepdims=True) * u
            found.append(slope * (b / self.margin)[:, None])
        if self.unit:  # |X_i|^2 / sigma^2
            found.append(2 * u * (size**2 / self.forms.sigma**2)[:, None])
        return found

    def moved(self, X: FloatArray, b: FloatArray, step: FloatArray) -> SampleSet:
        """Return (X, b) after a relative step, ordered as the columns of the Jacobian."""
        n, q = X.shape
        step = step.reshape(n, -1)
        X = X + np.linalg.norm(X, axis=1, keepdims=True) * step[:, :q]
        return X, b * (1 + step[:, q] * np.sign(b)) if self.free_b else b

    def samples(self, X: FloatArray, b: FloatArray) -> SampleSet:
        """Return the samples (n, d) in the full space; of norm 1 for a power activation."""
        x = X @ self.forms.basis.T / self.forms.sigma
        if self.free_b:
            return x, b
        return unit_rows(x), b * np.linalg.norm(x, axis=1) ** self.activation.degree

    def alive(self, X: FloatArray, b: FloatArray) -> bool:
        """Return whether the set is finite and no sample faint, in |b_i| |X_i|^alpha."""
        weight = np.abs(b) * np.linalg.norm(X, axis=1) ** self.activation.degree
        return bool(np.isfinite(X).all() and weight.min() > FAINT * weight.max())

    def consistent(self, setting: str, X: FloatArray, b: FloatArray) -> bool:
        """Return whether the margins have the signs of the weights; only kkt requires it."""
        return setting != "kkt" or bool(np.all(self.outputs(X) * b > 0))


def equations_of_samples(problem: Problem, options: Options) -> SampleEquations:
    """Write the reduced equations, and the constraints that unit_norm and margin impose."""
    forms = compress(problem, wider=True, seed=options.seed)
    activation = problem.equations.activation
    free_b = not activation.is_power
    both = options.margin is not None and bool(options.unit_norm)
    return SampleEquations(
        activation=activation,
        forms=forms,
        blocks=forms.blocks(),
        free_b=free_b,
        margin=options.margin if both else None,
        unit=free_b and bool(options.unit_norm),
        a=problem.weights.a,
        points=problem.weights.W @ forms.basis,
    )
