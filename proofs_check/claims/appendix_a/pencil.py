"""A.2, step 2: from two slices to the samples, and from those to their weights.

arXiv 2602.08723, A.2, eq. (A.9) and the display after it.
"""

from __future__ import annotations

from fractions import Fraction
from itertools import combinations

import sympy

from proofs_check.docket import Docket
from proofs_check.exact.conditions import independent_units, vanish
from proofs_check.exact.formulas import Vector, dot, form
from proofs_check.exact.one_term import b, degree, same, t
from proofs_check.exact.rational import Rows, cayley, identity, multiply, rank, solve, transpose
from proofs_check.exact.tensor_pencil import (
    OBLIQUE,
    RANDOM,
    SEED,
    PencilInstance,
    coincidence,
    decomposed,
    det,
    dual_basis,
    gammas,
    pencil_instances,
)
from proofs_check.ledger import ClaimVerdict, Severity, claim


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
    gist="the eigenvectors of the pencil are the samples",
    recorded=ClaimVerdict.PROVED,
    hypotheses=("(A.7)", "the x_i are linearly independent"),
)
def pencil(docket: Docket) -> None:
    """C^T G = G D, so the columns of G are the eigenvectors of C^T, and C V = V D is V = G^{-T}.

    Eigenvectors of distinct eigenvalues are unique up to scaling. Nothing but slices of T enters,
    so T has no other decomposition into independent components.
    """
    G, H, D_1, D_2 = sympy.symbols("G G^T D_1 D_2", commutative=False)
    docket.general(
        "(G D_1 G^T) (G^{-T} D_1^{-1} D_2 G^T) = G D_2 G^T for invertible matrices of any size",
        sympy.expand((G * D_1 * H) * (H**-1 * D_1**-1 * D_2 * H) - G * D_2 * H) == 0,
    )
    for r in (2, 3):
        G = sympy.Matrix(r, r, sympy.symbols(f"g:{r * r}"))
        D_1, D_2 = (sympy.diag(*sympy.symbols(f"{name}:{r}")) for name in "pq")
        A, B = G * D_1 * G.T, G * D_2 * G.T
        left = A * G.T.adjugate() * D_1.inv() * D_2 * G.T - G.det() * B
        docket.example(
            f"Ā (G^{{-T}} D_1^{{-1}} D_2 G^T) = B̄ for every G, D_1, D_2, r = {r}", vanish(*left)
        )
    outcomes = []
    for case in pencil_instances():
        g, h = (gammas(case.b, case.x, v, case.alpha) for v in case.v)
        values, found = decomposed(case)
        outcomes.append(
            sorted(values) == sorted(t / s for s, t in zip(g, h, strict=True))
            and sorted(assignment(found, case.x)) == list(range(len(case.x)))
        )
    docket.example(f"eigenvalues, and X̂ = X Π Δ, {RANDOM}", outcomes, seed=SEED)
    x, weights = [list(map(Fraction, x_i)) for x_i in OBLIQUE], [Fraction(1), Fraction(-1)]
    # Twice v_1; and a v_2 with x_1.v_2 = x_1.v_1 and x_2.v_2 = -(x_2.v_1).
    cases = [
        PencilInstance(3, identity(2), x, weights, ([1, 2], [2, 4])),
        PencilInstance(4, identity(2), x, weights, ([4, 2], [4, -8])),
    ]
    docket.example(
        "necessary: without (A.7), v_2 = 2 v_1 or a reflection for α = 4, X̂ has not both samples",
        [coincidence(x, case.v, case.alpha) == 0 for case in cases]
        + [len(assignment(decomposed(case)[1], x)) < 2 for case in cases],
    )


def wrong_coefficient(alpha: int, x: Rows, b: Vector) -> bool:
    """Whether T(x_k, ..., x_k) != b_k for every independent unit sample."""
    values = [form(b, x, x_k, alpha) for x_k in x]
    return independent_units(x) and all(s != t for s, t in zip(values, b, strict=True))


