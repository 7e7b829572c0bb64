"""ReLU: samples put together."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from relu_cases import INSTANCES, assert_kkt, hausdorff, point_of, torch_conditions

from identify.relu.ambiguity import relu_witness
from identify.relu.merging import relu_merge


@pytest.mark.parametrize("instance", INSTANCES[::3])
def test_parts_can_be_merged_again(instance):
    point = point_of(instance)
    split = relu_witness(point.layers, point.x, point.b, seed=2)
    merged = relu_merge(point.layers, split.x, split.b, pair=(0, 1))
    back = split.splits[0].index
    np.testing.assert_allclose(merged.x[0], point.x[back], atol=1e-9)
    assert merged.replaced == (0, 1)
    assert len(merged.x) == len(point.x)
    assert_kkt(point.layers, merged.x, merged.b, 1e-8)
    assert merged.distance == pytest.approx(hausdorff(merged.x, split.x))


def test_merging_given_samples():
    merges = [(p, relu_merge(p.layers, p.x, p.b)) for p in map(point_of, INSTANCES[32:48])]
    found = [(p, m) for p, m in merges if m is not None]
    assert len(found) >= 8
    for p, merged in found:
        gates = torch_conditions(p.layers, p.x, p.b)[3]
        i, j = merged.replaced
        assert (gates[i] == gates[j]).all()
        assert p.labels[i] == p.labels[j]
        assert_kkt(p.layers, merged.x, merged.b, 1e-8)
        assert merged.distance > 0
    linear = [(np.array([[1.0, 0.0]]), None)]
    three = np.array([[1.0, 1.0], [-1.0, 9.0], [1.0, 2.0]])
    both = relu_merge(linear, three, np.array([0.5, -0.25, 0.75]))
    assert sorted(both.replaced) == [0, 2]
    np.testing.assert_allclose(both.x[0], [1.0, 1.6])
    apart = [p for p, m in merges if m is None]
    for p in apart:
        gates = torch_conditions(p.layers, p.x, p.b)[3]
        assert not any(
            (gates[i] == gates[j]).all() and p.labels[i] == p.labels[j]
            for i, j in combinations(range(len(p.x)), 2)
        )
