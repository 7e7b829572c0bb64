"""Walks along the solutions."""

from __future__ import annotations

import numpy as np
import pytest
from truth import coordinates, few_directions, posed

from identify.options import Options
from identify.sample_sets import set_distance
from identify.undetermined.local import local_view
from identify.undetermined.sample_equations import equations_of_samples
from identify.undetermined.solving import EXACT, project
from identify.undetermined.walking import walk
from identify.undetermined.work import Work


def test_a_walk_stays_on_the_solutions_and_goes_far():
    case = few_directions(np.random.default_rng(0))
    system = equations_of_samples(posed(case), Options())
    X = coordinates(case, system)
    start = project(system, X, np.ones(len(X)), Work())
    assert start is not None
    null = local_view(system, *start, Work()).null(1e-10)
    met = []

    def allowed(X, b):
        met.append(np.linalg.norm(system.residual(X, b)))
        return True

    X, b, distance = walk(system, start, null[:1], goal=0.5, allowed=allowed, work=Work())
    assert max(met) < EXACT
    origin = system.samples(*start)[0]
    assert distance == pytest.approx(set_distance(origin, system.samples(X, b)[0]))
    assert distance > 0.1