@claim(
    "E1",
    where="A.2, step 2, last display",
    statement="b̃_k = T(x̃_k, ..., x̃_k) = sum_i b_i (x_i.x̃_k)^α = b_π(k).",
    corrected=(
        "b̃ solves G^{∘α} b̃ = (T(x̃_k, ..., x̃_k))_k with G_ki = x̃_k.x̃_i, or b̃_k = T(ỹ_k, ..., ỹ_k) "
        "with the dual basis ỹ of x̃. The formula holds for orthonormal samples."
    ),
    gist="the formula for the weights is wrong unless the samples are orthonormal",
    severity=Severity.FATAL,
    recorded=ClaimVerdict.CORRECTED,
)
def coefficients(docket: Docket) -> None:
    """The last equality drops the terms i != pi(k), which vanish for orthogonal samples only.

    G is positive definite for independent samples, and so is its Hadamard power (Schur): it is the
    Gram matrix of their powers x_i^{⊗alpha}, to which those of the dual basis are dual.
    """
    docket.general(
        "row k of the system, any degree and number of samples, one of them x_k, the others in one "
        "symbol: T(x̃_k) = b_k 1^α + rest; at the dual basis the rest is a sum of b_i 0^α",
        [
            same(b * sympy.Integer(1) ** degree, b),
            sympy.Integer(0) ** degree == 0,
            same(sum(b * entry**degree for entry in (1, t)), b * 1**degree + b * t**degree),
        ],
    )
    solved, dual, definite, plain = [], [], [], []
    for case in pencil_instances():
        signs = [(-1) ** (i // 2) for i in range(len(case.x))]
        x = [[sign * t for t in x_i] for sign, x_i in zip(signs, case.x, strict=True)]
        weights = [[b_i * sign**case.alpha] for sign, b_i in zip(signs, case.b, strict=True)]
        G = multiply(x, transpose(x))
        power = [[t**case.alpha for t in row] for row in G]
        values = [[form(case.b, case.x, x_k, case.alpha)] for x_k in x]
        solved.append(solve(power, values) == weights)
        dual.append([[form(case.b, case.x, y_k, case.alpha)] for y_k in dual_basis(x)] == weights)
        minors = [[row[:k] for row in power[:k]] for k in range(1, len(x) + 1)]
        definite.append(all(bool(det(minor) > 0) for minor in minors))
        plain.append([form(case.b, case.U, u, case.alpha) for u in case.U] == case.b)
    docket.example(f"G^{{∘α}} b̃ = T(x̃) gives b, signs of x̃ mixed, {RANDOM}", solved, seed=SEED)
    docket.example(f"T at the dual basis gives b, signs of x̃ mixed, {RANDOM}", dual, seed=SEED)
    docket.example(f"G^{{∘α}} is positive definite, {RANDOM}", definite, seed=SEED)
    docket.example(f"the paper's formula for orthonormal samples, {RANDOM}", plain, seed=SEED)
    many = [cayley([Fraction(t, 7)], 2)[0] for t in range(5)]
    docket.example(
        "independence is needed: five pairwise non-parallel samples in the plane, α = 3, make "
        "G^{∘α} singular",
        rank([[dot(u, w) ** 3 for u in many] for w in many]) == 4
        and all(rank(pair) == 2 for pair in combinations(many, 2)),
    )
    docket.refute(
        "two samples with cosine 3/5, b = (1, 1), α = 3: the formula gives 152/125 for both",
        wrong_coefficient,
        near={
            "independent samples": {"x": (OBLIQUE[0], OBLIQUE[0])},
            "unit samples": {"x": ((2, 0), (0, 2))},
            "samples that are not orthogonal": {"x": ((1, 0), (0, 1))},
        },
        alpha=3,
        x=OBLIQUE,
        b=(1, 1),
    )
