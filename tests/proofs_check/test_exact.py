"""The ledger's own arithmetic against sympy, numpy and definitions."""

from fractions import Fraction
from itertools import product
from math import comb

import numpy as np
import pytest
import sympy
from flint import arb
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from proofs_check import strategies
from proofs_check.claims.section_4 import theorem_4_1_balls
from proofs_check.exact import formulas, rational
from proofs_check.exact.enclosure import enclose_zero
from proofs_check.exact.proof_a_2 import interpolate, recover_exactly

SETTINGS = settings(derandomize=True, deadline=None, max_examples=40)
entries = st.integers(-3, 3)


def matrices(rows, columns):
    row = st.lists(entries, min_size=columns, max_size=columns)
    return st.lists(row, min_size=rows, max_size=rows)


def to_sympy(A):
    return sympy.Matrix([[sympy.Rational(Fraction(t)) for t in row] for row in A])


@SETTINGS
@given(matrices(3, 4))
def test_rank_nullspace_and_pseudo_inverse_agree_with_sympy(A):
    M = to_sympy(A)
    assert rational.rank(A) == M.rank()
    null = rational.nullspace(A)
    assert len(null) == 4 - M.rank()
    assert all(t == 0 for v in null for t in M * sympy.Matrix([v]).T.applyfunc(sympy.Rational))
    assume(M.rank() > 0)
    assert to_sympy(rational.pseudo_inverse(A)) == M.pinv()


@SETTINGS
@given(st.lists(st.integers(-4, 4), min_size=3, max_size=3, unique=True), matrices(3, 3))
def test_eigenpairs_of_a_matrix_built_from_them(values, V):
    assume(rational.rank(V) == 3)
    A = rational.multiply(V, rational.diagonal(values), rational.inverse(V))
    pairs = rational.eigenpairs(A)
    assert sorted(value for value, _ in pairs) == sorted(values)
    for value, v in pairs:
        assert [formulas.dot(row, v) for row in A] == [value * t for t in v]


def test_irrational_eigenvalues_are_left_out():
    assert rational.eigenpairs([[0, 2], [1, 0]]) == []


@pytest.mark.parametrize(("value", "root"), [
    (Fraction(9, 4), Fraction(3, 2)), (2, None), (-4, None), (0, 0), (Fraction(1, 3), None),
])  # fmt: skip
def test_square_roots(value, root):
    assert rational.square_root(value) == root


def random_tensor(alpha):
    rng = np.random.default_rng(alpha)
    x, b = rng.integers(-3, 4, (4, 3)), rng.integers(1, 4, 4)
    T = sum(
        c * np.einsum(",".join("abcdefg"[:alpha]), *[v] * alpha) for c, v in zip(b, x, strict=True)
    )
    return x.tolist(), b.tolist(), T


@pytest.mark.parametrize("alpha", [2, 3, 4, 5])
def test_formulas_agree_with_the_full_tensor(alpha):
    x, b, T = random_tensor(alpha)
    u = np.random.default_rng(1).integers(-3, 4, (alpha, 3))
    full = T
    for v in u:
        full = np.tensordot(v, full, axes=(0, 0))
    assert formulas.tensor(b, x, u.tolist()) == full
    w = u[0].tolist()
    powers = [T]
    while powers[-1].ndim:
        powers.append(powers[-1] @ u[0])
    assert formulas.form(b, x, w, alpha) == powers[-1]
    assert formulas.contraction(b, x, w, alpha) == powers[-2].tolist()
    assert formulas.slice_matrix(b, x, w, alpha) == powers[-3].tolist()
    count = 2**alpha * formulas.factorial(alpha)
    found = formulas.polarized(lambda v: formulas.form(b, x, v, alpha), u.tolist())
    assert Fraction(found, count) == full


@pytest.mark.parametrize(("d", "degree"), list(product([1, 2, 3, 4], [0, 1, 2, 4])))
def test_monomials_are_those_of_the_multinomial_theorem(d, degree):
    u, w = list(range(2, 2 + d)), list(range(-1, d - 1))
    phi_u, phi_w = (formulas.monomials(v, degree) for v in (u, w))
    weights = [formulas.multinomial(index) for index in formulas.exponents(d, degree)]
    assert len(weights) == comb(d + degree - 1, degree)
    total = sum(c * s * t for c, s, t in zip(weights, phi_u, phi_w, strict=True))
    assert total == formulas.dot(u, w) ** degree


