"""Section 4.2, quadratic activation: Phi(x) = sum_j a_j (W_j.x)^2.

arXiv 2602.08723, section 4.2. With M = sum_i b_i x_i x_i^T stationarity reads W_j = 2 a_j M W_j and
a_j = W_j^T M W_j: every neuron is an eigenvector of M.
"""

from __future__ import annotations

from fractions import Fraction
from itertools import combinations_with_replacement
from math import comb

import sympy

from proofs_check.docket import Docket
from proofs_check.exact.conditions import (
    HALF,
    POINTS,
    Point,
    identical,
    point_symbols,
    residuals,
    satisfies_kkt,
)
from proofs_check.exact.formulas import Matrix, Scalar, Vector, combine, dot, network
from proofs_check.exact.rational import diagonal, multiply, pseudo_inverse, rank
from proofs_check.ledger import ClaimVerdict, Severity, claim

ALPHA = 2

ROTATION = ((Fraction(3, 5), Fraction(4, 5)), (Fraction(-4, 5), Fraction(3, 5)))
"""Keeps x x^T + z z^T."""

BOOST = ((Fraction(5, 4), Fraction(3, 4)), (Fraction(3, 4), Fraction(5, 4)))
"""Keeps x x^T - z z^T."""


def moment(b: Vector, x: Matrix) -> list[list[Scalar]]:
    """M = sum_i b_i x_i x_i^T."""
    columns = list(zip(*x, strict=True))
    weighted = [[b_i * t for b_i, t in zip(b, column, strict=True)] for column in columns]
    return [[dot(row, column) for column in columns] for row in weighted]


def moment_residuals(a: Vector, W: Matrix, M: Matrix) -> list[Scalar]:
    """a_j - W_j^T M W_j and W_j - 2 a_j M W_j, d + 1 numbers per neuron."""
    found = []
    for a_j, W_j in zip(a, W, strict=True):
        image = combine(W_j, M)
        found += [a_j - dot(W_j, image)]
        found += [w - 2 * a_j * t for w, t in zip(W_j, image, strict=True)]
    return found


def orthogonal_point(U: Matrix, labels: Vector) -> Point:
    """A KKT point with margins 1 for orthogonal rows U_i, |U_i|^2 = 2: W = U, x_i = U_i / 2."""
    # a = b = labels: M U_j = (y_j / 4) |U_j|^2 U_j = U_j / (2 a_j)
    halves = [[t / Fraction(2) for t in U_i] for U_i in U]
    return Point(labels, U, [Fraction(y) for y in labels], halves)


U2 = ((1, 1), (1, -1))
U3 = ((1, 1, 0), (1, -1, 0))
U4 = ((1, 1, 0, 0), (1, -1, 0, 0), (0, 0, 1, 1), (0, 0, 1, -1))


