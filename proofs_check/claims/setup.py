"""Section 3: the KKT conditions, and what the reconstruction objective determines.

arXiv 2602.08723, section 3, with the definitions of section 4.2 and A.1 that rest on it. The
gradient of a network is taken by differentiating the network, not by a formula for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from math import comb

import numpy as np
import sympy

from proofs_check.exact_kkt import ExactPoint, orthonormal_point
from proofs_check.formulas import Matrix, Scalar, Vector, dot, form, gram, monomials, network
from proofs_check.ledger import Docket, Verdict, claim
from proofs_check.rational import Rows, cayley, rank, solve, transpose

HALF = Fraction(1, 2)


def stationarity(a: Vector, W: Matrix, b: Vector, x: Matrix, alpha: int) -> list[Scalar]:
    """θ - sum_i b_i grad_θ Phi(θ; x_i), m entries for a and then m d for W."""
    theta = [*a, *(t for W_j in W for t in W_j)]
    names = sympy.symbols(f"theta:{len(theta)}")
    m, d = len(W), len(W[0])
    rows = [names[m + j * d : m + (j + 1) * d] for j in range(m)]
    total = sum(b_i * network(names[:m], rows, x_i, alpha) for b_i, x_i in zip(b, x, strict=True))
    at = dict(zip(names, theta, strict=True))
    return [t - sympy.diff(total, name).subs(at) for name, t in at.items()]


def violated(alpha: int, a: Vector, W: Matrix, x: Matrix, y: Vector, lam: Vector) -> list[str]:
    """Which of the four KKT conditions of the max-margin problem do not hold."""
    b = [y_i * lam_i for y_i, lam_i in zip(y, lam, strict=True)]
    excess = [y_i * network(a, W, x_i, alpha) - 1 for y_i, x_i in zip(y, x, strict=True)]
    holds = {
        "stationarity": all(t == 0 for t in stationarity(a, W, b, x, alpha)),
        "primal feasibility": all(t >= 0 for t in excess),
        "dual feasibility": all(t >= 0 for t in lam),
        "complementary slackness": all(s * t == 0 for s, t in zip(lam, excess, strict=True)),
    }
    return [name for name, value in holds.items() if not value]


def is_kkt(alpha: int, a: Vector, W: Matrix, x: Matrix, y: Vector, lam: Vector) -> bool:
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
"""x, y, lambda that violate the one condition named, for α = 1, a = 1, W = (1, 0)."""


def no_sum_of_outputs(alpha: int, a: Vector, W: Matrix, x: Matrix, y: Vector, lam: Vector) -> bool:
    """Whether (a, W) is a KKT point and no number, a sum of outputs or other, is all of theta."""
    theta = {*a, *(t for W_j in W for t in W_j)}
    return is_kkt(alpha, a, W, x, y, lam) and len(theta) > 1


@claim(
    "E14",
    where="3, last display",
    statement="A zero of the reconstruction loss solves θ = Σ_i λ_i y_i Φ(θ; x_i), P equations.",
    corrected="It solves θ = Σ_i λ_i y_i ∇_θ Φ(θ; x_i), P equations.",
    recorded=Verdict.CORRECTED,
)
def missing_gradient(docket: Docket) -> None:
    """Phi is a number and theta has P entries, so the gradient of stationarity is missing.

    Read entry by entry, the display would make all entries of theta equal.
    """
    for alpha, a, W, x, y, lam in POINTS:
        docket.exact(
            f"θ = Σ λ y ∇Φ in every entry, and the other three conditions, n = {len(x)}, "
            f"m = {len(a)}, d = {len(W[0])}, α = {alpha}",
            is_kkt(alpha, a, W, x, y, lam),
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
        "one neuron, one sample: Σ λ y Φ is one number, and θ = (1, 2, 0)",
        no_sum_of_outputs,
        alpha=alpha,
        a=a,
        W=W,
        x=x,
        y=y,
        lam=lam,
    )


def stationary(point: ExactPoint, x: Rows, b: Sequence[Scalar]) -> bool:
    """Whether samples x with signed weights b satisfy the stationarity of a given network."""
    other = replace(point, x=list(map(list, x)), b=list(b))
    return all(other.stationary(j) for j in range(len(point.u)))


def margins(point: ExactPoint, x: Rows, b: Sequence[Scalar]) -> list[dict[Fraction, Fraction]]:
    """y_i Phi(x_i) of a given network for samples x with labels y_i = sign(b_i)."""
    labels = [1 if t > 0 else -1 for t in b]
    return replace(point, x=list(map(list, x)), b=labels).margins()


def meets_theorem(point: ExactPoint) -> bool:
    """Whether a network and its samples meet every hypothesis of Theorem 4.1."""
    n, d = len(point.x), len(point.x[0])
    return (
        point.alpha >= 3
        and point.kkt()
        and rank(gram(point.u, point.alpha)) == comb(d + point.alpha - 2, point.alpha - 1)
        and rank(point.x) == n
        and all(dot(x_i, x_i) == 1 for x_i in point.x)
    )


def powers(x: Matrix, alpha: int) -> list[list[Scalar]]:
    """One column per sample: the distinct entries of x_i^{⊗alpha}."""
    return transpose([monomials(x_i, alpha) for x_i in x])


def not_recovered(alpha: int, x: Rows, b: Vector, candidates: Rows, weights: Vector) -> bool:
    """Whether 2n candidates have zero loss, none of them a sample, under Theorem 4.1.

    Returns:
        True if the network built on (x, b) meets the theorem's hypotheses, at least 2n unit
        candidates with lambda = |weight| > 0 satisfy its stationarity, and none is +-x_i.
    """
    point = orthonormal_point(x, b, alpha)
    return (
        meets_theorem(point)
        and len(candidates) >= 2 * len(x)
        and all(dot(u, u) == 1 for u in candidates)
        and all(t != 0 for t in weights)
        and stationary(point, candidates, weights)
        and all(dot(u, x_i) ** 2 < 1 for u in candidates for x_i in x)
    )


PLANE = tuple((Fraction(p, 5), Fraction(q, 5)) for p, q in ((3, 4), (3, -4), (4, 3), (4, -3)))
"""Four unit vectors whose cubes span the binary cubics."""


@claim(
    "E13",
    where="3, last display",
    statement=(
        "With k >= 2n candidates, as the optimal value of the reconstruction loss is zero, "
        "reconstruction is equivalent to solving the stationarity equation."
    ),
    corrected=(
        "Zero loss is necessary for reconstruction, not sufficient: with 2n candidates it is "
        "reached without any sample among them, with C(d+α-1, α) generic ones for any data. "
        "Under Theorem 4.1 it suffices if the unit candidates are linearly independent and every "
        "λ > 0; then they are the samples up to permutation and sign."
    ),
    recorded=Verdict.CORRECTED,
)
def oversized(docket: Docket) -> None:
    """The loss depends on the candidates through T alone, and T is a sum of powers in many ways.

    In a plane four cubes span all binary cubics, so any four in general position replace any two
    samples. Pair by pair this gives 2n candidates for every even n. The margins of candidates are
    no part of the objective. For independent candidates T has one decomposition (A.2, step 2).
    """
    x, b = ((1, 0), (0, 1)), (1, 1)
    cubes = [[dot(u, w) ** 3 for w in PLANE] for u in PLANE]
    weights = tuple(row[0] for row in solve(cubes, [[form(b, x, u, 3)] for u in PLANE]))
    docket.refute(
        "two samples and their network for α = 3 meet every hypothesis of Theorem 4.1; four unit "
        "candidates have zero loss, and no cosine with a sample exceeds 4/5",
        not_recovered,
        alpha=3,
        x=x,
        b=b,
        candidates=PLANE,
        weights=weights,
    )
    point = orthonormal_point(x, b, 3)
    docket.exact(
        "their margins y Φ(x) differ, which the objective does not see; those of the samples agree",
        [
            len({tuple(sorted(t.items())) for t in margins(point, PLANE, weights)}) > 1,
            margins(point, x, b) == point.margins(),
        ],
    )
    axes = [[int(j == k) for k in range(4)] for j in range(4)]
    doubled = [(*u, 0, 0) for u in PLANE] + [(0, 0, *u) for u in PLANE]
    docket.exact(
        "the same for n = 4 samples in R^4 and 8 candidates, α = 3",
        not_recovered(3, axes, (1,) * 4, doubled, weights * 2),
    )
    _independent_candidates(docket)


def _independent_candidates(docket: Docket, seed: int = 3) -> None:
    """File what the corrected statement of E13 says about other numbers of candidates."""
    rng = np.random.default_rng(seed)

    def units(count: int, d: int) -> list[list[Fraction]]:
        entries = rng.integers(-9, 10, (count, comb(d, 2)))
        return [cayley([Fraction(int(t), 5) for t in row], d)[0] for row in entries]

    outcomes, spanning = [], []
    for d, alpha in ((2, 3), (3, 3), (3, 4), (4, 3)):
        for _ in range(5):
            columns = powers(units(2 * d, d), alpha)
            samples, candidates = [r[:d] for r in columns], [r[d:] for r in columns]
            both = [[*u, sum(r)] for u, r in zip(candidates, samples, strict=True)]
            outcomes.append(rank(candidates) == d < rank(both))
        columns = powers(units(comb(d + alpha - 1, alpha), d), alpha)
        spanning.append(rank(columns) == len(columns) == len(columns[0]))
    docket.exact(
        "no weights on d independent random candidates give T = Σ x_i^{⊗α} of d random samples, "
        "(d, α) = (2, 3), (3, 3), (3, 4), (4, 3)",
        outcomes,
        seed=seed,
    )
    docket.exact(
        "the powers of C(d+α-1, α) random unit vectors are a basis, so they give every T, "
        "(d, α) = (2, 3), (3, 3), (3, 4), (4, 3)",
        spanning,
        seed=seed,
    )


def on_margin_and_inactive(
    alpha: int, a: Vector, W: Matrix, x: Matrix, y: Vector, lam: Vector
) -> bool:
    """Whether a KKT point has a sample on the margin that S = {lambda_i != 0} leaves out."""
    margin = [y_i * network(a, W, x_i, alpha) == 1 for y_i, x_i in zip(y, x, strict=True)]
    return (
        is_kkt(alpha, a, W, x, y, lam)
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
        "powers of the samples are dependent, (a, W) does not determine S."
    ),
    recorded=Verdict.CORRECTED,
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
        [is_kkt(alpha, a, W, three, [1] * 3, lam) for lam in ((HALF, HALF, 0), (0, 0, 1))],
    )
    docket.exact(
        "S is the set of samples on the margin at the KKT points with all λ > 0, α = 1, 4",
        [not on_margin_and_inactive(*point) for point in POINTS],
    )
    docket.refute(
        "α = 4, a = 1, W = (2, 0): two independent samples on the margin, the second not in S",
        on_margin_and_inactive,
        alpha=4,
        a=(1,),
        W=((2, 0),),
        x=((HALF, 0), (HALF, 1)),
        y=(1, 1),
        lam=(1, 0),
    )


def generic() -> tuple[Vector, Matrix, Vector, Matrix]:
    """Symbolic a, W, b, x: two neurons, two samples, d = 2."""
    W, x = ([sympy.symbols(f"{name}{j}_:2") for j in range(2)] for name in "wx")
    return sympy.symbols("a:2"), W, sympy.symbols("b:2"), x


def agree(found: Vector, expected: Vector) -> bool:
    """Whether symbolic vectors are the same."""
    return all(sympy.expand(s - t) == 0 for s, t in zip(found, expected, strict=True))


@claim(
    "homogeneity-scaling",
    where="3, KKT-Based Reconstruction Method",
    statement=(
        "Gradient flow converges in direction to a KKT point, so a trained θ is known up to its "
        "length, and the samples satisfy its stationarity equations whatever that is."
    ),
    recorded=Verdict.PROVED,
    hypotheses=("all of θ = (a, W) is scaled by one factor",),
)
def length_of_theta(docket: Docket) -> None:
    """(c a, c W) satisfies the equations of (a, W) with c^(1-alpha) b in place of b.

    All margins are multiplied by c^(alpha+1), so they stay equal, and their common value is the
    one number that the direction leaves open. Scaling W alone leaves no multipliers at all: every
    KKT point has |W_j|^2 = alpha a_j^2.
    """
    c = sympy.Symbol("c", positive=True)
    a, W, b, x = generic()
    longer = [c * t for t in a], [[c * t for t in W_j] for W_j in W]
    for alpha in range(1, 6):
        scaled = stationarity(*longer, [c ** (1 - alpha) * t for t in b], x, alpha)
        docket.symbolic(
            f"every residual of c θ is c times that of θ, and Φ(c θ; x) = c^{alpha + 1} Φ(θ; x), "
            f"two neurons, n = d = 2, α = {alpha}",
            [
                agree(scaled, [c * t for t in stationarity(a, W, b, x, alpha)]),
                agree(
                    [network(*longer, x[0], alpha)],
                    [c ** (alpha + 1) * network(a, W, x[0], alpha)],
                ),
            ],
        )
    weight = sympy.Symbol("lambda")
    alpha, a, W, x, *_ = POINTS[2]
    doubled = [[2 * t for t in W_j] for W_j in W]
    docket.exact(
        "α = 4, one neuron, one sample: λ = 1 is the one multiplier of (a, W); (a, 2 W) has none",
        [
            sympy.solve(stationarity(a, W, [weight], x, alpha), weight) == {weight: 1},
            sympy.solve(stationarity(a, doubled, [weight], x, alpha), weight) == [],
        ],
    )


@claim(
    "scale-symmetry",
    where="A.2, step 2, normalisation",
    statement="The model fixes a scale for x_i, so that recovered directions can be normalised.",
    recorded=Verdict.PROVED,
    hypotheses=("‖x_i‖ = 1, or in its place y_i Φ(x_i) = 1; stationarity alone fixes no scale",),
)
def length_of_samples(docket: Docket) -> None:
    """(x_i, b_i) and (c x_i, c^-alpha b_i), c > 0, satisfy the same stationarity equations.

    Phi(c x) = c^alpha Phi(x), so y_i Phi(c x_i) = 1 has one solution c > 0 and each norm is
    fixed by its margin. With theta known in direction only, one factor is left to all norms.
    """
    c = sympy.Symbol("c", positive=True)
    a, W, b, x = generic()
    longer = [[c * t for t in x[0]], x[1]]
    for alpha in range(1, 6):
        scaled = stationarity(a, W, [c**-alpha * b[0], b[1]], longer, alpha)
        docket.symbolic(
            f"every residual is unchanged and Φ(c x) = c^{alpha} Φ(x), two neurons, n = d = 2, "
            f"α = {alpha}",
            [
                agree(scaled, stationarity(a, W, b, x, alpha)),
                agree([network(a, W, longer[0], alpha)], [c**alpha * network(a, W, x[0], alpha)]),
            ],
        )
    for alpha, labels in ((3, (1, 1)), (3, (1, -1)), (4, (1, 1))):
        point = orthonormal_point(((1, 0), (0, 1)), labels, alpha)
        weights = [Fraction(t, 2**alpha) for t in labels]
        one = [[2 * t for t in point.x[0]], point.x[1]], [weights[0], labels[1]]
        both = [[2 * t for t in x_i] for x_i in point.x], weights
        docket.exact(
            f"labels {labels}, α = {alpha}: with one sample or both doubled stationarity holds; "
            "the margins differ if it is one, and agree if it is both",
            [
                meets_theorem(point),
                stationary(point, *one),
                stationary(point, *both),
                margins(point, *one)[0] != margins(point, *one)[1],
                margins(point, *both)[0] == margins(point, *both)[1],
                margins(point, point.x, weights) == point.margins(),
            ],
        )
