"""Certified ReLU layers: the truth, and the worst error that a statement allows, in the balls."""

from __future__ import annotations

import json

import numpy as np
import pytest

from identify import verify_network
from identify.checker.check import check_certificate
from identify.checker.file_format import certificate_text
from identify.checker.silent_rows import SilentClaims, SilentProof, check_silent_rows


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
