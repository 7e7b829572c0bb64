"""KKT points in exact arithmetic, on orthonormal rational samples.

For orthonormal samples and b_i = y_i the eigenvectors f(u) = mu u are known in closed form: on a
support S the coordinates t_i = u.x_i satisfy b_i t_i^(alpha-1) = mu t_i, so t_i = mu b_i
(alpha odd, mu = 1), or t_i = +-1 with mu = b_i on a support within one class (alpha even). All
of it is rational; the one irrational number per neuron is its length s_j, W_j = s_j u_j, with

    s_j^(2 (alpha-1)) = 1 / (alpha mu_j^2 |u_j|^2),      a_j = p(W_j) = mu_j |u_j|^2 s_j^alpha,

so it is kept as a symbol and polynomials in it are reduced modulo s^(2 (alpha-1)) - that number.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import product

from flint import fmpq, fmpq_poly

from proofs_check.exact.formulas import combine, contraction, dot
from proofs_check.exact.rational import Matrix, Rational, Rows


@dataclass(frozen=True, slots=True)
class ExactPoint:
    """A network whose neurons are s_j u_j, with u_j rational and s_j a root.

    Attributes:
        x: (n, d) orthonormal samples.
        b: (n,) signed weights, the labels.
        alpha: Degree of the activation t^alpha, at least 3.
        u: (m, d) directions of the neurons, not normalised.
        mu: (m,) eigenvalues, f(u_j) = mu_j u_j.
    """

    x: Matrix
    b: list[Rational]
    alpha: int
    u: Matrix
    mu: list[Fraction]

    def power(self, j: int) -> Fraction:
        """s_j^(2 (alpha - 1)), which fixes the length of neuron j."""
        return 1 / (self.alpha * self.mu[j] ** 2 * dot(self.u[j], self.u[j]))

    def stationary(self, j: int) -> bool:
        """Whether neuron j satisfies both stationarity equations, reduced modulo s_j's equation."""
        alpha, u = self.alpha, self.u[j]
        f = contraction(self.b, self.x, u, alpha)
        s = fmpq_poly([0, 1])
        modulus = s ** (2 * (alpha - 1)) - _flint(self.power(j))
        a = s**alpha * _flint(dot(u, f))  # a_j = p(s u) = s^alpha u.f(u)
        rows = [
            (alpha * a * s ** (alpha - 1) * _flint(f_k) - s * _flint(u_k)) % modulus
            for f_k, u_k in zip(f, u, strict=True)
        ]
        return self.power(j) > 0 and all(row == 0 for row in rows)

    def known_value(self, j: int) -> list[Fraction]:
        """f(u_j) as (A.3) reads it off (a, W): W_j / (alpha a_j) = s_j^(alpha-1) f(u_j)."""
        # u_j s_j^(2-alpha) / (alpha a_j) = u_j / (alpha mu_j |u_j|^2 s_j^(2 alpha - 2))
        norm = dot(self.u[j], self.u[j])
        return [t / (self.alpha * self.mu[j] * norm * self.power(j)) for t in self.u[j]]

    def margins(self) -> list[dict[Fraction, Fraction]]:
        """y_i Phi(x_i) = sum_j s_j^2 (u_j.x_i)^alpha / (alpha mu_j), by s_j^(2 (alpha-1))."""
        # the rational coefficient of each root s^2: equal dictionaries are equal margins, and one
        # scaling of (a, W) then makes all of them 1
        results = []
        for x_i, b_i in zip(self.x, self.b, strict=True):
            terms: dict[Fraction, Fraction] = {}
            for j, u_j in enumerate(self.u):
                term = b_i * dot(u_j, x_i) ** self.alpha / (self.alpha * self.mu[j])
                terms[self.power(j)] = terms.get(self.power(j), Fraction(0)) + term
            results.append(terms)
        return results

    def kkt(self) -> bool:
        """Whether all four KKT conditions hold, for the common margin the network has."""
        margins = self.margins()
        stationary = all(self.stationary(j) for j in range(len(self.u)))
        equal = all(margin == margins[0] for margin in margins)
        return stationary and equal and all(term >= 0 for term in margins[0].values())


def orthonormal_point(x: Rows, labels: Sequence[int], alpha: int) -> ExactPoint:
    """Put one neuron on every eigenvector of T, for orthonormal x (n, d) and alpha >= 3."""
    # margins are equal for alpha odd; for alpha even if both classes have one size, or one is empty
    rows = [[Fraction(t) for t in row] for row in x]
    u, mu = [], []
    for pattern in product((0, 1, -1), repeat=len(rows)):
        first = next((t for t in pattern if t), 0)
        signs = {labels[i] for i, t in enumerate(pattern) if t}
        if alpha % 2 and first and all(t == labels[i] for i, t in enumerate(pattern) if t):
            u.append(combine(pattern, rows))
            mu.append(Fraction(1))
        if alpha % 2 == 0 and first == 1 and len(signs) == 1:
            u.append(combine(pattern, rows))
            mu.append(Fraction(signs.pop()))
    return ExactPoint(rows, list(labels), alpha, u, mu)


def _flint(value: Rational) -> fmpq:
    """The same number for flint."""
    return fmpq(value.numerator, value.denominator)
