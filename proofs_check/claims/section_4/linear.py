"""Section 4.1: two-layer linear networks, Phi(x) = a^T W x.

arXiv 2602.08723, section 4.1. Stationarity of (a, W) for samples x_i and signed weights
b_i = lambda_i y_i reads a = sum_i b_i W x_i and W_j = sum_i b_i a_j x_i.
"""

from __future__ import annotations

from fractions import Fraction

import sympy

from proofs_check.docket import Docket
from proofs_check.exact.conditions import identical, point_symbols, residuals
from proofs_check.exact.formulas import Matrix, Scalar, Vector, combine, dot, network
from proofs_check.exact.rational import nullspace
from proofs_check.ledger import ClaimVerdict, Severity, claim

ALPHA = 1


@claim(
    "linear-aggregate",
    where="4.1, last paragraph",
    statement="The KKT system determines only the aggregate sum_i λ_i y_i x_i, not the x_i.",
    gist="a linear network determines one vector, the weighted sum of its samples",
    recorded=ClaimVerdict.PROVED,
    hypotheses=(
        "the KKT equations are the stationarity equations; margins are not functions of the sum",
        "a is not 0; otherwise W = 0 too and nothing is determined",
    ),
)
def aggregate(docket: Docket) -> None:
    """Only: every residual depends on (b, x) through s = sum_i b_i x_i. Determines: s = W_j / a_j.

    Three sets of samples with the same s are shown for one network, with all margins equal to 1.
    The margins y_i a^T W x_i = 1 are equations in the single x_i; they narrow the choice and do not
    end it.
    """
    docket.general(
        "two samples, one neuron, all other samples in one symbol: both residuals are functions of "
        "s = sum_i b_i x_i, and W_j = a_j s gives it back",
        linear_in_the_sum(),
    )
    for n, m, d in ((2, 2, 2), (3, 2, 3), (4, 3, 2)):
        a, W, b, x = point = point_symbols(n, m, d)
        docket.example(
            f"every residual for {n} samples, {m} neurons, d = {d} equals that of the one sample s",
            identical(residuals(*point, ALPHA), residuals(a, W, [1], [combine(b, x)], ALPHA)),
        )
    a, W = [1], [[1, 0]]
    half, quarter = Fraction(1, 2), Fraction(1, 4)
    for b, x in (
        ([1], [[1, 0]]),
        ([half, half], [[1, 3], [1, -3]]),
        ([quarter, quarter, half], [[1, 2], [1, -2], [1, 0]]),
    ):
        docket.example(
            f"a = 1, W = (1, 0) is a KKT point of {len(x)} samples, the same for 1, 2 and 3",
            [
                all(t == 0 for t in residuals(a, W, b, x, ALPHA)),
                all(network(a, W, x_i, ALPHA) == 1 for x_i in x),
                combine(b, x) == [1, 0],
                all(b_i > 0 for b_i in b),
            ],
        )


def linear_in_the_sum() -> list[bool]:
    """A - w.s and w - a s in the entries along one coordinate, for s = b_1 x_1 + b_2 x_2 + rest."""
    a, w, b_1, b_2, x_1, x_2, rest = sympy.symbols("a w b_1 b_2 x_1 x_2 rest")
    s = b_1 * x_1 + b_2 * x_2 + rest
    outputs = a - (b_1 * (w * x_1) + b_2 * (w * x_2) + w * rest)
    hidden = w - (b_1 * a * x_1 + b_2 * a * x_2 + a * rest)
    return [
        sympy.expand(outputs - (a - w * s)) == 0,
        sympy.expand(hidden - (w - a * s)) == 0,
        sympy.expand((w - hidden) / a - s) == 0,
    ]


@claim(
    "linear-displays",
    where="4.1, displays and last sentence",
    statement="a = sum_i λ_i y_i W x_i and W_j = sum_i λ_i y_i a_j x_i, that is [W; a_1 I; ...; "
    "a_m I] s = (a, w_1, ..., w_m); hence a linear network cannot yield identifiable inputs.",
    corrected="Right, with one exception: a single active sample of known norm is determined up to "
    "sign, as s = λ y x has its direction.",
    gist="the equations of linear networks; one sample of known norm is an exception",
    recorded=ClaimVerdict.PROVED,
)
def linear_displays(docket: Docket) -> None:
    """Phi = a.(W x) has the derivatives W x in a and a_j x in W_j; sums over i give s.

    Two or more samples can be exchanged for others with the same s, unit norms or not: s is a
    combination of any two unit vectors in a plane through it.
    """
    a, w, x, b, rest = sympy.symbols("a w x b rest")
    docket.general(
        "one neuron, one coordinate, all else in one symbol: both derivatives of b a (w x + rest)",
        [
            sympy.diff(b * a * (w * x + rest), a) == b * (w * x + rest),
            sympy.expand(sympy.diff(b * a * (w * x + rest), w) - b * a * x) == 0,
        ],
    )
    docket.example(
        "s = (3, 4) is 5 (3, 4)/5, -5 (-3, -4)/5 and 3 (1, 0) + 4 (0, 1): one unit sample up to "
        "sign, or two others",
        [
            combine(weights, samples) == [3, 4] and all(dot(u, u) == 1 for u in samples)
            for weights, samples in (
                ((5,), ((Fraction(3, 5), Fraction(4, 5)),)),
                ((-5,), ((Fraction(-3, 5), Fraction(-4, 5)),)),
                ((3, 4), ((1, 0), (0, 1))),
            )
        ],
    )


def stacked(a: Vector, W: Matrix) -> list[list[Scalar]]:
    """[W; a_1 I; ...; a_m I], the matrix of the display."""
    d = len(W[0])
    blocks = [[a_j if k == row else 0 for k in range(d)] for a_j in a for row in range(d)]
    return [list(W_j) for W_j in W] + blocks


@claim(
    "E6",
    where="4.1, second display",
    statement="The stacked matrix [W; a_1 I_d; ...; a_m I_d] has shape (m+1)d x d.",
    corrected="Its shape is m(d+1) x d, the length of the right-hand side (a, w_1, ..., w_m).",
    gist="the stacked matrix has m(d+1) rows, not (m+1)d",
    severity=Severity.SLIP,
    recorded=ClaimVerdict.CORRECTED,
)
def shape(docket: Docket) -> None:
    """W has m rows and each of the m blocks has d: m + m d. (m+1) d is that only for m = d."""
    m, d = sympy.symbols("m d")
    docket.general(
        "m + m d = m (d+1) for all m and d; (m+1) d exceeds it by d - m",
        [
            sympy.expand(m + m * d - m * (d + 1)) == 0,
            sympy.expand((m + 1) * d - m * (d + 1) - (d - m)) == 0,
        ],
    )
    docket.example(
        "rows, columns, and full column rank (so s is determined) for m, d = 1..6",
        [
            len(matrix) == m * (d + 1) == len([*a, *(t for row in W for t in row)])
            and {len(row) for row in matrix} == {d}
            and nullspace(matrix) == []
            for m in range(1, 7)
            for d in range(1, 7)
            for a, W in [(range(1, m + 1), [[j + k for k in range(d)] for j in range(m)])]
            for matrix in [stacked(a, W)]
        ],
    )
    docket.refute(
        "three neurons in the plane: the matrix has 9 rows, (m+1)d is 8",
        lambda a, W: len(stacked(a, W)) != (len(a) + 1) * len(W[0]),
        near={"m other than d": {"a": (1, 2), "W": ((1, 0), (0, 1))}},
        a=(1, 2, 3),
        W=((1, 0), (0, 1), (1, 1)),
    )
