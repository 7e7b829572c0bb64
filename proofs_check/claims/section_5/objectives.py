"""Section 5.1: two of the objectives that the unified one is said to be.

arXiv 2602.08723, section 5.1, on Loo et al. (2024) and Buzaglo et al. (2024).
"""

from __future__ import annotations

from fractions import Fraction

import sympy

from proofs_check.docket import Docket
from proofs_check.exact.formulas import Matrix, Vector, combine, dot
from proofs_check.exact.rational import rank
from proofs_check.ledger import ClaimVerdict, Severity, claim


@claim(
    "ntk-target",
    where="5.1, NTK-based attack",
    statement="The objective |θ - sum_i λ_i f(θ; x_i)|^2 with f = ∇_θ Φ_{θ_0}(x_i) is that of the "
    "NTK-based attack.",
    corrected="Its target is θ - θ_0: training moves θ by a combination of gradients at the "
    "samples, and θ itself is one only if θ_0 is.",
    gist="the target is the change of θ; as displayed the true samples have a positive loss",
    severity=Severity.GAP,
    recorded=ClaimVerdict.CORRECTED,
)
def ntk_target(docket: Docket) -> None:
    """In the kernel regime Phi is linear in theta, and every gradient step is a sum of gradients.

    So theta - theta_0 lies in their span. With the target theta the part of theta_0 that is
    orthogonal to the span is left over at the true samples, whatever the weights.
    """
    k = sympy.Symbol("k")
    loss, along = sympy.Function("loss"), sympy.Symbol("theta_k")
    slope = sympy.diff(loss(along * k), along)
    docket.general(
        "any loss of Φ = <θ, g>: its derivative in θ_k is loss' g_k, a multiple of the gradient g",
        sympy.simplify(slope.doit() - k * sympy.Subs(sympy.diff(loss(k), k), k, along * k).doit())
        == 0,
    )
    docket.refute(
        "Φ = θ.x, θ_0 = (0, 1), one sample (1, 0) of weight 1: θ = (1, 1), and |θ - λ x|^2 >= 1",
        truth_is_no_zero,
        near={
            "θ_0 outside the span of the gradients": {"theta_0": (3, 0)},
            "training that changes θ": {"weights": (0,)},
        },
        theta_0=(0, 1),
        x=((1, 0),),
        weights=(1,),
    )


def truth_is_no_zero(theta_0: Vector, x: Matrix, weights: Vector) -> bool:
    """Whether theta - theta_0 is a combination of the samples, not 0, and theta is none."""
    change = combine(weights, x)
    theta = [s + t for s, t in zip(theta_0, change, strict=True)]
    return any(change) and rank([*x, change]) == rank(x) < rank([*x, theta])


@claim(
    "multiclass-max",
    where="5.1, Multiclass extension",
    statement="In the multiclass KKT conditions each sample has one weight and the map "
    "f(θ; x_i) = ∇_θ [Φ_{y_i} - max_{j≠y_i} Φ_j].",
    corrected="Each rival class j whose margin Φ_{y_i} - Φ_j is 1 has a multiplier of its own: "
    "θ = sum_i sum_{j≠y_i} λ_ij ∇_θ (Φ_{y_i} - Φ_j). The max takes one of them, and where two "
    "rivals tie f jumps, so that L is not continuous in x and Assumption 5.1 fails.",
    gist="rivals that tie, as they do at the margin, need a multiplier each; the max is not smooth",
    severity=Severity.GAP,
    recorded=ClaimVerdict.CORRECTED,
)
def rivals_at_the_margin(docket: Docket) -> None:
    """One sample, linear classes: the shortest weights with all margins 1 have all rivals tied.

    With q rivals they are (q, -1, ..., -1) x / ((q+1) |x|^2) with multipliers 1 / ((q+1) |x|^2),
    so a tie is the rule and no exception. The gradient in the weights of the rivals is -x for the
    one that the max takes and 0 for the others.
    """
    q, x = sympy.symbols("q x", positive=True)
    multiplier = 1 / ((q + 1) * x**2)
    docket.general(
        "q rivals, one coordinate: w_y = q λ x and w_j = -λ x with λ = 1/((q+1) x^2), margin 1",
        sympy.simplify((q * multiplier * x + multiplier * x) * x - 1) == 0,
    )
    docket.example(
        "w_2 = (1, 0), w_3 = (0, 1): across x = (1, 1) the gradient in w_2 jumps by (1, 1), for "
        "steps of 1/10, ..., 10^-6",
        [
            max_gradient(((0, 0), (1, 0), (0, 1)), (1 + step, 1))[1] == [-1 - step, -1]
            and max_gradient(((0, 0), (1, 0), (0, 1)), (1 - step, 1))[1] == [0, 0]
            for step in (Fraction(1, 10**n) for n in range(1, 7))
        ],
    )
    third = Fraction(1, 3)
    docket.refute(
        "three linear classes and one sample on the line: w = (2/3, -1/3, -1/3) is a KKT point "
        "with multipliers 1/3 and 1/3, and no single weight fits either gradient of the max",
        needs_two_multipliers,
        near={
            "stationarity": {"multipliers": (third, Fraction(1, 6))},
            "multipliers that are not negative": {
                "w": ((1,), (0,), (-1,)),
                "multipliers": (0, 1),
            },
            "two rivals": {
                "w": ((Fraction(1, 2),), (-Fraction(1, 2),)),
                "multipliers": (Fraction(1, 2),),
            },
            "margins of at least 1": {
                "w": ((2 * third,), (-third,), (-third,), (0,)),
                "multipliers": (third, third, 0),
            },
            "multipliers at margins of 1 only": {
                "x": (2,),
                "multipliers": (Fraction(1, 6), Fraction(1, 6)),
            },
        },
        w=((2 * third,), (-third,), (-third,)),
        x=(1,),
        multipliers=(third, third),
    )


def max_gradient(w: Matrix, x: Vector) -> list[list[Fraction]]:
    """grad_w [w_1.x - max_{j>1} w_j.x] for linear classes, by the first of the largest."""
    outputs = [dot(w_j, x) for w_j in w[1:]]
    rival = 1 + outputs.index(max(outputs))
    signs = {0: 1, rival: -1}
    return [[Fraction(signs.get(j, 0) * t) for t in x] for j in range(len(w))]


def needs_two_multipliers(w: Matrix, x: Vector, multipliers: Vector) -> bool:
    """Whether one sample of class 1 has a KKT point that no single lambda f(x) gives."""
    total = sum(multipliers)
    expected = [[total * t for t in x], *([-m * t for t in x] for m in multipliers)]
    margins = [dot(w[0], x) - dot(w_j, x) for w_j in w[1:]]
    theta = [t for w_j in w for t in w_j]
    choices = [
        [t * sign for sign in (1, *(-int(k == j) for k in range(1, len(w)))) for t in x]
        for j in range(1, len(w))
    ]
    return (
        [list(w_j) for w_j in w] == expected
        and all(m >= 0 for m in multipliers)
        and all(margin >= 1 for margin in margins)
        and all((margin == 1) or m == 0 for margin, m in zip(margins, multipliers, strict=True))
        and all(rank([theta, choice]) == 2 for choice in choices)
    )
