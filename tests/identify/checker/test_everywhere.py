"""What excludes other sets of samples, wherever they are, against sets as near as they may be."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest

from identify.checker.arithmetic import ball_precision
from identify.checker.ball_equations import ball_equations
from identify.checker.everywhere import (
    _gradient_system,
    _gram_system,
    _tensor_distance,
    _turned,
    farthest_sets,
)
from identify.checker.linearised import linearise


def power_sum(z, b, alpha):
    letters = "abcde"[:alpha]
    return np.einsum(",".join(["i", *(f"i{c}" for c in letters)]) + "->" + letters, b, *[z] * alpha)


@pytest.mark.parametrize(("n", "alpha"), [(1, 3), (2, 3), (4, 3), (3, 4), (2, 5)])
def test_near_tensors_have_near_samples(n, alpha):
    rng, closed = np.random.default_rng(n), 0
    for size in np.geomspace(1e-9, 0.3, 60):
        b = rng.choice([-1.0, 1.0], n)
        z = np.eye(n) + size * rng.standard_normal((n, n))
        delta = float(np.linalg.norm(power_sum(z, b, alpha) - power_sum(np.eye(n), b, alpha)))
        bound = _turned(delta, n, alpha)
        if bound is not None:
            closed += 1
            assert np.linalg.norm(z - np.eye(n), axis=1).max() <= bound
    assert closed > 20


def test_a_tensor_with_another_decomposition_is_not_closed():
    # two samples of a plane that a rotation turns into two others: x^3 - 3 x y^2 has three
    b, alpha = np.ones(2), 3
    for angle in np.linspace(0.2, np.pi / 2 - 0.2, 9):
        z = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
        delta = float(np.linalg.norm(power_sum(z, b, alpha) - power_sum(np.eye(2), b, alpha)))
        found = _turned(delta, 2, alpha)
        assert found is None or found >= np.linalg.norm(z - np.eye(2), axis=1).max()


@pytest.mark.parametrize(("r", "alpha"), [(2, 3), (3, 3), (3, 4)])
def test_both_systems_are_the_tensor_applied(r, alpha):
    rng = np.random.default_rng(alpha)
    u, x, b = rng.standard_normal((7, r)), rng.standard_normal((4, r)), rng.standard_normal(4)
    T = power_sum(x, b, alpha)
    applied = ((u @ x.T) ** (alpha - 1) * b) @ x
    gram, gradient = _gram_system(u, alpha), _gradient_system(u, alpha)
    for A, right in ((gram, applied), (gradient, applied.ravel())):
        coefficients = np.linalg.lstsq(A, right, rcond=None)[0]
        assert np.allclose(A @ coefficients, right)
        if len(A) > A.shape[1]:  # determined: its norm is that of the tensor
            assert np.linalg.norm(coefficients) == pytest.approx(np.linalg.norm(T))
    assert gram.shape[1] == len(list(itertools.combinations_with_replacement(range(r), alpha - 1)))


def posed(alpha, seed=0, n=2, d=4, m=40, c=1.3, beside=1e-9):
    """Samples of different lengths; the equations are missed in their span and outside it."""
    rng = np.random.default_rng(seed)
    B = np.linalg.qr(rng.standard_normal((d, n)))[0]
    z = np.diag(np.linspace(0.5, 2, n)) + 0.1 * rng.standard_normal((n, n))
    b = rng.choice([-1.0, 1.0], n)
    W0, a0 = rng.standard_normal((m, d)), rng.standard_normal(m)
    change = a0[:, None] * alpha * c * ((W0 @ B @ z.T) ** (alpha - 1) * b) @ z @ B.T
    W = W0 + change + beside * rng.standard_normal((m, d))
    weights = {"W": W, "W0": W0, "a": a0, "a0": a0}
    with ball_precision():
        equations = ball_equations(weights, "known-init", (0.0,) * alpha + (c,), 0.0, 1.0)
        found = linearise(equations, B, z, b)
    return equations, found, z, b, W0, a0, W - W0, c


@pytest.mark.parametrize("alpha", [3, 4])
@pytest.mark.parametrize("moved", [0.0, 1e-6])
def test_the_distance_of_tensors_is_that_of_the_theorem(alpha, moved):
    """Step 2, and a tensor that misses the equations where they feel it least."""
    equations, found, z, _, W0, a0, _, c = posed(alpha)
    u, miss = W0 @ found.basis, 1e-4
    t, letters = u @ z.T, "abc"[: alpha - 1]
    rows = np.einsum(",".join(f"j{k}" for k in letters) + "->j" + letters, *[t] * (alpha - 1))
    A = alpha * c * a0[:, None] * rows.reshape(len(u), -1)
    symmetric = np.linalg.svd(A)[1]
    a = symmetric[alpha - 1]  # on alpha forms of degree alpha - 1 in two variables
    assert symmetric[alpha:].max(initial=0.0) < 1e-12
    length = np.linalg.norm(W0, axis=1)
    grown = np.linalg.norm(u @ z.T, axis=1) + moved * length
    change = np.abs(a0) * (alpha - 1) * grown ** (alpha - 2) * moved * length
    Delta = alpha * c * np.linalg.norm(change)
    expected = (miss + Delta * np.sqrt(2)) / (a - Delta)
    bound = _tensor_distance(equations, u, z, moved, miss)
    assert bound is not None
    assert expected <= bound <= 1.0001 * expected
    closed = _tensor_distance(equations, u, z, 0.1 * moved + 1e3, miss)
    assert closed is None


@pytest.mark.parametrize(
    ("alpha", "beside", "error"),
    [
        (3, 1e-9, 1e-12),
        (4, 1e-9, 1e-12),
        (3, 1e-12, 1e-7),
        (3, 1e-9, 1e-9),
        (3, 1e-4, 2e-5),
    ],
)
def test_the_farthest_set_is_that_of_the_theorem(alpha, beside, error):
    equations, found, z, b, W0, a0, right, c = posed(alpha, beside=beside)
    B, high, low = found.basis, *np.linalg.svd(z)[1]
    s = np.linalg.svd(right @ B)[1][-1] - error
    theta = (np.linalg.norm(right - right @ B @ B.T) + error) / s
    F = a0[:, None] * alpha * c * ((W0 @ B @ z.T) ** (alpha - 1) * b) @ z - right @ B
    miss = (error + np.linalg.norm(F)) / low
    delta = _tensor_distance(equations, W0 @ B, z, theta * high, miss)
    tight = 1e-6 if error > 1e-6 else 1e-3  # beyond the rounding that is covered
    near, outside = farthest_sets(equations, found, z, b, error=error)
    inside = _turned(delta, 2, alpha) * high
    assert np.allclose(near, inside, rtol=tight, atol=0)
    assert np.allclose(outside, theta * (np.linalg.norm(z, axis=1) + inside), rtol=tight, atol=0)
    assert farthest_sets(equations, found, z, b, error=2 * s) is None


@pytest.mark.parametrize(("n", "alpha"), [(1, 3), (2, 3), (5, 3), (3, 4), (4, 6), (16, 3)])
def test_what_follows_from_a_distance_is_what_the_theorem_says(n, alpha):
    """Steps 3 to 5 written out a second time."""
    largest = 0.0
    for delta in np.geomspace(1e-12, 0.3, 300):
        d = delta * n ** (alpha / 2 - 1)
        kappa = 2 * d / (1 - d)
        if kappa >= 1 / (4 * n):
            assert _turned(delta, n, alpha) is None
            continue
        rho = n * kappa / (1 - n * kappa)
        tau = (rho**-2 - 1) ** -0.5
        omega, zeta = n**0.5 * tau, delta * (1 + tau**2) ** (alpha / 2) + tau**alpha
        if omega >= 0.5 or zeta >= 0.5:
            assert _turned(delta, n, alpha) is None
            continue
        f = (1 + zeta) * omega / (1 - omega)
        g = zeta + f
        bound = _turned(delta, n, alpha)
        if bound is None:
            assert g >= 0.5 * (1 - 1e-6)
            continue
        assert g < 0.5
        for _ in range(20):
            next_f = (delta + (1 + g) * n**0.5 * f**2 + n * f**3) / (1 - g) ** (alpha - 1)
            f, g = min(f, next_f), min(g, delta + n * f**3)
        assert bound == pytest.approx(np.hypot(f, g), rel=1e-3)
        largest = delta
    assert largest > min(1e-3, 0.1 / n**2)


@pytest.mark.parametrize(("delta", "n"), [(1e-3, 3), (1e-2, 2), (0.02, 1)])
def test_samples_of_a_tensor_that_near_are_as_near_as_said(delta, n):
    """Samples moved until their tensor is off by delta: scaled, turned together, at random."""
    alpha, b, rng = 3, np.ones(n), np.random.default_rng(0)
    bound, most = _turned(delta, n, alpha), 0.0
    moves = [
        np.eye(n),
        -np.eye(n),
        np.ones((n, n)),
        np.triu(np.ones((n, n)), 1),
        rng.normal(size=(n, n)),
    ]
    for move in moves:
        low, high = 0.0, 1.0
        for _ in range(60):
            z = np.eye(n) + (low + high) / 2 * move
            gap = np.linalg.norm(power_sum(z, b, alpha) - power_sum(np.eye(n), b, alpha))
            low, high = ((low + high) / 2, high) if gap <= delta else (low, (low + high) / 2)
        most = max(most, low * np.linalg.norm(move, axis=1).max())
    assert 0.2 * delta < most <= bound


@pytest.mark.parametrize(("n", "alpha"), [(1, 3), (5, 3), (3, 4)])
def test_tensors_that_are_far_apart_say_nothing(n, alpha):
    """Slices without an inverse: d = delta n^(alpha/2 - 1) of 1/2, 1 and more."""
    for d in (0.5, 0.9, 1.0, 1.1, 1.5, 3.0, 1e3):
        assert _turned(d * n ** (1 - alpha / 2), n, alpha) is None


def test_the_theorem_is_asked_for_what_it_is_about():
    """Power activations of degree 3 and more, gradients, as many samples as dimensions."""
    equations, found, z, b, W0, _, _, c = posed(3)
    assert farthest_sets(equations, found, z, b, error=1e-9) is not None
    others = {
        "values": replace(equations, by_value=True),
        "lower degrees": replace(equations, coefficients=(0.0, 1e-3, 0.0, c)),
        "degree 2": replace(equations, coefficients=(0.0, 0.0, c)),
        "one neuron": replace(equations, sizes=equations.sizes[:1], lengths=equations.lengths[:1]),
    }
    for name, other in others.items():
        assert farthest_sets(other, found, z, b, error=1e-9) is None, name
    assert farthest_sets(equations, found, z[:1], b[:1], error=1e-9) is None
    assert farthest_sets(equations, found, z, 2 * b, error=1e-9) is None
    assert farthest_sets(equations, found, z[[0, 0]], b, error=1e-9) is None  # dependent
    u = W0[:1] @ found.basis  # one neuron, two samples: more unknowns than equations
    one = replace(equations, sizes=equations.sizes[:1], lengths=equations.lengths[:1])
    assert _tensor_distance(one, u, z, 0.0, 1e-9) is None


def test_a_right_hand_side_of_lower_rank_excludes_nothing():
    """Two neurons see T whole and M as one direction: a set of one sample may be as near."""
    z, b, a0 = np.eye(2), np.ones(2), np.ones(2)
    W0 = np.array([[1.0, 1.0], [1.0, -1.0]])
    change = 3 * ((W0 @ z.T) ** 2 * b) @ z
    assert np.linalg.matrix_rank(change) == 1
    weights = {"W": W0 + change, "W0": W0, "a": a0, "a0": a0}
    with ball_precision():
        equations = ball_equations(weights, "known-init", (0.0, 0.0, 0.0, 1.0), 0.0, 1.0)
        found = linearise(equations, None, z, b)
        assert _tensor_distance(equations, W0, z, 0.0, 1e-9) < 1e-8
        assert farthest_sets(equations, found, z, b, error=1e-9) is None
