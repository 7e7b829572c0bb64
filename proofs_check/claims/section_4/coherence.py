"""Section 4.2: which eigenvectors are left when the samples are not orthonormal; exact part.

arXiv 2602.08723, sections 4.2 and A.2. In z_i = x_i.w, with the Gram matrix C of the samples, the
neurons of a KKT point are the real solutions of z = eps C (b z^{alpha-1}), eps = +-1, up to scale.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise, product
from math import comb

import sympy
from flint import fmpq

from proofs_check.docket import Docket, Method
from proofs_check.exact.eigenvector_count import count_directions, count_in_plane
from proofs_check.exact.formulas import Scalar, contraction, dot
from proofs_check.exact.one_term import degree, same, t
from proofs_check.exact.rational import square_root, to_flint
from proofs_check.ledger import ClaimVerdict, Origin, claim


def variations(signs: Sequence[Scalar]) -> int:
    """Sign changes in a sequence without zeros."""
    return sum(s * t < 0 for s, t in pairwise(signs))


def most(alpha: int, product_of_labels: int) -> int:
    """Bound on the real eigenvectors of two independent samples, up to scale."""
    if alpha % 2:
        return 3
    return 4 if product_of_labels > 0 else 2


@claim(
    "two-samples",
    where="4.2, Theorem 4.1",
    statement="With two independent active samples rank(K) = N = α is impossible for α >= 5, and "
    "for α = 4 with different labels, at any angle, with any weights and at any width.",
    gist="two samples never satisfy (4.2) for α >= 5, at any angle or width",
    origin=Origin.OURS,
    recorded=ClaimVerdict.PROVED,
    hypotheses=("the two active samples are independent",),
)
def pairs(docket: Docket) -> None:
    """With g = x_1.x_2 and z = (1, t) the eigenvectors are the real zeros of a four-term form.

    -g b_2 t^alpha + b_2 t^(alpha-1) - b_1 t + g b_1. By Descartes' rule it has at most 3 real roots
    (alpha odd), 4 (alpha even, equal labels) or 2 (alpha even, different labels). The rank of K is
    the number of distinct directions, at most alpha (Vandermonde).
    """
    docket.general(
        "any degree: z_1 x_2.f(w) - z_2 x_1.f(w) at z = (1, t) is the form of four terms",
        four_terms(),
    )
    g, t, b_1, b_2 = sympy.symbols("g t b_1 b_2")
    x = [[1, 0], [g, sympy.sqrt(1 - g**2)]]
    w = [1, (t - g) / x[1][1]]
    for alpha in range(3, 9):
        f = contraction([b_1, b_2], x, w, alpha)
        terms = -g * b_2 * t**alpha + b_2 * t ** (alpha - 1) - b_1 * t + g * b_1
        docket.example(
            f"α = {alpha}: z_1 x_2.f(w) - z_2 x_1.f(w) at z = (1, t) is the form of four terms",
            sympy.expand(dot(x[1], f) - t * dot(x[0], f) - terms) == 0,
        )
    outcomes = []
    for alpha, sign_g, y_1, y_2 in product(range(3, 13), (1, -1), (1, -1), (1, -1)):
        ahead = (-sign_g * y_2, y_2, -y_1, sign_g * y_1)
        powers = (alpha, alpha - 1, 1, 0)
        back = [s * (-1) ** power for s, power in zip(ahead, powers, strict=True)]
        outcomes.append(variations(ahead) + variations(back) == most(alpha, y_1 * y_2))
    docket.general(
        "sign changes for t and for -t add up to the bound, for all signs of g, b_1, b_2 and both "
        "parities of α, on which alone they depend",
        outcomes,
        method=Method.EXACT,
    )
    cosines = [Fraction(p, q) for p, q in ((0, 1), (7, 25), (-7, 25), (3, 5), (-3, 5), (24, 25))]
    for alpha in range(3, 9):
        counts = {
            (cosine, y_2): [
                count_in_plane([[1, 0], [cosine, square_root(1 - cosine**2)]], [1, y_2 * b], alpha)
                for b in (1, 8, Fraction(1, 50))
            ]
            for cosine in cosines
            for y_2 in (1, -1)
        }
        docket.example(
            f"α = {alpha}, six angles, b_1 = 1, b_2 = ±1, ±8, ±1/50: real zeros by Sturm's theorem "
            "are no more than the bound, and for the right angle as many",
            [
                n <= most(alpha, y_2) if cosine else n == most(alpha, y_2)
                for (cosine, y_2), found in counts.items()
                for n in found
            ],
        )
    docket.general(
        "the bound is below N = α where stated, α = 4..30; it is α for α = 3, and for α = 4 with "
        "equal labels, so nothing more is excluded; beyond, it is at most 4",
        [
            *(most(alpha, sign) < alpha for alpha in range(5, 31) for sign in (1, -1)),
            most(4, -1) < 4 == most(4, 1),
            most(3, -1) == 3 == most(3, 1),
        ],
        method=Method.EXACT,
    )


def four_terms() -> bool:
    """-g b_2 t^alpha + b_2 t^(alpha-1) - b_1 t + g b_1, for f = b_1 x_1 + b_2 t^(alpha-1) x_2."""
    g, b_1, b_2 = sympy.symbols("g b_1 b_2")
    power = t ** (degree - 1)
    along_second, along_first = b_1 * g + b_2 * power, b_1 + b_2 * power * g
    terms = -g * b_2 * t**degree + b_2 * power - b_1 * t + g * b_1
    return same(along_second - t * along_first, terms)


def quadratic_roots(n: int, k: int, g: Fraction) -> int:
    """Distinct real roots of g (n-k) x^2 - (1-g) x + g k other than 1, for g != 0."""
    discriminant = (1 - g) ** 2 - 4 * g**2 * k * (n - k)
    roots = (discriminant >= 0) + (discriminant > 0)
    return roots - (g * (n - k) - (1 - g) + g * k == 0)


def equal_cosines(n: int, g: Fraction) -> int:
    """Real eigenvectors for n samples with all cosines g != 0 and equal weights, alpha = 3."""
    return 1 + sum(comb(n, k) * quadratic_roots(n, k, g) for k in range(1, n)) // 2


def complete(n: int, g: Fraction) -> bool:
    """Whether -1/(n-1) < g < 1 / (1 + 2 sqrt(k (n-k))) with k = floor(n/2), and g != 1/(n+1)."""
    k = n // 2
    below = g < 0 or (1 - g) ** 2 > 4 * g**2 * k * (n - k)
    return g * (n - 1) > -1 and below and g * (n + 1) != 1


@claim(
    "coherence-threshold",
    where="4.2, Theorem 4.1",
    statement="For α = 3 and n unit samples with all cosines g and equal weights, all 2^n - 1 "
    "eigenvectors of the orthonormal case exist if and only if g < 1/(1 + 2√(k(n-k))), "
    "k = ⌊n/2⌋, and g ≠ 1/(n+1): no fixed coherence is enough for all n. This counts eigenvectors; "
    "rank(K) = N can hold with fewer.",
    gist="equal cosines: how coherent samples may be before eigenvectors vanish",
    origin=Origin.OURS,
    recorded=ClaimVerdict.PROVED,
    hypotheses=("-1/(n-1) < g < 1, so that the samples are independent", "n >= 2"),
)
def threshold(docket: Docket) -> None:
    """For b = 1 the equations are z_i = (1-g) z_i^2 + g sigma with sigma = sum_j z_j^2.

    So every z_i is a root of one quadratic: equal, or p for k of them and p x for the others with
    p = 1 / ((1-g) (1+x)), and what is left is g (n-k) x^2 - (1-g) x + g k = 0. Its discriminant is
    (1-g-2gs)(1-g+2gs), s^2 = k(n-k) <= n^2/4, and the second factor is positive for g > -1/(n-1).
    At g = 1/(n+1) x = 1 is a root: the eigenvector with all z_i equal is then met by others; for n
    even this is the threshold itself; neither -1, where p would be infinite, nor 0 is a root. So
    where all discriminants are positive there are sum_k C(n, k) 2 / 2 = 2^n - 2 eigenvectors with
    two values, each counted for k and for n - k, and one with all values equal; and k(n-k) grows up
    to k = floor(n/2), which decides. Equal weights are those of the KKT point with equal numbers
    of neurons on all of them, by symmetry.
    """
    n, k, g, x, s, u, v, sigma = sympy.symbols("n k g x s u v sigma")
    p = 1 / ((1 - g) * (1 + x))
    total = k * p**2 + (n - k) * (p * x) ** 2
    quadratic = g * (n - k) * x**2 - (1 - g) * x + g * k
    size, j = sympy.symbols("n j", integer=True, positive=True)
    docket.general(
        "for all n, k, g: roots 1 and -1, k(n-k) against k+1, and both factors of the discriminant "
        "at the ends of the range; the counts add up to 2^n - 1",
        [
            sympy.expand(quadratic.subs(x, 1) - (g * (n + 1) - 1)) == 0,
            sympy.expand(quadratic.subs(x, -1) - (1 + g * (n - 1))) == 0,
            quadratic.subs(x, 0) == g * k,
            sympy.expand((k + 1) * (n - k - 1) - k * (n - k) - (n - 2 * k - 1)) == 0,
            sympy.expand((1 - g + 2 * g * n / 2) - (1 + g * (n - 1))) == 0,
            sympy.simplify((1 + 2 * s) * (1 / (1 + 2 * s) - g) - (1 - g - 2 * g * s)) == 0,
            sympy.expand_func(sympy.summation(sympy.binomial(size, j), (j, 0, size))) == 2**size,
        ],
    )
    docket.general(
        "both equations are the quadratic in x, for all n and k; two different values z_i, z_j add "
        "up to 1/(1-g); the discriminant factors",
        [sympy.cancel((z - (1 - g) * z**2 - g * total) + p**2 * quadratic) == 0 for z in (p, p * x)]
        + [
            sympy.expand(
                (u - (1 - g) * u**2 - g * sigma)
                - (v - (1 - g) * v**2 - g * sigma)
                - (u - v) * (1 - (1 - g) * (u + v))
            )
            == 0,
            sympy.expand(
                sympy.discriminant(quadratic, x).subs(n, k + s**2 / k)
                - (1 - g - 2 * g * s) * (1 - g + 2 * g * s)
            )
            == 0,
        ],
    )
    for size, cosines in COSINES.items():
        docket.example(
            f"n = {size}, g = {', '.join(map(str, cosines))}: solutions counted by Hermite's form "
            "and by the roots of the quadratics, 2^n - 1 where stated and fewer elsewhere",
            [
                found == equal_cosines(size, c) and (found == 2**size - 1) == complete(size, c)
                for c in cosines
                for C in [
                    [[Fraction(1) if i == j else c for j in range(size)] for i in range(size)]
                ]
                for found in [count_directions(to_flint(C), [fmpq(1)] * size, 3)]
            ],
        )
    grid = [Fraction(p, 120) for p in range(-118, 120) if p]
    docket.example(
        "n = 2..40, g in steps of 1/120 and 1/(n+1): all roots of the quadratics where stated only",
        [
            (equal_cosines(size, c) == 2**size - 1) == complete(size, c)
            for size in range(2, 41)
            for c in (*grid, Fraction(1, size + 1))
            if c * (size - 1) > -1
        ],
    )
    tenth = Fraction(1, 10)
    docket.example(
        "g = 1/10 leaves all eigenvectors for n = 2..8, and fewer for n = 9..40",
        [(equal_cosines(size, tenth) == 2**size - 1) == (size <= 8) for size in range(2, 41)],
    )


COSINES = {
    2: [Fraction(p, q) for p, q in ((-9, 10), (8, 25), (1, 3), (17, 50), (1, 2))],
    3: [Fraction(p, q) for p, q in ((-49, 100), (6, 25), (1, 4), (13, 50), (27, 100))],
    4: [Fraction(p, q) for p, q in ((-3, 10), (19, 100), (1, 5), (21, 100), (1, 4))],
    5: [Fraction(p, q) for p, q in ((-6, 25), (4, 25), (1, 6), (17, 100), (19, 100))],
}
"""By n, cosines on both sides of what the claim states, and on it."""