@claim(
    "quadratic-moment",
    where="4.2, quadratic activation",
    statement="All KKT equations depend on the samples only through M = sum_i λ_i y_i x_i "
    "x_i^T, so the samples x_i are not identified.",
    gist="a quadratic network determines a moment matrix, not the samples",
    recorded=ClaimVerdict.PROVED,
    hypotheses=(
        "the KKT equations are the stationarity equations; margins are not functions of M",
    ),
)
def second_moment(docket: Docket) -> None:
    """f(w) = M w and p(w) = w^T M w for alpha = 2.

    O^T diag(b) O = diag(b) makes M the same for the samples O x. Where the samples are orthogonal
    for sum_j a_j W_j W_j^T too, it keeps the margins, and both sets satisfy all KKT conditions.
    """
    for n, m, d in ((1, 1, 1), (2, 2, 2), (3, 2, 3), (4, 3, 2)):
        a, W, b, x = point = point_symbols(n, m, d)
        docket.symbolic(
            f"the equations are those written with M, (n, m, d) = {(n, m, d)}",
            identical(residuals(*point, ALPHA), moment_residuals(a, W, moment(b, x))),
        )
    for U, labels, mixing in (
        (U2, (1, 1), ROTATION),
        (U2, (1, -1), BOOST),
        (U4, (-1, -1, 1, 1), ROTATION),
        (U4, (1, -1, 1, -1), BOOST),
    ):
        a, W, b, x = point = orthogonal_point(U, labels)
        other = [*(combine(row, x[:2]) for row in mixing), *x[2:]]
        split = [b_i / 2 for b_i in b]
        docket.exact(
            f"labels {labels}, d = {len(x)}: a second set of as many samples and a third of twice "
            "as many have the same M and the same KKT point, margins 1",
            [
                satisfies_kkt(*point, ALPHA),
                satisfies_kkt(a, W, b, other, ALPHA),
                satisfies_kkt(a, W, [*split, *split], [*x, *other], ALPHA),
                moment(b, x) == moment(b, other),
                all(z not in x and [-t for t in z] not in x for z in other[:2]),
            ],
        )
    a, W = [HALF] * 8, [(HALF, HALF), (HALF, -HALF)] * 4
    docket.exact(
        "eight neurons: also with |x_i| = 1, two rotations of one orthonormal pair",
        [
            satisfies_kkt(a, W, (1, 1), x, ALPHA) and all(dot(x_i, x_i) == 1 for x_i in x)
            for x in (((1, 0), (0, 1)), ROTATION)
        ],
    )
    a, W, b, x = orthogonal_point(U2, (1, 1))
    doubled, quarter = [[2 * t for t in x_i] for x_i in x], [b_i / 4 for b_i in b]
    docket.exact(
        "margins are not functions of M: (b / 4, 2 x) has the same M and margins 4",
        [
            moment(quarter, doubled) == moment(b, x),
            not any(residuals(a, W, quarter, doubled, ALPHA)),
            not satisfies_kkt(a, W, quarter, doubled, ALPHA),
            [network(a, W, x_i, ALPHA) for x_i in doubled] == [4, 4],
        ],
    )


def symmetric_kernel(W: Matrix) -> int:
    """Dimension of the symmetric matrices S with S W_j = 0 for all neurons."""
    d = len(W[0])
    images = []
    for r, s in combinations_with_replacement(range(d), 2):
        S = [[int({row, column} == {r, s}) for column in range(d)] for row in range(d)]
        images.append([t for W_j in W for t in combine(W_j, S)])
    return len(images) - rank(images)


def known_part(a: Vector, W: Matrix) -> Matrix:
    """W^+ diag(1 / (2 a_j)) W: what stationarity says of M, from (a, W) alone."""
    images = diagonal([1 / (Fraction(2) * a_j) for a_j in a])
    return multiply(pseudo_inverse(W), images, W)


def leaves_moment_open(
    a: Vector, W: Matrix, b: Vector, x: Matrix, b_other: Vector, x_other: Matrix
) -> bool:
    """Whether both sets of unit samples satisfy all KKT conditions, with different M."""
    return (
        all(dot(x_i, x_i) == 1 for x_i in (*x, *x_other))
        and satisfies_kkt(a, W, b, x, ALPHA)
        and satisfies_kkt(a, W, b_other, x_other, ALPHA)
        and moment(b, x) != moment(b_other, x_other)
    )


def moment_is_known(point: Point) -> bool:
    """Whether this is a KKT point and its M is W^+ diag(1/(2 a_j)) W, with rank M = rank W."""
    a, W, b, x = point
    M = moment(b, x)
    return satisfies_kkt(*point, ALPHA) and known_part(a, W) == M and rank(M) == rank(W)


def moment_is_larger(point: Point) -> bool:
    """Whether this is a KKT point, only P M = M P is W^+ diag(1/(2 a_j)) W, and rank M > rank W."""
    a, W, b, x = point
    known, M, P = known_part(a, W), moment(b, x), multiply(pseudo_inverse(W), W)
    projected = multiply(P, M) == known == multiply(M, P)
    return satisfies_kkt(*point, ALPHA) and projected and known != M and rank(M) > rank(W)


def halved(point: Point, q: Vector) -> Point:
    """The first sample replaced by x_1 + q and x_1 - q, half its weight each."""
    a, W, (weight, *weights), (first, *others) = point
    pair = [combine((1, sign), (first, q)) for sign in (1, -1)]
    return Point(a, W, [weight / 2, weight / 2, *weights], [*pair, *others])


