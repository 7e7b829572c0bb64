"""A.2, step 1: f determines p, and p the tensor T, by polarization.

arXiv 2602.08723, A.2. Letters as in ``uniqueness_of_f``.
"""

from __future__ import annotations

from itertools import combinations_with_replacement
from math import comb, factorial

import sympy
from sympy.polys.rings import ring

from proofs_check.claims.appendix_a.uniqueness_of_f import entries_of_f, power_values
from proofs_check.docket import Docket
from proofs_check.exact.conditions import identical, point_symbols
from proofs_check.exact.feature_matrix import SIZES, samples
from proofs_check.exact.formulas import (
    Matrix,
    Vector,
    contraction,
    dot,
    exponents,
    form,
    multinomial,
    polarized,
    tensor,
)
from proofs_check.exact.one_term import degree, derivative_is_evaluation, form_is_w_dot_f
from proofs_check.exact.rational import identity, rank
from proofs_check.ledger import ClaimVerdict, claim

ALPHAS = range(2, 7)


@claim(
    "p-from-f",
    where="A.2, step 1, display after the definition of p",
    statement="p(w) = w.f(w) = sum_i b_i (x_i.w)^α = T(w, ..., w).",
    gist="f gives the form p, and p is T on the diagonal",
    recorded=ClaimVerdict.PROVED,
)
def diagonal_form(docket: Docket) -> None:
    """(w.x_i) (x_i.w)^(alpha-1) = (x_i.w)^alpha; and f = grad p / alpha."""
    docket.general(
        "one sample, any degree: w.f = t b t^(α-1) = b t^α, and its derivative in w_k is α f_k",
        [form_is_w_dot_f(), derivative_is_evaluation()[1]],
    )
    for alpha in ALPHAS:
        _, (w,), b, x = point_symbols(3, 1, 3)
        p, f = form(b, x, w, alpha), contraction(b, x, w, alpha)
        docket.example(
            f"w.f(w), the sum and T(w, ..., w) agree, and ∇p = α f, α = {alpha}, 3 samples, d = 3",
            [
                *identical([dot(w, f), tensor(b, x, [w] * alpha)], [p, p]),
                *identical([sympy.diff(p, t) for t in w], [alpha * f_k for f_k in f]),
            ],
        )


def polarizes(b: Vector, x: Matrix, vectors: Matrix) -> bool:
    """Whether the sum over signs is alpha! 2^alpha T(u_1, ..., u_alpha)."""
    alpha = len(vectors)
    signed = polarized(lambda w: form(b, x, w, alpha), vectors)
    return signed == factorial(alpha) * 2**alpha * tensor(b, x, vectors)


@claim(
    "polarization",
    where="A.2, step 1, display of T",
    statement="T(u_1, ..., u_α) = 1/(α! 2^α) sum over signs ε of (prod_t ε_t) p(sum_t ε_t u_t).",
    gist="T is read off p by signs",
    recorded=ClaimVerdict.PROVED,
)
def polarization(docket: Docket) -> None:
    """Both sides are linear in T, so T = x^{⊗alpha} suffices; let t_k = x.u_k.

    Then sum_eps (prod_k eps_k) (sum_k eps_k t_k)^alpha = alpha! 2^alpha t_1 ... t_alpha: a monomial
    with exponents e_k has the factor prod_k (sum of eps^(1 + e_k) over eps = +-1), 0 if some e_k
    is even and 2^alpha otherwise; and alpha odd numbers of sum alpha are all 1. For every alpha.
    """
    e = sympy.Symbol("e", integer=True, nonnegative=True)
    docket.general(
        "one index: the sum of ε^(1+e) over both signs is 0 for e even and 2 for e odd; odd "
        "exponents 1 + 2 f_k, α of them with sum α, leave sum f_k = 0; α!/(1! ... 1!) = α!",
        [
            1 ** (1 + 2 * e) + sympy.simplify((-1) ** (1 + 2 * e)) == 0,
            1 ** (2 + 2 * e) + sympy.simplify((-1) ** (2 + 2 * e)) == 2,
            sympy.solve(sympy.Eq(degree + 2 * e, degree), e) == [0],
            all(multinomial((1,) * alpha) == factorial(alpha) for alpha in range(1, 9)),
        ],
    )
    for alpha in ALPHAS:
        _, *t = ring([f"t{k}" for k in range(alpha)], sympy.ZZ)
        docket.example(
            "the sum over signs for T = x^{⊗α} is α! 2^α times the product of x.u_t, "
            f"α = {alpha}",
            polarizes([1], [[1]], [[t_k] for t_k in t]),
        )
    for d in (2, 3):
        b, x = samples(d)
        docket.example(
            f"every entry of T for {d + 1} dependent samples, weights of both signs, d = {d}, "
            "α = 2..6",
            [
                polarizes(b, x, vectors)
                for alpha in ALPHAS
                for vectors in combinations_with_replacement(identity(d), alpha)
            ],
        )


@claim(
    "T-unique",
    where="A.2, step 1, f uniquely determines T",
    statement="T is uniquely determined by f.",
    gist="f determines T, entry by entry",
    recorded=ClaimVerdict.PROVED,
)
def tensor_from_map(docket: Docket) -> None:
    """The coefficient of f_k at w_i w_j ... is a multinomial one times T(e_k, e_i, e_j, ...).

    Multinomial coefficients are positive, so every entry of T can be read off f.
    """
    for d, alpha in SIZES:
        w = sympy.symbols(f"w:{d}")
        b, x = samples(d)
        f = [sympy.Poly(f_k, *w) for f_k in contraction(b, x, w, alpha)]
        read = [[f_k.coeff_monomial(index) for index in exponents(d, alpha - 1)] for f_k in f]
        docket.symbolic(
            f"each coefficient of f is a multinomial coefficient times an entry of T, d = {d}, "
            f"α = {alpha}",
            [
                s == t
                for found, expected in zip(read, entries_of_f(b, x, d, alpha), strict=True)
                for s, t in zip(found, expected, strict=True)
            ],
        )
    docket.exact(
        f"symmetric T to the values of f at N points is injective, (d, α) in {SIZES}",
        [
            rank(power_values(exponents(d, alpha - 1), alpha)) == comb(d + alpha - 1, alpha)
            for d, alpha in SIZES
        ],
    )
