"""identify.recovery.flow.search: what two families find is there."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from flow_cases import CUBIC, MIXED, QUARTIC, cosines, ended, planted

from identify.recovery.flow.flow import Flow
from identify.recovery.flow.search import _Family, same_samples, search


@pytest.mark.parametrize(
    ("activation", "n", "m", "seed"),
    [(CUBIC, 4, 80, 0), (CUBIC, 6, 150, 1), (QUARTIC, 4, 80, 2), (MIXED, 4, 80, 3)],
)
def test_planted_samples_are_found_and_confirmed(activation, n, m, seed):
    truth, seen = planted(seed, n=n, m=m, activation=activation), []
    found = search(truth.ends, noise=1e-16, seed=seed, progress=seen.append)
    assert found.confirmed.all()
    assert found.miss < 1e-3
    assert np.all(cosines(found.drive.z, truth.drive.z) > 0.9999)
    assert len(seen) == found.starts // 2
    assert seen == sorted(seen, reverse=True)
    assert seen[-1] == found.miss


@pytest.mark.parametrize("m", [36, 19])
def test_few_neurons_leave_the_search_to_random_starts(m):
    """36 neurons determine the polynomial of 6 samples for one family, 19 for none."""
    truth = planted(3, n=6, m=m)
    found = search(truth.ends, noise=1e-16, seed=0)
    assert found.confirmed.all()
    assert np.all(cosines(found.drive.z, truth.drive.z) > 0.999)


def test_weights_no_flow_leads_to_are_given_up_at_once():
    truth, rng = planted(4, n=5, m=120), np.random.default_rng(0)
    change = 0.1 * rng.standard_normal((120, 6))
    a, U = truth.ends.a0 + change[:, 0], truth.ends.U0 + change[:, 1:]
    found = search(replace(truth.ends, a=a, U=U), noise=1e-16, seed=0)
    assert found.miss > 0.3
    assert found.starts == 2


def test_what_one_half_of_the_neurons_shows_is_not_confirmed(monkeypatch):
    """Both families fit their neurons, which saw different samples but for one."""
    monkeypatch.setattr("identify.recovery.flow.search._ROUNDS", 2)
    one, other = planted(4, n=5, m=60), planted(6, n=5, m=60)
    z = other.drive.z.copy()
    z[3] = one.drive.z[1]
    drive = replace(other.drive, z=z)
    ends = ended(Flow(other.ends, 3, 16), drive)
    shares = [(one.ends, one.ends), (ends, ends)]
    monkeypatch.setattr("identify.recovery.flow.search._shares", lambda _: shares)
    found = search(one.ends, noise=1e-16, seed=0)
    assert found.miss < 1e-2
    common = cosines(found.drive.z, z[3:4])
    near = np.abs(found.drive.z @ z[3]) / np.linalg.norm(found.drive.z, axis=1) > 0.99
    assert common > 0.99
    np.testing.assert_array_equal(found.confirmed, near)


@pytest.mark.parametrize("m", [60, 36, 19])
def test_families_share_no_neuron_where_halves_suffice(m, monkeypatch):
    shares = []

    class Recorded(_Family):
        def __init__(self, own, guided, *others):
            super().__init__(own, guided, *others)
            shares.append((own, guided))

    monkeypatch.setattr("identify.recovery.flow.search._Family", Recorded)
    monkeypatch.setattr("identify.recovery.flow.search._ROUNDS", 1)
    search(planted(3, n=6, m=m).ends, noise=1e-16, seed=0)
    (first, guided), (second, other) = shares
    common = set(first.a0) & set(second.a0)
    if m == 60:
        assert not common
        assert set(guided.a0) <= set(first.a0)
        assert set(other.a0) <= set(second.a0)
    else:
        assert len(common) == m
        assert other is None
        assert (guided is None) == (m == 19)


def test_a_seed_repeats_a_search():
    truth = planted(5, n=4, m=80)
    one, two = (search(truth.ends, noise=1e-16, seed=3) for _ in range(2))
    np.testing.assert_array_equal(one.drive.z, two.drive.z)
    assert one.starts == two.starts


def test_same_samples_are_counted_once():
    z = np.eye(4)[:3]
    np.testing.assert_array_equal(same_samples(z, -z[::-1]), [True] * 3)
    np.testing.assert_array_equal(same_samples(z, 7 * z[:2]), [True, True, False])
    twice = np.stack([z[0], z[0] + 0.05 * z[1], z[2]])
    assert same_samples(twice, z).sum() == 2
    assert same_samples(z, twice).sum() == 2
    turned = np.stack([z[0] + 0.2 * z[1], z[1], z[2]])
    np.testing.assert_array_equal(same_samples(turned, z), [False, True, True])
    assert not same_samples(z, np.eye(4)[3:]).any()