@SETTINGS
@given(strategies.exact_kkt_points(degree=3, max_samples=3, max_dimension=4))
def test_exact_points_agree_with_floating_point(point):
    s = np.array([float(point.power(j)) for j in range(len(point.u))]) ** 0.25
    W = s[:, None] * np.array(point.u, dtype=float)
    x, b = np.array(point.x, dtype=float), np.array(point.b, dtype=float)
    a = (W @ x.T) ** 3 @ b
    np.testing.assert_allclose(3 * a[:, None] * ((b * (W @ x.T) ** 2) @ x), W, atol=1e-12)
    outputs = (x @ W.T) ** 3 @ a
    np.testing.assert_allclose(outputs * b, outputs[0] * b[0], atol=1e-12)
    for j in range(len(W)):
        known = np.array(point.known_value(j), dtype=float)
        np.testing.assert_allclose(known * s[j] ** 2, W[j] / (3 * a[j]), atol=1e-12)


def test_a_point_that_is_none_is_told(monkeypatch):
    point = strategies.orthonormal_point(rational.identity(3), (1, -1, 1), 3)
    assert point.kkt()
    spoiled = type(point)(point.x, [1, -1, 2], 3, point.u, point.mu)
    assert not spoiled.kkt()
    fewer = type(point)(point.x, point.b, 3, point.u[:-2], point.mu[:-2])
    assert not fewer.kkt()  # margins differ


def test_recovery_needs_the_rank_condition():
    units = rational.identity(2)
    with pytest.raises(ZeroDivisionError):
        recover_exactly(units, units, 3, seed=0)
    u = [[1, 0], [0, 1], [1, 1], [1, 2]]
    with pytest.raises(ValueError, match="no form of this degree"):
        recover_exactly(u, [[1, 0], [0, 1], [1, 1], [9, 9]], 3, seed=0)


def test_interpolation_through_known_coefficients():
    x, b = [[1, 2], [3, -1]], [2, -1]
    u = [[Fraction(k), Fraction(j)] for k, j in [(1, 0), (0, 1), (1, 1), (2, 1)]]
    values = [formulas.contraction(b, x, w, 3) for w in u]
    flint = [rational.to_flint(rows).tolist() for rows in (u, values)]
    A = rational.from_flint(interpolate(flint[0], flint[1], 3))
    monomials = [formulas.monomials(w, 2) for w in [[5, 7]]]
    assert rational.multiply(monomials, A) == [formulas.contraction(b, x, [5, 7], 3)]


def test_krawczyk_encloses_a_root_and_nothing_else():
    def F(t):
        return [t[0] ** 2 - 2]

    def J(t):
        return [[2 * t[0]]]

    found = enclose_zero(F, J, [1.4])
    assert found is not None
    assert (found[0] ** 2).contains(2)
    assert found[0].rad() < arb("1e-40")
    assert enclose_zero(lambda t: [t[0] ** 2], J, [1e-3]) is None  # a double root
    assert enclose_zero(lambda t: [t[0] ** 2 + 1], J, [0.3]) is None  # no root


def test_the_jacobian_of_the_margins_is_their_derivative():
    x = theorem_4_1_balls.unit_samples(3, seed=0)
    system = theorem_4_1_balls.Margins(x, (1, -1, 1), (1, 1, 1, 1), 3)
    rng = np.random.default_rng(0)
    point = [arb(t) for t in rng.uniform(0.5, 1.0, 15).tolist()]
    J, h = system.jacobian(point), arb(2) ** -20
    for k in range(15):
        up, down = (
            system.residual([t + s * h * (i == k) for i, t in enumerate(point)]) for s in (1, -1)
        )
        slopes = [(s - t) / (2 * h) for s, t in zip(up, down, strict=True)]
        for row, slope in zip(J, slopes, strict=True):
            assert abs(float((row[k] - slope).mid())) < 1e-8
