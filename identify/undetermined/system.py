"""The reduced equations as equations in the samples, with the constraints and the Jacobian.

Symbols: X_i = sigma x_i, L q = y the reduced equations (``compressed``). With as few equations as
are independent the Jacobian in (x, b) is small enough to be formed. A margin given of samples of
norm 1 adds one equation per sample; without |x_i| = 1 a margin only fixes the scale of each sample.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from identify.arrays import FloatArray
from identify.equations.activation import Polynomial
from identify.equations.pose import Problem
from identify.options import Options
from identify.tensor.features import gradient_features, monomial_features
from identify.undetermined.compressed import Forms, compress


@dataclass(frozen=True, slots=True)
class System:
    """The equations and constraints in (X, b).

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
        """Return L phi(X_i), what one sample with b_i = 1 adds to the left-hand side.

        Args:
            X: Samples, (n, q).

        Returns:
            An array of shape (n, rho).
        """
        return sum_of([monomial_features(X, k) @ block.T for k, block in self.blocks])

    def residual(self, X: FloatArray, b: FloatArray) -> FloatArray:
        """Return left minus right-hand sides, constraints last.

        Args:
            X: Samples, (n, q).
            b: Coefficients, (n,).

        Returns:
            A vector.
        """
        parts = [b @ self.features(X) - self.forms.target]
        if self.margin is not None:
            parts.append(b * self.outputs(X) / self.margin - 1)
        if self.unit:
            parts.append(np.sum(X**2, axis=1) / self.forms.sigma**2 - 1)
        return np.concatenate(parts)

    def outputs(self, X: FloatArray) -> FloatArray:
        """Return Phi at the samples scaled to norm 1 (kkt, power activation).

        Args:
            X: Samples, (n, q).

        Returns:
            Values, (n,).
        """
        u = _units(X)
        return self.activation(u @ self.points.T) @ self.a

    def jacobian(self, X: FloatArray, b: FloatArray) -> FloatArray:
        """Return the derivative of the residual in relative steps.

        Args:
            X: Samples, (n, q).
            b: Coefficients, (n,).

        Returns:
            A matrix with n q columns, or n (q + 1) where b is free, sample by sample.
        """
        n, q = X.shape
        size = np.linalg.norm(X, axis=1)
        along = sum_of([gradient_features(X, k) @ block.T for k, block in self.blocks if k])
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
        """Count the operations of the Jacobian.

        Args:
            n: Number of samples.

        Returns:
            Their number.
        """
        return float(n) * (self.dimension + 1) * len(self.forms.target) * sum(self.forms.sizes)

    def _constraint_rows(self, X: FloatArray, b: FloatArray, size: FloatArray) -> list[FloatArray]:
        found = []
        u = _units(X)
        if self.margin is not None:
            slope = (self.activation(u @ self.points.T, 1) * self.a) @ self.points
            slope -= np.sum(slope * u, axis=1, keepdims=True) * u
            found.append(slope * (b / self.margin)[:, None])
        if self.unit:
            found.append(2 * u * (size**2 / self.forms.sigma**2)[:, None])
        return found

    def moved(
        self, X: FloatArray, b: FloatArray, step: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Take a relative step.

        Args:
            X: Samples, (n, q).
            b: Coefficients, (n,).
            step: As the columns of the Jacobian.

        Returns:
            The moved samples and coefficients.
        """
        n, q = X.shape
        step = step.reshape(n, -1)
        X = X + np.linalg.norm(X, axis=1, keepdims=True) * step[:, :q]
        return X, b * (1 + step[:, q] * np.sign(b)) if self.free_b else b

    def samples(self, X: FloatArray, b: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the samples in the full space; of norm 1 for a power activation.

        Args:
            X: Samples, (n, q).
            b: Coefficients, (n,).

        Returns:
            Samples (n, d) and coefficients (n,).
        """
        x = X @ self.forms.basis.T / self.forms.sigma
        if self.free_b:
            return x, b
        norms = np.linalg.norm(x, axis=1)
        return _units(x), b * norms**self.activation.degree


def _units(X: FloatArray) -> FloatArray:
    """Scale samples to norm 1; one that vanished on the way stays 0."""
    norms = np.linalg.norm(X, axis=1, keepdims=True)
    return X / np.where(norms > 0, norms, 1.0)


def sum_of(parts: list[FloatArray]) -> FloatArray:
    """Add arrays of one shape.

    Args:
        parts: At least one array.

    Returns:
        A new array.
    """
    total = parts[0].copy()
    for part in parts[1:]:
        total += part
    return total


def build_system(problem: Problem, options: Options) -> System:
    """Write the reduced equations and the constraints the options impose.

    Args:
        problem: The equations.
        options: unit_norm, margin and seed are used.

    Returns:
        The system.
    """
    forms = compress(problem, wider=True, seed=options.seed)
    activation = problem.equations.activation
    free_b = not activation.is_power
    both = options.margin is not None and bool(options.unit_norm)
    return System(
        activation=activation,
        forms=forms,
        blocks=forms.blocks(),
        free_b=free_b,
        margin=options.margin if both else None,
        unit=free_b and bool(options.unit_norm),
        a=problem.weights.a,
        points=problem.weights.W @ forms.basis,
    )
