"""identify.tensor.form: one tensor written down in two ways."""

from __future__ import annotations

import numpy as np
import pytest

from identify.tensor.features import form_dimension, monomial_features
from identify.tensor.form import Form, slopes, slopes_transposed
from identify.tensor.implicit import ImplicitTensor


def both(r, k, seed=0):
    """sum_i b_i x_i^k by its coefficients and by its nodes."""
    rng = np.random.default_rng(seed)
    x, b = rng.standard_normal((4, r)), rng.standard_normal(4)
    return Form(k, r, b @ monomial_features(x, k)), ImplicitTensor(k, x, b[:, None] * x)


@pytest.mark.parametrize(("r", "k"), [(5, 3), (4, 4), (3, 5), (6, 2), (1, 3)])
def test_a_form_evaluates_as_its_tensor(r, k):
    form, tensor = both(r, k)
    w = np.random.default_rng(1).standard_normal((6, r))
    np.testing.assert_allclose(form.p(w), tensor.p(w), rtol=1e-11, atol=1e-11)
    np.testing.assert_allclose(form.f(w), tensor.f(w), rtol=1e-11, atol=1e-11)
    for v, M in zip(w, form.slices(w), strict=True):
        np.testing.assert_allclose(M, tensor.slice(v), rtol=1e-11, atol=1e-11)
        np.testing.assert_allclose(form.slice(v), M)


def test_a_linear_form_has_a_constant_gradient():
    form, tensor = both(4, 1)
    w = np.random.default_rng(1).standard_normal((3, 4))
    np.testing.assert_allclose(form.f(w), tensor.f(w)[[0, 0, 0]])


@pytest.mark.parametrize(("r", "k"), [(5, 3), (4, 4), (6, 1)])
def test_the_transpose_of_the_slopes(r, k):
    rng = np.random.default_rng(2)
    q = rng.standard_normal((2, form_dimension(r, k)))
    C = rng.standard_normal(slopes(q, r, k).shape)
    both_sides = np.sum(C * slopes(q, r, k)), np.sum(slopes_transposed(C, r, k) * q)
    assert both_sides[0] == pytest.approx(both_sides[1], rel=1e-12)
