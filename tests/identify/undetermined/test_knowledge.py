"""Linear functions of a tensor that is not determined."""

from __future__ import annotations

import numpy as np
import pytest
from truth import few_directions

from identify.undetermined.knowledge import tensor_knowledge


def test_linear_functions_of_a_tensor_that_is_not_determined():
    case = few_directions(np.random.default_rng(0))
    knowledge = tensor_knowledge(case.a, case.W)
    assert 0 < knowledge.missing < 1
    for w in case.W:
        told = knowledge.power(w)
        assert told.determined
        assert abs(told.value - case.b @ (case.x @ w) ** 3) <= told.bound
        assert told.bound < 1e-10 * max(1.0, abs(told.value))
    v = np.random.default_rng(1).standard_normal(case.x.shape[1])
    inside = np.linalg.pinv(case.W) @ (case.W @ v)
    outward = v - inside
    assert np.linalg.norm(outward) > 0.1
    for direction in (v, inside, case.W[0] + 1e-3 * outward):
        told = knowledge.power(direction)
        assert not told.determined
        assert np.isnan(told.value)
    w, E = case.W[0], np.multiply.outer(np.outer(case.W[0], case.W[0]), case.W.sum(axis=0))
    told = knowledge.inner(E)  # <f(w), sum_j W_j>: gradients at neurons are seen
    f = (case.b * (case.x @ w) ** 2) @ case.x
    assert told.determined
    assert abs(told.value - f @ case.W.sum(axis=0)) <= told.bound
    assert not knowledge.inner(np.random.default_rng(0).standard_normal(E.shape)).determined
    with pytest.raises(ValueError, match="v: found"):
        knowledge.power(np.ones(99))
    with pytest.raises(ValueError, match="E: found"):
        knowledge.inner(np.ones((2, 2)))
