"""Section 4.2: the interpolation of f uses less than it knows, because f is a gradient.

arXiv 2602.08723, section 4.2 and A.2, step 1. The evaluations (A.3) are values of f = grad p/alpha
for the form p(w) = T(w, ..., w). To interpolate each coordinate of f by itself takes rank(K) = N;
to interpolate p, the rank of p -> grad p at the neurons has to be the number of its coefficients.
"""

from __future__ import annotations

import sympy

from proofs_check.claims.appendix_a.orthonormal_directions import (
    Labels,
    integer_rank,
    labellings,
    one_class,
    patterns,
)
from proofs_check.docket import Docket, Method
from proofs_check.exact.exact_kkt import orthonormal_point
from proofs_check.exact.formulas import (
    Matrix,
    contraction,
    dot,
    exponents,
    gram,
    monomials,
    multinomial,
)
from proofs_check.exact.ranks import forms, gradient_rows
from proofs_check.exact.rational import Rows, identity, rank
from proofs_check.ledger import ClaimVerdict, Origin, claim


def symmetric_full(labels: Labels, alpha: int) -> bool:
    """Whether f at all eigenvectors of r >= 2 orthonormal samples determines T."""
    return alpha in {3, 5} or (alpha in {4, 6} and one_class(labels))


def gradients(labels: Labels, alpha: int) -> Matrix:
    """The matrix of p -> grad p at all eigenvectors."""
    return [row for u in patterns(labels, alpha) for row in gradient_rows(u, alpha)]


def flat_form(labels: Labels, alpha: int) -> list[int]:
    """Coefficients of a form in two variables whose gradient vanishes on all patterns, y_1 = 1."""
    s, t = sympy.symbols("s t")
    if alpha % 2:
        p = s ** (alpha - 4) * t**2 * (s - labels[1] * t) ** 2
    elif one_class(labels):
        p = s ** (alpha - 6) * t**2 * (s**2 - t**2) ** 2
    else:
        p = s ** (alpha - 2) * t**2
    return [int(sympy.Poly(p, s, t).coeff_monomial(index)) for index in exponents(2, alpha)]


def double_zero() -> bool:
    """Whether d/ds and d/dt of (s - c t)^2 q(s, t), q undefined, have the factor s - c t."""
    s, t, c = sympy.symbols("s t c")
    q, line = sympy.Function("q")(s, t), s - c * t
    return all(
        sympy.expand(sympy.diff(line**2 * q, v) - line * (2 * line.diff(v) * q + line * q.diff(v)))
        == 0
        for v in (s, t)
    )


def determined_without_rank(alpha: int, x: Rows, labels: Labels, N: int) -> bool:
    """A KKT point with rank(K) < N, and grad p / alpha = f is the only gradient with its values."""
    point, d = orthonormal_point(x, labels, alpha), len(x[0])
    columns = zip(*(monomials(x_i, alpha) for x_i in x), strict=True)
    p = [
        multinomial(index) * dot(labels, column)
        for index, column in zip(exponents(d, alpha), columns, strict=True)
    ]
    rows = [row for u in point.u for row in gradient_rows(u, alpha)]
    values = [alpha * t for u in point.u for t in contraction(labels, x, u, alpha)]
    return (
        point.kkt()
        and rank(gram(point.u, alpha)) < N == forms(d, alpha - 1)
        and [dot(row, p) for row in rows] == values
        and rank(rows) == forms(d, alpha)
    )


@claim(
    "symmetric-reaches-further",
    where="4.2, Theorem 4.1",
    statement="For r >= 2 orthonormal samples and neurons on all eigenvectors "
    "the values f(W_j) determine T if and only if α is 3 or 5, or α is 4 or 6 and all labels are "
    "equal. So the samples can be determined where rank(K) = N fails, at α = 5 and 6.",
    gist="as values of a gradient the equations determine T at α = 5 and 6 too",
    origin=Origin.OURS,
    recorded=ClaimVerdict.PROVED,
    hypotheses=("α >= 3", "the active samples are orthonormal"),
)
def symmetric(docket: Docket) -> None:
    """Unique means that a form p whose gradient vanishes at all eigenvectors is 0.

    If: it is enough to see it for r <= alpha, since a monomial has at most alpha variables and p
    may be restricted to them. Only if: a form in z_1, z_2 with a double zero at every pattern, such
    as z_1^(alpha-4) z_2^2 (z_1 - z_2)^2 for alpha odd and equal labels.
    """
    docket.example(
        "a KKT point on two orthonormal samples, α = 5: rank(K) = 3 < 5, yet the values of f at "
        "its three neurons are those of one gradient only",
        determined_without_rank(5, identity(2), (1, 1), N=5),
    )
    for alpha in range(3, 7):
        docket.general(
            f"α = {alpha}, r = 2..{alpha}, all sizes of the classes: the rank of p -> grad p is "
            "C(r+α-1, α) where stated and less elsewhere",
            [
                (integer_rank(gradients(y, alpha)) == forms(len(y), alpha))
                == symmetric_full(y, alpha)
                for _, y in labellings((alpha,), range(2, alpha + 1))
            ],
            method=Method.EXACT,
        )
    docket.general(
        "the gradient of (s - c t)^2 q is 0 where s = c t, for every q; so a form has none at a "
        "pattern whose line it contains twice: s^(α-4) t^2 (s ± t)^2 for α odd from 6 on, "
        "s^(α-6) t^2 (s^2 - t^2)^2 for one class and α even from 8 on, s^(α-2) t^2 from 4 on",
        [
            double_zero(),
            *(e >= 2 for alpha in (7, 9) for e in (alpha - 4,)),
            *(e >= 2 for alpha in (8, 10) for e in (alpha - 6,)),
            *(e >= 2 for alpha in (4, 6) for e in (alpha - 2,)),
        ],
    )
    docket.example(
        "r = 2, α = 4..12: where not stated, a form that is not 0 has no gradient at any pattern",
        [
            any(p) and all(dot(row, p) == 0 for row in gradients(y, alpha))
            for alpha, y in labellings(range(4, 13), (2,))
            if not symmetric_full(y, alpha)
            for p in [flat_form(y, alpha)]
        ],
    )
