"""Two-sided ranks against exact arithmetic, and witnesses that prove nothing."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import flint
import numpy as np
import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

from identify import RankWitness, check_rank, rank_bounds, singular_value_bounds
from identify.checker.modular import float_residues, independent_minor, is_usable_prime

P = 8388593


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 9), st.integers(1, 9), st.integers(1, 9), st.integers(-900, 900), st.integers()
)
def test_both_ends_are_the_rank(m, n, inner, exponent, seed):
    rng = np.random.default_rng(abs(seed))
    M = rng.integers(-9, 10, (m, inner)) @ rng.integers(-9, 10, (inner, n))
    bounds = rank_bounds(M * 2.0**exponent)
    lower, upper = bounds
    assert lower == upper == sympy.Matrix(M.tolist()).rank()
    assert bounds.witness is not None
    assert check_rank(M * 2.0**exponent, bounds.witness) == (lower, upper)


@pytest.mark.parametrize("p", [P, 3, 7, 65537])
def test_elimination_finds_the_rank_modulo_a_prime(p):
    rng = np.random.default_rng(p)
    for _ in range(20):
        m, n = rng.integers(1, 150, 2)  # more than one block
        A = (rng.random((m, n)) < 0.03) * rng.integers(1, p, (m, n))
        rows, columns = independent_minor(A.astype(float), p)
        assert len(rows) == flint.nmod_mat(int(m), int(n), A.ravel().tolist(), p).rank()
        minor = A[np.ix_(rows, columns)].ravel().tolist()
        assert len(rows) == 0 or flint.nmod_mat(len(rows), len(rows), minor, p).det() != 0


def test_residues_are_those_of_the_dyadic_numbers():
    values = [5e-324, 2.0**-1070 * 3, 1.7976931348623157e308, -0.1, 0.0, 2.0**1023, 1 / 3]
    for value, residue in zip(values, float_residues(np.array([values]), P)[0], strict=True):
        exact = Fraction(value)
        assert residue == exact.numerator * pow(exact.denominator, -1, P) % P


EDGES = {
    "zero": (np.zeros((3, 4)), 0),
    "no rows": (np.zeros((0, 4)), 0),
    "no columns": (np.zeros((3, 0)), 0),
    "subnormal": (np.array([[5e-324]]), 1),
    "one zero": (np.array([[0.0]]), 0),
    "whole range": (np.array([[2.0**-1074, 2.0**1023], [2.0**1023, 2.0**-1074]]), 2),
    "nearly parallel": (np.array([[1, 1 + 2.0**-52], [1 + 2.0**-52, 1 + 2.0**-51]]), 2),
    "parallel, subnormal": (np.array([[1, 2], [2, 4]]) * 2.0**-1074, 1),
    "integers": (np.array([[2**53 - 1, 1], [2**53 - 2, 1]]), 2),
    "float32": (np.full((2, 2), 0.1, dtype=np.float32), 1),
    "booleans": (np.eye(3, dtype=bool), 3),
}


@pytest.mark.parametrize("name", EDGES)
def test_edges(name):
    matrix, rank = EDGES[name]
    assert tuple(rank_bounds(matrix)) == (rank, rank)


def test_a_rank_that_the_first_prime_hides():
    assert tuple(rank_bounds(np.diag([1.0, float(P)]))) == (2, 2)


@pytest.mark.parametrize(
    ("matrix", "said"),
    [
        ([[np.nan, 1.0]], "1 values nan or infinite"),
        ([[np.inf]], "nan or infinite"),
        ([1.0, 2.0], r"shape \(2,\)"),
        ([[1.0], [1.0, 2.0]], "different lengths"),
        ([[2**60 + 1]], "float64 does not hold"),
        ([["a"]], "type <U1"),
        ([[1j]], "complex"),
    ],
)
def test_what_is_no_matrix_is_refused(matrix, said):
    with pytest.raises(ValueError, match=rf"^matrix: found .*{said}"):
        rank_bounds(matrix)
    with pytest.raises(ValueError, match="eps: found"):
        rank_bounds([[1.0]], eps=-1.0)


def test_false_witnesses_are_refused():
    rng = np.random.default_rng(0)
    M = rng.integers(-9, 10, (6, 3)) @ rng.integers(-9, 10, (3, 5)).astype(float)
    good = rank_bounds(M).witness
    assert good is not None
    assert check_rank(M, good) == (3, 3)
    rows, kernel = good.rows, good.kernel
    off = (kernel[0][0] + 1, *kernel[0][1:])
    doubled = (kernel[0], tuple(2 * t for t in kernel[0]))
    false = {
        "prime: found 8388592": replace(good, prime=P - 1),
        "prime: found 8363639": replace(good, prime=2887 * 2897),
        "prime: found 2": replace(good, prime=2),
        "minor that is 0": RankWitness(P, (0, 1, 2, 3), (0, 1, 2, 3)),
        "repeated": replace(good, rows=(rows[0], *rows[:-1])),
        "a minor is square": replace(good, rows=rows[:-1]),
        r"outside 0\.\.5": replace(good, rows=(*rows[:-1], 6)),
        "does not take to 0": replace(good, kernel=(off, *kernel[1:])),
        "dependent modulo": replace(good, kernel=doubled),
        "another length": replace(good, kernel=(kernel[0][:-1],)),
    }
    for said, witness in false.items():
        with pytest.raises(ValueError, match=said):
            check_rank(M, witness)
    changed = M.copy()
    changed[5, 4] += 2.0**-40
    with pytest.raises(ValueError, match="does not take to 0"):
        check_rank(changed, good)
    with pytest.raises(ValueError, match=r"outside|another length"):
        check_rank(M[:3, :3], good)


def test_which_primes_are_usable():
    usable = [p for p in range(-3, 40) if is_usable_prime(p)]
    assert usable == [3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37]
    assert is_usable_prime(P)
    assert not is_usable_prime(2**31 - 1)


@pytest.mark.parametrize("seed", range(6))
def test_singular_values_lie_between_their_ends(seed):
    rng = np.random.default_rng(seed)
    m, n = rng.integers(1, 9, 2)
    M = rng.standard_normal((m, n)) * 10.0 ** rng.integers(-9, 3, n)
    low, high = singular_value_bounds(M)
    before, flint.ctx.prec = flint.ctx.prec, 300
    A = flint.arb_mat(M.tolist())
    gram = A * A.transpose() if m <= n else A.transpose() * A
    values = sorted((float(t.real) for t in flint.acb_mat(gram).eig()), reverse=True)
    flint.ctx.prec = before
    for k, square in enumerate(values):
        assert low[k] <= np.sqrt(max(square, 0)) * (1 + 1e-15)
        assert np.sqrt(max(square, 0)) <= high[k] * (1 + 1e-15)
    assert low[0] > 0.999999 * high[0]


def test_rank_within_a_distance():
    rng = np.random.default_rng(1)
    U, V = (np.linalg.qr(rng.standard_normal((30, 20)))[0] for _ in range(2))
    M = (U * np.geomspace(1, 1e-8, 20)) @ V.T
    for eps, rank in ((0.5e-8, 20), (2e-8, 19), (0.9, 1), (1.1, 0)):
        assert tuple(rank_bounds(M, eps=eps)) == (rank, rank)
    lower, upper = rank_bounds(M, eps=1e-30)  # below what float64 can prove
    assert lower == 20
    assert upper == 30
