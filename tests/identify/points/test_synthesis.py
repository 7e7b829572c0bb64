"""KKT points are exact, checked by means that share no code with the solver."""

from fractions import Fraction

import numpy as np
import pytest
import sympy
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from identify.points.synthesis import KKTPoint, synthesize_kkt

TOLERANCE = 1e-12


def frame(n, d, seed):
    """Orthonormal rows (n, d)."""
    return np.linalg.qr(np.random.default_rng(seed).standard_normal((d, n)))[0].T


def coherent(n, d, coherence, seed):
    """Unit rows (n, d) whose largest pairwise |cosine| is ``coherence``."""
    rng = np.random.default_rng(seed)
    upper = np.triu(rng.choice([-1.0, 1.0], (n, n)) * rng.uniform(0.3, 1, (n, n)), 1)
    C = np.eye(n) + coherence * (upper + upper.T) / np.abs(upper).max()
    return np.linalg.cholesky(C) @ frame(n, d, seed)


def residuals(point, *, a=None, W=None):
    """Relative stationarity per neuron and margin error, from torch autograd of Phi alone."""
    a = torch.tensor(point.a if a is None else a, requires_grad=True)
    W = torch.tensor(point.W if W is None else W, requires_grad=True)
    x, b = torch.tensor(point.x), torch.tensor(point.b)
    outputs = (point.leading * (x @ W.T) ** point.alpha) @ a
    grad_a, grad_W = torch.autograd.grad((b * outputs).sum(), (a, W))
    relative_a = ((a - grad_a) / a).abs().max().item()
    relative_W = ((W - grad_W).norm(dim=1) / W.norm(dim=1)).max().item()
    margins = (torch.tensor(point.labels) * outputs - 1).abs().max().item()
    return max(relative_a, relative_W), margins


def assert_exact(point: KKTPoint):
    stationarity, margins = residuals(point)
    assert stationarity <= TOLERANCE
    assert margins <= TOLERANCE
    assert point.stationarity <= TOLERANCE
    assert np.abs(point.margins - 1).max() <= TOLERANCE
    assert (point.b * point.labels > 0).all()
    squares = point.alpha * point.a**2
    np.testing.assert_allclose(squares, (point.W**2).sum(axis=1), rtol=1e-13)
    np.testing.assert_array_equal(
        np.bincount(point.direction, minlength=len(point.multiplicities)), point.multiplicities
    )


def distinct_directions(point):
    W = point.W / np.linalg.norm(point.W, axis=1)[:, None]
    cosines = np.abs(W @ W.T)
    return sum(not (cosines[j, :j] > 1 - 1e-9).any() for j in range(len(W)))


@pytest.mark.parametrize(
    ("alpha", "labels", "count"),
    [
        (3, [1, 1, 1], 7),
        (3, [1, -1, 1, -1, -1], 31),
        (3, [-1, 1, 1, -1, 1, 1], 63),
        (4, [1, 1, 1], 13),
        (4, [-1, -1, -1], 13),
        (4, [1, -1, 1, -1, 1], 13 + 4),
        (4, [1] * 6, 364),
        (5, [1, -1, -1, 1], 15),
        (6, [-1, 1, -1, -1], 13 + 1),
    ],
)
def test_orthonormal_points_are_exact_and_complete(alpha, labels, count):
    point = synthesize_kkt(frame(len(labels), 8, 0), labels, alpha)
    assert_exact(point)
    assert len(point.a) == point.survived == distinct_directions(point) == count


def test_orthonormal_alpha_3_against_exact_algebra():
    """n = 2, all three directions: b = t^(-1/2), kappa t (1 + 2^(-1/2)) = 1, kappa = 3^(-3/2)."""
    t = sympy.sqrt(27) / (1 + 1 / sympy.sqrt(2))
    b, root3 = t ** sympy.Rational(-1, 2), sympy.sqrt(3)
    neurons = []
    for z in [(1, 0), (0, 1), (1, 1)]:
        w = [sympy.sqrt(t) * k for k in z]
        norm2 = sum(v**2 for v in w)
        W = [v / (3 ** sympy.Rational(1, 4) * norm2 ** sympy.Rational(1, 4)) for v in w]
        a = sympy.sqrt(sum(v**2 for v in W)) / root3
        for v in W:
            assert sympy.N(v - 3 * a * b * v**2, 60, chop=1e-50) == 0
        assert sympy.N(a - b * sum(v**3 for v in W), 60, chop=1e-50) == 0
        neurons.append([float(a), *map(float, W)])
    point = synthesize_kkt(np.eye(2), [1, 1], 3)
    np.testing.assert_allclose(point.b, float(b), rtol=1e-14)
    sign = np.sign(point.a)[:, None]
    found = (sign * np.column_stack([point.a, point.W]))[np.argsort(point.direction)]
    np.testing.assert_allclose(found, neurons, rtol=1e-14)


