"""Section 4.3: the homogenization of a network with polynomial activation.

arXiv 2602.08723, section 4.3. sigma(t) = sum_{k<=alpha} c_k t^k, Phi_sigma(theta; x) =
sum_j a_j sigma(w_j.x) for theta = (a, W), Phi^(k) = sum_j a_j (w_j.x)^k, M = alpha + 1.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import sympy

from proofs_check.docket import Docket
from proofs_check.exact.conditions import vanish
from proofs_check.exact.formulas import Matrix, Scalar, Vector, dot, network
from proofs_check.exact.one_term import ray_power
from proofs_check.ledger import ClaimVerdict, claim

DEGREES = range(3, 7)


def polynomial_output(a: Vector, W: Matrix, x: Vector, c: Vector) -> Scalar:
    """Phi_sigma(theta; x) = sum_j a_j sigma(w_j.x), by Horner's rule."""
    total = 0
    for a_j, w_j in zip(a, W, strict=True):
        value = 0
        for c_k in reversed(c):
            value = value * dot(w_j, x) + c_k
        total += a_j * value
    return total


class Symbols(NamedTuple):
    """A network of two neurons in the plane, with symbols for all that it depends on."""

    a: list[sympy.Symbol]
    W: list[list[sympy.Symbol]]
    x: list[sympy.Symbol]
    c: list[sympy.Symbol]
    r: sympy.Symbol

    @property
    def theta(self) -> list[sympy.Symbol]:
        """All parameters."""
        return [*self.a, *(w for row in self.W for w in row)]

    def on_ray(self) -> Any:
        """The substitution theta -> r theta."""
        return {t: self.r * t for t in self.theta}

    def scaled(self) -> sympy.Poly:
        """Phi_sigma(r theta; x) as a polynomial in r."""
        f = polynomial_output(self.a, self.W, self.x, self.c)
        return sympy.Poly(f.subs(self.on_ray(), simultaneous=True), self.r)


def network_symbols(alpha: int) -> Symbols:
    """The symbols for a degree."""
    a, x = sympy.symbols("a_1 a_2"), sympy.symbols("x_1 x_2")
    W = [list(sympy.symbols(f"w_{j}1 w_{j}2")) for j in (1, 2)]
    c = sympy.symbols(f"c_0:{alpha + 1}")
    return Symbols(list(a), W, list(x), list(c), sympy.Symbol("r", positive=True))


@claim(
    "homogenization",
    where="4.3, eqs. (4.3) and (4.4)",
    statement="Φ_H(θ; x) := lim Φ_σ(rθ; x)/r^M for r → ∞, where M is the smallest degree for which "
    "the limit exists and is nonzero; it is c_α sum_j a_j (w_j.x)^α, with M = α + 1 (A.3).",
    gist="the top-degree part is the limit of the rescaled network",
    recorded=ClaimVerdict.PROVED,
    hypotheses=("c_α ≠ 0",),
)
def homogenization(docket: Docket) -> None:
    """Phi_sigma(r theta; x) is a polynomial in r; only its leading term survives, at its degree."""
    top, r = sympy.symbols("alpha r", positive=True)
    below = sympy.Symbol("k", positive=True)
    docket.general(
        "one neuron, any degree k: the part of degree k is multiplied by r^(k+1) on a ray, so over "
        "r^M with M = α+1 it is r^(k-α), which is 1 for k = α and falls to 0 for k < α",
        [
            ray_power(),
            sympy.simplify(r ** (below + 1) / r ** (top + 1) - r ** (below - top)) == 0,
            (r ** (below - top)).subs(below, top) == 1,
            sympy.limit(r**-top, r, sympy.oo) == 0,
        ],
    )
    for alpha in DEGREES:
        s = network_symbols(alpha)
        p = s.scaled()
        docket.example(
            f"α = {alpha}, two neurons in the plane: the degree in r is α + 1, the leading "
            "coefficient is c_α sum_j a_j (w_j.x)^α, and without c_α the degree is lower",
            [
                p.degree() == alpha + 1,
                vanish(p.LC() - network(s.a, s.W, s.x, alpha, s.c[alpha])),
                sympy.Poly(p.as_expr().subs(s.c[alpha], 0), s.r).degree() < alpha + 1,
            ],
        )
        values: Any = {t: 2 + j for j, t in enumerate([*s.theta, *s.x, *s.c])}
        scaled = p.as_expr().subs(values)
        top = network(s.a, s.W, s.x, alpha, s.c[alpha]).subs(values)
        docket.example(
            f"α = {alpha}, at one point: the limit is infinite for M <= α, Φ_H for α + 1, 0 above",
            [
                sympy.limit(scaled / s.r**M, s.r, sympy.oo) == limit
                for M, limit in ((alpha, sympy.oo), (alpha + 1, top), (alpha + 2, 0))
            ],
        )
