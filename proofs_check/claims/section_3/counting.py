"""Section 3: equations against unknowns.

arXiv 2602.08723, section 3, last display, for the networks Phi(x) = sum_j a_j (W_j.x)^alpha of
section 4.2: P = m (d+1) equations theta = sum_i b_i grad Phi in k (d+1) unknowns (b_i, x_i). How
many are independent is the rank of their Jacobian.
"""

from __future__ import annotations

from collections.abc import Callable
from math import comb
from typing import NamedTuple, TypeAlias

import numpy as np
import sympy
from flint import fmpq_mat, fmpq_poly

from proofs_check.docket import Docket
from proofs_check.exact.conditions import (
    HALF,
    Point,
    point_symbols,
    residuals,
    satisfies_kkt,
    vanish,
)
from proofs_check.exact.formulas import Matrix, Scalar, Vector, dot, network
from proofs_check.exact.one_term import balances, rescaled_sample
from proofs_check.exact.rational import to_flint
from proofs_check.ledger import ClaimVerdict, Severity, claim

System: TypeAlias = Callable[[Vector, Matrix], list[Scalar]]
"""Left-hand sides of equations in the unknowns (b, x)."""
SEED = 0


class Size(NamedTuple):
    """Of a network and of the candidate samples."""

    m: int
    d: int
    k: int
    alpha: int

    @property
    def parameters(self) -> int:
        """P."""
        return self.m * (self.d + 1)

    @property
    def unknowns(self) -> int:
        """Entries of (b, x)."""
        return self.k * (self.d + 1)

    @property
    def form(self) -> int:
        """Dimension of the space that T lies in."""
        return comb(self.d + self.alpha - 1, self.alpha)


FEW_NEURONS = (Size(1, 2, 2, 3), Size(2, 3, 3, 3), Size(2, 2, 4, 5), Size(3, 4, 4, 3))
"""md < kd and md <= the dimension of forms, yet md >= k (d-1)."""
MANY_NEURONS = (
    Size(2, 2, 1, 3),
    Size(3, 3, 2, 3),
    Size(6, 2, 3, 5),
    Size(4, 2, 3, 4),
    Size(9, 2, 6, 3),
    Size(4, 3, 3, 1),
)
"""The number of samples or the dimension of forms bounds the rank."""


def jacobian_rank(b: Vector, x: Matrix, *systems: System) -> int:
    """Rank of the derivative in (b, x), k + k d unknowns, of all the systems together."""
    # the derivative is the coefficient of h where one unknown t becomes t + h
    k, d = len(b), len(x[0])
    (unknowns,) = to_flint([[*b, *(t for row in x for t in row)]]).tolist()
    rows = []
    for moving in range(len(unknowns)):
        moved = [fmpq_poly([t, int(j == moving)]) for j, t in enumerate(unknowns)]
        samples = [moved[k + i * d : k + (i + 1) * d] for i in range(k)]
        rows.append([value[1] for system in systems for value in system(moved[:k], samples)])
    return fmpq_mat(rows).rank()


def stationarity_system(a: Vector, W: Matrix, alpha: int) -> System:
    """The P equations."""
    weights, rows = to_flint([a]).tolist()[0], to_flint(W).tolist()
    return lambda b, x: residuals(weights, rows, b, x, alpha)


def margin_system(a: Vector, W: Matrix, alpha: int) -> System:
    """Phi(x_i), which is y_i for an active sample."""
    weights, rows = to_flint([a]).tolist()[0], to_flint(W).tolist()
    return lambda _, x: [network(weights, rows, x_i, alpha) for x_i in x]


def norm_system(_: Vector, x: Matrix) -> list[Scalar]:
    """|x_i|^2."""
    return [dot(x_i, x_i) for x_i in x]


def draw(size: Size) -> Point:
    """Small random integers, not a KKT point."""
    rng = np.random.default_rng(SEED)
    m, d, k, _ = size
    a, b = (rng.integers(1, 10, count).tolist() for count in (m, k))
    W, x = (rng.integers(-9, 10, (count, d)).tolist() for count in (m, k))
    return Point(a, W, b, x)


