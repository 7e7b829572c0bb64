"""Null directions of the Jacobian, and the samples that they turn."""

from __future__ import annotations

import cases
import numpy as np
from cases import AMBIGUOUS, Case
from truth import coordinates, posed

from identify.options import Options
from identify.undetermined.local import LocalView, local_view
from identify.undetermined.sample_equations import equations_of_samples
from identify.undetermined.work import Work


def blocks(rng) -> tuple[Case, np.ndarray]:
    """Neurons in either of two orthogonal spaces: enough for two samples, too few for the others.

    One gradient step; the first two samples lie in the first space, the last three in the second.
    """
    x = np.zeros((5, 6))
    x[:2, :3], x[2:, 3:] = cases.samples(rng, 2, 3), cases.samples(rng, 3, 3)
    W0 = np.zeros((10, 6))
    W0[:8, :3], W0[8:, 3:] = rng.standard_normal((8, 3)), rng.standard_normal((2, 3))
    a0, b = rng.standard_normal(10), cases.signed(rng, 5)
    value, gradient = cases.power_sum(np.eye(4)[3], W0, x, b)
    case = Case(a0 + value, W0 + a0[:, None] * gradient, {"init": (a0, W0)}, x, b, AMBIGUOUS)
    return case, np.array([True, True, False, False, False])


def test_samples_apart_from_the_open_ones_do_not_move():
    case, still = blocks(np.random.default_rng(0))
    system = equations_of_samples(posed(case), Options())
    X = coordinates(case, system)
    view = local_view(system, X, np.ones(5), Work())
    motion = view.motion(X, 1e-10 * view.values[0])
    assert (motion[still] < 1e-8).all()
    assert (motion[~still] > 1e-2).all()


def test_a_change_of_weight_alone_turns_no_sample():
    X = cases.samples(np.random.default_rng(0), 2, 3)
    radial, turning = np.zeros((2, 3)), np.zeros((2, 3))
    radial[0] = X[0]
    turning[1] = np.cross(X[1], X[0]) / np.linalg.norm(np.cross(X[1], X[0]))
    view = LocalView(np.zeros(2), np.array([radial.ravel(), turning.ravel()]), 2, 3)
    np.testing.assert_allclose(view.motion(X, 0.0), [0.0, 1.0], atol=1e-12)
