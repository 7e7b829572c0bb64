"""Recovery against reconstruction: every verdict on a case whose answer is known."""

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
import torch
from equation_cases import cp_tensor

from attack import Agreement, Layer, ReconstructionConfig, crosscheck, reconstruct
from attack.agreement import factored_norm
from attack.maps.objectives import ntk
from attack.network.activations import power
from identify import verify_identifiability
from identify.demo.data import digits
from identify.findings import Recovery

CONFIG = replace(ReconstructionConfig.EXACT, steps=20, block=20, candidates=6)


def one_step(n=6, m=200, degree=3, seed=0):
    """Digits behind one exact gradient step of a two-layer network."""
    rng = np.random.default_rng(seed)
    x = digits(n, seed=seed)
    a0, W0 = rng.standard_normal(m), rng.standard_normal((m, x.shape[1]))
    before = [Layer(torch.as_tensor(W0)), Layer(torch.as_tensor(a0)[None])]
    b = torch.as_tensor(0.01 * rng.standard_normal(n))
    pieces = ntk(before, before, power(degree)).combine(torch.as_tensor(x), b)
    after = [Layer(layer.weight + t) for layer, t in zip(before, pieces, strict=True)]
    return x, b.numpy(), before, after


def verified(before, after):
    (W0, a0), (W, a) = ([layer.weight.numpy() for layer in net] for net in (before, after))
    return verify_identifiability(a[0], W, init=(a0[0], W0)).recovery


def as_recovery(x, b):
    return Recovery(x, b, np.zeros(len(x)), False, 0.0, ())


@pytest.fixture(scope="module")
def step():
    return one_step()


def test_a_warm_start_agrees_with_the_recovery(step):
    x, _, before, after = step
    recovery = verified(before, after)
    warm = reconstruct(after, "ntk", CONFIG, init=before, activation=power(3), start=recovery)
    check = crosscheck(recovery, warm, equations=ntk(before, after, power(3)), tolerance=1e-8)
    assert check.agreement is Agreement.AGREE
    assert sorted(check.pairs[:, 1].tolist()) == list(range(6))
    assert check.distances.max() < 1e-8
    assert check.tensor_distance < 1e-8
    assert max(check.residuals) < 1e-8
    cosines = np.abs(recovery.x @ x.T) / np.linalg.norm(x, axis=1)
    assert cosines.max(1).min() > 1 - 1e-8  # and both are the truth


def test_an_optimiser_that_did_not_arrive_says_nothing(step):
    x, b, before, after = step
    cold = reconstruct(after, "ntk", replace(CONFIG, steps=2), init=before, activation=power(3))
    check = crosscheck(as_recovery(x, b), cold)
    assert check.agreement is Agreement.CANNOT_TELL
    assert "neither confirm" in str(check)


def test_a_wrong_recovery_is_found_out(step):
    x, b, before, after = step
    f = ntk(before, after, power(3))
    given = torch.as_tensor(x), torch.as_tensor(b)
    right = reconstruct(after, "ntk", CONFIG, init=before, activation=power(3), start=given)
    wrong = np.roll(x, 1, axis=1)
    assert crosscheck(as_recovery(wrong, b), right, equations=f).agreement == "RECOVERY_OFF"
    assert crosscheck(as_recovery(x, b), right, equations=f).agreement == "AGREE"
    missing = crosscheck(as_recovery(x[1:], b[1:]), right, equations=f)
    assert missing.agreement == "RECOVERY_OFF"
    assert len(missing.left) == 1


def test_other_samples_for_the_same_equations_are_a_witness():
    x, b, before, after = one_step(n=4, degree=2)
    z = np.sqrt(np.abs(b))[:, None] * x
    signs = np.sign(b)
    i, j = next((i, j) for i, j in combinations(range(4), 2) if signs[i] == signs[j])
    turn = np.array([[0.6, 0.8], [-0.8, 0.6]])
    z[[i, j]] = turn @ z[[i, j]]
    given = torch.as_tensor(z), torch.as_tensor(signs)
    f = ntk(before, after, power(2))
    other = reconstruct(
        after, "ntk", replace(CONFIG, steps=1), init=before, activation=power(2), start=given
    )
    check = crosscheck(as_recovery(x, b), other, equations=f, alpha=2)
    assert check.agreement is Agreement.WITNESS
    assert check.tensor_distance < 1e-7
    assert check.distances.max() > 0.1


def test_the_tensor_is_compared_without_being_formed():
    rng = np.random.default_rng(0)
    x, b, y, c = (rng.standard_normal(s) for s in ((3, 4), 3, (2, 4), 2))
    for alpha in (2, 3, 4):
        dense = np.linalg.norm(cp_tensor(x, b, alpha) - cp_tensor(y, c, alpha))
        both, signed = np.concatenate([x, y]), np.concatenate([b, -c])
        factored = factored_norm(torch.as_tensor(both), torch.as_tensor(signed), alpha)
        assert factored == pytest.approx(dense, rel=1e-12)


def test_labels_and_the_mean_are_taken_out_of_the_multipliers(step):
    x, b, before, after = step
    given = torch.as_tensor(x), torch.as_tensor(b)
    for mean in (False, True):
        config = replace(CONFIG, optimizer="sgd", multipliers="joint", steps=1, rate=1e-30,
                         weight_rate=1e-30, mean=mean)  # fmt: skip
        for objective in ("ntk", "kkt"):
            found = reconstruct(
                after, objective, config, init=before, activation=power(3), start=given
            )
            assert np.allclose(found.b.numpy(), b, rtol=1e-12)


def test_samples_of_another_dimension_are_refused(step):
    x, b, before, after = step
    found = reconstruct(after, "ntk", replace(CONFIG, steps=1), init=before, activation=power(3))
    with pytest.raises(ValueError, match="samples of dimension 64"):
        crosscheck(as_recovery(x[:, 1:], b), found)
