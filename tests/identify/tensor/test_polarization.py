"""Polarization in exact arithmetic; the CP tensor of a recovery against the interpolated one."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction

import cases
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from truth import posed

from identify import polarize, verify_identifiability
from identify.findings import Recovery
from identify.tensor import polarization as module
from identify.tensor.interpolation import interpolate

integers = st.integers(-4, 4)


@settings(max_examples=30, deadline=None)
@given(st.data(), st.integers(1, 6), st.integers(1, 3), st.integers(1, 3))
def test_polarization_is_exact_on_integers(data, alpha, d, n):
    x = data.draw(st.lists(st.lists(integers, min_size=d, max_size=d), min_size=n, max_size=n))
    b = data.draw(st.lists(integers, min_size=n, max_size=n))

    def p(points):
        return np.array(b, float) @ (np.array(x, float) @ points.T) ** alpha

    formed = polarize(p, d, alpha)
    assert formed.shape == (d,) * alpha
    for index in itertools.product(range(d), repeat=alpha):
        entry = sum(c * math.prod(v[i] for i in index) for c, v in zip(b, x, strict=True))
        assert round(formed[index]) == entry
        assert formed[index] == pytest.approx(entry, abs=1e-9)


@pytest.mark.parametrize("alpha", [2, 3, 4])
def test_polarization_formula_in_fractions(alpha):
    """The same half sum of signs, in Fractions, gives the entries without any rounding."""
    x, b = [(1, -2, 3), (0, 1, -1)], [Fraction(1, 3), Fraction(-5, 7)]

    def p(w):
        dots = [sum(s * t for s, t in zip(v, w, strict=True)) for v in x]
        return sum(c * Fraction(t) ** alpha for c, t in zip(b, dots, strict=True))

    numeric = polarize(lambda points: np.array([float(p(w)) for w in points.astype(int)]), 3, alpha)
    for index in itertools.product(range(3), repeat=alpha):
        total = Fraction(0)
        for signs in itertools.product((1, -1), repeat=alpha):
            w = [
                sum(s for s, i in zip(signs, index, strict=True) if i == axis) for axis in range(3)
            ]
            total += math.prod(signs) * p(w)
        total /= math.factorial(alpha) * 2**alpha
        assert total == sum(c * math.prod(v[i] for i in index) for c, v in zip(b, x, strict=True))
        assert numeric[index] == pytest.approx(float(total), rel=1e-13, abs=1e-13)


def test_too_large_is_refused(monkeypatch):
    monkeypatch.setattr(module, "MAX_ENTRIES", 26)
    with pytest.raises(ValueError, match=r"3\*\*3 entries, more than 26; pass fewer variables"):
        polarize(lambda w: w[:, 0] ** 3, 3, 3)


@pytest.mark.parametrize("alpha", [3, 4])
def test_the_cp_tensor_of_the_samples_is_the_interpolated_tensor(alpha):
    """Two ways to one T: its components by the pencil, its form by linear interpolation."""
    rng = np.random.default_rng(alpha)
    x, b = cases.samples(rng, 3, 5), cases.signed(rng, 3)
    case = cases.gradient_step(rng, x, b, alpha, 60)
    recovery = verify_identifiability(case.a, case.W, **case.options).recovery
    assert recovery is not None
    cp = recovery.to_cp()
    assert cp.rank == 3
    assert cp.shape == (5,) * alpha
    problem = posed(case)
    tensors = interpolate(problem.equations, problem.evaluations.rounding).tensors
    basis = problem.space.basis
    form = polarize(tensors[alpha].p, basis.shape[1], alpha)
    for axis in range(alpha):  # from the coordinates of the row space to those of the input
        form = np.moveaxis(np.tensordot(form, basis, axes=(axis, 1)), -1, axis)
    np.testing.assert_allclose(cp.to_tensor(), form, rtol=0, atol=1e-8 * np.abs(form).max())


def test_a_recovery_of_unknown_degree_asks_for_it():
    recovery = Recovery(np.eye(2), np.ones(2), np.zeros(2), True, 0.0, ())
    with pytest.raises(ValueError, match="degree: found None; pass the degree"):
        recovery.to_cp()
    assert recovery.to_cp(3).to_tensor().sum() == 2
