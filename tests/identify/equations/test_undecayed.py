"""Networks trained as people train them: the span of the samples, the decay and the noise found."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import torch
from scipy.linalg import subspace_angles
from sklearn.datasets import load_digits

from identify import Verdict, verify, verify_identifiability
from identify.equations.activation import parse_activation
from identify.equations.pose import pose
from identify.equations.weights import as_weights
from identify.recovery.hidden import noise_outside
from identify.recovery.verdict import Recovered

CUBIC = parse_activation(3)
RECIPES = {
    "plain": {"lr": 1e-3},
    "momentum": {"lr": 3e-4, "momentum": 0.9},
    "decay": {"lr": 1e-3, "weight_decay": 0.01},
}
STEPS = 3000


@cache
def digits(n=20):
    images = np.asarray(load_digits(return_X_y=True)[0], dtype=float)
    chosen = np.random.default_rng(0).choice(len(images), n, replace=False)
    return (images - images.mean(axis=0))[chosen] / 16


@cache
def trained(recipe, dtype):
    """Initial and trained weights of a cubic 64-500-1 network, in its own type."""
    torch.manual_seed(0)
    hidden = torch.nn.Linear(64, 500, bias=False).to(dtype)
    output = torch.nn.Linear(500, 1, bias=False).to(dtype)
    weights = [output.weight, hidden.weight]
    before = [w.detach().clone() for w in weights]
    x = torch.tensor(digits(), dtype=dtype)
    y = torch.tensor([[1.0], [-1.0]] * 10, dtype=dtype)
    descent = torch.optim.SGD(weights, **RECIPES[recipe])
    for _ in range(STEPS):
        descent.zero_grad()
        torch.nn.functional.mse_loss(output(hidden(x) ** 3), y).backward()
        descent.step()
    a, W, a0, W0 = (w.detach().numpy() for w in (*weights, *before))
    return a[0], W, a0[0], W0


def decay_of(recipe):
    return (1 - 1e-3 * 0.01) ** STEPS if recipe == "decay" else 1.0


@pytest.mark.parametrize("shown", [True, False])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("recipe", RECIPES)
def test_the_span_of_the_samples_is_found(recipe, dtype, shown):
    a, W, a0, W0 = (w if shown else w.astype(float) for w in trained(recipe, dtype))
    problem = pose(as_weights(a, W, (a0, W0)), CUBIC)
    single = dtype is torch.float32
    assert problem.space.dimension == 20
    assert problem.decay == pytest.approx(decay_of(recipe), abs=1e-6 if single else 1e-12)
    off = np.sin(subspace_angles(problem.space.basis, digits().T).max())
    # an error E of the change turns its row space by at most |E| over the smallest value kept
    assert off < (5e-3 if single else 1e-11)
    assert off < 2 * problem.space.tail / problem.space.singular_values[19]
    # what is outside the span of the samples is noise: all of it is covered, at its true level
    E = (W.astype(float) / problem.decay - W0) @ null_space(digits())
    sigma = float(np.sqrt(np.mean(E**2)))
    assert 0.8 * sigma < problem.evaluations.rounding < 3 * sigma
    assert np.linalg.norm(E, 2) < 1.1 * noise_outside(problem)
    assert problem.alternative is not None
    assert problem.alternative.rounding == problem.evaluations.rounding
    np.testing.assert_allclose(problem.weights.W * problem.decay, W, rtol=1e-15)
    np.testing.assert_allclose(problem.weights.a * problem.decay, a, rtol=1e-15)


def null_space(x):
    """An orthonormal basis of what is orthogonal to all rows, (d, d - n)."""
    return np.linalg.svd(x)[2][len(x) :].T


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("recipe", RECIPES)
def test_the_report_counts_the_samples(recipe, dtype, monkeypatch):
    nothing = Recovered(Verdict.PARTIALLY_IDENTIFIABLE, (), None)  # the rank comes before
    monkeypatch.setattr(verify, "recover", lambda *_: nothing)
    a, W, a0, W0 = trained(recipe, dtype)
    report = verify_identifiability(a, W, init=(a0, W0))
    assert report.rank is not None
    assert report.rank.row_space == 20
    told = [s for s in (*report.reasons, *report.hypotheses) if "by the factor" in s]
    assert len(told) == (2 if recipe == "decay" else 0)
    for sentence in told:
        number = float(sentence.split("by the factor ")[1].split(":")[0].rstrip("."))
        assert number == pytest.approx(decay_of(recipe), abs=1e-6)


def step(d=30, n=4, m=300, seed=0, rho=1.0, equal=False, activation=CUBIC, a_rho=None):
    """One gradient step with weight decay, exact: the initial weights shrink by rho."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((n, d)) / np.sqrt(d)
    W0, b = (
        rng.standard_normal((m, d)),
        rng.uniform(0.1, 0.3, n) * np.where(np.arange(n) % 2, 1, -1),
    )
    a0 = np.ones(m) if equal else rng.standard_normal(m)
    t = W0 @ x.T
    W = rho * W0 + a0[:, None] * ((activation(t, 1) * b) @ x)
    a = (rho if a_rho is None else a_rho) * a0 + activation(t) @ b
    return x, b, (a, W, a0, W0)


