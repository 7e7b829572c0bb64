"""The eigenvectors of orthonormal samples, counted and listed."""

from __future__ import annotations

import numpy as np
import pytest

from identify.points.patterns import enumerate_patterns


def test_patterns_of_even_degree_stay_within_a_class():
    patterns = enumerate_patterns(np.array([1, -1, 1]), 4)
    assert patterns.tolist() == [[1, 0, 0], [0, 0, 1], [1, 0, 1], [1, 0, -1], [0, 1, 0]]


@pytest.mark.parametrize("alpha", [3, 4])
def test_patterns_are_the_sign_patterns_of_eigenvectors(alpha):
    """z_i^{alpha-2} = eps sign(b_i) on the support, one eps for all; -z is the same eigenvector."""
    labels = np.array([1, -1, 1, 1])
    rows = enumerate_patterns(labels, alpha)
    every = np.stack(np.meshgrid(*[[-1, 0, 1]] * 4), -1).reshape(-1, 4)
    eps = [{z ** (alpha - 2) * y for z, y in zip(row, labels, strict=True) if z} for row in every]
    wanted = {
        tuple(max(row, -row, key=tuple)) for row, e in zip(every, eps, strict=True) if len(e) == 1
    }
    assert {tuple(max(row, -row, key=tuple)) for row in rows} == wanted
    assert len(rows) == len(wanted)
