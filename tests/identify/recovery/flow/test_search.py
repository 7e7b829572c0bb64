"""identify.recovery.flow.search: what two families find is there."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from flow_cases import CUBIC, QUARTIC, cosines, planted, unit_samples

from identify.recovery.flow.flow import Drive
from identify.recovery.flow.search import same_samples, search


@pytest.mark.parametrize(
    ("activation", "n", "m", "seed"), [(CUBIC, 4, 80, 0), (CUBIC, 6, 150, 1), (QUARTIC, 4, 80, 2)]
)
def test_planted_samples_are_found_and_confirmed(activation, n, m, seed):
    truth, seen = planted(seed, n=n, m=m, activation=activation), []
    found = search(truth.ends, n, noise=1e-16, seed=seed, progress=seen.append)
    assert found.confirmed.all()
    assert found.miss < 1e-3
    assert np.all(cosines(found.drive.z, truth.drive.z) > 0.9999)
    assert len(seen) == found.starts // 2
    assert seen == sorted(seen, reverse=True)
    assert seen[-1] == found.miss


def test_a_guess_is_where_one_family_starts_and_no_more():
    """With the truth for a guess the best is there at once; the other family has to get there."""
    truth = planted(3, n=5, m=120)
    guess = Drive(truth.drive.z, truth.drive.c[:, :1])
    found = search(truth.ends, 5, noise=1e-16, seed=0, first=guess)
    assert found.miss < 1e-3
    assert np.all(cosines(found.drive.z, truth.drive.z) > 0.9999)
    assert found.starts >= 2


@pytest.mark.parametrize("kind", ["guess", "weights"])
def test_nonsense_is_not_confirmed(kind, monkeypatch):
    """A family fed with nonsense, or weights no flow leads to: no agreement makes a sample."""
    monkeypatch.setattr("identify.recovery.flow.search._ROUNDS", 4)
    truth, rng = planted(4, n=5, m=120), np.random.default_rng(0)
    if kind == "weights":
        change = 0.1 * rng.standard_normal((120, 6))
        a, U = truth.ends.a0 + change[:, 0], truth.ends.U0 + change[:, 1:]
        found = search(replace(truth.ends, a=a, U=U), 5, noise=1e-16, seed=0)
        assert found.miss > 0.5
        return
    guess = Drive(unit_samples(rng, 5, 5), truth.drive.c[::-1, :1].copy())
    found = search(truth.ends, 5, noise=1e-16, seed=0, first=guess)
    near = cosines(truth.drive.z, found.drive.z) > 0.99
    assert np.all(near[found.confirmed])


@pytest.mark.filterwarnings("ignore")
def test_a_guess_whose_flow_runs_away_is_given_up():
    truth, rng = planted(4, n=5, m=120), np.random.default_rng(0)
    guess = Drive(rng.standard_normal((5, 5)), rng.standard_normal((5, 1)))
    found = search(truth.ends, 5, noise=1e-16, seed=0, first=guess)
    assert np.all(cosines(found.drive.z, truth.drive.z) > 0.9999)


def test_a_seed_repeats_a_search():
    truth = planted(5, n=4, m=80)
    one, two = (search(truth.ends, 4, noise=1e-16, seed=3) for _ in range(2))
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
