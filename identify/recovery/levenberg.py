"""Levenberg and Marquardt's refinement of samples and coefficients on the original equations.

Each step solves (N + mu I) D delta = D^{-1} J^T residual with N the normal matrix in units D that
make its diagonal 1. Where many samples make N dear it is kept while the residual still falls
quickly (chord steps): the right-hand side is always exact, so only the speed depends on N. Where N
is too large, steps in the basis of the samples come first (``whitened``), then its products serve
(``conjugate``).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.linalg import LinAlgError, cho_factor, cho_solve

from identify.arrays import Float64, FloatArray
from identify.equations.system import Equations, normal_matrix, residual_gradient
from identify.recovery.conjugate import ConjugateSteps
from identify.recovery.fit import Fit
from identify.recovery.whitened import whitened, whitens

LARGE = 5000
"""Unknowns from which a normal matrix takes many seconds and is not formed."""

_HALF = 0.5
"""Share of the residual that the last step has to have gained for an unresolved one to be tried."""

_STALE = 3e-3
"""Relative movement of the samples up to which a normal matrix is as good as new."""


class _Normal:
    """The scaled normal matrix N where it was last built, its damping mu and damped factor."""

    def __init__(
        self,
        equations: Equations,
        x: Float64[FloatArray, "n r"],
        b: Float64[FloatArray, " n"],
        mu: float,
        *,
        chord: bool,
    ) -> None:
        """Build it at (x, b), to be kept over some steps if ``chord``."""
        self.equations, self.chord, self.mu = equations, chord, mu
        self.rebuild(x, b)

    def rebuild(self, x: Float64[FloatArray, "n r"], b: Float64[FloatArray, " n"]) -> None:
        """Build it at (x, b)."""
        self.x = x
        self.matrix, self.unit = _scaled_normal(self.equations, x, b)
        self.damp(self.mu)

    def damp(self, mu: float) -> None:
        """Change the damping; the factor is computed when it is needed."""
        self.mu = mu
        self.factor: tuple[FloatArray, bool] | None = None

    def moved(self, x: Float64[FloatArray, "n r"]) -> bool:
        """Whether the samples have left the neighbourhood where N is as good as new."""
        return bool(np.linalg.norm(x - self.x) > _STALE * np.linalg.norm(x))

    def solve(self, along: Float64[FloatArray, "n q"]) -> Float64[FloatArray, "n q"]:
        """Return the step for J^T residual."""
        if self.factor is None:
            self.factor = _damped_factor(self.matrix, self.mu)
        step = cho_solve(self.factor, (along / self.unit).ravel())
        return step.reshape(self.unit.shape) / self.unit

    def rejected(self, x: Float64[FloatArray, "n r"], b: Float64[FloatArray, " n"]) -> None:
        """Damp more, at an up-to-date N, after a step from (x, b) that gained nothing."""
        self.damp(10 * self.mu)
        if self.x is not x:
            self.rebuild(x, b)

    def accepted(
        self, x: Float64[FloatArray, "n r"], b: Float64[FloatArray, " n"], drop: float
    ) -> None:
        """Damp less after a step to (x, b); N is renewed where the residual fell slowly."""
        slow = not self.chord or drop < 0.3
        if slow and (not self.chord or self.moved(x)):
            self.rebuild(x, b)
        if not self.chord or (slow and self.mu > 1e-13):
            self.damp(max(self.mu / (100 if self.chord else 10), 1e-14))

    def kept(
        self, x: Float64[FloatArray, "n r"], b: Float64[FloatArray, " n"]
    ) -> tuple[FloatArray, bool]:
        """Return the factor of N, all but undamped, at the solution."""
        if self.moved(x):
            self.rebuild(x, b)
        return _damped_factor(self.matrix, 1e-14)


def refine(
    equations: Equations,
    x: Float64[FloatArray, "n r"],
    b: Float64[FloatArray, " n"],
    *,
    max_steps: int = 60,
    damping: float = 1e-3,
    chord: bool | None = None,
    progress: Callable[[float], None] | None = None,
) -> Fit:
    """Return the least-squares fit near (x, b); b is +-1 where it is not free.

    Four steps in a row that gain less than 1e-3 end it before ``max_steps``, or one that conjugate
    gradients do not resolve after one that gained less than half. ``damping`` is the initial one;
    ``chord=None`` keeps normal matrices from 1000 unknowns on; ``progress`` is called with the
    relative residual after each accepted step.
    """
    chord = x.size > 1000 if chord is None else chord
    scale = float(np.linalg.norm(equations.right_side)) or 1.0
    large = x.size > LARGE and not equations.by_value
    if large and whitens(equations, x):
        x = whitened(equations, x, b, progress=progress)
    residual = equations.residual(x, b)
    value = float(np.linalg.norm(residual))
    mu = min(damping, (value / scale) ** 3)
    normal = (
        ConjugateSteps(equations, x, b, mu) if large else _Normal(equations, x, b, mu, chord=chord)
    )
    converged, plateau, drop = False, 0, 1.0
    for _ in range(max_steps):
        step = normal.solve(residual_gradient(equations, x, b, residual))
        if isinstance(normal, ConjugateSteps) and not normal.resolved and drop < _HALF:
            break
        trial_x, trial_b = _moved(equations, x, b, step)
        trial = equations.residual(trial_x, trial_b)
        trial_value = float(np.linalg.norm(trial))
        if not trial_value < value:
            converged = bool(np.linalg.norm(step) <= 1e-7 * np.linalg.norm(x))
            if converged or normal.mu > 1e8:
                break
            normal.rejected(x, b)
            continue
        drop = (value - trial_value) / value
        x, b, residual, value = trial_x, trial_b, trial, trial_value
        if progress is not None:
            progress(value / scale)
        converged = drop < 1e-9 or value <= 1e-15 * scale
        plateau = plateau + 1 if drop < 1e-3 else 0
        if converged or (plateau >= 4 and drop > 1e-6):
            break
        normal.accepted(x, b, drop)
    factor = normal.kept(x, b) if isinstance(normal, _Normal) else None
    return Fit(x, b, value, factor, normal.unit, converged)


def _scaled_normal(
    equations: Equations, x: Float64[FloatArray, "n r"], b: Float64[FloatArray, " n"]
) -> tuple[Float64[FloatArray, "nq nq"], Float64[FloatArray, "n q"]]:
    """Return the normal matrix in units that make its diagonal 1, and those units."""
    matrix = normal_matrix(equations, x, b)
    unit = np.sqrt(np.maximum(np.diag(matrix), np.finfo(float).tiny))
    matrix /= unit[:, None]
    matrix /= unit[None, :]
    return matrix, unit.reshape(len(x), -1)


def _damped_factor(matrix: Float64[FloatArray, "nq nq"], mu: float) -> tuple[FloatArray, bool]:
    """Factor matrix + mu I, raising mu until it is numerically positive definite."""
    while True:
        damped = matrix.copy()
        damped[np.diag_indices_from(damped)] += mu
        try:
            return cho_factor(damped, lower=True, overwrite_a=True, check_finite=False)
        except LinAlgError:
            mu = max(100 * mu, float(np.finfo(float).eps))


def _moved(
    equations: Equations,
    x: Float64[FloatArray, "n r"],
    b: Float64[FloatArray, " n"],
    step: Float64[FloatArray, "n q"],
) -> tuple[FloatArray, FloatArray]:
    if equations.free_b:
        return x + step[:, :-1], b + step[:, -1]
    return x + step, b
