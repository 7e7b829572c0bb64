"""ReLU networks: what the max-margin equations say of the training samples themselves."""

from __future__ import annotations

from collections.abc import Callable

import torch

from attack.audit.result import AuditResult, first_layer, local_chapter
from attack.data.dataset import Dataset
from attack.descent.objective import least_squares
from attack.local.identifiability import local_identifiability
from attack.local.report import LocalReport
from attack.maps.objectives import kkt
from attack.network.mlp import outputs
from attack.victims.training import Victim
from identify.arrays import FloatArray
from identify.findings import Verdict, Witness
from identify.relu.ambiguity import ReluWitness, relu_witness
from identify.rendering.gallery import Chapter
from identify.report import IdentifiabilityReport
from identify.verify import REJECT_KKT

SATISFIED = 1e-6
"""Relative residual up to which the equations count as satisfied; above ``REJECT_KKT``, as for
polynomial activations, they do not describe the network and nothing is concluded from them."""

ACTIVE = 1e-6
"""A training sample carries weight when its multiplier is above this share of the largest."""


def audit_relu(
    victim: Victim, truth: Dataset, seed: int, say: Callable[[str], None]
) -> AuditResult:
    """Ask at the training samples: are they pinned, and what else satisfies the equations?"""
    x, labels = truth.x.to(victim.trained[0].weight), truth.labels
    f = kkt(victim.trained, victim.activation, labels)
    weights = least_squares(f, x, nonnegative=True)
    active = weights > ACTIVE * weights.max()
    x, labels, weights = x[active], labels[active].to(x), weights[active]
    f = kkt(victim.trained, victim.activation, labels)
    say("local identifiability")
    local = local_identifiability(f, x, weights, seed=seed)
    phi = labels * outputs(victim.trained, victim.activation, x)[:, 0]
    witness, margin = None, float(phi.min())
    if margin > 0 and local.residual <= REJECT_KKT:
        say("second sample set")
        layers = [
            (_numpy(layer.weight), None if layer.bias is None else _numpy(layer.bias))
            for layer in victim.trained
        ]
        witness = relu_witness(
            layers, _numpy(x), _numpy(weights * labels), margin=margin, seed=seed
        )
    numbers = active.nonzero()[:, 0].tolist()
    report = _relu_report(victim, numbers, local, witness, (margin, float(phi.max())), seed)
    chapters = [local_chapter("the training samples that carry weight", local)]
    if witness is not None:
        chapters.append(_taken_apart(witness, _numpy(x)))
    return AuditResult(report, {}, local, tuple(chapters))


def _relu_report(
    victim: Victim,
    numbers: list[int],
    local: LocalReport,
    witness: ReluWitness | None,
    margins: tuple[float, float],
    seed: int,
) -> IdentifiabilityReport:
    """The report on the training samples of these numbers, which carry weight."""
    rejected = local.residual > REJECT_KKT
    verdict = Verdict.MODEL_REJECTED if rejected else Verdict.UNDECIDED
    reasons = _how_far(victim, numbers, local, margins)
    reasons += _REJECTED if rejected else local.reasons
    second = None
    if witness is not None:
        second = Witness(witness.x, witness.b, witness.conditions.stationarity, witness.distance)
        verdict = Verdict.NOT_IDENTIFIABLE
        reasons.append(_second_set(witness, numbers))
        if local.residual > SATISFIED:
            verdict = Verdict.PARTIALLY_IDENTIFIABLE
            reasons.append(_equations_only(local))
    return IdentifiabilityReport(
        verdict=verdict,
        evidence="numerical",
        setting="kkt",
        reasons=tuple(reasons),
        rank=None,
        residual=local.residual,
        recovery=None,
        witness=second,
        neurons=first_layer(victim.trained),
        activation=victim.config.activation,
        n_neurons=sum(len(layer.weight) for layer in victim.trained[:-1]),
        seed=seed,
    )


def _how_far(
    victim: Victim, numbers: list[int], local: LocalReport, margins: tuple[float, float]
) -> list[str]:
    """Say which samples carry weight, and how well they satisfy the equations."""
    return [
        (
            f"{len(numbers)} of the {victim.data.n} training samples carry weight in the "
            "max-margin equations; the others leave no trace there, so they are not determined."
        ),
        (
            f"With the best multipliers these samples leave {local.residual:.2g} of the weights "
            f"unexplained, and {_spread(*margins)}: the network satisfies the KKT conditions no "
            "better than that."
        ),
    ]


def _second_set(witness: ReluWitness, numbers: list[int]) -> str:
    number = numbers[witness.replaced[0]] + 1
    change = witness.conditions.stationarity - witness.given.stationarity
    far = "any distance" if witness.unbounded else f"{witness.splits[0].reach.lower:.3g}"
    return (
        f"Taking training sample {number} apart gives a second set of {len(witness.x)} that "
        f"satisfies the equations equally well (the residual changes by {abs(change):.1g}), "
        f"with the same margins; the parts can be moved by {far} here."
    )


def _equations_only(local: LocalReport) -> str:
    return (
        f"As the equations hold only to {local.residual:.2g} at the training samples "
        "themselves, the second set is no proof that the weights leave the samples open: "
        f"what is shown is that these equations do. At least {local.rank_bounds[0]} of "
        f"{local.columns} directions are determined to first order."
    )


def _spread(least: float, largest: float) -> str:
    if least <= 0:
        return "some are on the wrong side"
    return f"their margins differ by up to a factor of {largest / least:.3g}"


_REJECTED = (
    (
        f"That is more than {REJECT_KKT:g}: these weights are no point where max-margin training "
        "ends, or one on the kinks of the relu, where these equations take the derivative to be 0. "
        "Under this model nothing follows from them: a second set would miss them as widely."
    ),
    (
        "This is no evidence that the training samples are safe: other routes do without the "
        "max-margin equations, above all a known or guessed initialisation."
    ),
)


def _taken_apart(witness: ReluWitness, x: FloatArray) -> Chapter:
    split = witness.splits[0]
    return Chapter(
        "The sample that was taken apart",
        [
            (
                f"The far part is {split.forth:.3g} away with {split.share:.2g} of the weight, the "
                f"near part {split.back:.3g} away in the opposite direction."
            ),
        ],
        witness.x[:2],
        "Part",
        ("far part", "near part"),
        ("Training", x[[split.index, split.index]]),
    )


def _numpy(t: torch.Tensor) -> FloatArray:
    return t.cpu().double().numpy()
