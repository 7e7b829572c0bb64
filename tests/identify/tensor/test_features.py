"""Features: dimensions, the kernel identity in exact arithmetic, and derivatives."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

from identify.tensor.features import (
    form_dimension,
    gradient_features,
    monomial_features,
    monomial_indices,
    monomial_weights,
)

CASES = [(1, 1), (1, 4), (2, 3), (3, 2), (3, 4), (4, 3), (5, 2), (2, 6)]


def exponents(d, k):
    """All exponent vectors of degree k, by brute force."""
    return [e for e in itertools.product(range(k + 1), repeat=d) if sum(e) == k]


def symbolic_features(d, k):
    """The weighted feature map as an (N, 1) SymPy matrix, and its variables."""
    symbols = sympy.symbols(f"w1:{d + 1}", real=True)
    rows = []
    for monomial in itertools.combinations_with_replacement(range(d), k):
        weight = sympy.Integer(math.factorial(k))
        for index in set(monomial):
            weight /= math.factorial(monomial.count(index))
        rows.append(sympy.sqrt(weight) * sympy.prod([symbols[index] for index in monomial]))
    return sympy.Matrix(rows), symbols


@pytest.mark.parametrize("d", range(1, 5))
@pytest.mark.parametrize("k", range(6))
def test_dimension_counts_monomials(d, k):
    assert form_dimension(d, k) == len(exponents(d, k)) == len(monomial_indices(d, k))
    symbols = sympy.symbols(f"z:{d}")
    power = sympy.Poly(sum(symbols) ** k, *symbols)
    assert form_dimension(d, k) == len(power.terms())
    counts = [tuple(np.bincount(row, minlength=d)) for row in monomial_indices(d, k)]
    assert sorted(counts) == exponents(d, k)
    squares = {e: int(c) for e, c in power.terms()}
    expected = np.sqrt([squares[tuple(int(i) for i in c)] for c in counts])
    np.testing.assert_allclose(monomial_weights(d, k), expected, rtol=1e-15)


def test_no_variables():
    assert form_dimension(0, 0) == 1
    assert form_dimension(0, 3) == 0


@pytest.mark.parametrize(("d", "k"), [*CASES, (3, 0)])
def test_kernel_is_exact_in_sympy(d, k):
    phi, symbols = symbolic_features(d, k)
    assert phi.shape == (form_dimension(d, k), 1)
    points = np.random.default_rng(10 * d + k).integers(-5, 6, (2, d))
    u, v = ([int(c) for c in point] for point in points)
    at = [phi.subs(dict(zip(symbols, point, strict=True))) for point in (u, v)]
    product = sympy.expand((at[0].T @ at[1])[0])
    assert product == sum(p * q for p, q in zip(u, v, strict=True)) ** k
    numeric = monomial_features(points.astype(float), k)
    np.testing.assert_allclose(numeric[0], np.array(at[0].evalf(20), float)[:, 0], rtol=1e-14)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 4), st.integers(1, 5), st.integers(0, 2**32 - 1))
def test_kernel_numerically(d, k, seed):
    rng = np.random.default_rng(seed)
    u, v = rng.standard_normal((5, d)), rng.standard_normal((4, d))
    scale = np.outer(np.linalg.norm(u, axis=1), np.linalg.norm(v, axis=1)) ** k
    error = monomial_features(u, k) @ monomial_features(v, k).T - (u @ v.T) ** k
    assert np.max(np.abs(error) / scale) < 1e-13


@pytest.mark.parametrize(("d", "k"), [(2, 4), (3, 2), (3, 3), (4, 3)])
@pytest.mark.parametrize("fewer", [0, 2])
def test_mutant_plain_monomials_miss_the_kernel(d, k, fewer):
    m = form_dimension(d, k) - fewer
    w = np.random.default_rng(d + k).standard_normal((m, d))
    kernel = (w @ w.T) ** k
    plain, weighted = (monomial_features(w, k, weighted=flag) for flag in (False, True))
    error = np.linalg.norm(plain @ plain.T - kernel) / np.linalg.norm(kernel)
    assert error > 0.1
    ranks = {int(np.linalg.matrix_rank(f)) for f in (plain, weighted)}
    assert ranks == {m}
    assert np.linalg.matrix_rank(kernel, tol=1e-12 * np.linalg.norm(kernel)) == m


@pytest.mark.parametrize(("d", "k"), CASES)
def test_gradient_against_sympy(d, k):
    phi, symbols = symbolic_features(d, k)
    points = np.random.default_rng(k).integers(-3, 4, (3, d)).astype(float)
    points[0] = 0.0
    jacobian = phi.jacobian(symbols)
    ours = gradient_features(points, k)
    assert ours.shape == (3, d, form_dimension(d, k))
    for row, point in zip(ours, points, strict=True):
        substituted = jacobian.subs({s: int(c) for s, c in zip(symbols, point, strict=True)})
        np.testing.assert_allclose(
            row, np.array(substituted.evalf(20), float).T, rtol=1e-13, atol=1e-13
        )


@pytest.mark.parametrize(("d", "k"), CASES)
def test_gradient_against_complex_step_and_euler(d, k):
    w = np.random.default_rng(d).standard_normal((4, d))
    gradient = gradient_features(w, k)
    indices, weights = monomial_indices(d, k), monomial_weights(d, k)
    for axis in range(d):
        moved = w + 1e-30j * np.eye(d)[axis]
        step = np.prod(moved[:, indices], axis=2).imag / 1e-30 * weights
        np.testing.assert_allclose(gradient[:, axis], step, rtol=1e-12, atol=1e-13)
    euler = np.einsum("jl,jln->jn", w, gradient)
    np.testing.assert_allclose(euler, k * monomial_features(w, k), rtol=1e-11, atol=1e-12)
