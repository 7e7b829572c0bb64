"""Recovery of real images from trained weights, at the sizes the README states."""

import time

import numpy as np
import pytest

from identify import Verdict, verify_identifiability
from identify.demo.data import digits
from identify.demo.training import train


def labels(n):
    return np.where(np.arange(n) % 2, 1.0, -1.0)


def distances(found, truth):
    """Distance of every true sample, of norm 1, from the nearest recovered one, and which that
    is.
    """
    cosine = truth @ found.T
    nearest = np.abs(cosine).argmax(axis=1)
    assert sorted(nearest) == list(range(len(truth)))
    sign = np.sign(cosine[np.arange(len(truth)), nearest])
    return np.linalg.norm(truth - sign[:, None] * found[nearest], axis=1), nearest


@pytest.mark.parametrize(
    ("n", "neurons", "centred", "seed"),
    [
        (20, 600, True, 0),
        (20, 600, True, 1),
        pytest.param(40, 2000, True, 0, marks=pytest.mark.campaign),
        (20, 1000, False, 1),
    ],
)
def test_digits_from_known_initialisation(n, neurons, centred, seed):
    x = digits(n, seed)
    network = train(x, labels(n), neurons, centred=centred, seed=seed)
    assert network.fit <= 1e-9
    start = time.process_time()
    report = verify_identifiability(network.a, network.W, init=(network.a0, network.W0))
    seconds = time.process_time() - start
    assert report.verdict is Verdict.GLOBALLY_IDENTIFIABLE
    distance, nearest = distances(report.recovery.x, x)
    assert np.all(distance <= report.recovery.error_bound[nearest])
    assert np.max(report.recovery.error_bound) < 1e-3
    assert np.max(distance) < np.sqrt(2 * 1e-4)  # cosine 0.9999
    assert seconds < 120  # of two cores: what neighbours on the machine do, does not count


def test_fewer_neurons_than_the_gram_condition_needs():
    x = digits(10)
    network = train(x, labels(10), 45, centred=True)
    report = verify_identifiability(network.a, network.W, init=(network.a0, network.W0))
    assert report.verdict is Verdict.GLOBALLY_IDENTIFIABLE
    assert not report.rank.holds
    assert report.rank.symmetric_holds
    assert "symmetric (gradient) condition carries it" in " ".join(report.reasons)
    assert np.max(distances(report.recovery.x, x)[0]) < 1e-4


def test_one_exact_gradient_step():
    x = digits(20)
    network = train(x, labels(20), 600, max_steps=1)
    report = verify_identifiability(network.a, network.W, init=(network.a0, network.W0))
    assert report.verdict is Verdict.GLOBALLY_IDENTIFIABLE
    assert "initial points" in report.reasons[0]
    assert np.max(distances(report.recovery.x, x)[0]) < np.sqrt(2 * 1e-8)


def test_degree_four():
    x = digits(8)
    network = train(x, labels(8), 600, 4, centred=True, rate=0.3)
    init = (network.a0, network.W0)
    report = verify_identifiability(network.a, network.W, init=init, activation=4)
    assert report.verdict is Verdict.GLOBALLY_IDENTIFIABLE
    assert np.max(distances(report.recovery.x, x)[0]) < 1e-4


def test_lower_degrees_fix_the_norms():
    coefficients = (0.0, 1.0, 0.5, 0.3)
    norms = np.linspace(0.6, 1.4, 10)
    x = digits(10) * norms[:, None]
    network = train(x, labels(10), 800, coefficients, centred=True)
    init = (network.a0, network.W0)
    report = verify_identifiability(network.a, network.W, init=init, activation=coefficients)
    assert report.verdict is Verdict.GLOBALLY_IDENTIFIABLE
    assert report.recovery.norm_known
    unit = report.recovery.x / np.linalg.norm(report.recovery.x, axis=1, keepdims=True)
    order = np.abs(unit @ x.T).argmax(axis=0)
    assert sorted(order) == list(range(10))
    found = report.recovery.x[order]  # both parities of degrees: the sign is fixed as well
    error = np.linalg.norm(found - x, axis=1)
    assert np.max(error / norms) < 1e-3
    assert np.all(error <= report.recovery.error_bound[order])


def test_random_features():
    x = np.random.default_rng(0).standard_normal((7, 10))
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    network = train(x, labels(7), 400, train_hidden=False)
    report = verify_identifiability(network.a, network.W, init=(network.a0, None))
    assert report.verdict is Verdict.GLOBALLY_IDENTIFIABLE
    assert np.max(distances(report.recovery.x, x)[0]) < 1e-8
