"""What makes a dual acceptable, against planted columns whose zeros are known exactly."""

import numpy as np
import pytest
import torch
from planted_relu import planted, posed

from identify.relu.recovery.blocks import Duals
from identify.relu.recovery.cones import cone_of
from identify.relu.recovery.deflation import find_duals
from identify.relu.recovery.end_game import joint_samples
from identify.relu.recovery.half_spaces import gate_conflicts, sample_of_pattern
from identify.relu.recovery.leverage import alone, determined_duals, peeled, same_dual
from identify.relu.recovery.polish import null_vector, robust_nulls, silencing_dual, silent_rows
from identify.relu.recovery.search import SoftGates, soft_gate_search

NONE = np.zeros((0, 8))


@pytest.fixture(scope="module")
def case():
    X, initial, trained, C = planted()
    return X, C, *posed(X, initial, trained)


def similar(eps=0.05, seed=3):
    """Two samples of nearly the same gates, the second one independent of the first."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((8, 24))
    X[1] = X[0] + eps * rng.standard_normal(24)
    X, initial, trained, C = planted(x=X, seed=seed, h=1000)
    return X, C, *posed(X, initial, trained)


def accidental(C, layer, duals):
    """Combine columns 0 and 1 so that one row on for both is silent."""
    row = np.flatnonzero(np.all(C[:, :2] != 0, axis=1))[0]
    columns = layer.M @ duals[:2].T
    v = duals[0] - columns[row, 0] / columns[row, 1] * duals[1]
    return v / np.linalg.norm(v), row


def test_silent_rows_are_the_zeros_of_the_column(case):
    _, C, layer, duals = case
    for i, v in enumerate(duals):
        np.testing.assert_array_equal(silent_rows(layer, v), C[:, i] == 0)


def test_true_duals_are_alone(case):
    _, _, layer, duals = case
    assert all(alone(layer, v) for v in duals)


def test_weighted_products_are_those_of_the_rows(case):
    layer = case[2]
    p = np.random.default_rng(0).random((3, len(layer.F)))
    expected = np.einsum("sj,ja,jb->sab", p, layer.F, layer.F)
    given = SoftGates(layer).weighted(torch.as_tensor(p)).numpy()
    np.testing.assert_allclose(given, expected, atol=1e-13)


def test_a_dual_is_the_same_as_one_of_its_sign_and_as_no_other(case):
    _, _, layer, duals = case
    assert same_dual(layer, -duals[3], list(duals))
    assert not same_dual(layer, duals[3], [*duals[:3], *duals[4:]])
    assert not same_dual(layer, duals[3], [])


def test_a_combination_with_one_accidental_zero_is_rejected_and_both_samples_found():
    _, C, layer, duals = similar()
    v, row = accidental(C, layer, duals)
    silent = silent_rows(layer, v)
    assert silent[row]
    assert silent.mean() > 0.4  # it looks like a sample's
    assert max(gate_conflicts(layer, sample_of_pattern(layer, silent), silent)) < 0.1
    assert not alone(layer, v)
    rest, null = peeled(layer, silent)
    assert not rest[row]
    assert null.shape[1] == 2
    found, block = determined_duals(layer, v, np.random.default_rng(0))
    assert block is None
    assert len(found) == 2
    assert all(same_dual(layer, v, list(duals[:2])) for v in found)


def test_too_similar_samples_are_a_block():
    """At eps 1e-9 no gate differs: every ray of their plane silences the same rows."""
    X, C, layer, duals = similar(eps=1e-9)
    assert np.array_equal(C[:, 0] == 0, C[:, 1] == 0)
    single, block = determined_duals(layer, duals[0], np.random.default_rng(0))
    assert single == []
    np.testing.assert_array_equal(block.silent, C[:, 0] == 0)
    assert block.space.shape[1] == 2
    columns = layer.M @ block.space
    left = C[:, :2] - columns @ np.linalg.lstsq(columns, C[:, :2])[0]
    assert np.linalg.norm(left) < 1e-5 * np.linalg.norm(C[:, :2])
    found = Duals(list(duals[2:]), [silent_rows(layer, v) for v in duals[2:]], blocks=[block])
    samples = joint_samples(layer, found)
    truth = X / np.linalg.norm(X, axis=1, keepdims=True)
    nearest = np.argmax(samples.x @ truth.T, axis=1)
    errors = np.linalg.norm(samples.x - truth[nearest], axis=1)
    assert np.all(errors <= samples.bound)
    assert samples.bound[:6].max() < 1e-6
    assert samples.bound[6:].max() < 0.1
    assert samples.together == 2
    assert not samples.complete


@pytest.mark.parametrize("missing", [1, 3])
def test_samples_beside_missing_duals_lie_within_the_bounds_of_their_gates(missing):
    X, initial, trained, _ = planted(h=1000, seed=7)
    layer, duals = posed(X, initial, trained)
    known = duals[: 8 - missing]
    samples = joint_samples(layer, Duals(list(known), [silent_rows(layer, v) for v in known]))
    truth = X / np.linalg.norm(X, axis=1, keepdims=True)
    errors = np.linalg.norm(samples.x[: len(known)] - truth[: len(known)], axis=1)
    bound = samples.bound[: len(known)]
    assert np.all(errors <= bound)
    assert bound.max() < 0.1
    assert np.median(errors / bound) > 0.01
    assert np.all(np.isinf(samples.bound[len(known) :]))
    assert samples.missing == missing


def test_a_box_of_gates_needs_its_quota_where_a_gate_is_wrong():
    X, initial, trained, C = planted(h=400, seed=8)
    layer, duals = posed(X, initial, trained)
    z = X[0] @ layer.basis
    z /= np.linalg.norm(z)
    space = np.linalg.qr(duals[1:7].T, mode="complete")[0][:, 6:]
    silent = C[:, 0] == 0
    fit = sample_of_pattern(layer, silent, space)

    def misses(rows, quota):
        cone = cone_of(layer, fit, space, rows, quota=quota)
        at = z / (z @ fit) - cone.centre / (cone.centre @ fit)
        return np.any(np.abs(cone.axes.T @ at) > cone.half * (1 + 1e-6) / (cone.centre @ fit))

    assert not misses(silent, 0)
    gate = np.minimum(*(G @ z for G in layer.gates))
    nearest_on = np.argsort(np.where(gate > 0, gate, np.inf))
    wrong = [i for i in nearest_on[:12] if misses(silent | (np.arange(400) == i), 0)]
    assert wrong  # a neuron that was on cuts the sample off
    for i in wrong:
        assert not misses(silent | (np.arange(400) == i), 1)


def test_polish_reaches_the_dual_from_a_direction_near_the_sample(case):
    X, _, layer, duals = case
    z = X @ layer.basis
    z /= np.linalg.norm(z, axis=1, keepdims=True)
    z += 0.02 * np.random.default_rng(1).standard_normal(z.shape)
    off = [np.max([G @ x for G in layer.gates], axis=0) <= 0 for x in z]
    q = torch.as_tensor(np.array([null_vector(layer.F[rows]) for rows in off]))
    nulls, off = robust_nulls(SoftGates(layer), torch.as_tensor(z), q)
    for i, v in enumerate(duals):
        found = silencing_dual(layer, nulls[i], off[i])
        assert found is not None
        assert abs(found @ v) > 1 - 1e-12


def test_starts_end_near_samples_and_deflation_leaves_the_others(case):
    X, _, layer, duals = case
    z = X @ layer.basis
    z /= np.linalg.norm(z, axis=1, keepdims=True)
    ends = soft_gate_search(SoftGates(layer), NONE, count=32, seed=0)[0].numpy()
    assert np.mean(np.max(ends @ z.T, axis=1) > 0.9) > 0.8
    ends = soft_gate_search(SoftGates(layer), duals[:7], count=4, seed=0)[0].numpy()
    np.testing.assert_allclose(np.abs(ends @ z[7]), np.max(np.abs(ends @ z.T), axis=1))
    np.testing.assert_allclose(ends @ duals[:7].T, 0, atol=1e-9)


def test_samples_are_the_inverse_of_the_duals_within_their_bounds(case):
    X, _, layer, _ = case
    found = find_duals(layer)
    samples = joint_samples(layer, found)
    assert samples.complete
    truth = X / np.linalg.norm(X, axis=1, keepdims=True)
    nearest = np.argmax(samples.x @ truth.T, axis=1)
    assert sorted(nearest.tolist()) == list(range(8))
    errors = np.linalg.norm(samples.x - truth[nearest], axis=1)
    assert np.all(errors <= samples.bound)
    assert samples.bound.max() < 1e-9


def test_nothing_is_claimed_when_there_is_a_dual_too_many(case):
    _, _, layer, duals = case
    v = np.vstack([duals, duals[:1] + duals[1:2]])
    v = v / np.linalg.norm(v, axis=1, keepdims=True)
    samples = joint_samples(layer, Duals(list(v), [silent_rows(layer, w) for w in v]))
    assert not samples.complete
    assert np.all(np.isinf(samples.bound))


def test_a_false_dual_among_n_is_not_claimed():
    """v_1 + alpha v_2 in place of v_1 turns x_2 into x_2 - alpha x_1, whose gates disagree."""
    X, initial, trained, C = planted(seed=5)
    layer, duals = posed(X, initial, trained)
    v, _ = accidental(C, layer, duals)
    false = np.vstack([v, duals[1:]])
    found = Duals(list(false), [silent_rows(layer, w) for w in false])
    samples = joint_samples(layer, found)
    truth = X / np.linalg.norm(X, axis=1, keepdims=True)
    wrong = np.max(samples.x @ truth.T, axis=1) < 0.99
    assert wrong.any()
    assert np.all(np.isinf(samples.bound[wrong]))
    assert not samples.complete


def test_a_sample_active_on_all_neurons_is_not_claimed():
    X, initial, trained, C = planted(always_on=(4,), seed=6)
    layer, _ = posed(X, initial, trained)
    assert np.all(C[:, 4] != 0)
    found = find_duals(layer, idle=4)
    assert len(found.v) < 8
    samples = joint_samples(layer, found)
    truth = X / np.linalg.norm(X, axis=1, keepdims=True)
    nearest = np.argmax(samples.x @ truth.T, axis=1)
    assert np.isinf(samples.bound[nearest == 4])
    errors = np.linalg.norm(samples.x - truth[nearest], axis=1)
    assert np.all(errors <= samples.bound)
    assert np.sum(np.isfinite(samples.bound)) == 7


def alike(count=6, *, seed=5, eps=0.1, h=1500):
    """So many samples that resemble each other, and four that do not."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((count + 4, 24))
    X[1:count] = X[0] + eps * X[1:count]
    X, initial, trained, C = planted(x=X, seed=seed, h=h)
    return X, C, *posed(X, initial, trained)


