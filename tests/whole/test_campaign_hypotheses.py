"""What the judge excuses, and that it excuses nothing else: violations of stated hypotheses."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from campaign import families
from campaign.hypotheses import violations
from campaign.instances import (
    NEARLY,
    Case,
    gradient_step,
    samples,
    signed,
    unit,
)
from campaign.judge import judge
from campaign.matching import independence, residual, shares
from campaign.runner import verified
from judge_cases import (
    GLOBALLY,
    SIGN,
    Assumed,
    Contrast,
    Said,
    cubic,
    rules,
    tampered,
    truthful,
)

from identify.findings import Recovery


def two_cubes(form: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """Write c_0 s^3 + 3 c_1 s^2 t + 3 c_2 s t^2 + c_3 t^3 as two cubes (Sylvester), if real."""
    c0, c1, c2, c3 = form
    apolar = np.array([c0 * c2 - c1**2, c0 * c3 - c1 * c2, c1 * c3 - c2**2])
    roots = np.roots(apolar)  # of l_0 s^2 + l_1 s t + l_2 t^2, dual to the two lines
    if np.iscomplex(roots).any():
        return None
    lines = unit(np.column_stack([np.ones(2), -roots]).real)
    matrix = np.array([lines[:, 0] ** (3 - k) * lines[:, 1] ** k for k in range(4)])
    weights = np.linalg.lstsq(matrix, form, rcond=None)[0]
    return lines, weights


def coplanar() -> tuple[Case, Recovery]:
    """Three coplanar samples and a fourth, and the three independent ones that fit as well."""
    rng = np.random.default_rng(11)
    basis = np.linalg.qr(rng.standard_normal((6, 3)))[0].T
    while True:
        plane, b = samples(rng, 3, 2), signed(rng, 4)
        form = np.array([b[:3] @ (plane[:, 0] ** (3 - k) * plane[:, 1] ** k) for k in range(4)])
        found = two_cubes(form)
        if found is not None and np.abs(found[0] @ plane.T).max() < 0.95:
            break
    x = np.concatenate([plane @ basis[:2], basis[2:]])
    y = np.concatenate([found[0] @ basis[:2], basis[2:]])
    weights = np.append(found[1], b[3])
    recovery = Recovery(y, weights, np.full(3, 1e-12), True, 0.0, SIGN)
    return replace(cubic(x, b), kind=NEARLY), recovery


def test_coplanar_samples_are_excused_only_by_the_stated_hypothesis():
    case, recovery = coplanar()
    assert residual(case, recovery.x, recovery.b) < 1e-13
    assert independence(case.x).min() < 1e-14
    said = Said(GLOBALLY, recovery, assumed=Assumed())
    judged = judge(case, said)
    assert judged.outside
    assert judged.exceeded == 2
    assert not judged.failures(case)
    assert {"phantom", "false GLOBALLY"} <= rules(case, replace(said, assumed=None))
    assert rules(case, replace(said, assumed=Assumed(independence=0.0)))
    worse = tampered(said, b=recovery.b * (1 + 1e-6))  # visibly no explanation of the weights
    assert rules(case, worse)


def test_near_duplicates_are_not_excused():
    x = samples(np.random.default_rng(3), 4, 6)
    x[1] = unit((x[0] + 1e-7 * x[2])[None])[0]
    case = replace(cubic(x, np.ones(4)), kind=NEARLY)
    found = truthful(case).recovery
    merged = replace(found, x=found.x[1:], b=found.b[1:] * [2, 1, 1],
                     error_bound=np.full(3, 1e-12))  # fmt: skip
    assert rules(case, Said(GLOBALLY, merged, assumed=Assumed())) == {"merged", "false GLOBALLY"}


def test_what_violates_independence():
    rng = np.random.default_rng(4)
    x, strict = samples(rng, 4, 6), Assumed(independence=1e-6)
    said = truthful(cubic(x)).recovery
    assert not violations(cubic(x), strict, said)
    near = x.copy()
    near[1] = unit((x[0] + 1e-7 * x[2])[None])[0]  # in the plane of samples 0 and 2
    assert violations(cubic(near), strict, said)
    near[1] = unit((x[0] + 1e-7 * rng.standard_normal(6))[None])[0]
    assert not violations(cubic(near), strict, said)
    longer = x.copy()
    longer[1] = 1.001 * x[0]
    assert not violations(cubic(longer), strict, said)  # no norm shows: one sample
    two_terms = gradient_step(rng, longer, signed(rng, 4), [0, 1, 0, 1], 30)
    assert violations(two_terms, strict, said)
    assert violations(cubic(samples(rng, 7, 6)), strict, said)


@pytest.mark.parametrize("bound", [1e-8, 4e-8])
def test_a_faint_near_duplicate_is_excused_within_its_share_of_the_bound_only(bound):
    x, angle, faint = samples(np.random.default_rng(3), 4, 6), 1e-7, 1e-3
    x[1] = unit((x[0] + angle * samples(np.random.default_rng(4), 1, 6)[0])[None])[0]
    b = np.array([1.0, faint, 1.0, 1.0])
    case = replace(cubic(x, b), kind=NEARLY)
    # merged at the weighted mean the pair fits to second order
    mean = unit((b[0] * x[0] + b[1] * x[1])[None])
    y, weights = np.concatenate([mean, x[2:]]), b[[0, 2, 3]] + [faint, 0, 0]
    found = Recovery(y, weights, np.full(3, bound), True, 0.0, SIGN)
    assert residual(case, found.x, found.b) < 1e-12
    said = Said(GLOBALLY, found, assumed=Assumed(independence=1e-12))
    wrong = {"merged", "false GLOBALLY"}
    assert rules(case, said) == wrong
    assert rules(case, replace(said, assumed=Contrast(independence=1e-12, contrast=1e4))) == wrong
    stated = replace(said, assumed=Contrast(independence=1e-12, contrast=64))
    within = angle < np.sqrt(1 / faint / 64) * bound
    assert rules(case, stated) == (set() if within else wrong)
    # at sample 0 in place of the mean the fit is visibly worse, and excuses nothing
    assert rules(case, tampered(stated, x=np.concatenate([x[:1], x[2:]]))) == wrong


@pytest.mark.parametrize("number", [14066, 22295])
def test_a_faint_sample_hides_at_the_root_of_the_contrast(number):
    """Found by the campaign: the pair fits as one, farther apart than the bound of that one."""
    _, case = families.instance(number)
    judged = judge(case, verified(case))
    assert {finding.rule for finding in judged.findings} == {"false GLOBALLY"}
    assert "fainter" in judged.outside
    assert not judged.failures(case)
    x, b = unit(case.x), case.b
    mean = unit((b[0] * x[0] + b[1] * x[1])[None]) * np.sign(b[0])
    at_mean, at_bright = (
        residual(case, np.concatenate([one, x[2:]]), np.append(b[0] + b[1], b[2:]))
        for one in (mean, x[:1])
    )
    assert at_mean < at_bright / 20


@pytest.mark.parametrize(
    ("size", "faintest", "excused"),
    [(1e-15, 1e-13, True), (1e-15, 0.0, False), (1e-5, 1e-3, False)],
)
def test_faint_samples_are_excused_only_below_the_fit(size, faintest, excused):
    case = replace(cubic(b=np.array([1, -1, 1, size])), kind=NEARLY)
    np.testing.assert_allclose(shares(case)[3], size, rtol=5)
    found = truthful(case).recovery
    three = replace(found, x=found.x[:3], b=found.b[:3], error_bound=found.error_bound[:3])
    said = Said(GLOBALLY, three, assumed=Assumed(faintest=faintest))
    assert (not rules(case, said)) == excused
