"""Exact solutions with samples drawn at random."""

from __future__ import annotations

import cases
import numpy as np
import pytest
from cases import unit, witness_residual

from identify.undetermined.oversized import oversized_set


@pytest.mark.parametrize("seed", range(3))
def test_an_oversized_set_fits_whatever_the_samples_were(seed):
    case = cases.kkt(np.random.default_rng(seed), 3)
    for k in (None, 60):
        found = oversized_set(case.a, case.W, k, seed=seed)
        assert len(found.x) > len(case.x)
        assert witness_residual(case, found) < 1e-9
        nearest = np.abs(unit(found.x) @ unit(case.x).T).max(axis=0)
        assert nearest.min() < 0.999
    full = oversized_set(case.a, case.W, seed=seed)
    outputs = (full.x @ case.W.T) ** 3 @ case.a
    assert full.consistent == bool(np.all(full.b * outputs > 0))
    assert full.consistent
    with pytest.raises(ValueError, match="k: found 1"):
        oversized_set(case.a, case.W, 1)