def put(weights):
    a, W, a0, W0 = weights
    return as_weights(a, W, (a0, W0))


@pytest.mark.parametrize("rho", [0.97, 0.5, 1 - 1e-9])
@pytest.mark.parametrize("coefficients", [3, [0.0, 0.5, 0.3, 1.0]])
def test_samples_and_their_weights_are_those_of_the_step_that_decayed(rho, coefficients):
    activation = parse_activation(coefficients)
    x, b, (a, W, a0, W0) = step(rho=rho, activation=activation)
    assert pose(put((a, W, a0, W0)), activation).decay == pytest.approx(rho, abs=1e-14)
    report = verify_identifiability(a, W, init=(a0, W0), activation=coefficients)
    assert report.verdict is Verdict.GLOBALLY_IDENTIFIABLE
    found = report.recovery
    assert found is not None
    unit = x / np.linalg.norm(x, axis=1, keepdims=True)
    near = found.x / np.linalg.norm(found.x, axis=1, keepdims=True) @ unit.T
    order = np.argmax(np.abs(near), axis=1)
    assert np.abs(near).max(axis=1).min() > 1 - 1e-10
    # b |x|^3 is what the equations of degree three fix
    sizes = b * np.linalg.norm(x, axis=1) ** 3
    signs = np.sign(near[np.arange(4), order])
    seen = found.b * np.linalg.norm(found.x, axis=1) ** 3 * signs
    np.testing.assert_allclose(seen, sizes[order], rtol=1e-6)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("n", [24, 30, 60])
def test_no_decay_is_seen_where_the_samples_leave_no_room(n, seed):
    problem = pose(put(step(n=n, seed=seed)[2]), CUBIC)
    assert problem.decay == 1
    assert problem.space.dimension == min(n, 30)
    shrunk = pose(put(step(n=n, seed=seed, rho=0.97)[2]), CUBIC)
    assert shrunk.decay == 1, "fewer than eight directions show it"
    assert shrunk.space.dimension == 30


def test_growth_is_no_decay():
    weights = put(step(rho=1.03)[2])
    assert pose(weights, CUBIC).decay == 1
    assert noise_outside(pose(weights, CUBIC)) > 0.03 * np.sqrt(300)


def test_samples_of_a_quadratic_network_do_not_pass_for_decay():
    """With equal a_j, orthonormal samples of equal weight change W by a multiple of itself."""
    d, m, rng = 30, 300, np.random.default_rng(0)
    frame, u = np.linalg.qr(rng.standard_normal((d, d)))[0].T, rng.standard_normal(d)
    x = np.concatenate([frame, u[None] / np.linalg.norm(u)])  # 31 samples
    b = np.append(np.full(d, -0.01), 0.2)
    a0, W0 = np.ones(m), rng.standard_normal((m, d))
    square = parse_activation(2)
    t = W0 @ x.T
    W, a = W0 + a0[:, None] * ((square(t, 1) * b) @ x), a0 + square(t) @ b
    problem = pose(as_weights(a, W, (a0, W0)), square)
    assert problem.decay == 1
    report = verify_identifiability(a, W, init=(a0, W0), activation=2)
    assert report.verdict is not Verdict.GLOBALLY_IDENTIFIABLE
    assert report.recovery is None or np.isinf(report.recovery.error_bound).all()


@pytest.mark.parametrize("a_rho", [1.0, 0.9, 0.999])
@pytest.mark.parametrize("seed", range(3))
def test_no_claim_is_false_where_the_layers_decayed_unlike(a_rho, seed):
    x, _, (a, W, a0, W0) = step(rho=0.97, a_rho=a_rho, seed=seed)
    found = verify_identifiability(a, W, init=(a0, W0)).recovery
    if found is None:
        return
    unit = x / np.linalg.norm(x, axis=1, keepdims=True)
    apart = [np.linalg.norm(found.x[:, None] - s * unit[None], axis=2) for s in (1, -1)]
    assert np.all(np.min(apart, axis=(0, 2)) <= found.error_bound)


def test_output_weights_that_never_moved_did_not_decay():
    _, _, (_, W, a0, W0) = step(rho=0.97)
    problem = pose(put((a0, W, a0, W0)), CUBIC)
    assert problem.decay == pytest.approx(0.97, abs=1e-14)
    np.testing.assert_array_equal(problem.weights.a, a0)


def test_a_frozen_layer_has_no_decay():
    _, _, (a, _, a0, W0) = step()
    for init in ((a0, None), (a0, W0)):
        problem = pose(as_weights(a, W0, init), CUBIC)
        assert (problem.setting, problem.decay) == ("random-features", 1.0)
        np.testing.assert_array_equal(problem.weights.a, a)
