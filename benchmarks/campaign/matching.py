"""Distances of samples modulo the equivalences, clusters, and the weights' equations, afresh."""

from __future__ import annotations

from typing import Any

import numpy as np

from identify.arrays import FloatArray

from .instances import Case, plain, power_sum, unit

NEAR = 0.02
"""Angle within which samples, modulo sign, belong to one cluster."""

ROUNDOFF = {"float32": 2.0**-24, "float16": 2.0**-11, "bfloat16": 2.0**-8}


def hidden_signs(case: Case) -> tuple[int, ...]:
    """Return the signs no gradient shows: both where all degrees of sigma' have one parity."""
    c = case.coefficients
    parity = {k % 2 for k in range(1, len(c)) if c[k]}
    return (1, -1) if case.setting == "kkt" or len(parity) == 1 else (1,)


def signs(case: Case, recovery: Any) -> tuple[int, ...]:
    """Return the signs that samples are compared up to: hidden ones, where the report says so."""
    said = any(words.startswith("sign") for words in recovery.equivalences)
    return hidden_signs(case) if said else (1,)


def in_scale(case: Case, recovery: Any) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return true and found samples and the bounds in one scale: norm 1 where norms are free."""
    y, bound = np.asarray(recovery.x, float), np.asarray(recovery.error_bound, float)
    if recovery.norm_known:
        return case.x, y, bound
    norms = np.linalg.norm(y, axis=1)
    return unit(case.x), unit(y), bound / np.where(norms > 0, norms, 1.0)


def table(x: FloatArray, y: FloatArray, signs: tuple[int, ...]) -> FloatArray:
    """Return the distance of every y (row) from every x (column), modulo sign."""
    apart = [np.linalg.norm(y[:, None] - s * x[None], axis=2) for s in signs]
    return np.min(apart, axis=0)


def shown(case: Case) -> FloatArray:
    """Return the true samples in the scale they are seen in: norm 1 where no norm shows."""
    power = np.count_nonzero(case.coefficients[1:]) == 1 or case.setting == "kkt"
    return unit(case.x) if power else case.x


def clusters(case: Case) -> list[list[int]]:
    """Group true samples that are within ``NEAR`` of one another, by chains."""
    x = shown(case)
    norms = np.linalg.norm(x, axis=1)
    near = table(x, x, hidden_signs(case)) <= NEAR * np.maximum.outer(norms, norms)
    left, groups = set(range(len(x))), []
    while left:
        group, front = set(), {min(left)}
        while front:
            group |= front
            front = {int(k) for i in front for k in np.flatnonzero(near[i])} - group
        groups.append(sorted(group))
        left -= group
    return groups


def neighbours(case: Case) -> FloatArray:
    """Return the distance of each true sample from the nearest other, over its norm, (n,)."""
    x = shown(case)
    apart = table(x, x, hidden_signs(case)) / np.linalg.norm(x, axis=1)[:, None]
    np.fill_diagonal(apart, np.inf)
    return apart.min(axis=1)


def independence(x: FloatArray) -> FloatArray:
    """Return the distance of each sample, scaled to norm 1, from the span of the others, (n,)."""
    u = unit(x)
    if len(u) == 1:
        return np.ones(1)
    if len(u) > u.shape[1]:
        return np.zeros(len(u))
    away = []
    for i in range(len(u)):
        others = np.delete(u, i, axis=0)
        left, size, _ = np.linalg.svd(others.T, full_matrices=False)
        span = left[:, size > 1e-13 * size[0]]
        away.append(np.linalg.norm(u[i] - span @ (span.T @ u[i])))
    return np.array(away)


def set_distance(x: FloatArray, y: FloatArray) -> float:
    """Return the largest distance of a sample of either set from the other, norms and signs off."""
    apart = table(unit(x), unit(y), (1, -1))
    return float(max(apart.min(axis=0).max(), apart.min(axis=1).max()))


def _sides(case: Case, x: FloatArray, b: FloatArray, base: float) -> list[tuple[Any, Any]]:
    """Return the pairs of sides of the weights' equations, the given one first."""
    a, W, c = plain(case.a), plain(case.W), case.coefficients
    if case.setting == "kkt":
        c = np.where(np.arange(len(c)) == len(c) - 1, c, 0)
        value, gradient = power_sum(c, W, x, b)
        return [(a, value), (W, a[:, None] * gradient)]
    a0 = plain(case.options["init"][0])
    if case.setting == "random-features":
        return [(a - a0, power_sum(c, W, x, b)[0])]
    W0 = plain(case.options["init"][1])
    at, scale = (1 - base) * W0 + base * W, (1 - base) * a0 + base * a
    value, gradient = power_sum(c, at, x, b)
    pairs = [(W - W0, scale[:, None] * gradient)]
    return pairs if np.array_equal(a, a0) else [*pairs, (a - a0, value)]


def residual(case: Case, x: FloatArray, b: FloatArray, *, values: bool = True) -> float:
    """Return the relative residual of the weights' equations at samples, from their definition.

    With known initial weights the points are taken at the start or at the midpoint, whichever fits
    better. ``values=False`` leaves the output layer out where the first one was trained.
    """
    bases = (0.0, 0.5) if case.setting == "known-init" else (0.0,)
    found = []
    with np.errstate(all="ignore"):
        for base in bases:
            pairs = _sides(case, np.asarray(x, float), np.asarray(b, float), base)
            if not values and len(pairs) == 2:
                pairs = [max(pairs, key=lambda pair: pair[0].ndim)]
            found.append(max(_off(seen, said) for seen, said in pairs))
    return float(np.nan_to_num(min(found), nan=np.inf))


def _off(seen: FloatArray, said: FloatArray) -> float:
    size = np.abs(seen).max()
    if size == 0:
        return float(np.abs(said).max() > 0)
    return float(np.linalg.norm((seen - said) / size) / np.linalg.norm(seen / size))


def shares(case: Case) -> FloatArray:
    """Return the part of the right-hand sides that each true sample contributes; 1 without b."""
    if case.b is None:
        return np.ones(len(case.x))
    kept = []
    for i in range(len(case.x)):
        pairs = _sides(case, case.x[i : i + 1], np.asarray(case.b[i : i + 1], float), 0.0)
        seen, said = max(pairs, key=lambda pair: pair[0].ndim)
        kept.append(np.linalg.norm(said) / np.linalg.norm(seen))
    return np.array(kept)


def stored_rounding(case: Case) -> float:
    """Return the rounding of the type stored or shown, relative to the change of the weights."""
    kinds = [case.stored, *(str(v.dtype).removeprefix("torch.") for v in (case.a, case.W))]
    coarsest = max(ROUNDOFF.get(kind, 2.0**-53) for kind in kinds)
    if case.setting == "kkt":
        return coarsest
    a0, W0 = case.options["init"]
    before, after = (a0, case.a) if case.setting == "random-features" else (W0, case.W)
    change = np.linalg.norm(plain(after) - plain(before))
    return float(coarsest * np.linalg.norm(plain(after)) / change) if change > 0 else np.inf