def overcounted(
    a: Vector, W: Matrix, b: Vector, x: Matrix, b_other: Vector, x_other: Matrix, alpha: int
) -> bool:
    """Whether P exceeds the number of unknowns, the rank does not reach it, and x is not alone."""
    size = Size(len(a), len(W[0]), len(b), alpha)
    return (
        satisfies_kkt(a, W, b, x, alpha)
        and size.parameters > size.unknowns
        and jacobian_rank(b, x, stationarity_system(a, W, alpha)) < size.unknowns
        and not any(residuals(a, W, b_other, x_other, alpha))
        and x_other != x
    )


@claim(
    "E11",
    where="3, last display",
    statement="Stationarity is P equations with k(d+1) unknowns: under-determined for "
    "P < k(d+1), over-determined for P > k(d+1).",
    corrected="For t^α at most min(md, kd, C(d+α-1, α)) of the P = m(d+1) equations "
    "are independent, so stationarity alone is under-determined for any P. Where norms or margins "
    "fix the k scales, m >= k and C(d+α-1, α) >= kd are needed for the rank kd.",
    gist="counting P against k(d+1) overstates the equations: at most C(d+α-1, α) are independent",
    severity=Severity.GAP,
    recorded=ClaimVerdict.CORRECTED,
)
def equations_and_unknowns(docket: Docket) -> None:
    """Three reasons, each of which bounds the rank.

    md: m combinations of the equations have no data in them. kd: (c x_i, c^-alpha b_i) solves what
    (x_i, b_i) does, one direction per sample. C(d+alpha-1, alpha): the data enter through T.
    """
    docket.general(
        "one term of any degree: the sample drops out of W_j.(its equation) - α a_j (that of a_j); "
        "(s x, s^-α b) leaves it as it is",
        [balances(), *rescaled_sample()],
    )
    for alpha in (1, 2, 3, 4):
        (a,), (w,), b, x = point = point_symbols(2, 1, 2)
        output, *hidden = found = residuals(*point, alpha)
        combination = dot(w, hidden) - alpha * a * output
        scaling = [
            dot(x[0], [sympy.diff(t, z) for z in x[0]]) - alpha * b[0] * sympy.diff(t, b[0])
            for t in found
        ]
        docket.symbolic(
            "W_j.(its equation) - α a_j (that of a_j) has no derivative in the data, and no "
            f"equation one along (x_i, -α b_i), α = {alpha}",
            [
                *(vanish(sympy.diff(combination, t)) for t in (*b, *x[0], *x[1])),
                *map(vanish, scaling),
            ],
        )
    docket.witness(
        "of P equations as many are independent at random integers, (m, d, k, α) in "
        + ", ".join(str(tuple(size)) for size in (*FEW_NEURONS, *MANY_NEURONS)),
        [
            jacobian_rank(b, x, stationarity_system(a, W, size.alpha))
            == min(size.m * size.d, size.k * size.d, size.form)
            and len(residuals(a, W, b, x, size.alpha)) == size.parameters
            for size in (*FEW_NEURONS, *MANY_NEURONS)
            for a, W, b, x in [draw(size)]
        ],
        seed=SEED,
    )
    docket.refute(
        "t^4, four neurons and two samples in the plane, margins 1: 12 equations for 6 unknowns "
        "have rank 4, and (2^4 b_1, x_1 / 2) is a solution too",
        overcounted,
        near={
            "a KKT point": {"b": (HALF, 1)},
            "more equations than unknowns": {
                "a": (1,),
                "W": ((2,),),
                "b": (1,),
                "x": ((HALF,),),
                "b_other": (16,),
                "x_other": ((HALF / 2,),),
            },
            "another solution": {"b_other": (HALF, HALF), "x_other": ((1, 0), (0, 1))},
            "that solves them": {"b_other": (4, HALF)},
        },
        a=(HALF, HALF, HALF, HALF),
        W=((1, 0), (-1, 0), (0, 1), (0, -1)),
        b=(HALF, HALF),
        x=((1, 0), (0, 1)),
        b_other=(8, HALF),
        x_other=((HALF, 0), (0, 1)),
        alpha=4,
    )
