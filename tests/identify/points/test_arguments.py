"""What synthesize_kkt refuses, in which words."""

from __future__ import annotations

import numpy as np
import pytest

from identify.points.synthesis import synthesize_kkt


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"X": [1.0, 2.0]}, "X: found shape"),
        ({"X": [[1.0], [1.0, 2.0]]}, "X, labels: found no arrays"),
        ({"X": [[1.0, np.nan], [0.0, 1.0]]}, "X: found NaN"),
        ({"X": [[1.0, 2.0], [2.0, 4.0]]}, "X: found 2 rows of rank 1"),
        ({"X": [[1.0, 2.0], [0.0, 0.0]]}, "X: found a row of zeros"),
        ({"labels": [1]}, "labels: found shape"),
        ({"labels": [0, 1]}, "labels: found .* pass -1 or \\+1"),
        ({"labels": [np.nan, 1]}, "labels: found"),
        ({"alpha": 0}, "alpha: found 0"),
        ({"alpha": 2.5}, "alpha: found 2.5"),
        ({"leading": 0.0}, "leading: found 0"),
        ({"multiplicities": [1, 1]}, "multiplicities: found shape"),
        ({"multiplicities": -1}, "multiplicities: found -1"),
        ({"multiplicities": 0}, "multiplicities: found no neuron"),
        ({"multiplicities": 1.5}, "multiplicities: found 1.5"),
        ({"multiplicities": [1, 0, 0]}, "multiplicities: sample 1 .* give a direction"),
        ({"alpha": 2, "multiplicities": [1, 2]}, "multiplicities: .* pass one int"),
        ({"directions": "some"}, "directions: found 'some'"),
        ({"directions": [[1, 2]]}, "directions: found an entry"),
        ({"directions": [[1, 0, 0]]}, "directions: found shape"),
        ({"directions": [[1, 1], [1, -1]]}, "directions: found a direction twice"),
        ({"directions": [[1, 1]], "alpha": 4}, "directions: row 0 mixes"),
        ({"directions": [[1, 1]], "alpha": 2}, "directions: at alpha = 2"),
        ({"X": [[1.0, 0.0], [5.0, 0.2]], "labels": [1, 1], "alpha": 1}, "X: sample 1 is not"),
        ({"X": np.eye(14), "labels": np.ones(14)}, "directions: 14 samples have 16383"),
        ({"X": [[1.0, 0.0], [1.0, 0.1]], "labels": [1, 1]}, "pass X less coherent"),
    ],
)
def test_bad_input_says_what_to_pass(changes, words):
    arguments = {"X": np.eye(2), "labels": [1, -1], "alpha": 3} | changes
    with pytest.raises(ValueError, match=words):
        synthesize_kkt(**arguments)
