"""What was decided and on what evidence: the values a report holds."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np

from identify.arrays import BoolArray, FloatArray
from identify.certificate import Certificate
from identify.checker.feature_rank import FeatureRankClaims

if TYPE_CHECKING:
    from tensorly.cp_tensor import CPTensor

CLAIM = 0.1
"""A sample is claimed where its bound is below this share of its norm (cosine above 0.995)."""


class Verdict(StrEnum):
    """The words of structural identifiability, for the weights at hand."""

    GLOBALLY_IDENTIFIABLE = "GLOBALLY_IDENTIFIABLE"
    """A rank condition holds clear of the noise and the recovered samples reproduce the weights."""
    LOCALLY_IDENTIFIABLE = "LOCALLY_IDENTIFIABLE"
    """The equations pin the samples down near a solution; other solutions are not excluded."""
    PARTIALLY_IDENTIFIABLE = "PARTIALLY_IDENTIFIABLE"
    """Some samples, or some functions of the tensor, are determined and others are not."""
    NOT_IDENTIFIABLE = "NOT_IDENTIFIABLE"
    """A second data set satisfies the same equations; the report holds it."""
    UNDECIDED = "UNDECIDED"
    """Cannot tell; the reasons name the limit that was hit."""
    MODEL_REJECTED = "MODEL_REJECTED"
    """The weights do not satisfy the equations of the setting they were claimed to come from."""


@dataclass(frozen=True, slots=True)
class RankReport:
    """The two rank conditions, with the noise level they were judged against.

    Attributes:
        dimension: Input dimension d.
        row_space: Dimension r of the space the samples are seen in.
        N_ambient: C(d+alpha-2, alpha-1), the N of Theorem 4.1 as written.
        N: The same with r in place of d, which is what rank(K) is compared with.
        rank: Numerical rank of the weighted feature matrix, which is the rank of the Gram matrix K.
        singular_values: Its singular values (square roots of the eigenvalues of the weighted K),
            decreasing.
        tolerance: Singular values at or below it were not counted.
        noise: Root mean square of the noise per equation the tolerance was derived from, in the
            units of the equations; rounding of the stored weights at least.
        condition: Largest over smallest counted singular value.
        exact_rank: Rank proved in exact arithmetic (from below), or None if not asked for or where
            there are too many features.
        exact_condition: "gram", "symmetric" or "value": the condition whose rank that is, or None.
        proof: What proves it, for :mod:`identify.checker`, or None.
        by_value: Whether values of P alone are seen (random features): there is one test then, of
            the coefficients of P, and no Gram matrix of gradients.
        symmetric_dimension: C(r+alpha-1, alpha), the coefficients of the form p.
        symmetric_rank: Numerical rank of the gradient interpolation system, or None where it was
            too large to be computed and the Gram test did not settle it.
        symmetric_singular_values: Its singular values, empty where the Gram test settled it.
    """

    dimension: int
    row_space: int
    N_ambient: int
    N: int
    rank: int
    singular_values: FloatArray
    tolerance: float
    noise: float
    condition: float
    symmetric_dimension: int
    symmetric_rank: int | None
    symmetric_singular_values: FloatArray = field(default_factory=lambda: np.empty(0))
    exact_rank: int | None = None
    exact_condition: str | None = None
    by_value: bool = False
    proof: FeatureRankClaims | None = None

    @property
    def holds(self) -> bool:
        """The Gram test, reduced to the row space: rank(K) = N(r)."""
        return self.rank == self.N

    @property
    def symmetric_holds(self) -> bool:
        """The gradient test: the form p, hence T, is determined."""
        return self.symmetric_rank == self.symmetric_dimension


@dataclass(frozen=True, slots=True)
class Recovery:
    """The recovered samples.

    Attributes:
        x: Samples as rows, (n, d).
        b: Signed weights b_i = lambda_i y_i, (n,).
        error_bound: Bound on the Euclidean distance of each x_i from the true sample, modulo the
            equivalences, (n,); ``inf`` where nothing is claimed.
        norm_known: Whether the norms of the samples are determined (or were given).
        residual: Relative residual of the weights' equations at (x, b).
        equivalences: What x and b are only known up to, in words.
        degree: Degree alpha of the activation, or None where it is not known.
    """

    x: FloatArray
    b: FloatArray
    error_bound: FloatArray
    norm_known: bool
    residual: float
    equivalences: tuple[str, ...]
    degree: int | None = None

    def to_cp(self, degree: int | None = None) -> CPTensor:
        """Return T = sum_i b_i x_i^{(x) alpha} as TensorLy's canonical polyadic tensor.

        Args:
            degree: alpha; None takes that of the activation.

        Returns:
            Weights b, (n,), and alpha times the factor whose columns are the samples, (d, n).

        Raises:
            ValueError: If the degree is not known.
        """
        from tensorly.cp_tensor import CPTensor

        alpha = self.degree if degree is None else degree
        if alpha is None:
            raise ValueError("degree: found None; pass the degree of the activation")
        return CPTensor((self.b, [self.x.T] * alpha))


@dataclass(frozen=True, slots=True)
class Assumed:
    """What the count of the samples rests on, as numbers; ``hypotheses`` says it in words.

    Attributes:
        samples: At most so many training samples enter.
        stated: Whether the caller gave that number.
        independence: Each training sample, scaled to norm 1, is at least this far from the span of
            the others.
        faintest: Each contributes at least this share of the equations: the norm of what it adds to
            the left-hand sides over that of the right-hand sides.
        contrast: A sample that contributes less than another by a factor c above this one is
            farther from it than sqrt(c / contrast) times its bound; inf where the number is stated,
            so that no two can be shown as one.
    """

    samples: int
    stated: bool
    independence: float
    faintest: float
    contrast: float


@dataclass(frozen=True, slots=True)
class Witness:
    """A second data set that satisfies the same equations.

    Attributes:
        x: Samples as rows, (n', d).
        b: Signed weights, (n',).
        residual: Relative residual of the weights' equations at (x, b), evaluated independently.
        distance: Distance of the two sample sets, modulo permutation and sign: the largest over the
            samples of either set of the distance to the nearest sample of the other, all scaled to
            norm 1.
    """

    x: FloatArray
    b: FloatArray
    residual: float
    distance: float


@dataclass(frozen=True, slots=True)
class Partial:
    """What is determined where the tensor is not.

    Attributes:
        determined_functionals: Independent linear functions of the tensor that the weights
            determine clear of the noise.
        functionals: How many there are: the coefficients of its form on the row space.
        free: Independent directions in which the samples shown can move, the equations holding to
            first order; 0 where they are isolated.
        pinned: Whether each sample shown stays where it is in all those directions and, where
            other sets were found, occurs in each of them (at least nine), (n,); evidence, no proof;
            empty where none is shown.
        motion: Largest rate at which one of those directions, of length 1, turns each sample, (n,).
    """

    determined_functionals: int
    functionals: int
    free: int
    pinned: BoolArray
    motion: FloatArray


@dataclass(frozen=True, slots=True)
class Course:
    """How a training went, where its course was fitted.

    Attributes:
        decay: Factor by which the initial weights decayed, 1 without weight decay.
        lag: How long the weights lag behind the gradients, as a share of the whole training:
            1 / (2 N) for N steps of gradient descent, beta / (1 - beta) / N more with momentum
            beta.
        miss: Distance of the computed end from the weights relative to the movement, every neuron
            weighted by how much it moved.
        times: Times from 0 to 1, (t,).
        residuals: Residual of every sample at them, up to a common factor and a common pace: what
            shows is how they went relative to each other, (t, n).
        confirmed: Which samples an independent search has found as well, (n,).
    """

    decay: float
    lag: float
    miss: float
    times: FloatArray
    residuals: FloatArray
    confirmed: BoolArray


@dataclass(frozen=True, slots=True)
class Neurons:
    """The neurons as the figures show them.

    Attributes:
        norm: Norm of each W_j, (m,).
        output: Output weight a_j, (m,).
        plane: Direction of each neuron in the plane of the two strongest directions, (m, 2).
    """

    norm: FloatArray
    output: FloatArray
    plane: FloatArray


@dataclass(frozen=True, slots=True)
class Findings:
    """All that a report says.

    Attributes:
        verdict: The verdict.
        evidence: "proved-exact", "proved-ball" or "numerical": the weakest link of the verdict.
        setting: "kkt", "known-init" or "random-features".
        reasons: Full sentences, in the order the decision was taken.
        rank: The rank conditions, or None when the decision fell before they were looked at.
        residual: Relative residual of the data-free equations (kkt) or of the fit.
        recovery: The recovered samples, or None.
        witness: A second data set that satisfies the same equations, or None.
        neurons: Norms and directions of the neurons, for the figures.
        activation: The activation in words.
        n_neurons: m.
        seed: The seed every random choice came from.
        partial: What is determined where the tensor is not, or None.
        hypotheses: What verdict and bounds rest on, as full sentences.
        assumed: The numbers among them, or None where no sample was recovered.
        course: How the training went, or None where its course was not fitted.
        certificate: What was proved, or None where that was not asked for.
    """

    verdict: Verdict
    evidence: str
    setting: str
    reasons: tuple[str, ...]
    rank: RankReport | None
    residual: float
    recovery: Recovery | None
    witness: Witness | None
    neurons: Neurons
    activation: str
    n_neurons: int
    seed: int
    partial: Partial | None = None
    hypotheses: tuple[str, ...] = ()
    assumed: Assumed | None = None
    course: Course | None = None
    certificate: Certificate | None = None