def test_orthonormal_alpha_4_against_rationals():
    """c = 2, one neuron per sample: W = x_i, a = y_i / 2, b = y_i / 4 satisfy all equations."""
    X = [[Fraction(3, 5), Fraction(4, 5)], [Fraction(-4, 5), Fraction(3, 5)]]
    y = [1, -1]
    for j, w in enumerate(X):
        z = [sum(p * q for p, q in zip(w, x, strict=True)) for x in X]
        f = [sum(Fraction(y[i], 4) * z[i] ** 3 * X[i][k] for i in range(2)) for k in range(2)]
        assert [4 * 2 * Fraction(y[j], 2) * v for v in f] == w
        assert Fraction(y[j], 2) == 2 * sum(Fraction(y[i], 4) * z[i] ** 4 for i in range(2))
        assert y[j] * 2 * Fraction(y[j], 2) * z[j] ** 4 == 1
    point = synthesize_kkt(
        [[float(v) for v in x] for x in X], y, 4, leading=2, directions=np.eye(2, dtype=int)
    )
    np.testing.assert_allclose(point.b, [0.25, -0.25], rtol=1e-14)
    np.testing.assert_allclose(point.a, np.where(point.direction == 0, 0.5, -0.5), rtol=1e-14)
    np.testing.assert_allclose(np.abs(point.W), np.abs(point.x[point.direction]), rtol=1e-14)


@pytest.mark.parametrize(
    ("n", "alpha", "coherence"),
    [
        *[(3, 3, 0.1), (4, 4, 0.1), (4, 5, 0.1), (5, 5, 0.1), (4, 6, 0.1)],
        *[(4, 3, 0.07), (5, 3, 0.07), (6, 3, 0.05), (5, 4, 0.07)],  # 0.1 can be too much for these
    ],
)
@pytest.mark.parametrize("seed", range(4))
def test_every_direction_survives_at_small_coherence(n, alpha, coherence, seed):
    labels = np.random.default_rng(seed).choice([-1, 1], n)
    point = synthesize_kkt(coherent(n, n + 3, coherence, seed), labels, alpha, seed=seed)
    assert_exact(point)
    assert point.survived == len(point.lost) == distinct_directions(point)


