"""Inputs behind frozen layers, against planted features whose inputs are known."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from planted_relu import planted

from identify import Verdict, verify_network
from identify.checkpoints.analysis import analysed
from identify.checkpoints.network_pairs import pair_networks
from identify.relu.frozen.active_rows import one_layer_down
from identify.relu.frozen.composed import layers_down
from identify.relu.frozen.counting import counted_features
from identify.relu.frozen.layers import FrozenLayer, Known, without_factor
from identify.relu.recovery.counting import counted

D = 24


def inputs(n=8, d=D, seed=3):
    return np.random.default_rng(seed).standard_normal((n, d))


def frozen_layer(h, d, *, bias, seed=0):
    rng = np.random.default_rng(seed)
    b = 0.3 * rng.standard_normal(h) if bias else None
    return FrozenLayer(rng.standard_normal((h, d)) / np.sqrt(d), b, 2.0**-52)


def features_of(layers, X):
    for layer in layers:
        X = np.maximum(X @ layer.weight.T + (0 if layer.bias is None else layer.bias), 0)
    return X


def states(layers, X, **options):
    """Plant the change of the layer behind the frozen ones."""
    _, *both, _ = planted(x=features_of(layers, X), **options)
    below = {}
    for k, layer in enumerate(layers):
        below |= {f"{2 * k}.weight": layer.weight}
        below |= {} if layer.bias is None else {f"{2 * k}.bias": layer.bias}
    above = [f"{2 * (len(layers) + k)}.weight" for k in range(2)]
    return [below | dict(zip(above, state.values(), strict=True)) for state in both]


def errors(report, X):
    known = report.recovery.norm_known
    truth = X if known else X / np.linalg.norm(X, axis=1, keepdims=True)
    distance = np.linalg.norm(report.recovery.x[:, None] - truth, axis=2)
    assert sorted(distance.argmin(axis=1).tolist()) == list(range(len(X)))
    return distance.min(axis=1)


@pytest.mark.parametrize("bias", [False, True])
def test_inputs_come_back_through_a_frozen_layer(bias):
    X = inputs()
    initial, trained = states([frozen_layer(150, D, bias=bias)], X)
    report = verify_network(trained, initial)
    assert report.verdict is Verdict.GLOBALLY_IDENTIFIABLE
    assert report.recovery.norm_known == bias  # a bias behind the input fixes the norm
    assert ("factor" in str(report.recovery.equivalences)) != bias
    error = errors(report, X)
    assert np.all(error <= report.recovery.error_bound)
    assert report.recovery.error_bound.max() < 1e-8
    assert "The first layer did not change" in report.reasons[0]
    assert f"determine all {D + bias} unknowns" in report.reasons[-1]
    assert "frozen layers computed in the type" in report.hypotheses[-1]


def test_two_wide_layers_are_gone_down_one_by_one():
    X = inputs(d=10)
    layers = [frozen_layer(40, 10, bias=True), frozen_layer(200, 40, bias=False, seed=1)]
    initial, trained = states(layers, X)
    report = verify_network(trained, initial)
    assert report.verdict is Verdict.GLOBALLY_IDENTIFIABLE
    assert np.all(errors(report, X) <= report.recovery.error_bound)
    assert "The first 2 linear layers did not change" in report.reasons[0]


@pytest.mark.parametrize("bias", [False, True])
def test_square_layers_are_solved_together_and_the_verdict_is_local(bias):
    X = inputs(d=8)
    layers = [frozen_layer(60, 8, bias=bias), frozen_layer(60, 60, bias=False, seed=1)]
    initial, trained = states(layers, X)
    report = verify_network(trained, initial)
    assert report.verdict is Verdict.LOCALLY_IDENTIFIABLE
    assert np.all(errors(report, X) <= report.recovery.error_bound)
    assert "general position" in report.hypotheses[-1]


def test_fewer_active_neurons_than_inputs_leave_the_input_open():
    X, layer = inputs(), frozen_layer(30, D, bias=False)
    initial, trained = states([layer], X)
    report = verify_network(trained, initial)
    assert report.verdict is Verdict.PARTIALLY_IDENTIFIABLE
    assert np.all(np.isinf(report.recovery.error_bound))
    active = (X @ layer.weight.T > 0).sum(axis=1)
    assert active.max() < D
    said = f"{active.min()} to {active.max()} of {D} unknowns"
    assert "8 inputs are not determined" in report.reasons[-1]
    assert said in report.reasons[-1]
    for x in X:  # it is true: other inputs have the same features
        on = layer.weight @ x > 0
        step = np.linalg.svd(layer.weight[on])[2][-1]
        away = 0.5 * np.min(np.abs(layer.weight[~on] @ x)) * step
        np.testing.assert_allclose(layer.weight[on] @ (x + away), layer.weight[on] @ x, atol=1e-12)
        assert np.all(layer.weight[~on] @ (x + away) < 0)


def test_inputs_that_the_frozen_layer_does_not_read_are_open():
    X, layer = inputs(), frozen_layer(150, D, bias=True)
    layer.weight[:, 5:9] = 0
    initial, trained = states([layer], X)
    report = verify_network(trained, initial)
    assert report.verdict is Verdict.PARTIALLY_IDENTIFIABLE
    assert np.all(np.isinf(report.recovery.error_bound))
    assert f"determine {D - 3} to {D - 3} of {D + 1} unknowns" in report.reasons[-1]
    read = np.delete(np.arange(D), range(5, 9))
    distance = np.linalg.norm(report.recovery.x[:, None, read] - X[:, read], axis=2)
    assert distance.min(axis=1).max() < 1e-8


def test_square_layers_with_few_active_neurons_are_not_computed():
    X = inputs()
    layers = [frozen_layer(60, D, bias=True), frozen_layer(60, 60, bias=True, seed=1)]
    initial, trained = states(layers, X)
    report = verify_network(trained, initial)
    assert report.verdict is Verdict.PARTIALLY_IDENTIFIABLE
    assert np.all(np.isinf(report.recovery.error_bound))
    assert "no more than twice the 25 unknowns" in report.reasons[-1]


def test_features_that_the_frozen_layer_does_not_give_are_not_claimed():
    X, layer = inputs(), frozen_layer(150, D, bias=True)
    initial, trained = states([layer], X)
    other = frozen_layer(150, D, bias=True, seed=9)
    for state in (initial, trained):
        state["0.weight"], state["0.bias"] = other.weight, other.bias
    report = verify_network(trained, initial)
    assert report.verdict is Verdict.UNDECIDED
    assert np.all(np.isinf(report.recovery.error_bound))
    assert "8 sets of features are none that the frozen layers give" in report.reasons[-1]


def noisy(layer, x, radius, seed=0):
    phi = features_of([layer], x[None])[0]
    e = np.random.default_rng(seed).standard_normal(len(phi))
    return phi, phi + radius * e / np.linalg.norm(e)


@pytest.mark.parametrize("radius", [1e-9, 1e-5, 1e-3])
def test_features_near_zero_are_not_taken_for_active(radius):
    layer, x = frozen_layer(150, D, bias=False), inputs(1)[0]
    rng = np.random.default_rng(4)
    layer.weight[:40] -= np.outer(layer.weight[:40] @ x, x) / (x @ x)  # on the edge
    layer.weight[:40] += np.outer(rng.standard_normal(40), x) * radius / (x @ x)
    phi, given = noisy(layer, x, radius)
    found = one_layer_down(layer, Known(given, radius, scaled=True))
    assert not found.why
    assert np.linalg.norm(found.point - x) <= found.radius
    assert found.active == np.sum(given > radius) <= np.sum(phi > 0)


@pytest.mark.parametrize("scaled", [True, False])
@pytest.mark.parametrize("bias", [True, False])
def test_the_radius_holds_for_the_worst_error_of_the_features(scaled, bias):
    layer, x, radius = frozen_layer(60, D, bias=bias), inputs(1)[0], 1e-4
    phi = features_of([layer], x[None])[0]
    size = 1.0 if scaled else np.linalg.norm(phi)
    on = phi > 0
    A = layer.weight[on]
    if bias and not scaled:
        A = np.column_stack([A, layer.bias[on]])
    phi = phi / size
    phi[on] += 0.99 * radius * np.linalg.svd(A)[0][:, A.shape[1] - 1]  # along the weakest direction
    found = one_layer_down(layer, Known(phi, radius, scaled))
    truth = x if scaled or bias else x / np.linalg.norm(x)
    error = np.linalg.norm(found.point - truth)
    assert error <= found.radius
    assert error > 0.2 * found.radius


def test_several_layers_at_once_with_noise_and_a_gate_on_the_edge():
    layers = [frozen_layer(60, 8, bias=True), frozen_layer(60, 60, bias=True, seed=1)]
    x = inputs(1, 8)[0]
    phi = features_of(layers, x[None])[0]
    e, radius = np.random.default_rng(0).standard_normal(60), 1e-6
    given = Known(phi + radius * e / np.linalg.norm(e), radius, scaled=True)
    found = layers_down(layers, given)
    assert np.linalg.norm(found.point - x) <= found.radius < 1e-4
    pre = layers[0].weight @ x + layers[0].bias
    layers[0].bias[3] -= pre[3] - 1e-8  # its gate is not certain within the radius
    phi = features_of(layers, x[None])[0]
    assert np.isinf(layers_down(layers, Known(phi, radius, scaled=True)).radius)


def test_a_factor_below_its_own_error_leaves_no_bound():
    assert np.isinf(without_factor(np.array([1.0, 1e-3]), 1e-2, scaled=False, has_factor=True)[1])
    assert np.isinf(without_factor(np.array([1.0, -1.0]), 1e-2, scaled=False, has_factor=True)[1])


def test_a_torch_training_behind_a_frozen_layer_in_float32():
    torch.manual_seed(0)
    sizes = (D, 150, 400, 3)
    network = torch.nn.Sequential(
        *[part for a, b in pairwise(sizes)
          for part in (torch.nn.Linear(a, b), torch.nn.ReLU())][:-1]
    )  # fmt: skip
    network[0].requires_grad_(False)
    x, y = torch.tensor(inputs(6), dtype=torch.float32), torch.arange(6) % 3
    initial = {name: value.clone() for name, value in network.state_dict().items()}
    descent = torch.optim.SGD(network[2:].parameters(), 0.02, momentum=0.9)
    for _ in range(40):
        chosen = torch.randperm(6)[:3]
        loss = torch.nn.functional.cross_entropy(network(x[chosen]), y[chosen])
        descent.zero_grad()
        loss.backward()
        descent.step()
    report = verify_network(network, initial)
    assert report.verdict is Verdict.GLOBALLY_IDENTIFIABLE
    error = errors(report, x.double().numpy())
    assert np.all(error <= report.recovery.error_bound)
    assert error.max() < 1e-3


def test_samples_are_counted_on_busy_features_where_rare_ones_leave_a_gap_of_their_own():
    rng = np.random.default_rng(0)
    features = features_of([frozen_layer(150, D, bias=True)], inputs())
    rare, sigma = rng.permutation(150)[:40], 1e-7
    features[:, rare] *= 1e-9
    _, initial, trained, _ = planted(x=features, size=0.05)
    noise = sigma * rng.standard_normal((240, 150))
    noise[:, rare] *= 1e-9
    W, W0 = trained["0.weight"] + noise, initial["0.weight"]
    unknown = analysed(
        pair_networks({"0.weight": W, "2.weight": np.ones((1, 240))}, initial).changed
    )
    none = replace(unknown[0], rank=None, noise=None, decay=1.0)
    assert counted(none, W, W0).rank not in {None, 8}  # rounding against nothing: the widest gap
    change = counted_features(none, W, W0)
    assert change.rank == 8
    assert change.shape == (240, 150)
    assert 0.5 * sigma < change.noise < 2 * sigma
    left = features - features @ change.basis @ change.basis.T
    assert np.linalg.norm(left) < 1e-5 * np.linalg.norm(features)


def test_a_change_with_a_gap_is_counted_as_ever_and_no_change_not_at_all():
    X = inputs()
    initial, trained = states([frozen_layer(150, D, bias=False)], X)
    change = analysed(pair_networks(trained, initial).changed)[0]
    W, W0 = trained["2.weight"], initial["2.weight"]
    assert counted_features(change, W, W0).rank == len(X)
    assert counted_features(replace(change, rank=None), W0, W0).rank is None
