"""Linear algebra over the rationals against sympy."""

from fractions import Fraction

import pytest
import sympy
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from proofs_check.exact import formulas, rational

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
