"""Section 3: the KKT conditions and the active set.

arXiv 2602.08723, section 3, with the definition of the active set in section 4.2 and A.1. The
gradient of a network is taken by differentiating the network, not by a formula for it.
"""

from __future__ import annotations

import sympy

from proofs_check.docket import Docket
from proofs_check.exact.conditions import HALF, stationarity, violated
from proofs_check.exact.formulas import Matrix, Vector, network
from proofs_check.exact.rational import rank
from proofs_check.ledger import ClaimVerdict, Severity, claim


def _is_kkt(alpha: int, a: Vector, W: Matrix, x: Matrix, y: Vector, lam: Vector) -> bool:
    """Whether all four KKT conditions hold."""
    return not violated(alpha, a, W, x, y, lam)


POINTS = (
    (1, (1,), ((1, 0),), ((1, 0),), (1,), (1,)),
    (1, (1,), ((1, 0),), ((1, 2), (1, -2)), (1, 1), (HALF, HALF)),
    (4, (1,), ((2, 0),), ((HALF, 0),), (1,), (1,)),
    (4, (1, -1), ((2, 0), (0, 2)), ((HALF, 0), (0, HALF)), (1, -1), (1, 1)),
)
"""Rational KKT points: alpha, a, W, x, y, lambda."""


NEARLY = {
    "stationarity": (((1, 0),), (1,), (2,)),
    "primal feasibility": (((1, 0), (HALF, 0)), (1, 1), (1, 0)),
    "dual feasibility": (((1, 0), (1, 2), (1, -2)), (1, 1, 1), (2, -HALF, -HALF)),
    "complementary slackness": (((2, 0),), (1,), (HALF,)),
}
"""x, y, lambda that violate the one condition named, for alpha = 1, a = 1, W = (1, 0)."""


def no_sum_of_outputs(alpha: int, a: Vector, W: Matrix, x: Matrix, y: Vector, lam: Vector) -> bool:
    """Whether (a, W) is a KKT point and no number, a sum of outputs or other, is all of theta."""
    theta = {*a, *(t for W_j in W for t in W_j)}
    return _is_kkt(alpha, a, W, x, y, lam) and len(theta) > 1


@claim(
    "E14",
    where="3, last display",
    statement="A zero of the reconstruction loss solves θ = sum_i λ_i y_i Φ(θ; x_i), P equations.",
    corrected="It solves θ = sum_i λ_i y_i ∇_θ Φ(θ; x_i), P equations.",
    gist="the gradient is missing from the display of the reconstruction equation",
    severity=Severity.SLIP,
    recorded=ClaimVerdict.CORRECTED,
)
def missing_gradient(docket: Docket) -> None:
    """Phi is a number and theta has P entries, so the gradient of stationarity is missing.

    Read entry by entry, the display would make all entries of theta equal.
    """
    for alpha, a, W, x, y, lam in POINTS:
        docket.exact(
            f"θ = sum_i λ_i y_i ∇Φ in every entry, and the other three conditions, n = {len(x)}, "
            f"m = {len(a)}, d = {len(W[0])}, α = {alpha}",
            _is_kkt(alpha, a, W, x, y, lam),
        )
    docket.exact(
        f"points that violate one condition alone are told apart: {', '.join(NEARLY)}",
        [
            violated(1, (1,), ((1, 0),), *samples) == [condition]
            for condition, samples in NEARLY.items()
        ],
    )
    alpha, a, W, x, y, lam = POINTS[2]
    docket.refute(
        "one neuron, one sample: λ_1 y_1 Φ is one number, and θ = (1, 2, 0)",
        no_sum_of_outputs,
        near={
            "a KKT point": {"lam": (2,)},
            "entries of θ that differ": {"alpha": 1, "W": ((1,),), "x": ((1,),)},
        },
        alpha=alpha,
        a=a,
        W=W,
        x=x,
        y=y,
        lam=lam,
    )


def on_margin_and_inactive(
    alpha: int, a: Vector, W: Matrix, x: Matrix, y: Vector, lam: Vector
) -> bool:
    """Whether a KKT point has a sample on the margin that S = {lambda_i != 0} leaves out."""
    margin = [y_i * network(a, W, x_i, alpha) == 1 for y_i, x_i in zip(y, x, strict=True)]
    return (
        _is_kkt(alpha, a, W, x, y, lam)
        and rank(x) == len(x)
        and any(on and t == 0 for on, t in zip(margin, lam, strict=True))
    )


@claim(
    "active-set",
    where="4.2, definition of S",
    statement=(
        "The active set S = {i : λ_i ≠ 0} aligns with the goal of reconstructing all samples on "
        "the margin."
    ),
    corrected=(
        "S, which is {λ_i > 0} of A.1 by dual feasibility, is a subset of the samples on the "
        "margin. A sample on the margin with λ_i = 0 leaves no trace in the equations. Where the "
        "powers of the samples are dependent, (a, W) need not determine S."
    ),
    gist="a sample on the margin may have λ = 0, and then leaves no trace",
    severity=Severity.GAP,
    recorded=ClaimVerdict.CORRECTED,
)
def active_set(docket: Docket) -> None:
    """Complementary slackness makes lambda_i != 0 imply a margin of 1, not the reverse.

    With strict complementarity the two sets agree; that is an assumption on the data.
    """
    alpha, a, W, x, *_ = POINTS[2]
    t, first, second = sympy.symbols("t lambda_1 lambda_2")
    pair = [*x, (HALF, t)]
    equations = stationarity(a, W, [first, second], pair, alpha)
    docket.symbolic(
        "α = 4, a = 1, W = (2, 0): every sample (1/2, t) is on the margin, and next to (1/2, 0) "
        "the equations have the one solution λ = (1, 0) for t ≠ 0",
        [
            network(a, W, pair[1], alpha) == 1,
            sympy.solve(equations, [first, second]) == {first: 1, second: 0},
        ],
    )
    alpha, a, W, x, *_ = POINTS[1]
    three = [*x, (1, 0)]
    docket.exact(
        "α = 1: one network, three samples on the margin, and S is {1, 2} or {3}",
        [_is_kkt(alpha, a, W, three, [1] * 3, lam) for lam in ((HALF, HALF, 0), (0, 0, 1))],
    )
    docket.exact(
        "S is the set of samples on the margin at the KKT points with all λ > 0, α = 1, 4",
        [not on_margin_and_inactive(*point) for point in POINTS],
    )
    docket.refute(
        "α = 4, a = 1, W = (2, 0): two independent samples on the margin, the second not in S",
        on_margin_and_inactive,
        near={
            "a KKT point": {"lam": (2, 0)},
            "independent samples": {"x": ((HALF, 0), (HALF, 0))},
            "a sample with λ = 0": {"x": ((HALF, 0),), "y": (1,), "lam": (1,)},
            "the sample on the margin": {"x": ((HALF, 0), (1, 1))},
        },
        alpha=4,
        a=(1,),
        W=((2, 0),),
        x=((HALF, 0), (HALF, 1)),
        y=(1, 1),
        lam=(1, 0),
    )