def test_many_samples_alike_are_told_apart_by_the_rows_between_them():
    """Six at cosine .99: one dual's accident opens their space, too large for any row to do."""
    _, C, layer, duals = alike()
    common = np.all(C[:, :6] == 0, axis=1)
    v = null_vector(layer.M[common])
    rng = np.random.default_rng(0)
    assert determined_duals(layer, v, rng) == ([], None)
    found, block = determined_duals(layer, v, rng, larger=True)
    assert len(found) >= 5
    assert all(same_dual(layer, w, list(duals[:6])) for w in found)
    assert (block is None) == (len(found) == 6)


def test_rows_that_tell_nothing_apart_leave_a_block():
    """Nine that differ by a thousandth: no ray is made up, their space is known."""
    _, C, layer, duals = alike(9, eps=1e-3)
    v = null_vector(layer.M[np.all(C[:, :9] == 0, axis=1)])
    found, block = determined_duals(layer, v, np.random.default_rng(0), larger=True)
    assert all(same_dual(layer, w, list(duals[:9])) for w in found)
    assert len(found) < 9
    assert block.space.shape[1] == 9
    assert np.linalg.norm(duals[:9] @ block.space, axis=1) == pytest.approx(1, abs=1e-9)


def test_polluted_rows_do_not_turn_a_good_start_away():
    """Fifty rows a hundredth from 0 pass for nearly silent: their least squares is worse."""
    X, initial, trained, C = planted(h=600)
    polluted = np.flatnonzero(C[:, 0] == 0)[:50]
    extra = np.zeros((600, len(X)))
    extra[polluted, 0] = 0.02 * np.sqrt(np.mean(C[:, 0] ** 2))
    trained = trained | {"0.weight": trained["0.weight"] + extra @ X}
    layer, duals = posed(X, initial, trained)
    off = C[:, 0] == 0
    start = layer.R @ duals[0]
    start += 1e-7 * np.linalg.norm(start) * np.random.default_rng(0).standard_normal(len(start))
    v = silencing_dual(layer, start / np.linalg.norm(start), off)
    assert same_dual(layer, v, [duals[0]])
    silent = silent_rows(layer, v)
    assert silent.sum() == off.sum() - 50
