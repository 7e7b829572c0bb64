"""Starting points from exact tensors are the samples themselves."""

from __future__ import annotations

import numpy as np
import pytest
from equation_cases import N, R, by_values, case, solvable

from identify.recovery.starts import solve_components, starting_point
from identify.tensor.implicit import ImplicitTensor
from identify.tensor.interpolation import Interpolation, interpolate


def truth(equations, x, b):
    """The tensors of every degree, from the samples themselves."""
    tensors = {
        k: ImplicitTensor(k, x, b[:, None] * x) for k in equations.activation.support if k >= 1
    }
    return Interpolation(tensors, None, None, 0, 0)


@solvable
@by_values
def test_exact_tensors_start_at_the_samples(name, free_b, by_value):
    equations, x, b = case(name, by_value=by_value, free_b=free_b)
    norms = np.linalg.norm(x, axis=1)
    alpha = equations.activation.degree
    turn = np.array([1.0, -1.0, -1.0])
    directions = turn[:, None] * x / norms[:, None]
    along = b * norms**alpha * turn**alpha
    start, weights = starting_point(equations, truth(equations, x, b), directions, along)
    np.testing.assert_allclose(equations.predict(start, weights), equations.right_side, rtol=1e-6,
                               atol=1e-8 * np.abs(equations.right_side).max())  # fmt: skip
    if free_b and name == "mixed":
        np.testing.assert_allclose(start, x, rtol=1e-8)
        np.testing.assert_allclose(weights, b, rtol=1e-8)
    elif not free_b:
        np.testing.assert_array_equal(np.abs(weights), 1.0)


@solvable
@pytest.mark.parametrize("guess", [False, True])
def test_components_are_found_without_a_guess(name, free_b, guess):
    equations, x, b = case(name, by_value=False, free_b=free_b, m=60)
    found = interpolate(equations, 1e-16)
    fit = solve_components(
        equations,
        found,
        np.linalg.svd(x, full_matrices=False)[2].T,  # the span of the samples
        np.random.default_rng(0),
        known=x / np.linalg.norm(x, axis=1, keepdims=True) if guess else None,
    )
    scale = float(np.linalg.norm(equations.right_side))
    assert fit.residual < 1e-10 * scale
    table = np.minimum(*(np.linalg.norm(fit.x[:, None] - s * x[None], axis=2) for s in (1, -1)))
    assert fit.x.shape == (N, R)
    assert table.min(axis=0).max() < 1e-6 * np.linalg.norm(x, axis=1).max()
    assert np.abs(np.sort(np.abs(fit.b)) - np.sort(np.abs(b))).max() < 1e-6
