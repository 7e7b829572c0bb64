"""The linearised equations and their curvature against slow twins, written from the definitions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from identify.checker.arithmetic import ball_precision
from identify.checker.ball_equations import ball_equations
from identify.checker.linearised import linearise
from identify.checker.neighbourhood import _contraction, _curvature, enclose_samples

CASES = {  # setting, coefficients, r, base, decay
    "power": ("known-init", (0, 0, 0, 1.3), 3, 0.0, 0.9),
    "power, half way": ("known-init", (0, 0, 0, 1.3), 3, 0.5, 0.9),
    "square": ("kkt", (0, 0, 0.7), 1, 0.0, 1.0),
    "degrees": ("known-init", (0.3, 0.2, 0.5, 1), 3, 0.5, 0.8),
    "degrees, no span": ("kkt", (0, 0.5, 0, 1), None, 0.0, 1.0),
    "values": ("random-features", (0, 0, 0, 1.3), None, 0.0, 1.0),
    "values, degrees": ("random-features", (0.1, 0.2, 0.5, 1), None, 0.0, 1.0),
}


@dataclass
class Twin:
    """Points, scales, right-hand sides and unknowns in plain floats."""

    w: np.ndarray
    s: np.ndarray
    right: np.ndarray
    sigma: np.polynomial.Polynomial
    B: np.ndarray
    Q: np.ndarray
    z: np.ndarray
    b: np.ndarray
    free: bool
    by_value: bool

    @property
    def kappa(self):
        return 2.0 ** np.round(np.log2(np.abs(self.b) / np.linalg.norm(self.z, axis=1)))

    def parts(self, v):
        """The left-hand sides minus the right ones in the span and outside, of (z, eta | y)."""
        n, r = self.z.shape
        q = r + self.free
        inner, y = v[: n * q].reshape(n, q), v[n * q :].reshape(n, -1)
        b = self.b + (self.kappa * inner[:, r] if self.free else 0)
        x = (self.z + inner[:, :r]) @ self.B.T + y @ self.Q.T
        t = self.w @ x.T
        if self.by_value:
            return self.sigma(t) @ b - self.right[:, 0], np.zeros(0)
        F = self.s[:, None] * (self.sigma.deriv()(t) * b) @ x - self.right
        return (F @ np.linalg.pinv(self.B).T).ravel(), (F @ self.Q).ravel()

    def jacobians(self, v):
        """Derivatives of both parts by complex steps: exact but for rounding."""
        steps = [self.parts(v + 1e-30j * e) for e in np.eye(len(v))]
        return tuple(np.array([p[k].imag for p in steps]).T / 1e-30 for k in (0, 1))

    @property
    def inner(self):
        return self.z.size + self.free * len(self.z)

    @property
    def unknowns(self):
        return self.inner + len(self.z) * self.Q.shape[1]


def build(name, seed=0, n=3, d=4, m=25):
    setting, coefficients, r, base, decay = CASES[name]
    rng = np.random.default_rng(seed)
    B = np.eye(d) if r is None else np.linalg.qr(rng.standard_normal((d, r)))[0]
    Q = np.linalg.svd(B)[0][:, B.shape[1] :]
    n = n if r is None else r
    names = {"a": (m,), "a0": (m,), "W": (m, d), "W0": (m, d)}
    used = {"kkt": ("a", "W"), "random-features": ("a", "a0", "W")}.get(setting, tuple(names))
    weights = {k: rng.standard_normal(names[k]) for k in used}
    w, s, right = weights["W"], weights["a"], weights["W"]
    if setting == "known-init":
        w = (1 - base) * weights["W0"] + base * weights["W"] / decay
        s = (1 - base) * weights["a0"] + base * weights["a"] / decay
        right = weights["W"] / decay - weights["W0"]
    if setting == "random-features":
        s, right = np.ones(m), (weights["a"] - weights["a0"])[:, None]
    z, free = rng.standard_normal((n, B.shape[1])), any(coefficients[:-1])
    b = rng.choice([-1.0, 1.0], n) * (rng.uniform(0.3, 3, n) if free else 1)
    sigma = np.polynomial.Polynomial(coefficients)
    twin = Twin(w, s, right, sigma, B, Q, z, b, free, setting == "random-features")
    with ball_precision():
        equations = ball_equations(weights, setting, coefficients, base, decay)
        found = linearise(equations, None if r is None else B, z, b)
    return twin, equations, found


def blocks(A, n, order=2):
    """Norms of the blocks of a matrix, n x n of them."""
    rows, columns = len(A) // n, A.shape[1] // n
    parts = A.reshape(n, rows, n, columns).transpose(0, 2, 1, 3)
    return np.linalg.norm(parts, order, axis=(2, 3))


@pytest.mark.parametrize("name", CASES)
def test_the_linearisation_is_that_of_the_definition(name):
    twin, _, found = build(name)
    n, k, zero = len(twin.z), twin.inner, np.zeros(twin.unknowns)
    inside, outside = twin.parts(zero)
    J, P = twin.jacobians(zero)
    Y = np.linalg.pinv(J[:, :k])
    rows = Y.reshape(n, -1, Y.shape[1])
    assert np.allclose(found.step, np.linalg.norm((Y @ inside).reshape(n, -1), axis=1))
    assert found.miss == pytest.approx(np.linalg.norm(inside))
    square = np.sqrt(np.linalg.norm(rows @ rows.transpose(0, 2, 1), axis=(1, 2)))
    assert np.allclose(found.inverse, square)
    assert np.all(found.inverse >= np.linalg.norm(rows, 2, axis=(1, 2)))
    assert 0 < found.defect.min() <= found.defect.max() < 1e-30
    if not twin.Q.size:
        assert not np.any(found.outer_inverse)
        return
    bent = twin.s[:, None] * twin.b * twin.sigma.deriv(2)(twin.w @ twin.B @ twin.z.T)
    turned = np.einsum("jk,je,kc->jcke", bent, twin.w, twin.z).reshape(len(J), -1)
    assert np.allclose(turned @ np.kron(np.eye(n), twin.Q), J[:, k:])
    assert np.allclose(found.turn, blocks(Y @ turned, n, "fro"))
    assert not np.any(np.abs(P[:, :k]) > 1e-12)
    Y = np.linalg.pinv(P[:, k:])
    assert np.allclose(found.outer_step, np.linalg.norm((Y @ outside).reshape(n, -1), axis=1))
    assert found.outer_miss == pytest.approx(np.linalg.norm(outside))
    rows = Y.reshape(n, -1, Y.shape[1])
    assert np.allclose(found.outer_inverse, np.linalg.norm(rows, 2, axis=(1, 2)))
    assert found.outer_defect.max() < 1e-30


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("share", [0.3, 1e-3])
def test_the_derivative_changes_no_more_than_bounded(name, share):
    twin, equations, found = build(name, seed=1)
    n, k, rng = len(twin.z), twin.inner, np.random.default_rng(2)
    R = share * np.linalg.norm(twin.z, axis=1)
    bound = _contraction(equations, found, twin.z, twin.b, R)
    J, P = twin.jacobians(np.zeros(twin.unknowns))
    Y = np.linalg.pinv(J[:, :k])
    outer = np.linalg.pinv(P[:, k:]) if twin.Q.size else np.zeros((0, 0))
    for _ in range(30):
        moves = [rng.standard_normal((n, size)) for size in (k // n, twin.Q.shape[1]) if size]
        moves = [R[:, None] * t / np.linalg.norm(t, axis=1, keepdims=True) for t in moves]
        J, P = twin.jacobians(np.concatenate([t.ravel() for t in moves]))
        # Y J' is counted from where y is 0, the rest from the identity
        left = np.eye(k, len(J.T)) - Y @ J
        assert np.all(blocks(left[:, :k], n) <= bound[:n, :n])
        if twin.Q.size:
            right = np.eye(len(P.T) - k, len(P.T), k) - outer @ P
            assert np.all(blocks(left[:, k:], n) <= bound[:n, n:])
            assert np.all(blocks(right[:, :k], n) <= bound[n:, :n])
            assert np.all(blocks(right[:, k:], n) <= bound[n:, n:])


def operator(factors, w):
    return np.array([np.linalg.norm(column[:, None] * w, 2) for column in factors.T])


@pytest.mark.parametrize("name", CASES)
def test_the_curvature_is_that_of_the_theorem(name):
    """Term by term from the docstring: sizes at the far end, spectral norms by an SVD."""
    twin, equations, found = build(name, seed=3)
    lengths, size = np.linalg.norm(twin.w, axis=1)[:, None], np.linalg.norm(twin.z, axis=1)
    R = 0.2 * size
    moved, kappa = np.sqrt(2) * R, twin.kappa * twin.free
    far = np.abs(twin.w @ twin.B @ twin.z.T) + lengths * moved
    absolute = np.polynomial.Polynomial(np.abs(twin.sigma.coef))
    s1, s2, s3 = (absolute.deriv(order)(far) for order in (1, 2, 3))
    s, b = np.abs(twin.s)[:, None], np.abs(twin.b) + kappa * R
    if twin.by_value:
        K = b * operator(s2 * lengths, twin.w) + 2 * kappa * operator(s1, twin.w)
        L = np.zeros(len(R))
    else:
        first, second = np.linalg.norm(s * s1, axis=0), operator(s * s2, twin.w)
        K = b * (operator(s * s3 * lengths, twin.w) * (size + R) + 2 * second)
        K += 2 * kappa * (second * (size + R) + first)
        L = b * second + kappa * first
    bounds = _curvature(equations, found, twin.z, twin.b, R, moved)
    for bound, exact in zip(bounds, (K, L), strict=True):
        assert np.all(exact * (1 - 1e-12) <= bound)
        assert np.all(bound <= 1.2 * exact)


@pytest.mark.parametrize("name", ["power", "degrees", "values"])
def test_radii_solve_the_inequalities(name):
    """Balls of the whole, and those that stay where another sample is set aside."""
    twin, equations, found = build(name, seed=4)
    n, share = len(twin.z), 1e-6
    R = share * np.linalg.norm(twin.z, axis=1)
    matrix = _contraction(equations, found, twin.z, twin.b, R)
    steps = np.concatenate([found.step, found.outer_step])
    inverses = np.concatenate([found.inverse, found.outer_inverse])
    small = type(found)(
        **{
            name: getattr(found, name) * (1e-9 * R.min() / steps.max() if "step" in name else 1)
            for name in found.__dataclass_fields__
            if name != "basis"
        },
        basis=found.basis,
    )
    steps = np.concatenate([small.step, small.outer_step])
    error = 0.05 * R.min() / inverses.max()
    whole = enclose_samples(equations, small, twin.z, twin.b, error=error, share=share)
    w = np.linalg.solve(np.eye(2 * n) - matrix, inverses * error + steps)
    assert whole.whole
    assert np.all(whole.radius >= np.hypot(w[:n], w[n:]))
    assert np.all(whole.radius <= np.hypot(w[:n], w[n:]) * 1.00001)


def test_without_the_turning_of_the_span_norms_stand_for_it(monkeypatch):
    _, _, exact = build("degrees")
    monkeypatch.setattr("identify.checker.linearised._MOST_BALLS", 0)
    _, _, bounded = build("degrees")
    assert np.all(bounded.turn >= exact.turn / np.sqrt(4))  # Frobenius of at most four rows
    assert np.all(bounded.turn <= 1e3 * exact.turn)


def test_a_basis_that_is_off_stretches():
    twin, equations, found = build("power")
    B = found.basis * (1 + 2e-7)
    with ball_precision():
        off = linearise(equations, B, twin.z, twin.b)
        none = linearise(equations, found.basis * 1.01, twin.z, twin.b)
    assert none is None
    values = np.linalg.svd(B)[1]
    assert max(values.max(), 1 / values.min()) <= off.stretch < 1 + 1e-6


def test_an_output_layer_that_did_not_change_did_not_decay():
    rng = np.random.default_rng(0)
    a, W, W0 = rng.standard_normal(5), rng.standard_normal((5, 2)), rng.standard_normal((5, 2))
    weights = {"a": a, "a0": a, "W": W, "W0": W0}
    with ball_precision():
        equations = ball_equations(weights, "known-init", (0, 0, 0, 1.0), 0.5, 0.5)
    assert np.allclose(equations.sizes, np.abs(a))
    assert np.allclose(equations.lengths, np.linalg.norm(W0 / 2 + W, axis=1))
