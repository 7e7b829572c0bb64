"""Equations in the samples: their residual, their Jacobian, the layers they hold."""

from __future__ import annotations

from dataclasses import replace

import cases
import numpy as np
import pytest
from cases import AMBIGUOUS
from truth import few_directions, posed

from identify.equations.activation import parse_activation
from identify.equations.pose import pose
from identify.equations.weights import as_weights
from identify.options import Options
from identify.undetermined.sample_equations import equations_of_samples

FRONTS = [("kkt", 3), ("kkt", 4), ("known", 3), ("known", [0.5, 0, 1, 1]), ("features", 4)]


@pytest.mark.parametrize(("front", "activation"), [*FRONTS, ("features", [0.5, 0, 1, 1])])
def test_the_jacobian_is_the_derivative(front, activation):
    rng = np.random.default_rng(0)
    x, b = cases.samples(rng, 3, 5, norms=True), cases.signed(rng, 3)
    case = cases.gradient_step(rng, x, b, activation, 6)
    if front == "features":
        case = replace(case, W=case.options["init"][1])
    if front == "kkt":
        case = cases.kkt(rng, activation)
    known = {"margin": 1.0, "unit_norm": True} if front == "kkt" else {"unit_norm": True}
    system = equations_of_samples(posed(case), Options(**known))
    X, b = rng.standard_normal((3, system.dimension)), np.array([1.0, -1.0, 1.0])
    J = system.jacobian(X, b)
    for column, step in zip(J.T, np.eye(J.shape[1]), strict=True):
        ahead, behind = (system.residual(*system.moved(X, b, h * step)) for h in (1e-5, -1e-5))
        np.testing.assert_allclose((ahead - behind) / 2e-5, column, atol=1e-7 * np.abs(J).max())


def test_a_residual_of_the_reduced_equations_is_one_of_the_weights():
    case = few_directions(np.random.default_rng(1))
    system = equations_of_samples(posed(case), Options())
    rng = np.random.default_rng(0)
    X, b = rng.standard_normal((4, system.dimension)), np.ones(4)
    x, weights = system.samples(X, b)
    _, gradient = cases.power_sum(np.eye(4)[3], case.W, x, weights)
    miss = np.linalg.norm(case.W - case.a[:, None] * gradient) / np.linalg.norm(case.W)
    assert np.linalg.norm(system.residual(X, b)) == pytest.approx(miss, rel=1e-9)


def test_output_weights_of_polynomials_are_equations_of_their_own():
    """Gradients of several degrees at few points imply no values: with them less is open."""
    rng = np.random.default_rng(0)
    x, b = cases.samples(rng, 4, 4, norms=True), cases.signed(rng, 4)
    case = cases.gradient_step(rng, x, b, [0, 1, 0.5, 1], 4, AMBIGUOUS)
    frozen, sigma = replace(case, a=case.options["init"][0]), parse_activation([0, 1, 0.5, 1])
    trained, hidden = (
        equations_of_samples(
            pose(as_weights(one.a, one.W, one.options["init"]), sigma).other(), Options()
        )
        for one in (case, frozen)
    )
    assert len(hidden.forms.target) == 4 * 4
    assert len(trained.forms.target) == 4 * 4 + 4
    X = x @ trained.forms.basis * trained.forms.sigma
    assert np.linalg.norm(trained.residual(X, b)) < 1e-12
    power = cases.gradient_step(rng, x, b, 3, 4, AMBIGUOUS)
    assert len(equations_of_samples(posed(power), Options()).forms.target) == 4 * 4  # Euler
