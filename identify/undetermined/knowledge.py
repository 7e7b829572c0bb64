"""What the weights tell of T where they do not tell all of it.

The equations are linear in T. With phi_k the weighted monomials of degree k and q = sum_i b_i
phi_k(sigma x_i) the coefficients of its form they read M q = g; with M = U S V^T the numbers V^T q
are known and everything orthogonal to the rows of V^T is free. So a linear function psi.q of T,
such as T(v, ..., v) = psi.q with psi = phi_k(v / sigma) or <T, E>, is determined if and only if psi
lies in the span of V, and an error of norm e in the equations moves it by at most e |S^{-1} V^T
psi|.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from identify.arrays import FloatArray
from identify.equations.activation import parse_activation
from identify.equations.pose import pose
from identify.equations.weights import as_weights
from identify.tensor.features import monomial_features, monomial_indices, monomial_weights
from identify.tensor.interpolation import interpolate
from identify.undetermined.compressed import Forms, compress

OUTSIDE = 1e-8
"""Share of a linear function that may lie outside the span of the equations by rounding."""


@dataclass(frozen=True, slots=True)
class Functional:
    """A linear function of T as far as the weights determine it.

    Attributes:
        determined: Whether they do.
        value: Its value; nan where it is not determined.
        bound: Bound on the error of the value; inf where it is not determined.
        missing: Share of the function, in norm, that lies outside what is determined.
    """

    determined: bool
    value: float
    bound: float
    missing: float


@dataclass(frozen=True, slots=True)
class TensorKnowledge:
    """Which linear functions of T = sum_i b_i x_i^{(x) alpha} are determined.

    Attributes:
        degree: alpha.
        rank: Number of independent linear functions that are determined clear of the noise.
        dimension: Number of all, C(r+alpha-1, alpha) for a power activation.
        error: Norm of the error of the equations relative to their right-hand sides.
        forms: The equations in singular coordinates.
        factor: What turns T of the scaled weights into T.
    """

    degree: int
    rank: int
    dimension: int
    error: float
    forms: Forms
    factor: float

    @property
    def missing(self) -> float:
        """Share of the linear functions of T that the equations leave open."""
        return 1 - self.rank / self.dimension

    def power(self, v: ArrayLike) -> Functional:
        """Tell T(v, ..., v) = sum_i b_i (x_i.v)^alpha.

        Args:
            v: (d,).

        Returns:
            Whether it is determined, and its value.

        Raises:
            ValueError: If v is no finite vector of d entries.
        """
        d = len(self.forms.basis)
        vector = np.asarray(v, dtype=np.float64)
        if vector.shape != (d,) or not np.all(np.isfinite(vector)):
            raise ValueError(f"v: found shape {vector.shape}; pass a finite vector of {d} entries")
        inside = self.forms.basis.T @ vector
        features = monomial_features(inside[None] / self.forms.sigma, self.degree)[0]
        size = float(np.linalg.norm(vector))
        lost = float(np.linalg.norm(vector - self.forms.basis @ inside))
        return self._tell(features, lost > OUTSIDE * size)

    def inner(self, E: ArrayLike) -> Functional:
        """Tell <T, E> = sum_i b_i E(x_i, ..., x_i).

        Args:
            E: A tensor of shape (d,) * alpha; only its symmetric part counts.

        Returns:
            Whether it is determined, and its value.

        Raises:
            ValueError: If E has another shape or an entry that is not finite.
        """
        d, alpha = len(self.forms.basis), self.degree
        tensor = np.asarray(E, dtype=np.float64)
        if tensor.shape != (d,) * alpha or not np.all(np.isfinite(tensor)):
            raise ValueError(
                f"E: found shape {tensor.shape}; pass finite numbers of shape {(d,) * alpha}"
            )
        rest = inside = _symmetrised(tensor)
        for axis in range(alpha):
            inside = np.moveaxis(np.tensordot(inside, self.forms.basis, (axis, 0)), -1, axis)
        back = inside
        for axis in range(alpha):
            back = np.moveaxis(np.tensordot(back, self.forms.basis, (axis, 1)), -1, axis)
        lost = float(np.linalg.norm(rest - back)) > OUTSIDE * float(np.linalg.norm(rest))
        r = inside.shape[0]
        indices = monomial_indices(r, alpha)
        features = inside[tuple(indices.T)] * monomial_weights(r, alpha)
        return self._tell(features / self.forms.sigma**alpha, lost)

    def _tell(self, features: FloatArray, lost: bool) -> Functional:
        """Tell psi.q for features psi of the top degree, part of it ``lost`` outside the rows."""
        forms = self.forms
        position = forms.degrees.index(self.degree)
        start = sum(forms.sizes[:position])
        psi = np.zeros(sum(forms.sizes))
        psi[start : start + forms.sizes[position]] = features
        size = float(np.linalg.norm(psi))
        if size == 0:
            value, bound = (np.nan, np.inf) if lost else (0.0, 0.0)
            return Functional(not lost, value, bound, float(lost))
        along = forms.rows[: self.rank] @ psi
        missing = float(np.linalg.norm(psi - along @ forms.rows[: self.rank])) / size
        if lost or missing > OUTSIDE:
            return Functional(False, np.nan, np.inf, 1.0 if lost else missing)
        # psi.q = (S^-1 V^T psi).(U^T g), and an error e of g moves it by |S^-1 V^T psi| e at most
        weighted = along / forms.values[: self.rank]
        value = self.factor * float(weighted @ forms.target[: self.rank])
        bound = self.factor * self.error * float(np.linalg.norm(weighted))
        return Functional(True, value, bound, missing)


def _symmetrised(tensor: FloatArray) -> FloatArray:
    """Average over the permutations of the axes, one transposition class at a time."""
    alpha = tensor.ndim
    for size in range(2, alpha + 1):  # average over where the last of the first `size` axes goes
        parts = [np.moveaxis(tensor, size - 1, place) for place in range(size)]
        tensor = np.mean(parts, axis=0)
    return tensor


def tensor_knowledge(
    a: ArrayLike,
    W: ArrayLike,
    *,
    activation: int | Sequence[float] = 3,
    init: tuple[ArrayLike, ArrayLike | None] | None = None,
) -> TensorKnowledge:
    """Find out which linear functions of T the weights determine.

    Args:
        a: Output weights, (m,).
        W: First layer, (m, d).
        activation: An int alpha for t**alpha, or the coefficients c_0, ..., c_alpha.
        init: As for ``verify_identifiability``.

    Returns:
        The functions that are determined clear of the noise.

    Raises:
        ValueError: If an argument is unusable, or the system too large to be decomposed.
    """
    problem = pose(as_weights(a, W, init), parse_activation(activation))
    interpolation = interpolate(problem.equations, problem.evaluations.rounding)
    forms = compress(problem, wider=False)
    solution = interpolation.symmetric
    noise = solution or interpolation.carried_by or interpolation.gram
    if noise is None:
        raise ValueError("W: found a system too large to be decomposed; pass fewer dimensions")
    rounding = problem.evaluations.rounding
    per_equation = noise.noise if noise.spare > 0 else rounding
    error = max(per_equation, rounding) * np.sqrt(forms.count) / forms.norm
    error = float(max(error, forms.outside)) + 8 * float(np.finfo(float).eps)
    counted = len(forms.values)
    if solution is not None and not solution.determined:
        counted = min(counted, solution.rank)
    return TensorKnowledge(
        degree=problem.equations.activation.degree,
        rank=counted,
        dimension=sum(forms.sizes),
        error=error,
        forms=forms,
        factor=float(np.exp(problem.log_b)),
    )
