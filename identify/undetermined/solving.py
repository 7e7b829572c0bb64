"""Solving for samples: Levenberg-Marquardt from far, Gauss-Newton steps of least norm from near."""

from __future__ import annotations

import numpy as np

from identify.arrays import FloatArray
from identify.sample_sets import SampleSet
from identify.undetermined.sample_equations import SampleEquations
from identify.undetermined.work import Work, decomposition

EXACT = 1e-13
"""Residual, relative to the right-hand sides, at which a solution counts as solved to rounding."""


def solve_for_samples(
    system: SampleEquations, X: FloatArray, b: FloatArray, work: Work, *, steps: int = 100
) -> tuple[FloatArray, FloatArray, float]:
    """Return (X, b) and the norm of the residual after Levenberg-Marquardt from (X, b).

    The system may be under- or overdetermined; ``work`` ends the steps once it is spent. From the
    same starts the trust regions of ``scipy.optimize.least_squares`` cost three to five times the
    work where solutions are singular (trf), or miss second sets there (dogbox).
    """
    F = system.residual(X, b)
    value, mu, slow = float(np.linalg.norm(F)), 0.3, 0
    for _ in range(steps):
        if work.over:
            break
        J = system.jacobian(X, b)
        work.spend(system.jacobian_cost(len(X)) + decomposition(*J.shape))
        left, s, right = np.linalg.svd(J, full_matrices=False)
        if not s[0] > 0:  # nothing depends on the samples here
            break
        rotated, before = left.T @ F, value
        while mu < 1e6:
            # (J^T J + damping) step = -J^T F, no unknown moved by more than its own size
            damping = (mu * value * s[0]) ** 2 + (1e-14 * s[0]) ** 2
            step = -right.T @ (s / (s**2 + damping) * rotated)
            step *= min(1.0, 1.0 / max(float(np.abs(step).max()), 1e-300))
            trial_X, trial_b = system.moved(X, b, step)
            trial = system.residual(trial_X, trial_b)
            norm = float(np.linalg.norm(trial))
            if norm < value:
                X, b, F, value, mu = trial_X, trial_b, trial, norm, max(mu / 4, 1e-6)
                break
            mu *= 4
        if value > 0.9999 * before or value < 1e-15:
            break
        slow = slow + 1 if value > 0.98 * before else 0
        if slow == 8:
            break
    return X, b, value


def project(system: SampleEquations, X: FloatArray, b: FloatArray, work: Work) -> SampleSet | None:
    """Return a solution to rounding near (X, b), by Gauss-Newton steps of least norm.

    None if the steps do not converge.
    """
    before = np.inf
    for _ in range(8):
        F = system.residual(X, b)
        value = float(np.linalg.norm(F))
        if value < EXACT:
            return X, b
        if not value < 0.5 * before:
            return None
        J = system.jacobian(X, b)
        work.spend(system.jacobian_cost(len(X)) + decomposition(*J.shape))
        step = np.asarray(np.linalg.lstsq(J, -F, rcond=1e-11)[0], np.float64)
        if np.abs(step).max() > 0.5:
            return None
        X, b = system.moved(X, b, step)
        before = value
    return None
