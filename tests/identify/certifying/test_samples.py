"""Certified balls: the truth lies in them, and so does the worst set that a statement allows."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from certificate_networks import one_step, worst_neighbour

from identify import Verdict, synthesize_kkt, verify_identifiability
from identify.certificate import Certificate
from identify.certifying.samples import certify_samples
from identify.checker.check import check_certificate
from identify.checker.file_format import as_hex, certificate_text, weights_digest
from identify.checker.samples import SampleClaims, SampleProof, check_samples
from identify.equations.activation import parse_activation
from identify.equations.pose import pose
from identify.equations.weights import as_weights
from identify.options import Options, check_options
from identify.recovery.recover import recover
from identify.tensor.base_point import best_base


def certified(weights, activation=3, **options):
    init = (weights["a0"], weights.get("W0")) if "a0" in weights else None
    report = verify_identifiability(
        weights["a"], weights["W"], init=init, activation=activation, certify=True, **options
    )
    assert report.certificate is not None
    return report, report.certificate


def proved_again(certificate: Certificate, weights):
    return check_certificate(json.loads(certificate_text(certificate.content)), weights)


def distances(certificate, truth):
    both = [np.linalg.norm(certificate.centres[:, None] - s * truth, axis=2) for s in (1, -1)]
    return np.minimum(*both).min(axis=1)


CASES = {
    "cubic": {},
    "quartic": {"activation": 4},
    "several degrees": {"activation": [0.0, 0.5, 0.7, 1.0]},
    "frozen": {"frozen": True, "m": 120, "d": 4},
    "frozen, several degrees": {"frozen": True, "m": 120, "d": 4, "activation": [0.1, 0.5, 0, 1.0]},
    "as many as dimensions": {"n": 4, "d": 4},
    "one sample": {"n": 1},
}


@pytest.mark.parametrize("name", CASES)
def test_truth_lies_in_the_balls(name):
    step = one_step(**CASES[name])
    report, certificate = certified(step.weights, CASES[name].get("activation", 3))
    if name == "frozen, several degrees":  # the constant is not told from the samples
        pytest.skip("nothing is recovered") if report.recovery is None else None
    assert certificate.proved
    power = isinstance(CASES[name].get("activation", 3), int)
    degree = step.sigma.degree()
    truth = step.x * np.abs(step.b)[:, None] ** (1 / degree) if power else step.x
    assert np.all(
        distances(certificate, truth)
        <= certificate.radius * np.linalg.norm(certificate.centres, axis=1)
    )
    assert certificate.radius.max() < 1e-9
    assert proved_again(certificate, step.weights)[-len(certificate.statement) :] == (
        certificate.statement
    )
    gradients = not name.startswith("frozen")
    assert certificate.everywhere == (gradients and power)
    proved = {Verdict.LOCALLY_IDENTIFIABLE}
    proved |= {Verdict.GLOBALLY_IDENTIFIABLE} if certificate.everywhere else set()
    assert report.evidence == ("proved-ball" if report.verdict in proved else "numerical")


@pytest.mark.parametrize(("alpha", "d"), [(3, 5), (4, 3)])
def test_worst_allowed_set_lies_in_the_balls(alpha, d):
    """What the statement is about: a set that misses the equations by all of the error."""
    step = one_step(n=3, d=d, activation=alpha)
    _, certificate = certified(step.weights, alpha)
    content = certificate.content["samples"]
    claims = SampleClaims(
        setting="known-init",
        coefficients=tuple(step.sigma.coef),
        base=0.0,
        decay=1.0,
        basis=np.array([[float.fromhex(v) for v in row] for row in content["basis"]]),
        samples=np.array([[float.fromhex(v) for v in row] for row in content["samples"]]),
        signed_weights=np.array([float.fromhex(v) for v in content["signed_weights"]]),
        error=1e-8,
        share=1e-3,
        radius=np.full(3, np.inf),
        everywhere=False,
    )
    proof = SampleProof(claims, step.weights)
    for error in (1e-8, 1e-7):
        found = proof.near(error, 2e-3)
        assert found is not None
        assert found.whole
        for i in range(3):
            x = worst_neighbour(step, claims.centres, claims.signed_weights, error, i)
            ratio = np.linalg.norm(x - claims.centres, axis=1) / found.radius
            assert np.all(ratio <= 1)
            assert ratio[i] > 0.2  # the bound is no more than a few times what can happen
        wide = replace(claims, error=error, share=2e-3, radius=found.radius * 1.001)
        assert check_samples(wide, step.weights)
        with pytest.raises(ValueError, match="radius: sample"):
            check_samples(replace(wide, radius=found.radius * 0.9), step.weights)


def test_another_set_of_the_same_equations_is_never_excluded():
    """Degree 2 has no unique set; three coplanar samples are two others to a cubic."""
    step = one_step(n=3, d=5, activation=2)
    _, certificate = certified(step.weights, 2)
    assert not certificate.everywhere
    assert not certificate.proved
    x = np.random.default_rng(0).standard_normal((3, 5))
    x[2] = x[0] - 0.5 * x[1]
    coplanar = one_step(x=x)
    report, certificate = certified(coplanar.weights)
    assert report.evidence == "numerical"
    assert len(certificate.centres) == 2
    assert "every set of at most 2 samples" in " ".join(certificate.statement)


@pytest.mark.parametrize("gap", [1e-1, 1e-3, 1e-5])
def test_near_duplicates_widen_their_own_balls(gap):
    x = np.random.default_rng(0).standard_normal((3, 6))
    x[1] = x[0] + gap * x[1]
    step = one_step(x=x)
    _, certificate = certified(step.weights)
    truth = step.x * np.cbrt(np.abs(step.b))[:, None]
    lengths = np.linalg.norm(certificate.centres, axis=1)
    if certificate.proved and certificate.everywhere:
        assert np.all(distances(certificate, truth) <= certificate.radius * lengths)
    else:
        assert certificate.numerical


@pytest.mark.parametrize(("n", "alpha"), [(3, 3), (3, 4)])
def test_kkt_points(n, alpha):
    x = np.eye(n, n + 2) + 0.03 * np.random.default_rng(n).standard_normal((n, n + 2))
    point = synthesize_kkt(x, [1, -1, 1][:n] if alpha % 2 else [1] * n, alpha)
    weights = {"a": point.a, "W": point.W}
    report, certificate = certified(weights, alpha)
    assert report.evidence == "proved-ball"
    assert report.verdict is Verdict.GLOBALLY_IDENTIFIABLE
    truth = x * np.abs(point.b)[:, None] ** (1 / alpha)
    lengths = np.linalg.norm(certificate.centres, axis=1)
    assert np.all(distances(certificate, truth) <= certificate.radius * lengths)
    assert "Wherever they are" in " ".join(proved_again(certificate, weights))
    margin, _ = certified(weights, alpha, margin=1.0)
    assert margin.evidence == "numerical"  # what fixes the norms is not proved


def test_a_computed_path_stays_numerical():
    from identify.demo.training import train

    x = np.linalg.qr(np.random.default_rng(0).standard_normal((6, 6)))[0][:3]
    net = train(x, np.array([1.0, -1.0, 1.0]), neurons=100)
    report = verify_identifiability(net.a, net.W, init=(net.a0, net.W0), certify=True)
    assert report.certificate is not None
    assert report.evidence == "numerical"
    assert "course of the training" in " ".join(report.certificate.numerical)
    assert report.rank is not None
    assert report.rank.exact_rank == report.rank.N


@pytest.fixture(scope="module")
def written():
    step = one_step(n=3, d=5)
    _, certificate = certified(step.weights)
    assert certificate.everywhere
    return step.weights, json.loads(certificate_text(certificate.content))


def test_centres_are_shown_with_their_rounding(written):
    """The claim is about B z_i; what is shown is that in float64."""
    weights, content = written
    _, shown = certified(weights)
    samples, basis = (
        [[Fraction(float.fromhex(v)) for v in row] for row in content["samples"][name]]
        for name in ("samples", "basis")
    )
    for i, z in enumerate(samples):
        exact = [sum(c * t for c, t in zip(z, row, strict=True)) for row in basis]
        off = sum((Fraction(v) - t) ** 2 for v, t in zip(shown.centres[i], exact, strict=True))
        room = shown.radius[i] * np.linalg.norm(shown.centres[i])
        room -= float.fromhex(content["samples"]["radius"][i])
        assert float(off) ** 0.5 <= room


def test_sentences_are_never_better_than_their_figures(written):
    weights, content = written
    samples = content["samples"]
    said = " ".join(check_certificate(content, weights))
    error, share = (float.fromhex(samples[name]) for name in ("error", "share"))
    radius = max(float.fromhex(r) for r in samples["radius"])
    figures = (r"by at most ([\d.e-]+),", r"share ([\d.e-]+) of", r"radius at most ([\d.e-]+) \|")
    found = [float(re.search(figure, said)[1]) for figure in figures]
    assert error * 0.99 < found[0] <= error
    assert share * 0.99 < found[1] <= share
    lengths = np.linalg.norm(numbers_of(samples["samples"]), axis=1)
    assert radius / lengths.max() * 0.99 < found[2]
    assert found[2] >= max(np.array([float.fromhex(r) for r in samples["radius"]]) / lengths)
    assert "sign of its b_i" in said


def numbers_of(rows):
    return np.array([[float.fromhex(v) for v in row] for row in rows])


def changed(content, **fields):
    return content | {"samples": content["samples"] | fields}


def test_false_certificates_are_refused(written):
    weights, content = written
    samples, rank = content["samples"], content["rank"]
    numbers = np.array([[float.fromhex(v) for v in row] for row in samples["samples"]])
    radius = np.array([float.fromhex(v) for v in samples["radius"]])
    ulp = weights | {"W": np.nextafter(weights["W"], np.inf)}
    false = {
        "SHA-256": (content, ulp),
        "radius: sample 1": (changed(content, radius=as_hex(radius * 0.99)), weights),
        "radius: sample": (changed(content, samples=as_hex(numbers + 1e-6)), weights),
        "is proved to inf": (changed(content, samples=as_hex(numbers * 1.5)), weights),
        "no inverse": (changed(content, samples=as_hex(np.tile(numbers[:1], (3, 1)))), weights),
        "everywhere": (
            changed(content, error=as_hex(1e-6), share=as_hex(1e-3), radius=as_hex(0 * radius + 1)),
            weights,
        ),
        "field 'signed_weights'": (changed(content, signed_weights=as_hex(np.ones(2))), weights),
        "others than 1 and -1": (changed(content, signed_weights=as_hex(np.full(3, 2.0))), weights),
        "field 'basis'": (changed(content, basis=samples["basis"][:-1]), weights),
        "base: found": (changed(content, base=as_hex(0.25)), weights),
        "two of them|needs others": (changed(content, setting="kkt"), weights),
        "prime: found": (content | {"rank": rank | {"prime": 8388592}}, weights),
        "minor is square": (content | {"rank": rank | {"rows": rank["rows"][:-1]}}, weights),
        "repeated": (content | {"rank": rank | {"rows": [0, *rank["rows"][:-1]]}}, weights),
        "neither": ({"kind": "polynomial", "weights": content["weights"]}, weights),
    }
    assert check_certificate(content, weights)
    for said, (claims, of) in false.items():
        with pytest.raises(ValueError, match=said):
            check_certificate(claims, of)


def test_wrong_samples_of_right_weights_are_refused(written):
    """The digest of other weights does not help: the mathematics refuses."""
    weights, content = written
    other = one_step(n=3, d=5, seed=1).weights
    with pytest.raises(ValueError, match=r"radius|inverse|everywhere"):
        check_certificate(content | {"weights": weights_digest(other)}, other)
    assert weights_digest(other) != weights_digest(weights)


def certificate_without_a_bound(noise: float) -> Certificate:
    """What is certified of recovered samples where no error of the equations was derived."""
    step = one_step(n=3, d=5, m=40)
    W = step.weights["W"]
    shift = np.random.default_rng(0).standard_normal(W.shape)
    weights = step.weights | {"W": W + noise * np.linalg.norm(W) * shift / np.linalg.norm(shift)}
    sigma = parse_activation(3)
    problem = pose(as_weights(weights["a"], weights["W"], (weights["a0"], weights["W0"])), sigma)
    problem, interpolation = best_base(problem)
    found = recover(problem, interpolation, check_options(Options(), problem.setting))
    return certify_samples(problem, None, found.recovery, error=float("nan"), along=False)


def test_a_missing_bound_is_not_zero():
    """Exact equations are certified as such; what they miss by otherwise is not known."""
    certificate = certificate_without_a_bound(0.0)
    assert certificate.proved
    assert 0 < float.fromhex(certificate.content["samples"]["error"]) < 1e-13
    for noise in (1e-10, 1e-6):
        certificate = certificate_without_a_bound(noise)
        assert not certificate.proved
        assert "no bound was derived" in certificate.numerical[-1]
