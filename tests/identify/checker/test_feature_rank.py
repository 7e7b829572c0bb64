"""Ranks of features modulo a prime against exact rational arithmetic."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

from identify.checker.feature_rank import FeatureRankClaims, ModularFeatures, check_feature_rank
from identify.checker.modular import independent_minor
from identify.tensor.features import form_dimension, monomial_features

PRIME = 8388593


def claims_of(points, basis, k, condition="gram", p=PRIME):
    """The largest minor of the degree-k features (symmetric: of their gradients)."""
    alpha = k + (condition == "gram")
    claims = FeatureRankClaims(
        "kkt", (0.0,) * alpha + (1.0,), 0.0, 1.0, condition, basis, p, (), ()
    )
    weights = {"W": points, "a": np.ones(len(points))}
    features = ModularFeatures(claims, weights)
    rows, columns = independent_minor(features.at(np.arange(features.shape[0])), p)
    return replace(claims, rows=tuple(rows.tolist()), columns=tuple(columns.tolist())), weights


def exact_feature_rank(points, basis, k):
    return len(claims_of(points, basis, k)[0].rows)


@settings(max_examples=30, deadline=None)
@given(
    st.integers(1, 3), st.integers(1, 3), st.integers(1, 12), st.integers(1, 3), st.integers(0, 999)
)
def test_exact_rank_is_the_true_rank(d, k, m, inner, seed):
    rng = np.random.default_rng(seed)
    points = rng.integers(-4, 5, (m, min(inner, d))) @ rng.integers(-3, 4, (min(inner, d), d))
    points[rng.random(m) < 0.3] = points[0]
    features = monomial_features(points.astype(float), k, weighted=False)
    true = sympy.Matrix(features.astype(int).tolist()).rank()
    found = exact_feature_rank(points.astype(float), np.eye(d), k)
    assert found == true  # a rank lost modulo the prime has a chance of about 1e-6
    assert found == np.linalg.matrix_rank(features)


@pytest.mark.parametrize(("d", "k", "m"), [(4, 2, 30), (4, 2, 7), (5, 3, 50), (3, 4, 15)])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_exact_rank_of_generic_floats(d, k, m, dtype):
    points = np.random.default_rng(m).standard_normal((m, d)).astype(dtype).astype(float)
    found = exact_feature_rank(points, np.eye(d), k)
    assert (
        found == np.linalg.matrix_rank(monomial_features(points, k)) == min(m, form_dimension(d, k))
    )
    basis = np.linalg.qr(np.random.default_rng(0).standard_normal((d, 2)))[0]
    assert exact_feature_rank(points, basis, k) == min(m, form_dimension(2, k))
    assert exact_feature_rank(points * 2.0**-300, np.eye(d), k) == found


def test_exact_rank_never_above_the_truth_modulo_the_prime():
    """Entries divisible by the prime vanish there: the bound drops, it never rises."""
    points = np.diag([1.0, float(PRIME)])
    assert exact_feature_rank(points, np.eye(2), 1) == 1


@pytest.mark.parametrize(("d", "alpha", "m"), [(2, 3, 3), (3, 3, 4), (2, 4, 2)])
def test_symmetric_rank_is_that_of_the_gradients(d, alpha, m):
    points = np.random.default_rng(alpha).integers(-4, 5, (m, d)).astype(float)
    u = sympy.symbols(f"u:{d}")
    monomials = [
        sympy.Mul(*u_i)
        for u_i in sympy.utilities.iterables.multiset_combinations(
            [u_i for u_i in u for _ in range(alpha)], alpha
        )
    ]
    rows = [
        [sympy.diff(f, axis).subs(dict(zip(u, map(int, w), strict=True))) for f in monomials]
        for w in points
        for axis in u
    ]
    claims, weights = claims_of(points, np.eye(d), alpha, "symmetric")
    assert len(claims.rows) == sympy.Matrix(rows).rank()
    assert (
        f"rank at least {len(claims.rows)} of {len(monomials)}"
        in check_feature_rank(claims, weights)[0]
    )


def test_false_ranks_are_refused():
    points = np.random.default_rng(0).standard_normal((20, 3))
    claims, weights = claims_of(points, None, 2)
    assert len(claims.rows) == 6
    rows, columns = claims.rows, claims.columns
    false = {
        "prime": replace(claims, prime=PRIME - 2),
        "square": replace(claims, rows=(*rows, 19)),
        "repeated": replace(claims, rows=(*rows[:-2], rows[-1], rows[-1])),
        "beyond 19": replace(claims, rows=(*rows[:-1], 20)),
        "beyond 5": replace(claims, columns=(*columns[:-1], 6)),
    }
    for said, claim in false.items():
        with pytest.raises(ValueError, match=said):
            check_feature_rank(claim, weights)
    same = points.copy()
    same[rows[-1]] = 2 * same[rows[0]]  # one direction twice
    with pytest.raises(ValueError, match="minor that is 0"):
        check_feature_rank(claims, weights | {"W": same})
    with pytest.raises(ValueError, match="output weight is 0"):
        check_feature_rank(claims, weights | {"a": np.zeros(20)})
