"""Instances of verify_identifiability with a known truth: those of the soundness campaign."""

from campaign.basic import features, kkt, noisy, step, step_few_neurons
from campaign.instances import (
    AMBIGUOUS,
    IDENTIFIABLE,
    Case,
    coefficients,
    gradient_step,
    orthonormal,
    power_sum,
    samples,
    signed,
    unit,
)
from campaign.judge import judge
from campaign.matching import residual, shares

__all__ = [
    "AMBIGUOUS",
    "IDENTIFIABLE",
    "Case",
    "coefficients",
    "false_claims",
    "features",
    "gradient_step",
    "kkt",
    "noisy",
    "orthonormal",
    "power_sum",
    "samples",
    "shares",
    "signed",
    "step",
    "step_few_neurons",
    "unit",
    "witness_residual",
]


def false_claims(case: Case, report) -> tuple[list[str], float]:
    """Return what is claimed falsely in words, and the largest ratio of distance to bound."""
    found = judge(case, report)
    worst = max((1 / ratio for ratio in found.ratios), default=0.0)
    return [f"{f.rule}: {f.text}" for f in found.findings if f.rule != "false NOT"], worst


def witness_residual(case: Case, found) -> float:
    """Return the relative residual of the weights' equations, from their definition."""
    return residual(case, found.x, found.b)
