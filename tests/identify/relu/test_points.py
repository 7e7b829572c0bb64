"""Exact ReLU points, judged by torch."""

from __future__ import annotations

import numpy as np
import pytest
from relu_cases import INSTANCES, SHAPES, assert_kkt, point_of

from identify.relu.points import synthesize_relu_kkt


@pytest.mark.parametrize("instance", INSTANCES)
def test_points_are_kkt_points_clear_of_the_boundaries(instance):
    point = point_of(instance)
    (d, *hidden), n, biased = SHAPES[instance[0]]
    assert [W.shape for W, _ in point.layers] == list(zip([*hidden, 1], [d, *hidden], strict=True))
    assert (point.layers[0][1] is not None) == biased
    assert set(point.labels.tolist()) == {-1, 1}
    assert (point.b * point.labels > 0).all()
    assert np.linalg.matrix_rank(point.x) == min(n, d)
    assert_kkt(point.layers, point.x, point.b, 1e-12)
    W, c = point.layers[0]
    if biased:
        W = np.column_stack([W, c])
    x = point.x if not biased else np.column_stack([point.x, np.ones(n)])
    cosines = W @ x.T / np.outer(np.linalg.norm(W, axis=1), np.linalg.norm(x, axis=1))
    assert np.abs(cosines).min() > 1e-2 * (1 - 1e-9)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("widths", ((4,), 3)),
        ("widths", ((4, 0), 3)),
        ("widths", ((4, 2.5), 3)),
        ("widths", (4, 3)),
        ("widths", ((True, 4), 3)),
        ("n", ((4, 6), 0)),
        ("n", ((4, 6), 13)),
        ("n", ((4, 6), 2.0)),
        ("n", ((4, 6), True)),
        ("seed", ((4, 6), 3, True)),
        ("widths, n", ((1, 1), 3)),
    ],
)
def test_malformed_point(name, arguments):
    with pytest.raises(ValueError, match=rf"^{name}: found .*pass "):
        synthesize_relu_kkt(*arguments[:2], seed=arguments[2] if len(arguments) > 2 else 0)
