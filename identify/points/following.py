"""Eigenvectors and b followed from orthonormal to given samples (letters: ``eigenvectors``).

For C = 1, E(z) = 0 is solved by z_i^{alpha-2} = eps / b_i on any support; independent samples have
no eigenvector of eigenvalue 0 in their span, so a path in C can only end where dE/dz is singular:
two eigenvectors meet and vanish.
"""

from __future__ import annotations

import numpy as np

from identify.arrays import FloatArray, IntArray
from identify.points.eigenvectors import Bundle

SMALLEST_STEP = 1e-6
"""A path that cannot be followed by this fraction of a segment is stuck."""
LARGEST_CORRECTION = 0.1
"""Relative Newton correction above which a step is halved: it keeps paths from being exchanged."""
FOLD = 0.1
"""A stuck eigenvector whose dE/dz has a singular value below this is at a fold (1 for C = 1)."""


def orthonormal_bundle(
    patterns: IntArray,
    labels: IntArray,
    q: FloatArray,
    alpha: int,
    kappa: float,
    target: FloatArray,
) -> Bundle:
    """Return the eigenvectors and b for orthonormal samples of margins ``target``, (n,), positive.

    With t_i = |b_i|^{-2/(alpha-2)} the margins are y_i Phi(x_i) = kappa t_i^{alpha/2} s_i(t),
    s_i(t) = sum_{S∋i} q_S (sum_{k∈S} t_k)^{-1/(alpha-1)}. Solved for the first t_i this is a
    fixed-point map that contracts log t by 2/(alpha(alpha-1)) <= 1/3 in the maximum norm: there is
    exactly one solution. Each sample has to be in one row of ``patterns`` (K, n) at least; the
    multiplicities ``q`` (K,) are positive.
    """
    support = np.abs(patterns).astype(np.float64)
    t = np.ones(len(labels))
    for _ in range(80):
        shares = (q * (support @ t) ** (-1 / (alpha - 1))) @ support
        t = (target / (kappa * shares)) ** (2 / alpha)
    # z_i^2 = t_i on the support, |b_i| = t_i^{-(alpha-2)/2}
    b = labels * t ** (-(alpha - 2) / 2)
    eps = np.ones(len(q)) if alpha % 2 else np.sign(support @ labels)
    index = np.arange(len(q))
    return Bundle(patterns.astype(np.float64) * np.sqrt(t), b, eps, q, index, alpha, kappa)


def correct(bundle: Bundle, C: FloatArray, target: FloatArray) -> Bundle | None:
    """Return the solution of E = 0 and outputs = target, (n,), by Newton's method from a close one.

    None if the start was not close: a large first correction, or corrections that do not fall by
    half each time.
    """
    allowed = LARGEST_CORRECTION
    for _ in range(12):
        if not (bundle.squared_norms > 0).all():
            return None
        try:
            dz, db = bundle.solve(C, bundle.defect(C), bundle.outputs() - target)
        except np.linalg.LinAlgError:
            return None
        size = np.linalg.norm(dz, axis=1) / np.linalg.norm(bundle.z, axis=1)
        correction = max(size.max(), np.abs(db / bundle.b).max())
        if not correction <= allowed:
            return None
        bundle = bundle.moved(dz, db)
        if correction < 1e-9:
            return bundle
        allowed = correction / 2
    return None


def follow(bundle: Bundle, C: FloatArray, target: FloatArray) -> Bundle:
    """Return the solution at C, (n, n), with outputs ``target``, (n,), from that at C = 1.

    Eigenvectors that meet a fold are dropped (``index`` tells which are left); a new segment starts
    from the outputs of the rest.

    Raises:
        ValueError: If the margins cannot be kept, or no eigenvector survives.
    """
    here = np.eye(len(C))
    while len(bundle.z):
        bundle, here, arrived = _segment(bundle, here, C, target)
        if arrived:
            return bundle
        sigma = np.linalg.svd(bundle.jacobian(here), compute_uv=False)[:, -1]
        if sigma.min() > FOLD:
            coherence = np.abs(here - np.eye(len(C))).max()
            raise ValueError(
                "multiplicities: no b with all margins 1 was followed beyond pairwise "
                f"coherence {coherence:.3g}; change the multiplicities, pass fewer directions, "
                "or pass X less coherent or of more equal norms"
            )
        bundle = bundle.keep(sigma > 2 * sigma.min())
    raise ValueError(
        "X: no eigenvector survives on the way from orthonormal samples; pass less coherent X"
    )


def _segment(
    bundle: Bundle, start: FloatArray, C: FloatArray, target: FloatArray
) -> tuple[Bundle, FloatArray, bool]:
    """Return how far C_t = (1 - t) start + t C can be followed, C_t there, and whether t = 1.

    The outputs move alike to ``target``.
    """
    outputs, here = bundle.outputs(), start
    t, step = 0.0, 0.25
    while t < 1 and step >= SMALLEST_STEP:
        step = min(step, 1 - t)
        turn = (bundle.b * bundle.z ** (bundle.alpha - 1)) @ (C - start)  # dE/dt
        with np.errstate(all="ignore"):
            try:  # Euler predictor: dE/dt dt + dE = 0, d(outputs) = (target - outputs) dt
                dz, db = bundle.solve(here, turn, outputs - target)
            except np.linalg.LinAlgError:
                break
            goal = t + step if t + step < 1 else 1.0
            there = (1 - goal) * start + goal * C
            aim = (1 - goal) * outputs + goal * target
            trial = correct(bundle.moved(step * dz, step * db), there, aim)
        if trial is None or (trial.b * bundle.b <= 0).any() or not trial.distinct():
            step /= 2
        else:
            bundle, here, t, step = trial, there, goal, 2 * step
    return bundle, here, t >= 1
