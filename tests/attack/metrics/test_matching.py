"""Matching against brute force."""

from itertools import permutations
from typing import Any

import numpy as np
import pytest
import torch

from attack.metrics.image import ncc
from attack.metrics.matching import found_count, match, match_and_measure
from attack.metrics.vectors import cosine, l2

WRONG: Any = "wrong"


def gaussian(*shape, seed=0):
    return torch.as_tensor(np.random.default_rng(seed).normal(size=shape))


def test_one_to_one_is_the_best_total():
    for seed in range(5):
        values = gaussian(4, 6, seed=seed)
        partner = match(values, higher=True, matching="one-to-one")
        best = max(sum(values[i, j] for i, j in enumerate(p)) for p in permutations(range(6), 4))
        assert sum(values[i, j] for i, j in enumerate(partner)) == pytest.approx(float(best))
        assert len(set(partner)) == 4


def test_greedy_takes_the_closest_pair_first():
    values = torch.tensor([[1.0, 2.0, 9.0], [1.5, 9.0, 9.0], [9.0, 9.0, 3.0], [4.0, 4.0, 4.0]])
    assert match(values, higher=False, matching="greedy").tolist() == [0, -1, 2, 1]
    assert match(values, higher=False, matching="nearest").tolist() == [0, 0, 2, 0]
    assert match(values, higher=False, matching="one-to-one").tolist() == [1, 0, 2, -1]


def test_what_diverged_is_nobodys_partner():
    truth = gaussian(2, 5)
    found = torch.stack([torch.full((5,), torch.nan), truth[1], torch.full((5,), torch.inf)])
    for matching in ("nearest", "greedy", "one-to-one"):
        assert match_and_measure(truth, found.double(), l2(), matching=matching).values[1] == 0
    assert set(match_and_measure(truth, found, cosine()).partner) == {1}
    lost = match_and_measure(truth, found[:1], cosine())
    assert lost.partner.tolist() == [-1, -1]
    assert np.isnan(lost.values).all()
    assert match_and_measure(truth, truth[:0], cosine()).k == 0


def test_one_metric_may_choose_and_another_measure():
    truth = torch.tensor([[1.0, 2.0, 3.0, 4.0]]).double()
    found = torch.stack([10 * truth[0], truth[0] + torch.tensor([1.0, -1, 1, -1])])
    result = match_and_measure(truth, found, l2(), select=ncc((2, 2)))
    assert result.partner.tolist() == [0]
    assert result.values[0] == pytest.approx(9 * 30**0.5)


def test_found_counts_a_candidate_once():
    truth = torch.eye(4).double()
    truth[1] = truth[0] + 0.01 * truth[1]  # cosine 0.99995 with the first
    found = torch.stack([truth[0], -truth[2], truth[3] + 0.2 * truth[2]])
    assert found_count(truth, found) == 1
    assert found_count(truth, found, symmetry="sign") == 2
    assert found_count(truth, found, symmetry="sign", threshold=0.98) == 3
    assert found_count(truth, torch.cat([found, truth[:1]])) == 2
    assert found_count(truth, found[:0]) == 0


def test_an_unknown_matching_is_refused():
    with pytest.raises(ValueError, match="matching: found 'wrong'; pass one of"):
        match(gaussian(3, 6), higher=True, matching=WRONG)
