"""The argument from weights to a verdict: all that is given, and what was found so far."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from identify.certificate import Certificate
from identify.certifying.samples import certify_samples
from identify.equations.activation import Polynomial
from identify.equations.pose import Problem
from identify.equations.span import ROOM, seen_records
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
from identify.training import Shown


@dataclass(slots=True)
class Argument:
    """The report in the making; ``interpolation`` is there from the second step on.

    ``odd_bias`` says why the bias of the first layer was left out of the weights, if it was.
    """

    weights: Weights
    activation: Polynomial
    options: Options
    problem: Problem
    odd_bias: str | None = None
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
    error: float = float("nan")
    along: bool = False

    def say(self, *sentences: str) -> None:
        """Add full sentences to the reasons."""
        self.reasons.extend(sentences)

    def found(self, recovery: Recovery | None) -> None:
        """Keep recovered samples; away from KKT points the residual is theirs."""
        self.recovery = recovery
        if recovery is not None and self.problem.setting != "kkt":
            self.residual = recovery.residual

    def shown(self) -> Shown:
        """Return what the weights show of the training."""
        problem, course = self.problem, self.course
        found = seen_records(problem)
        moved = problem.weights.W.shape[1] if found is None else found.moved
        return Shown(
            decay=problem.decay,
            samples=None if found is None else found.rank,
            room=None if found is not None else moved - ROOM,
            lag=None if course is None else (course.lag, max(10 * course.miss**2, 1e-7)),
        )

    def conclude(self, verdict: Verdict) -> IdentifiabilityReport:
        """Close the report."""
        certificate = self._certificate()
        return IdentifiabilityReport(
            verdict=verdict,
            evidence=self._evidence(verdict, certificate),
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
            certificate=certificate,
        )

    def _certificate(self) -> Certificate | None:
        if not self.options.certify:
            return None
        self.options.report("certificate")
        return certify_samples(
            self.problem, self.rank, self.recovery, error=self.error, along=self.along
        )

    def _evidence(self, verdict: Verdict, certificate: Certificate | None) -> str:
        """The weakest link: a verdict is proved where the balls leave nothing of it open."""
        if certificate is None or not certificate.proved or self.options.margin is not None:
            return "numerical"
        proved = verdict is Verdict.LOCALLY_IDENTIFIABLE or (
            verdict is Verdict.GLOBALLY_IDENTIFIABLE and certificate.everywhere
        )
        return "proved-ball" if proved else "numerical"

    def _neurons(self) -> Neurons:
        weights, random = self.problem.weights, self.problem.setting == "random-features"
        directions = None if random else self.problem.space.basis
        return neurons_of(weights.a, weights.W, directions)
