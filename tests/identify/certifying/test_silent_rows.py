"""Certified ReLU layers: the truth, and the worst error that a statement allows, in the balls."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from identify import singular_value_bounds, verify_network
from identify.checker.arithmetic import ball_precision, near_floats
from identify.checker.check import check_certificate
from identify.checker.file_format import certificate_text
from identify.checker.silent_rows import (
    SilentClaims,
    SilentProof,
    _inverse_errors,
    check_silent_rows,
)


def layer(n=4, d=9, h=60, seed=0, noise=0.0):
    """A change C X with half-space zeros, and an error of a spectral norm."""
    rng = np.random.default_rng(seed)
    x, W0 = rng.standard_normal((n, d)), rng.standard_normal((h, d))
    silent = (W0 @ x.T < 0).T
    C = np.where(silent.T, 0.0, rng.standard_normal((h, n)))
    E = rng.standard_normal((h, d))
    return x, W0, W0 + C @ x + noise * E / np.linalg.norm(E, 2), silent


def claims_of(x, W0, W, silent, error, radius=None):
    n = len(x)
    basis = np.linalg.svd(W - W0)[2][:n].T
    M = (W - W0) @ basis
    duals = np.array([np.linalg.svd(M[rows])[2][-1] for rows in silent])
    return SilentClaims(
        1.0, basis, duals, silent, error, np.full(n, np.inf) if radius is None else radius
    )


def off(claims, x):
    z = np.linalg.inv(claims.duals.T) @ claims.basis.T
    z /= np.linalg.norm(z, axis=1, keepdims=True)
    unit = x / np.linalg.norm(x, axis=1, keepdims=True)
    return np.minimum(*(np.linalg.norm(z - s * unit, axis=1) for s in (1, -1)))


@pytest.mark.parametrize("noise", [0.0, 1e-10, 1e-6, 1e-3])
def test_truth_lies_in_the_balls(noise):
    for seed in range(5):
        x, W0, W, silent = layer(seed=seed, noise=noise)
        claims = claims_of(x, W0, W, silent, max(noise, 1e-13))
        radius = SilentProof(claims, {"trained": W, "initial": W0}).radii(claims.error)
        assert np.all(off(claims, x) <= radius)
        assert np.isfinite(radius).all() or noise >= 1e-3
        if noise == 1e-6:
            assert radius.max() < 1e3 * noise


def test_errors_in_the_worst_direction():
    """An error along the null vectors of the silent rows moves the samples most."""
    x, W0, W, silent = layer()
    worst, error = 0.0, 1e-5
    for i in range(len(x)):
        v = np.linalg.pinv(x)[:, i]
        E = np.zeros_like(W)
        E[silent[i]] = np.outer(
            np.sign(np.random.default_rng(i).standard_normal(silent[i].sum())), v
        )
        E *= error / np.linalg.norm(E, 2)
        claims = claims_of(x, W0, W + E, silent, error * 1.001)
        radius = SilentProof(claims, {"trained": W + E, "initial": W0}).radii(claims.error)
        assert np.all(off(claims, x) <= radius)
        worst = max(worst, float(np.max(off(claims, x) / radius)))
    assert worst > 0.01


def radii_by_the_theorem(claims, D, eps):
    """The docstring of the proof in plain floats, where nothing cancels."""
    B, V = claims.basis, claims.duals.T
    n, off = len(V), np.linalg.norm(B.T @ B - np.eye(len(V)))
    M, Z, grown = D @ B, np.linalg.inv(V), 1 + off
    E = np.zeros((n, n))
    for i, rows in enumerate(claims.silent):
        S, v = M[rows], V[:, i]
        A = S.T @ S + np.trace(S.T @ S) / n * np.outer(v, v)
        root = np.linalg.norm(np.linalg.inv(A)) ** -0.5
        if eps * grown >= root:
            return np.full(n, np.inf)
        left, length = np.linalg.norm(S @ v), np.linalg.norm(v)
        pi = (eps * grown * length + left) / (root - eps * grown)
        g = Z @ np.linalg.inv(A) @ S.T
        E[:, i] = np.linalg.norm(g, axis=1) * eps * grown * (length + pi) + np.abs(g @ S @ v)
    sizes = np.linalg.norm(Z, axis=1)
    inside = E @ np.linalg.inv(np.eye(n) - E) @ sizes
    rest = np.linalg.norm(D - M @ np.linalg.pinv(B), 2)
    theta = (rest + eps) / (np.linalg.svd(M)[1][-1] - eps * grown)
    far = inside * grown + 1.1 * off * sizes + (sizes + inside) * theta
    return 2 * np.sin(np.arcsin(far / (sizes / grown)) / 2)


@pytest.mark.parametrize(
    ("error", "noise", "turned", "stretch"),
    [
        (1e-3, 0, 0, 0),
        (1e-3, 0, 3e-4, 0),
        (1e-9, 0, 1e-3, 0),
        (1e-9, 1e-3, 0, 0),
        (1e-11, 0, 0, 2e-7),
        (1e-2, 0, 0, 0),
    ],
)
def test_radii_are_those_of_the_theorem(error, noise, turned, stretch):
    """Each term where it is the largest: error, outside part, duals and bases that are off."""
    x, W0, W, silent = layer(noise=noise)
    plain, rng = claims_of(x, W0, W, silent, error), np.random.default_rng(1)
    if noise:  # all of it outside the span
        Q = np.eye(9) - np.linalg.pinv(x) @ x
        W = W0 + np.where(silent.T, 0.0, rng.standard_normal((60, 4))) @ x
        W += noise * rng.standard_normal((60, 9)) @ Q
        plain = claims_of(x, W0, W, silent, error)
    claims = replace(
        plain,
        basis=plain.basis * (1 + stretch),
        duals=plain.duals + turned * rng.standard_normal(plain.duals.shape),
    )
    proof = SilentProof(claims, {"trained": W, "initial": W0})
    expected = radii_by_the_theorem(claims, W - W0, error)
    found = proof.radii(error)
    assert np.all(np.isfinite(expected))
    assert np.all(expected * (1 - 1e-9) <= found)
    assert np.all(found <= expected * (1 + 3e-6) + 1e-12)
    for large in (0.3, 1.0, 3.0, 10.0, 100.0):  # no inverse, or none that is known
        with np.errstate(invalid="ignore"):
            assert not np.any(proof.radii(large) < radii_by_the_theorem(claims, W - W0, large))
    with pytest.raises(ValueError, match="not orthonormal"):
        SilentProof(replace(claims, basis=claims.basis * 1.001), {"trained": W, "initial": W0})


def test_no_radius_where_the_error_hides_a_sample_or_a_null_vector():
    """From the smallest singular value of the silent rows on, up to that of the whole change."""
    x, W0, W, silent = layer(noise=1e-6)
    claims, weights = claims_of(x, W0, W, silent, 1e-6), {"trained": W, "initial": W0}
    proof = SilentProof(claims, weights)
    M = (W - W0) @ claims.basis
    lowest = min(np.linalg.svd(M[rows])[1][-2] for rows in silent)
    with ball_precision():
        rounded = singular_value_bounds(near_floats(proof.M))[0][-1]
    assert lowest < proof.smallest < rounded < np.linalg.svd(M)[1][-1]
    finite = 0
    for error in (*np.geomspace(1e-9, lowest, 40), *np.linspace(lowest, proof.smallest, 40)):
        found = proof.radii(error)
        assert np.all(np.isinf(found) | (found < np.sqrt(2)))
        if error >= lowest:
            assert np.all(np.isinf(found))
        finite += int(np.isfinite(found).all())
    assert 10 < finite < 40
    proof.smallest = 1e-3  # a sample fainter than the error, which may be none
    assert np.all(np.isfinite(proof.radii(1e-5)))
    for error in (1.001e-3, 2e-3):
        assert np.all(np.isinf(proof.radii(error)))


def test_duals_that_are_dependent_or_rows_that_are_too_few():
    x, W0, W, silent = layer()
    plain, weights = claims_of(x, W0, W, silent, 1e-12), {"trained": W, "initial": W0}
    assert np.all(np.isfinite(SilentProof(plain, weights).radii(1e-12)))
    twice = plain.duals[[0, 0, 2, 3]]
    assert np.all(np.isinf(SilentProof(replace(plain, duals=twice), weights).radii(1e-12)))
    alone = sorted(np.flatnonzero(silent[1]), key=lambda row: silent[:, row].sum())
    for count in (0, 1, 2, 3):  # three rows leave one null vector of four coordinates
        few = silent.copy()
        few[1] = np.isin(np.arange(60), alone[:count])
        found = SilentProof(replace(plain, silent=few), weights).radii(1e-12)
        assert np.all(np.isfinite(found)) == (count == 3)


@pytest.mark.parametrize("E", [1.0, 2.0, 1 - 1e-9, np.inf, np.nan])
def test_errors_that_feed_themselves_have_no_bound(E):
    """No inverse; one with a negative sum; a sum too large to be told from one that is not."""
    assert np.isinf(_inverse_errors(np.array([[E]]), np.ones(1)))
    with np.errstate(invalid="ignore"):
        both = _inverse_errors(np.array([[0.1, 0.0], [0.0, E]]), np.ones(2))
    assert np.all(np.isinf(both))
    assert _inverse_errors(np.array([[0.5]]), np.ones(1)) == pytest.approx(1, rel=1e-5)


@pytest.mark.parametrize("power", [-500, 268, 500])
def test_the_size_of_the_weights_does_not_matter(power):
    """Squares of their inverses leave the range of float64: no norm may be lost in that."""
    x, W0, W, silent = layer(noise=1e-4)
    plain, size = claims_of(x, W0, W, silent, 1e-4), 2.0**power
    expected = SilentProof(plain, {"trained": W, "initial": W0}).radii(1e-4)
    grown = {"trained": W * size, "initial": W0 * size}
    assert np.allclose(SilentProof(plain, grown).radii(1e-4 * size), expected, rtol=1e-6)


def test_a_row_that_was_not_left_alone():
    """A wrong silent set is no near-null space: the radius says so, or the check refuses."""
    x, W0, W, silent = layer()
    weights = {"trained": W, "initial": W0}
    good = claims_of(x, W0, W, silent, 1e-13)
    proved = SilentProof(good, weights).radii(1e-13)
    good = claims_of(x, W0, W, silent, 1e-13, proved * 1.001)
    assert "up to their sign" in check_silent_rows(good, weights)[0]
    wrong = silent.copy()
    wrong[0, np.flatnonzero(~silent[0])[:3]] = True
    with pytest.raises(ValueError, match="radius: sample"):
        check_silent_rows(
            SilentClaims(1.0, good.basis, good.duals, wrong, 1e-13, good.radius), weights
        )
    empty = np.zeros_like(silent)
    with pytest.raises(ValueError, match="proved to inf"):
        check_silent_rows(
            SilentClaims(1.0, good.basis, good.duals, empty, 1e-13, good.radius), weights
        )


def trained(seed=0):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((5, 18))
    x, y = x / np.linalg.norm(x, axis=1, keepdims=True), rng.choice([-1.0, 1.0], 5)
    W0, a = rng.standard_normal((120, 18)), rng.standard_normal(120) / 11
    W = W0
    for _ in range(30):
        t = W @ x.T
        W = W - 0.2 * ((t > 0) * a[:, None] * (np.maximum(t, 0).T @ a - y)) @ x
    return x, {"0.weight": W0, "2.weight": a[None]}, {"0.weight": W, "2.weight": a[None]}


def test_a_trained_network_and_its_false_certificates():
    x, before, after = trained()
    report = verify_network(after, before, certify=True)
    certificate = report.certificate
    assert certificate is not None
    assert certificate.proved
    assert report.evidence == "numerical"  # the silent rows are what the search found
    unit = x / np.linalg.norm(x, axis=1, keepdims=True)
    near = np.abs(certificate.centres @ unit.T).max(axis=1)
    assert np.all(np.sqrt(np.maximum(2 - 2 * near, 0)) <= certificate.radius + 1e-7)
    weights = {"trained": after["0.weight"], "initial": before["0.weight"]}
    content = json.loads(certificate_text(certificate.content))
    assert check_certificate(content, weights) == certificate.statement
    radius = [(float.fromhex(r) / 2).hex() for r in content["radius"]]
    rows = [[*content["silent"][0], 10**6], *content["silent"][1:]]
    false = {
        "radius: sample": content | {"radius": radius},
        "list of integers": content | {"silent": rows},
        "field 'silent'": content | {"silent": content["silent"][:-1]},
        "field 'duals'": content | {"duals": content["duals"][:-1]},
        "orthonormal": content | {"basis": [content["basis"][0]] * len(content["basis"])},
    }
    for said, claims in false.items():
        with pytest.raises(ValueError, match=said):
            check_certificate(claims, weights)
    with pytest.raises(ValueError, match="SHA-256"):
        check_certificate(content, weights | {"trained": np.nextafter(weights["trained"], 9)})


def test_what_is_not_whole_is_not_enclosed():
    _, before, _ = trained()
    same = verify_network(before | {"0.weight": before["0.weight"] * 1.01}, before, certify=True)
    assert same.certificate is not None
    assert not same.certificate.statement
    assert "Nothing was recovered" in same.certificate.numerical[0]
    with pytest.raises(ValueError, match="nothing proved"):
        same.certificate.to_json("unwritten.json")
