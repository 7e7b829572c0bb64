"""Samples that training noise hides: every claim holds at the noise, whatever the type shows."""

from __future__ import annotations

import cases
import numpy as np
import pytest

from identify import verify_identifiability


def pair(rng, n, d, angle):
    """Unit samples, the last two of which lie at an angle."""
    x = cases.samples(rng, n, d)
    aside = rng.standard_normal(d)
    aside -= (aside @ x[0]) * x[0]
    x[-1] = np.cos(angle) * x[0] + np.sin(angle) * aside / np.linalg.norm(aside)
    return x


def saved(rng, case, sigma, rho=1.0):
    """The weights with decay and with rounding that added up over the steps, in float32 values."""
    a0, W0 = case.options["init"]
    W = case.W - (1 - rho) * W0
    noise = sigma * np.sqrt(np.abs(W) * np.abs(W).mean()) * rng.standard_normal(W.shape)
    a, W = (v.astype(np.float32).astype(float) for v in (case.a - (1 - rho) * a0, W + noise))
    size = float(np.linalg.norm(noise) / np.linalg.norm(case.W - W0))
    kind = "nearly ambiguous"
    return cases.Case(a, W, case.options, case.x, case.b, kind, noise=size, stored="float32")


@pytest.mark.parametrize("rho", [1.0, 0.97])
@pytest.mark.parametrize("sigma", [1e-9, 1e-7, 1e-5])
@pytest.mark.parametrize("angle", [1e-1, 1e-2, 1e-3, 1e-4])
@pytest.mark.parametrize("seed", range(2))
def test_a_pair_under_the_noise_of_training_is_covered(angle, sigma, rho, seed):
    rng = np.random.default_rng(seed)
    case = cases.gradient_step(rng, pair(rng, 5, 24, angle), cases.signed(rng, 5), 3, 250)
    hidden = saved(rng, case, sigma, rho)
    report = verify_identifiability(hidden.a, hidden.W, **hidden.options)
    assert report.rank.row_space in {4, 5}
    words, worst = cases.false_claims(hidden, report)
    assert (words, worst <= 1) == ([], True)


@pytest.mark.parametrize("sigma", [1e-7, 1e-5])
@pytest.mark.parametrize("share", [1e-7, 1e-5, 1e-3])
@pytest.mark.parametrize("seed", range(2))
def test_a_faint_sample_under_the_noise_of_training_is_not_denied(share, sigma, seed):
    rng = np.random.default_rng(seed)
    b = cases.signed(rng, 5)
    b[-1] *= share
    case = cases.gradient_step(rng, cases.samples(rng, 5, 24), b, 3, 250)
    hidden = saved(rng, case, sigma)
    report = verify_identifiability(hidden.a, hidden.W, **hidden.options)
    assert not cases.judge(hidden, report).failures(hidden)
    if report.assumed is not None and report.assumed.samples < 5:
        seen = cases.shares(case)[-1]
        assert report.assumed.faintest > seen
