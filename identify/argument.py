"""The argument from weights to a verdict: all that is given, and what was found so far."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from identify.equations.activation import Polynomial
from identify.equations.pose import Problem
from identify.equations.weights import Weights
from identify.findings import (
    Assumed,
    Course,
    Neurons,
    Partial,
    RankReport,
    Recovery,
    Verdict,
    Witness,
)
from identify.options import Options
from identify.recovery.hypotheses import of_setting
from identify.rendering.neurons import neurons_of
from identify.report import IdentifiabilityReport
from identify.tensor.interpolation import Interpolation


@dataclass(slots=True)
class Argument:
    """The report in the making; ``interpolation`` is there from the second step on."""

    weights: Weights
    activation: Polynomial
    options: Options
    problem: Problem
    interpolation: Interpolation = field(init=False)
    reasons: list[str] = field(default_factory=list)
    rank: RankReport | None = None
    residual: float = float("nan")
    recovery: Recovery | None = None
    witness: Witness | None = None
    partial: Partial | None = None
    hypotheses: tuple[str, ...] = ()
    assumed: Assumed | None = None
    course: Course | None = None

    def say(self, *sentences: str) -> None:
        """Add full sentences to the reasons."""
        self.reasons.extend(sentences)

    def found(self, recovery: Recovery | None) -> None:
        """Keep recovered samples; away from KKT points the residual is theirs."""
        self.recovery = recovery
        if recovery is not None and self.problem.setting != "kkt":
            self.residual = recovery.residual

    def conclude(self, verdict: Verdict) -> IdentifiabilityReport:
        """Close the report."""
        return IdentifiabilityReport(
            verdict=verdict,
            evidence="numerical",
            setting=self.problem.setting,
            reasons=tuple(self.reasons),
            rank=self.rank,
            residual=self.residual,
            recovery=self.recovery and replace(self.recovery, degree=self.activation.degree),
            witness=self.witness,
            neurons=self._neurons(),
            activation=str(self.activation),
            n_neurons=len(self.weights.a),
            seed=self.options.seed,
            partial=self.partial,
            hypotheses=self.hypotheses or (of_setting(self.problem),),
            assumed=self.assumed,
            course=self.course,
        )

    def _neurons(self) -> Neurons:
        weights, random = self.problem.weights, self.problem.setting == "random-features"
        directions = None if random else self.problem.space.basis
        return neurons_of(weights.a, weights.W, directions)
