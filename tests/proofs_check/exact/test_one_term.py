"""Identities with a symbolic degree, against the same sums at degrees and samples of numbers."""

from fractions import Fraction

import pytest

from proofs_check.exact.conditions import residuals, stationarity
from proofs_check.exact.formulas import contraction, dot, form
from proofs_check.exact.one_term import (
    a,
    absorbed_factor,
    b,
    balances,
    c,
    degree,
    derivative_is_evaluation,
    euler_term,
    flipped_sign,
    form_is_w_dot_f,
    halves_off_the_row_space,
    k,
    output_term,
    ray_gradient,
    ray_power,
    rescaled_sample,
    rescaled_weights,
    same,
    slice_entry,
    stationary_terms,
    t,
    x_k,
)

IDENTITIES = [
    derivative_is_evaluation, flipped_sign, rescaled_sample, rescaled_weights, ray_gradient,
    halves_off_the_row_space, slice_entry, absorbed_factor,
]  # fmt: skip


@pytest.mark.parametrize("identity", IDENTITIES)
def test_they_hold(identity):
    assert all(identity())


def test_single_ones_hold():
    assert form_is_w_dot_f()
    assert balances()
    assert ray_power()
    assert same(euler_term(), (k + 1) * a * t**k)


@pytest.mark.parametrize(("found", "expected"), [
    (b * t**degree, b * t ** (degree - 1)), (2 * b, b), (t**degree * t, t**degree),
    ((-1) ** degree * b, b),
])  # fmt: skip
def test_what_differs_is_told_apart(found, expected):
    assert not same(found, expected)


@pytest.mark.parametrize("alpha", [2, 3, 4, 5])
def test_one_term_is_what_the_sums_are_made_of(alpha):
    x, w, weight, out = (
        [Fraction(3), Fraction(-1, 2)],
        [Fraction(2), Fraction(5)],
        7,
        Fraction(1, 3),
    )
    value = dot(w, x)
    by_a, by_w = stationary_terms()
    at = {degree: alpha, t: value, b: weight, a: out, c: 1, x_k: x[1]}
    assert by_a.subs(at) == form([weight], [x], w, alpha)
    assert by_w.subs(at) == alpha * out * contraction([weight], [x], w, alpha)[1]
    assert output_term().subs(at) == out * value**alpha
    point = [out], [w], [weight], [x]
    assert residuals(*point, alpha) == stationarity(*point, alpha)