@claim(
    "quadratic-identified",
    where="4.2, quadratic activation",
    statement="The KKT system identifies the moment matrix M.",
    corrected="It identifies P M = M P = W^+ diag(1/(2 a_j)) W, P the projection on row(W), from "
    "the neurons with a_j not 0. That equals M if and only if rank M = rank W, which (a, W) alone "
    "ensures if and only if rank W = d.",
    gist="M itself is determined only if W has rank d",
    severity=Severity.GAP,
    recorded=ClaimVerdict.CORRECTED,
)
def identified_moment(docket: Docket) -> None:
    """Stationarity says M W_j = W_j / (2 a_j), so M leaves row(W) and its complement invariant.

    The block on the complement is free: let q be orthogonal to all W_j and split an active sample
    into x_i + q and x_i - q, half the weight each. Stationarity and margins stay, and M becomes
    M + b_i q q^T. Conversely range(M) contains row(W), and M = P M if it is no larger.
    """
    docket.exact(
        "symmetric M with M W_j given form a space of dimension C(d-r+1, 2), r = rank W, for "
        "1 <= r <= d <= 5",
        [
            rank(W) == r and symmetric_kernel(W) == comb(d - r + 1, 2)
            for d in range(1, 6)
            for r in range(1, d + 1)
            for W in [[[(j + 1) ** k for k in range(d)] for j in range(r)]]
        ],
    )
    for n, m, d in ((1, 1, 2), (2, 2, 3), (3, 2, 4)):
        a, W, b, x = point_symbols(n, m, d)
        before = Point(a, [[*W_j[:-1], 0] for W_j in W], b, x)
        q = [0] * (d - 1) + [sympy.Symbol("q")]
        after = halved(before, q)
        outputs = [network(a, after.W, z, ALPHA) for z in (x[0], *after.x[:2])]
        change = sympy.Matrix(moment(after.b, after.x)) - sympy.Matrix(moment(b, x))
        docket.symbolic(
            "x_1 split along q orthogonal to the neurons: equations and output at x_1 stay, M "
            f"gains b_1 q q^T, (n, m, d) = {(n, m, d)}",
            [
                *identical(residuals(*before, ALPHA), residuals(*after, ALPHA)),
                *identical(outputs[1:], outputs[:1] * 2),
                change.expand() == b[0] * sympy.Matrix(q) * sympy.Matrix(q).T,
            ],
        )
    plane = orthogonal_point(U3, (1, -1))
    docket.exact(
        "KKT points with rank W = rank M = d = 2 and 4, and with rank W = rank M = 2 < d = 3",
        [
            moment_is_known(point)
            for point in (
                orthogonal_point(U2, (1, 1)),
                orthogonal_point(U2, (1, -1)),
                orthogonal_point(U4, (1, -1, -1, 1)),
                plane,
            )
        ],
    )
    docket.exact(
        "the KKT point with d = 3 split along q = (0, 0, t), t = 1, 2, 3, and one neuron with two "
        "samples: rank M > rank W, and M is not known",
        [moment_is_larger(halved(plane, (0, 0, t))) for t in (1, 2, 3)]
        + [moment_is_larger(POINTS[ALPHA])],
    )
    docket.refute(
        "one neuron and two data sets of two unit samples in space, margins 1: M differs",
        leaves_moment_open,
        near={
            "unit samples": {
                "b_other": (Fraction(1, 4), Fraction(1, 4), Fraction(1, 4), Fraction(1, 4)),
                "x_other": ((1, 0, 1), (1, 0, -1), (0, 1, 1), (0, 1, -1)),
            },
            "a KKT point of the first set": {"b": (1, HALF)},
            "a KKT point of the second set": {"b_other": (1, HALF)},
            "M differs": {"x_other": ((1, 0, 0), (0, 1, 0))},
        },
        a=(1,),
        W=((1, 1, 0),),
        b=(HALF, HALF),
        x=((1, 0, 0), (0, 1, 0)),
        b_other=(HALF, HALF),
        x_other=tuple(tuple(Fraction(t, 3) for t in row) for row in ((2, 1, 2), (1, 2, -2))),
    )
