"""The judge of the campaign can fail: tampered reports, each with the finding it must bring."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from campaign import families
from campaign.instances import (
    AMBIGUOUS,
    IDENTIFIABLE,
    NEARLY,
    NO_KKT,
    NOISY,
    Case,
    gradient_step,
    samples,
    unit,
)
from campaign.judge import judge, may_refuse
from campaign.matching import clusters
from campaign.runner import verified
from campaign.stationary import at_margin, stationary_point
from judge_cases import (
    GLOBALLY,
    NOT,
    Said,
    cubic,
    moved,
    rules,
    tampered,
    truthful,
)

from identify.findings import Recovery, Witness


def test_a_true_report_passes():
    case = cubic()
    judged = judge(case, truthful(case))
    assert not judged.findings
    assert (judged.claims, judged.exceeded) == (4, 0)
    assert min(judged.ratios) > 1e5


def test_order_sign_and_free_norms_do_not_matter():
    case = cubic()
    x = -2.5 * case.x[::-1]
    said = tampered(truthful(case), x=x, norm_known=False)
    assert not judge(case, said).findings
    assert rules(case, replace(said, recovery=replace(said.recovery, norm_known=True)))
    assert rules(case, tampered(said, equivalences=())) == {"phantom", "false GLOBALLY"}
    odd = gradient_step(np.random.default_rng(1), case.x, case.b, [0, 0, 1, 1], 40)
    assert rules(odd, tampered(truthful(odd), x=-case.x)) == {"phantom", "false GLOBALLY"}


def test_a_shrunk_bound():
    case = cubic()
    said = tampered(truthful(case), x=moved(truthful(case), 1, 1e-8))
    assert rules(case, said) == {"bound", "false GLOBALLY"}
    assert rules(case, replace(said, verdict="PARTIALLY_IDENTIFIABLE")) == {"bound"}
    assert not rules(case, tampered(said, error_bound=np.full(4, 2e-8)))
    assert not rules(replace(case, kind=NOISY, noise=1e-9), said)
    assert judge(case, said).exceeded == 1


def test_unclaimed_samples_may_be_anywhere():
    case = cubic()
    said = tampered(truthful(case), x=moved(truthful(case), 1, 0.5))
    bound = np.array([1e-9, np.inf, 1e-9, 1e-9])
    partly = replace(tampered(said, error_bound=bound), verdict="PARTIALLY_IDENTIFIABLE")
    assert not rules(case, partly)
    assert rules(case, said) == {"phantom", "false GLOBALLY"}
    assert "phantom" in rules(replace(case, kind=NOISY, noise=1e-9), said)


@pytest.mark.parametrize("kept", [[0, 1, 2], [0, 1, 2, 3, 3]])
def test_a_sample_lost_or_invented(kept):
    case = cubic()
    found = truthful(case).recovery
    bound = np.full(len(kept), 1e-9)
    said = tampered(truthful(case), x=found.x[kept], b=found.b[kept], error_bound=bound)
    assert rules(case, said) == {"false GLOBALLY"}


@pytest.mark.parametrize("kind", [AMBIGUOUS, NO_KKT])
def test_globally_of_what_is_not(kind):
    case = replace(cubic(), kind=kind)
    assert rules(case, truthful(case)) == {"false GLOBALLY"}
    nothing = replace(case, x=None, b=None)
    assert rules(nothing, truthful(case)) == {"false GLOBALLY", "claim of nothing"}


@pytest.mark.parametrize(("angle", "bound", "fine"), [(1e-4, 1e-9, False), (1e-4, 2e-4, True)])
def test_merged_samples_must_all_be_covered(angle, bound, fine):
    x = samples(np.random.default_rng(3), 4, 6)
    x[1] = unit((x[0] + angle * x[2])[None])[0]
    case = replace(cubic(x), kind=NEARLY)
    found = truthful(case, bound).recovery
    said = Said("PARTIALLY_IDENTIFIABLE", replace(
        found, x=found.x[1:], b=found.b[1:], error_bound=found.error_bound[1:]))  # fmt: skip
    assert rules(case, said) == (set() if fine else {"merged"})
    assert rules(case, replace(said, verdict=GLOBALLY)) == (
        set() if fine else {"merged", "false GLOBALLY"}
    )
    assert clusters(case) == [[0, 1], [2], [3]]


def test_malformed_bounds():
    case = cubic()
    for bad in (np.full(4, np.nan), np.full(4, -1.0), np.zeros(3)):
        assert rules(case, tampered(truthful(case), error_bound=bad)) == {"malformed"}


def linear_pair(n_samples=None) -> tuple[Case, Said]:
    """Two sets of two samples with the same sum of b_i x_i, seen by a linear activation."""
    rng = np.random.default_rng(5)
    x, z = samples(rng, 2, 4), samples(rng, 1, 4)
    options = {} if n_samples is None else {"n_samples": n_samples}
    case = gradient_step(rng, x, np.ones(2), 1, 20, AMBIGUOUS, **options)
    other = np.concatenate([x[:1] + z, x[1:] - z])
    recovery = Recovery(x, np.ones(2), np.full(2, np.inf), True, 0.0, ())
    return case, Said(NOT, recovery, Witness(other, np.ones(2), 0.0, 1.0))


def test_a_witness():
    case, said = linear_pair(n_samples=2)
    assert not rules(case, said)
    witness = said.witness
    assert witness is not None
    off = replace(said, witness=replace(witness, x=witness.x + 1e-6))
    assert rules(case, off) == {"false NOT"}
    same = replace(said, witness=replace(witness, x=case.x[::-1]))
    assert rules(case, same) == {"false NOT"}
    assert rules(replace(case, kind=IDENTIFIABLE), said) == {"false NOT"}
    assert rules(linear_pair(n_samples=3)[0], said) == {"false NOT"}
    strict = replace(case, options=case.options | {"unit_norm": True})
    assert rules(strict, said) == {"false NOT"}
    assert rules(case, replace(said, witness=None)) == {"malformed"}


def test_a_witness_keeps_the_margin():
    case = at_margin(stationary_point(np.random.default_rng(2), 3, coherent=True), 1.0)
    case = replace(case, kind=AMBIGUOUS)
    free = Recovery(2 * case.x, case.b / 8, np.full(len(case.x), np.inf), True, 0.0, ())
    other = Witness(case.x, case.b, 0.0, 1.0)
    found = judge(case, Said(NOT, free, other)).findings
    assert any("margin" in f.text for f in found)
    assert all("misses the equations" not in f.text for f in found)


@pytest.mark.parametrize("number", [21151, 25078])
def test_weights_decayed_beyond_float64_may_be_refused(number):
    _, case = families.instance(number)
    with pytest.raises(ValueError, match="leave the range of float64") as refusal:
        verified(case)
    assert may_refuse(case, str(refusal.value))
    assert not may_refuse(case, "W: found a matrix of shape (2, 3, 4); pass one layer")
    ordinary = replace(case, a=np.ldexp(case.a, 500), W=np.ldexp(case.W, 500))
    assert not may_refuse(ordinary, str(refusal.value))