@pytest.mark.parametrize("n", [3, 4, 5, 6])
def test_directions_vanish_where_theory_says(n):
    """Equal cosines g and labels, alpha = 3: all exist iff g < 1 / (1 + 2 sqrt(k(n-k))), k = n//2,
    but for g = 1/(n+1), where some of them meet (claim coherence-threshold of ``proofs_check``).

    b_i is equal by symmetry, so each z_i is one of two roots p, s of (1-g) z^2 - z + g sum z^2 = 0;
    with k of them p, x = s/p solves (1-g)/g = k/x + (n-k) x, whose right side is >= 2 sqrt(k(n-k)).
    """
    limit = 1 / (1 + 2 * np.sqrt((n // 2) * (n - n // 2)))
    for factor, complete in [(0.97, True), (0.99, True), (1.02, False)]:
        g = factor * limit
        X = np.linalg.cholesky((1 - g) * np.eye(n) + g)
        point = synthesize_kkt(X, np.ones(n), 3)
        assert_exact(point)
        assert (point.survived == 2**n - 1) is complete
        assert distinct_directions(point) == point.survived  # no path jumped to another


def real_eigenvectors(point, starts=3000):
    """All real eigenvectors f(w) = w of odd degree, by Newton's method from many random starts."""
    x, b, alpha = point.x, point.b, point.alpha
    G = x @ x.T
    z = np.random.default_rng(1).standard_normal((starts, len(b))) / np.abs(b) ** (1 / (alpha - 2))
    for _ in range(60):
        J = (alpha - 1) * G * (b * z ** (alpha - 2))[:, None, :] - np.eye(len(b))
        z = z - np.linalg.solve(J, ((b * z ** (alpha - 1)) @ G - z)[:, :, None])[:, :, 0]
    good = (np.abs((b * z ** (alpha - 1)) @ G - z) < 1e-10).all(axis=1) & (
        np.abs(z).max(axis=1) > 1e-3
    )
    return np.unique(np.round(z[good], 6) + 0.0, axis=0)


@pytest.mark.parametrize(("coherence", "seed"), [(0.1, 0), (0.28, 2), (0.28, 5)])
def test_survivors_are_all_real_eigenvectors(coherence, seed):
    point = synthesize_kkt(coherent(3, 4, coherence, seed), [1, 1, -1], 3)
    assert distinct_directions(point) == point.survived == len(real_eigenvectors(point))


def test_a_pair_lost_at_coherence_one_tenth_is_lost_for_good():
    """n = 4, alpha = 3: coherence 0.1 is not always enough for all 15, and no path was dropped."""
    labels = np.random.default_rng(2).choice([-1, 1], 4)
    point = synthesize_kkt(coherent(4, 7, 0.1, 2), labels, 3)
    assert_exact(point)
    assert distinct_directions(point) == point.survived == len(real_eigenvectors(point)) == 13


def test_some_directions_are_lost_at_high_coherence():
    point = synthesize_kkt(coherent(5, 7, 0.25, 0), [1, -1, 1, 1, -1], 4)
    assert_exact(point)
    assert 0 < point.survived < 13 + 4
    np.testing.assert_array_equal(point.lost, point.multiplicities == 0)


def test_multiplicities_duplicate_neurons():
    X, labels = frame(3, 5, 1), [1, -1, 1]
    twice = synthesize_kkt(X, labels, 3, multiplicities=2)
    assert_exact(twice)
    assert (len(twice.a), distinct_directions(twice)) == (14, 7)
    mixed = synthesize_kkt(coherent(3, 5, 0.1, 1), labels, 3, multiplicities=[3, 1, 1, 0, 0, 2, 0])
    assert_exact(mixed)
    assert (len(mixed.a), distinct_directions(mixed), mixed.lost.any()) == (7, 4, False)
    assert mixed.survived == 4


def test_norms_leading_coefficient_and_chosen_directions():
    X = frame(4, 6, 2) * np.array([[0.1], [1], [3], [10]])
    point = synthesize_kkt(X, [1, 1, -1, 1], 4, leading=-0.6)
    assert_exact(point)
    assert len(point.a) == 13 + 1
    rows = np.array([[1, -1, 0, 0], [0, 0, -1, 0], [0, 0, 0, 1]])
    chosen = synthesize_kkt(X, [1, 1, -1, 1], 4, directions=rows)
    assert_exact(chosen)
    z = chosen.W @ chosen.x.T
    expected = np.abs(rows)[chosen.direction]
    np.testing.assert_array_equal(np.abs(z) > 1e-10 * np.abs(z).max(axis=1)[:, None], expected == 1)


@pytest.mark.parametrize("alpha", [3, 4])
def test_seed_changes_order_and_signs_only(alpha):
    X, labels = coherent(3, 4, 0.1, 3), [1, 1, -1]
    points = [synthesize_kkt(X, labels, alpha, seed=s) for s in (0, 0, 1)]
    np.testing.assert_array_equal(points[0].W, points[1].W)
    assert not np.array_equal(points[0].direction, points[2].direction)
    contributions = [np.sort(p.a * (p.W @ np.arange(1.0, 5)) ** alpha) for p in points]
    np.testing.assert_allclose(contributions[0], contributions[2], rtol=1e-12)
    free = np.sign(points[0].a if alpha == 3 else points[0].W @ X.sum(axis=0))
    assert set(free) == {-1, 1}


@pytest.mark.parametrize("leading", [1.0, -2.0])
@pytest.mark.parametrize("multiplicity", [1, 3])
def test_alpha_1_and_2(leading, multiplicity):
    X = coherent(4, 6, 0.2, 4) * np.array([[1], [2], [0.5], [1.5]])
    for alpha, count in [(1, 1), (2, 4)]:
        labels = np.array([1, -1, 1, -1])
        if alpha == 1:  # labels for which every sample is a support vector
            labels = np.sign(X @ np.linalg.lstsq(X, np.ones(4), rcond=None)[0]).astype(int)
        point = synthesize_kkt(
            X, labels, alpha, leading=leading, multiplicities=multiplicity, seed=multiplicity
        )
        assert_exact(point)
        assert len(point.a) == count * multiplicity
        assert distinct_directions(point) == count


@pytest.mark.parametrize("alpha", [1, 2, 3, 4, 5])
def test_a_perturbed_weight_breaks_the_check(alpha):
    point = synthesize_kkt(coherent(3, 4, 0.05, 6), [1, 1, 1], alpha)
    W, a = point.W.copy(), point.a.copy()
    W[0, 0] += 1e-6 * np.linalg.norm(W[0])
    a[0] *= 1 + 1e-6
    assert max(residuals(point, W=W)) > 1e4 * TOLERANCE
    assert max(residuals(point, a=a)) > 1e4 * TOLERANCE
    swapped = KKTPoint(**{name: getattr(point, name) for name in KKTPoint.__slots__} | {"W": W})
    assert max(swapped.stationarity, np.abs(swapped.margins - 1).max()) > 1e4 * TOLERANCE
    flipped = KKTPoint(
        **{name: getattr(point, name) for name in KKTPoint.__slots__} | {"b": -point.b}
    )
    assert flipped.stationarity > 0.1


@settings(max_examples=30, deadline=None, derandomize=True)
@given(
    labels=st.lists(st.sampled_from([-1, 1]), min_size=1, max_size=4),
    alpha=st.integers(2, 6),
    multiplicity=st.integers(1, 3),
    coherence=st.sampled_from([0.0, 0.02, 0.05]),
    leading=st.sampled_from([1.0, -0.5, 3.0]),
    seed=st.integers(0, 1000),
)
def test_points_are_exact(labels, alpha, multiplicity, coherence, leading, seed):
    n = len(labels)
    X = frame(n, n + 1, seed) if n == 1 else coherent(n, n + 1, coherence, seed)
    X = X * np.random.default_rng(seed).uniform(0.8, 1.25, (n, 1))
    point = synthesize_kkt(
        X, labels, alpha, multiplicities=multiplicity, leading=leading, seed=seed
    )
    assert_exact(point)
    assert not point.lost.any()
