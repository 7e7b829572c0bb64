"""The steps of A.2: what they need and what they find."""

from fractions import Fraction

import pytest

from proofs_check.exact import formulas, rational
from proofs_check.exact.proof_a_2 import interpolate_contraction, recover_exactly


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
    A = rational.from_flint(interpolate_contraction(flint[0], flint[1], 3))
    monomials = [formulas.monomials(w, 2) for w in [[5, 7]]]
    assert rational.multiply(monomials, A) == [formulas.contraction(b, x, [5, 7], 3)]
