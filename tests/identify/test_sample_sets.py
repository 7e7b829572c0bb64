"""Distances and matching of sample sets, against every order and sign."""

from __future__ import annotations

import itertools

import cases
import numpy as np
import pytest

from identify.sample_sets import chords, clear_distance, match_samples, set_distance


def test_matching_agrees_with_trying_every_order_and_sign():
    rng = np.random.default_rng(0)
    for _ in range(20):
        first, second = rng.normal(size=(4, 5)), rng.normal(size=(4, 5))
        rows, cols, sign, cosine = match_samples(first, second)

        def cos(i, j, a=first, b=second):
            return float(a[i] @ b[j] / np.linalg.norm(a[i]) / np.linalg.norm(b[j]))

        best = max(
            sum(abs(cos(i, j)) for i, j in enumerate(order))
            for order in itertools.permutations(range(4))
        )
        assert cosine.sum() == pytest.approx(best)
        for i, j, s, c in zip(rows, cols, sign, cosine, strict=True):
            assert s * cos(i, j) == pytest.approx(c)
            assert c >= 0


def naive_distance(first, second, degree) -> float:
    (x, b), (y, _) = first, second
    weights = [abs(w) * np.linalg.norm(z) ** degree for z, w in zip(x, b, strict=True)]
    far = []
    for z, weight in zip(x, weights, strict=True):
        if weight >= 0.01 * max(weights):
            u = z / np.linalg.norm(z)
            far.append(
                min(np.linalg.norm(u - s * v / np.linalg.norm(v)) for v in y for s in (1, -1))
            )
    return max(far)


def test_splitting_and_faint_samples_make_no_different_set():
    rng = np.random.default_rng(0)
    x, b = cases.samples(rng, 4, 5, norms=True), cases.signed(rng, 4)
    split = np.concatenate([x, x[:1]]), np.concatenate([b * [0.3, 1, 1, 1], b[:1] * 0.7])
    faint = np.concatenate([x, rng.standard_normal((1, 5))]), np.append(b, 1e-4)
    turned = x + 0.1 * rng.standard_normal(x.shape), b
    for other in (split, faint):
        assert clear_distance((x, b), other, 3) == pytest.approx(0, abs=1e-7)
        assert clear_distance(other, (x, b), 3) == pytest.approx(0, abs=1e-7)
    assert set_distance(x, faint[0]) > 0.1
    # faint in one and not in the other: it is there in both
    assert clear_distance(faint, (faint[0], np.append(b, 10.0)), 3) == pytest.approx(0, abs=1e-7)
    for one, other in (((x, b), turned), (turned, faint), (split, turned)):
        both = max(naive_distance(one, other, 3), naive_distance(other, one, 3))
        assert clear_distance(one, other, 3) == pytest.approx(both, rel=1e-9)
        assert both > 0.05


def test_chords_are_the_distances_of_directions_modulo_sign():
    rng = np.random.default_rng(1)
    x, y = rng.standard_normal((3, 4)), rng.standard_normal((5, 4))
    found = chords(x, y)
    for (i, u), (j, v) in itertools.product(enumerate(x), enumerate(y)):
        u, v = u / np.linalg.norm(u), v / np.linalg.norm(v)
        expected = min(np.linalg.norm(u - v), np.linalg.norm(u + v))
        assert found[i, j] == pytest.approx(expected, abs=1e-7)
    assert set_distance(x, -3 * x[::-1]) == pytest.approx(0, abs=1e-7)
