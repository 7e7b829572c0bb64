"""Laws that hold at every KKT point, on points drawn by the public strategies."""

from math import comb

import numpy as np
from cases import IDENTIFIABLE, Case, false_claims
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from identify import Verdict, verify_identifiability
from proofs_check import strategies
from proofs_check.exact.formulas import dot, gram
from proofs_check.exact.proof_a_2 import normalized, recover_exactly
from proofs_check.exact.rational import rank

SETTINGS = settings(derandomize=True, deadline=None, max_examples=50,
                    suppress_health_check=[HealthCheck.too_slow])  # fmt: skip
FEW = settings(SETTINGS, max_examples=40)


@SETTINGS
@given(strategies.kkt_points(max_samples=3))
def test_every_neuron_is_balanced_and_lies_in_the_span(point):
    squares = (point.W**2).sum(axis=1)
    np.testing.assert_allclose(point.alpha * point.a**2, squares, rtol=1e-9)
    inside = point.W @ np.linalg.pinv(point.x) @ point.x
    np.testing.assert_allclose(inside, point.W, atol=1e-10)


@FEW
@given(strategies.kkt_points(degree=3, max_samples=4), st.booleans())
def test_no_sample_is_claimed_wrongly(point, told):
    options = {"activation": point.alpha} | ({"margin": 1.0} if told else {})
    case = Case(point.a, point.W, options, point.x, point.b, IDENTIFIABLE)
    report = verify_identifiability(point.a, point.W, **options)
    assert report.verdict is not Verdict.MODEL_REJECTED
    assert not false_claims(case, report)[0]


@FEW
@given(strategies.kkt_points(degree=3, max_samples=3), st.data())
def test_the_verdict_does_not_depend_on_the_basis(point, data):
    d = point.W.shape[1]
    Q = np.array(data.draw(strategies.rational_orthogonal_matrices(d)), dtype=float)
    here = verify_identifiability(point.a, point.W)
    there = verify_identifiability(point.a, point.W @ Q)
    assert here.verdict is there.verdict
    assert here.rank is not None
    assert there.rank is not None
    assert (here.rank.rank, here.rank.N) == (there.rank.rank, there.rank.N)


@SETTINGS
@given(strategies.exact_kkt_points(max_samples=3, max_dimension=4))
def test_exact_points_of_full_rank_give_their_samples_away(point):
    r = len(point.x)
    full = rank(gram(point.u, point.alpha)) == comb(r + point.alpha - 2, r - 1)
    assume(full)
    values = [point.known_value(j) for j in range(len(point.u))]
    truth = {normalized(x, b, point.alpha) for x, b in zip(point.x, point.b, strict=True)}
    assert recover_exactly(point.u, values, point.alpha, seed=1) == truth


@SETTINGS
@given(strategies.networks(), st.sampled_from([3, 5, 6]))
def test_integer_weights_are_no_kkt_point(weights, alpha):
    a, W = weights
    assume(any(a) or any(t for row in W for t in row))  # else alpha a^2 = |W|^2
    assume(all(alpha * t**2 != dot(row, row) for t, row in zip(a, W, strict=True)))
    report = verify_identifiability(a, W, activation=alpha)
    assert report.verdict is Verdict.MODEL_REJECTED
