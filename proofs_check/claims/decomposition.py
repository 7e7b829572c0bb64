"""A.2, step 2: from the tensor to the samples, and what of it Theorem 4.1 may promise.

arXiv 2602.08723, A.2 and the sketch of the same proof in section 4.2. Samples are the rows of x
here, and the columns of the paper's X; an orthonormal basis U of their span is a list of rows too.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from itertools import combinations, permutations, product
from math import comb, prod
from typing import TypeAlias

import numpy as np
import sympy

from proofs_check.claims.setup import margins, meets_theorem, stationary
from proofs_check.exact_kkt import orthonormal_point
from proofs_check.formulas import (
    Matrix,
    Scalar,
    Vector,
    combine,
    contraction,
    dot,
    form,
    monomials,
    network,
    slice_matrix,
    tensor,
)
from proofs_check.ledger import Docket, Verdict, claim
from proofs_check.rational import (
    Rows,
    cayley,
    eigenpairs,
    identity,
    inverse,
    multiply,
    nullspace,
    rank,
    solve,
    square_root,
    transpose,
)

Samples: TypeAlias = tuple[tuple[int | Fraction, ...], ...]

OBLIQUE: Samples = ((1, 0), (Fraction(3, 5), Fraction(4, 5)))
"""Two unit samples that are not orthogonal."""

SEED = 5
SHAPES = tuple(product(((2, 2), (2, 4), (3, 3), (3, 5), (4, 4)), (3, 4, 5, 6)))
"""(r, d) and alpha of the random instances."""

RANDOM = f"{len(SHAPES)} random instances, b of both signs, r = 2..4, d = 2..5, α = 3..6"


def gammas(b: Vector, x: Matrix, v: Vector, alpha: int) -> list[Scalar]:
    """gamma_i(v) = b_i (x_i.v)^(alpha-2) (A.6)."""
    return [b_i * dot(x_i, v) ** (alpha - 2) for b_i, x_i in zip(b, x, strict=True)]


@dataclass(frozen=True, slots=True)
class Instance:
    """Independent unit samples in the span of r orthonormal rows, and the vectors of a pencil."""

    alpha: int
    U: list[list[Fraction]]
    x: list[list[Fraction]]
    b: list[Fraction]
    v: tuple[list[int], list[int]]


@cache
def instances() -> tuple[Instance, ...]:
    """One random rational instance per shape, with b of both signs, the same on every call."""
    rng = np.random.default_rng(SEED)

    def rotation(n: int) -> list[list[Fraction]]:
        entries = rng.integers(-30, 31, comb(n, 2))
        return cayley([Fraction(int(t), 7) for t in entries], n)

    def draw(r: int, d: int, alpha: int) -> Instance:
        U = rotation(d)[:r]
        x = multiply([rotation(r)[0] for _ in range(r)], U)
        b = [Fraction(int(t) * (-1) ** i, 7) for i, t in enumerate(rng.integers(1, 30, r))]
        v_1, v_2 = rng.integers(-50, 51, (2, d)).tolist()
        return Instance(alpha, U, x, b, (v_1, v_2))

    return tuple(draw(*shape, alpha) for shape, alpha in SHAPES)


def symbols(n: int, d: int) -> tuple[list[Scalar], list[list[Scalar]]]:
    """Symbolic b (n) and x (n, d)."""
    return list(sympy.symbols(f"b:{n}")), [list(sympy.symbols(f"x{i}_:{d}")) for i in range(n)]


def det(A: Matrix) -> Scalar:
    """The determinant, symbolic or exact."""
    return sympy.Matrix(A).det()


def vanish(*terms: Scalar) -> bool:
    """Whether all terms expand to 0."""
    return all(sympy.expand(t) == 0 for t in terms)


@claim(
    "slice-factorisation",
    where="A.2, step 2, eq. (A.6)",
    statement=(
        "M(v) = T(·,·,v,…,v) = Σ_i γ_i(v) x_i x_i^T = X D X^T with γ_i(v) = b_i (x_i.v)^(α-2), "
        "and Df(v) is of this form."
    ),
    recorded=Verdict.PROVED,
    hypotheses=("Df(v) = (α-1) M(v), which the sketch leaves at a factor",),
)
def factorisation(docket: Docket) -> None:
    """The entries of T = sum_i b_i x_i^{⊗alpha} are contracted index by index."""
    for n, d, alpha in ((2, 2, 3), (2, 2, 4), (2, 2, 5), (3, 2, 3), (2, 3, 3), (2, 3, 4)):
        b, x = symbols(n, d)
        v = sympy.symbols(f"v:{d}")
        entries = {
            index: sum(b_i * prod(x_i[k] for k in index) for b_i, x_i in zip(b, x, strict=True))
            for index in product(range(d), repeat=alpha)
        }
        contracted = [[0 * v[0]] * d for _ in range(d)]
        for (j, k, *rest), entry in entries.items():
            contracted[j][k] += entry * prod(v[index] for index in rest)
        X = sympy.Matrix(x).T
        factored = X * sympy.diag(*gammas(b, x, v, alpha)) * X.T
        f = contraction(b, x, v, alpha)
        docket.symbolic(
            f"every entry of M(v), X D X^T and Df(v) / (α-1), {n} samples, d = {d}, α = {alpha}",
            [
                vanish(
                    contracted[j][k] - slice_matrix(b, x, v, alpha)[j][k],
                    contracted[j][k] - factored[j, k],
                    contracted[j][k] * (alpha - 1) - sympy.diff(f[j], v[k]),
                )
                for j, k in product(range(d), repeat=2)
            ],
        )


def indefinite(alpha: int, x: Rows, b: Vector, v: Vector) -> bool:
    """Whether two independent unit samples have det M(v) < 0, at v and so around it."""
    unit = all(dot(x_i, x_i) == 1 for x_i in x)
    return unit and rank(x) == 2 and bool(det(slice_matrix(b, x, v, alpha)) < 0)


def indefinite_everywhere(alpha: int, x: Rows, b: Vector) -> bool:
    """Whether det M(v) = -((x_1.v) (x_2.v) det X)^2 for independent unit samples."""
    v = sympy.symbols("v:2")
    square = (dot(x[0], v) * dot(x[1], v) * det(x)) ** 2
    return indefinite(alpha, x, b, (1, 1)) and vanish(det(slice_matrix(b, x, v, alpha)) + square)


@claim(
    "sketch-whitening",
    where="4.2, proof sketch of Theorem 4.1",
    statement=(
        "For almost every v, the operator Σ_i γ_i(v) x_i x_i^T induces a transform Q(v) that maps "
        "the components to an orthonormal set."
    ),
    corrected=(
        "The operator is invertible on the span for almost every v, but Q M(v) Q^T = ±1 has a "
        "real solution only if all γ_i(v) have one sign; then Q makes the √|γ_i| x_i orthonormal. "
        "For α odd there is an open set of such v; for α even there is none unless all b_i have "
        "one sign. The pencil of A.2 needs no sign."
    ),
    recorded=Verdict.CORRECTED,
)
def whitening(docket: Docket) -> None:
    """M(v) = X D X^T has the signature of D (Sylvester), and only a definite M can be whitened.

    With z_i = |γ_i|^(1/2) Q x_i and one sign, Q M Q^T = ±1 says that sum_i z_i z_i^T = 1, so r
    vectors in r dimensions are orthonormal. In both counterexamples det(Q M Q^T) = det(Q)^2 det M
    is negative, while det(±1) = 1. For α odd, x_i.v = b_i makes every γ_i positive.
    """
    for r, alpha in ((2, 3), (2, 4), (2, 5), (3, 3)):
        b, x = symbols(r, r)
        v = sympy.symbols(f"v:{r}")
        expected = det(x) ** 2 * prod(gammas(b, x, v, alpha))
        docket.symbolic(
            f"det M(v) = det(X)² Π γ_i(v), r = d = {r}, α = {alpha}",
            vanish(det(slice_matrix(b, x, v, alpha)) - expected),
        )
    for alpha, b, sign in ((3, (2, -3), 1), (5, (2, -3), 1), (4, (2, 3), 1), (4, (-2, -3), -1)):
        v = [t for (t,) in solve(OBLIQUE, [[b_i] for b_i in b])]
        M = slice_matrix(b, OBLIQUE, v, alpha)
        docket.exact(
            f"{sign:+d} M(v) is positive definite for x_i.v = b_i, b = {b}, α = {alpha}",
            [sign * M[0][0] > 0, bool(det(M) > 0)],
        )
    docket.refute(
        "α = 4, one sample of each class: det M(v) = -(4/5 (x_1.v) (x_2.v))², so for almost every "
        "v there is no real Q with Q M(v) Q^T = ±1",
        indefinite_everywhere,
        alpha=4,
        x=OBLIQUE,
        b=(1, -1),
    )
    docket.refute(
        "α = 3: det M(v) < 0 at v and around it, so there is no such Q on an open set",
        indefinite,
        alpha=3,
        x=OBLIQUE,
        b=(1, -1),
        v=(1, 1),
    )


def oblique_slices(alpha: int, x: Rows, b: Vector, u: Vector, v: Vector) -> bool:
    """Whether independent unit samples have slices M(u), M(v) that do not commute."""
    A, B = slice_matrix(b, x, u, alpha), slice_matrix(b, x, v, alpha)
    unit = all(dot(x_i, x_i) == 1 for x_i in x)
    return unit and rank(x) == len(x) and multiply(A, B) != multiply(B, A)


@claim(
    "orthogonal-decomposition",
    where="4.2, Polynomial activation",
    statement="For almost all cases, the tensor T admits a unique orthogonal decomposition.",
    corrected=(
        "T admits a unique decomposition into linearly independent components (A.2, step 2). It "
        "is orthogonal only if the samples are, which almost no samples are."
    ),
    recorded=Verdict.CORRECTED,
)
def orthogonal(docket: Docket) -> None:
    """In an orthogonal decomposition all slices are diagonal in one basis, so they commute.

    Two samples have [M(u), M(v)] = (γ_1(u) γ_2(v) - γ_2(u) γ_1(v)) (x_1.x_2) (x_1 x_2^T - x_2
    x_1^T), and the first factor is not zero for almost all u, v by (A.7).
    """
    for d, alpha in ((2, 3), (2, 4), (2, 5), (3, 3)):
        b, x = symbols(2, d)
        u, v = sympy.symbols(f"u:{d}"), sympy.symbols(f"v:{d}")
        A, B = (sympy.Matrix(slice_matrix(b, x, w, alpha)) for w in (u, v))
        (g_1, g_2), (h_1, h_2) = gammas(b, x, u, alpha), gammas(b, x, v, alpha)
        outer = sympy.Matrix(x[0]) * sympy.Matrix([x[1]])
        docket.symbolic(
            f"the commutator of two slices, two samples, d = {d}, α = {alpha}",
            vanish(*(A * B - B * A - (g_1 * h_2 - g_2 * h_1) * dot(*x) * (outer - outer.T))),
        )
    found = [
        oblique_slices(case.alpha, x, case.b, *case.v)
        for case in instances()
        for x in (case.x, case.U)
    ]
    docket.exact(
        f"the slices do not commute, and do with orthonormal samples in place of x, {RANDOM}",
        [*found[::2], *(not oblique for oblique in found[1::2])],
        seed=SEED,
    )
    docket.refute(
        "two unit samples with cosine 3/5, α = 3: the slices M(e_1) and M(e_2) do not commute",
        oblique_slices,
        alpha=3,
        x=OBLIQUE,
        b=(1, 1),
        u=(1, 0),
        v=(0, 1),
    )


def coincidence(x: Matrix, v: Matrix, alpha: int) -> Scalar:
    """The polynomial in v_1, v_2 whose zeros violate the last part of (A.7) for two samples."""
    (g_1, g_2), (h_1, h_2) = (gammas((1, 1), x, w, alpha) for w in v)
    return h_1 * g_2 - h_2 * g_1


def wedge(x: Matrix) -> Scalar:
    """The sum of the squared 2 x 2 minors of two samples, 0 only if they are parallel."""
    pairs = combinations(zip(*x, strict=True), 2)
    return sum((p * t - q * s) ** 2 for (p, q), (s, t) in pairs)


def separating(x: Matrix) -> list[list[Scalar]]:
    """v_1 orthogonal to x_1 but not to x_2, and v_2 = x_1."""
    return [combine([-dot(*x), dot(x[0], x[0])], x), list(x[0])]


@claim(
    "A.7",
    where="A.2, step 2, eq. (A.7)",
    statement=(
        "For linearly independent x_i and v_1, v_2 from any absolutely continuous distribution, "
        "(A.7) holds almost surely: x_i.v_l ≠ 0, and the γ_i(v_2) / γ_i(v_1) are distinct."
    ),
    recorded=Verdict.PROVED,
    hypotheses=(
        "α >= 3",
        "no x_i is 0 and no two are parallel; independence and unit norms are not needed",
    ),
)
def almost_surely(docket: Docket) -> None:
    """The zeros of a polynomial that is not 0 have measure 0, so one v_1, v_2 without them do.

    x_i.v is such a polynomial for x_i != 0. For a pair take v_2 = x_1 and for v_1 the part of x_2
    orthogonal to x_1: the value is a power of |x_1|^2 (|x_1|^2 |x_2|^2 - (x_1.x_2)^2), where the
    bracket is the sum of the squared minors of (x_1, x_2).
    """
    c = sympy.Symbol("c")
    for d in (2, 3, 4):
        _, x = symbols(2, d)
        u, v = separating(x)
        docket.symbolic(
            f"x_1.v_1 = 0 and (x_2.v_1) (x_1.v_2) = |x_1|² Σ minors², d = {d}",
            vanish(dot(x[0], u), dot(x[1], u) * dot(x[0], v) - dot(x[0], x[0]) * wedge(x)),
        )
        parallel, v = [x[0], [c * t for t in x[0]]], [sympy.symbols(f"{s}:{d}") for s in "uv"]
        docket.symbolic(
            f"the polynomial is 0 for α = 2, and for parallel samples if α = 3..6, d = {d}",
            [
                vanish(coincidence(x, v, 2)),
                *(vanish(coincidence(parallel, v, alpha)) for alpha in (3, 4, 5, 6)),
            ],
        )
    flat = [(1, 0), (0, 2), (1, 1), (-3, 5), (Fraction(3, 5), Fraction(4, 5))]
    space = [(1, 0, 0), (1, 2, 0), (1, 1, 3)]
    docket.exact(
        "the value at that v_1, v_2 is (|x_1|² Σ minors²)^(α-2) and not 0, for pairs of dependent "
        "samples in the plane and of samples in R^3, not unit, α = 3..6",
        [
            coincidence(pair, separating(pair), alpha)
            == (dot(pair[0], pair[0]) * wedge(pair)) ** (alpha - 2)
            != 0
            for x in (flat, space)
            for pair in permutations(x, 2)
            for alpha in (3, 4, 5, 6)
        ],
    )
    docket.exact(
        "exceptions exist: v_2 = 2 v_1 for α = 3..6; for even α also a reflected v_2",
        [coincidence(OBLIQUE, [(1, 2), (2, 4)], alpha) == 0 for alpha in (3, 4, 5, 6)]
        + [
            (coincidence([(1, 0), (0, 1)], [(1, 2), (1, -2)], alpha) == 0) == (alpha % 2 == 0)
            for alpha in (3, 4, 5, 6)
        ],
    )


@claim(
    "A.8",
    where="A.2, step 2, eq. (A.8)",
    statement="range(A) = span{x_i}, and Ā = U^T A U = G D_1 G^T is invertible, as is G = U^T X.",
    recorded=Verdict.PROVED,
    hypotheses=(
        "the x_i are linearly independent and every x_i.v_1 is not 0",
        "U is an orthonormal basis of span{x_i}",
    ),
)
def reduced_slices(docket: Docket) -> None:
    """X = U G for a basis U, so rank G = rank X = r; A = X D_1 X^T with D_1 and X of rank r."""
    for r, d, alpha in ((2, 3, 3), (2, 3, 4), (2, 2, 5)):
        b, x = symbols(r, d)
        v = sympy.symbols(f"v:{d}")
        U = sympy.Matrix(r, d, sympy.symbols(f"U:{r * d}"))
        G, D = U * sympy.Matrix(x).T, sympy.diag(*gammas(b, x, v, alpha))
        docket.symbolic(
            f"U^T M(v) U = G D G^T for every U, r = {r}, d = {d}, α = {alpha}",
            vanish(*(U * sympy.Matrix(slice_matrix(b, x, v, alpha)) * U.T - G * D * G.T)),
        )
    outcomes = []
    for case in instances():
        A = slice_matrix(case.b, case.x, case.v[0], case.alpha)
        orthogonal = nullspace([case.x[0]])[0]  # to one of the samples
        deficient = slice_matrix(case.b, case.x, orthogonal, case.alpha)
        r = len(case.x)
        G = multiply(case.U, transpose(case.x))
        outcomes.append(
            multiply(case.U, transpose(case.U)) == identity(r)
            and rank(A) == rank(case.x) == rank([*A, *case.x]) == r
            and rank(G) == rank(multiply(case.U, A, transpose(case.U))) == r
            and rank(deficient) < r
        )
    docket.exact(
        f"ranges and ranks, and a v_1 orthogonal to one sample where the rank is less, {RANDOM}",
        outcomes,
        seed=SEED,
    )
    docket.exact(
        "necessary: three samples in the plane have rank(A) = 2; a U that does not span makes Ā 0",
        [
            rank(slice_matrix((1, 1, 1), [*OBLIQUE, (0, 1)], (1, 2), 3)) == 2,
            multiply([[0, 1]], slice_matrix((1,), [(1, 0)], (1, 2), 3), [[0], [1]]) == [[0]],
        ],
    )


def decomposed(case: Instance) -> tuple[list[Fraction], list[list[Fraction]]]:
    """The eigenvalues of C and the rows of U V^{-T}, V its eigenvectors: from slices of T alone."""
    A, B = (
        multiply(case.U, slice_matrix(case.b, case.x, v, case.alpha), transpose(case.U))
        for v in case.v
    )
    pairs = eigenpairs(solve(A, B))
    V = transpose([vector for _, vector in pairs])
    return [value for value, _ in pairs], multiply(inverse(V), case.U)


def assignment(found: Rows, x: Rows) -> list[int]:
    """For every row found, the samples it is parallel to."""
    return [i for row in found for i, x_i in enumerate(x) if rank([row, x_i]) == 1]


@claim(
    "A.9",
    where="A.2, step 2, eq. (A.9)",
    statement=(
        "C = Ā^{-1} B̄ = G^{-T} D_1^{-1} D_2 G^T has the r distinct real eigenvalues "
        "γ_i(v_2) / γ_i(v_1), V^{-T} equals G up to permutation and scaling, and U V^{-T} = X Π Δ."
    ),
    recorded=Verdict.PROVED,
    hypotheses=("(A.7)", "the x_i are linearly independent"),
)
def pencil(docket: Docket) -> None:
    """C^T G = G D, so the columns of G are the eigenvectors of C^T, and C V = V D is V = G^{-T}.

    Eigenvectors of distinct eigenvalues are unique up to scaling. Nothing but slices of T enters,
    so T has no other decomposition into independent components.
    """
    for r in (2, 3):
        G = sympy.Matrix(r, r, sympy.symbols(f"g:{r * r}"))
        D_1, D_2 = (sympy.diag(*sympy.symbols(f"{name}:{r}")) for name in "pq")
        A, B = G * D_1 * G.T, G * D_2 * G.T
        left = A * G.T.adjugate() * D_1.inv() * D_2 * G.T - G.det() * B
        docket.symbolic(
            f"Ā (G^{{-T}} D_1^{{-1}} D_2 G^T) = B̄ for every G, D_1, D_2, r = {r}", vanish(*left)
        )
    outcomes = []
    for case in instances():
        g, h = (gammas(case.b, case.x, v, case.alpha) for v in case.v)
        values, found = decomposed(case)
        outcomes.append(
            sorted(values) == sorted(t / s for s, t in zip(g, h, strict=True))
            and sorted(assignment(found, case.x)) == list(range(len(case.x)))
        )
    docket.exact(f"eigenvalues, and X̂ = X Π Δ, {RANDOM}", outcomes, seed=SEED)
    x, b = [list(map(Fraction, x_i)) for x_i in OBLIQUE], [Fraction(1), Fraction(-1)]
    # Twice v_1; and a v_2 with x_1.v_2 = x_1.v_1 and x_2.v_2 = -(x_2.v_1).
    cases = [
        Instance(3, identity(2), x, b, ([1, 2], [2, 4])),
        Instance(4, identity(2), x, b, ([4, 2], [4, -8])),
    ]
    docket.exact(
        "necessary: without (A.7), v_2 = 2 v_1 or a reflection for α = 4, X̂ has not both samples",
        [coincidence(x, case.v, case.alpha) == 0 for case in cases]
        + [len(assignment(decomposed(case)[1], x)) < 2 for case in cases],
    )


def dual_basis(x: Rows) -> list[list[Fraction]]:
    """The rows y_k in the span of x with x_i.y_k = 1 for i = k and 0 else."""
    return solve(multiply(x, transpose(x)), x)


def wrong_coefficient(alpha: int, x: Rows, b: Vector) -> bool:
    """Whether T(x_k, ..., x_k) != b_k for every independent unit sample."""
    unit = all(dot(x_i, x_i) == 1 for x_i in x)
    values = [form(b, x, x_k, alpha) for x_k in x]
    return unit and rank(x) == len(x) and all(s != t for s, t in zip(values, b, strict=True))


@claim(
    "E1",
    where="A.2, step 2, last display",
    statement="b̃_k = T(x̃_k, …, x̃_k) = Σ_i b_i (x_i.x̃_k)^α = b_π(k).",
    corrected=(
        "b̃ solves G^{∘α} b̃ = (T(x̃_k, …, x̃_k))_k with G_ki = x̃_k.x̃_i, or b̃_k = T(ỹ_k, …, ỹ_k) with "
        "the dual basis ỹ of x̃. The formula holds for orthonormal samples."
    ),
    recorded=Verdict.CORRECTED,
)
def coefficients(docket: Docket) -> None:
    """The last equality drops the terms i != pi(k), which vanish for orthogonal samples only.

    G is positive definite for independent x̃, and so is its Hadamard power (Schur): it is the Gram
    matrix of the x̃_i^{⊗alpha}, to which the ỹ_k^{⊗alpha} are dual.
    """
    solved, dual, definite, plain = [], [], [], []
    for case in instances():
        signs = [(-1) ** (i // 2) for i in range(len(case.x))]
        x = [[sign * t for t in x_i] for sign, x_i in zip(signs, case.x, strict=True)]
        b = [[b_i * sign**case.alpha] for sign, b_i in zip(signs, case.b, strict=True)]
        G = multiply(x, transpose(x))
        power = [[t**case.alpha for t in row] for row in G]
        values = [[form(case.b, case.x, x_k, case.alpha)] for x_k in x]
        solved.append(solve(power, values) == b)
        dual.append([[form(case.b, case.x, y_k, case.alpha)] for y_k in dual_basis(x)] == b)
        minors = [[row[:k] for row in power[:k]] for k in range(1, len(x) + 1)]
        definite.append(all(bool(det(minor) > 0) for minor in minors))
        plain.append([form(case.b, case.U, u, case.alpha) for u in case.U] == case.b)
    docket.exact(f"G^{{∘α}} b̃ = T(x̃) gives b, signs of x̃ mixed, {RANDOM}", solved, seed=SEED)
    docket.exact(f"T at the dual basis gives b, signs of x̃ mixed, {RANDOM}", dual, seed=SEED)
    docket.exact(f"G^{{∘α}} is positive definite, {RANDOM}", definite, seed=SEED)
    docket.exact(f"the paper's formula for orthonormal samples, {RANDOM}", plain, seed=SEED)
    many = [cayley([Fraction(t, 7)], 2)[0] for t in range(5)]
    docket.exact(
        "independence is needed: five pairwise non-parallel samples in the plane, α = 3, make "
        "G^{∘α} singular",
        rank([[dot(u, w) ** 3 for u in many] for w in many]) == 4
        and all(rank(pair) == 2 for pair in combinations(many, 2)),
    )
    docket.refute(
        "two samples with cosine 3/5, b = (1, 1), α = 3: the formula gives 152/125 for both",
        wrong_coefficient,
        alpha=3,
        x=OBLIQUE,
        b=(1, 1),
    )


def normalised(x: Vector) -> list[Fraction]:
    """X / |x|, for a rational norm."""
    norm = square_root(dot(x, x))
    assert norm is not None
    return [t / norm for t in x]


def up_to_sign(x: Matrix, b: Vector, alpha: int) -> list[tuple[list[Scalar], Scalar]]:
    """Per sample the one of (x, b) and (-x, (-1)^alpha b) with x first positive, in order."""
    signs = [next(1 if t > 0 else -1 for t in x_i if t) for x_i in x]
    triples = zip(signs, x, b, strict=True)
    return sorted(([sign * t for t in x_i], sign**alpha * b_i) for sign, x_i, b_i in triples)


def another_set(alpha: int, x: Samples, b: Vector, other_x: Samples, other_b: Vector) -> bool:
    """Whether a network meets Theorem 4.1 with (x, b), and all KKT conditions with another set."""
    point = orthonormal_point(x, b, alpha)
    return (
        meets_theorem(point)
        and rank(other_x) == len(x)
        and all(dot(x_i, x_i) == 1 for x_i in other_x)
        and stationary(point, other_x, other_b)
        and margins(point, other_x, other_b) == point.margins()
        and set(zip(x, b, strict=True)) != set(zip(other_x, other_b, strict=True))
    )


@claim(
    "E2",
    where="4.2, Theorem 4.1",
    statement="One can recover the active components (x_i, b_i) from T up to permutation.",
    corrected=(
        "Up to permutation and sign: (x_i, b_i) and (-x_i, (-1)^α b_i) have the same T and the "
        "same margins, the label going with b_i."
    ),
    recorded=Verdict.CORRECTED,
)
def signs(docket: Docket) -> None:
    """(-x)^{⊗alpha} = (-1)^alpha x^{⊗alpha}, and y Phi(x) = (-1)^alpha y Phi(-x).

    Nothing else is open: directions are unique (A.9), unit norm leaves the sign, and b follows.
    """
    a, W = symbols(2, 2)
    for alpha in (3, 4, 5, 6):
        b, x = symbols(2, 2)
        flipped = [(-1) ** alpha * b[0], b[1]], [[-t for t in x[0]], x[1]]
        f, g = (contraction(*samples, W[0], alpha) for samples in ((b, x), flipped))
        phi, psi = (network(a, W, t, alpha) for t in (x[0], flipped[1][0]))
        docket.symbolic(
            f"f(w) and b Φ(x) are the same for (x, b) and (-x, (-1)^α b), α = {alpha}",
            [vanish(f[0] - g[0], f[1] - g[1]), vanish(b[0] * phi - flipped[0][0] * psi)],
        )
    outcomes = []
    for case in instances():
        rows = decomposed(case)[1]
        x = [normalised(row) for row in rows]
        b = [form(case.b, case.x, y_k, case.alpha) for y_k in dual_basis(x)]
        outcomes.append(up_to_sign(x, b, case.alpha) == up_to_sign(case.x, case.b, case.alpha))
    docket.exact(f"recovery up to permutation and sign, {RANDOM}", outcomes, seed=SEED)
    for alpha, b in ((3, (-1, 1)), (4, (1, 1))):
        docket.refute(
            f"α = {alpha}: one network, two sets of samples that differ in the sign of one",
            another_set,
            alpha=alpha,
            x=((1, 0), (0, 1)),
            b=(1, 1),
            other_x=((-1, 0), (0, 1)),
            other_b=b,
        )


@claim(
    "overcomplete",
    where="4.2, Theorem 4.1",
    statement=(
        "The x_i are assumed independent; without that T does not determine them, not even with "
        "unit norms and all b_i > 0."
    ),
    recorded=Verdict.PROVED,
    hypotheses=("in the plane and α = 3 it takes five different directions in the two sets",),
)
def dependent_samples(docket: Docket) -> None:
    """Cubic forms in the plane have four coefficients, so five cubes are dependent.

    A dependency cut in two is two decompositions of one T. Four cubes in different directions are
    independent, so two samples are determined by T among all sets of two.
    """
    b, x = (14, 14, 35), [(1, 0), (0, -1), (Fraction(3, 5), Fraction(4, 5))]
    fifths = ((3, -4), (4, 3), (4, -3))
    c, u = (5, 35, 5), [(Fraction(p, 5), Fraction(q, 5)) for p, q in fifths]
    docket.exact(
        "α = 3: b = (14, 14, 35) on (1, 0), (0, -1), (3, 4)/5, and (5, 35, 5) on (3, -4)/5, "
        "(4, 3)/5, (4, -3)/5 give every entry of T alike; unit vectors, no two parallel",
        [
            *(tensor(b, x, e) == tensor(c, u, e) for e in product(identity(2), repeat=3)),
            all(dot(x_i, x_i) == 1 for x_i in (*x, *u)),
            all(rank(pair) == 2 for pair in combinations((*x, *u), 2)),
        ],
    )
    _, four = symbols(4, 2)
    minors = [det(pair) for pair in combinations(four, 2)]
    docket.symbolic(
        "the determinant of four cubes is the product of their 2 x 2 minors (Vandermonde)",
        vanish(det([monomials(x_i, 3) for x_i in four]) - prod(minors)),
    )
