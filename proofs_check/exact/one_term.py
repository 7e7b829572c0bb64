"""One sample and one neuron with every exponent a symbol: what holds for all n, m, d and alpha.

Sums over samples and neurons are linear, and a sample meets a neuron in t = w.x alone, so an
identity for one term b t^alpha with symbols b, t, alpha holds for every network. Powers are taken
of positive symbols; both sides are polynomials in t for each alpha, so it holds for all t.
"""

from __future__ import annotations

from typing import Any

import sympy

degree = sympy.Symbol("alpha", positive=True, integer=True)
k = sympy.Symbol("k", positive=True, integer=True)
t, a, b, c, scale = sympy.symbols("t a b c s", positive=True)
x_k, w_k = sympy.symbols("x_k w_k", positive=True)
z_k = sympy.Symbol("z_k", positive=True)


def same(found: Any, expected: Any) -> bool:
    """Whether two expressions with symbolic exponents agree."""
    return sympy.simplify(sympy.powsimp(sympy.expand(found - expected), force=True)) == 0


def output_term(power: Any = degree) -> Any:
    """A c t^alpha: what one neuron adds to Phi at one sample."""
    return a * c * t**power


def weight_slope(power: Any = degree) -> Any:
    """Its derivative in w_k, by the chain rule through t = w.x."""
    return sympy.diff(output_term(power), t) * x_k


def stationary_terms(weight: Any = b, factor: Any = c, power: Any = degree) -> tuple[Any, Any]:
    """What a sample adds to c p(w), b c t^alpha, and to alpha c a f_k(w)."""
    return weight * factor * t**power, power * a * factor * weight * t ** (power - 1) * x_k


def derivative_is_evaluation() -> list[bool]:
    """Whether b grad Phi, differentiated, is what p and f say (4.1)."""
    by_a, by_w = stationary_terms()
    return [same(b * sympy.diff(output_term(), a), by_a), same(b * weight_slope(), by_w)]


def form_is_w_dot_f() -> bool:
    """Whether w.f = p: t times t^(alpha-1)."""
    return same(t * b * t ** (degree - 1), b * t**degree)


def balances() -> bool:
    """Whether the sample drops out of W_j.(its equation) - alpha a_j (that of a_j)."""
    by_a, by_w = stationary_terms()
    return same(by_w / x_k * t, degree * a * by_a)


def euler_term(power: Any = k) -> Any:
    """<grad, theta> of a t^k in (a, w): a d/da and, through t, t d/dt."""
    term = a * t**power
    return a * sympy.diff(term, a) + t * sympy.diff(term, t)


def flipped_sign() -> list[bool]:
    """Whether (x, b) -> (-x, (-1)^alpha b) changes neither f nor b Phi(x)."""
    sign, integer = sympy.Integer(-1), degree
    mirrored = sign**integer * b
    return [
        same(mirrored * (-t) ** (integer - 1) * -x_k, b * t ** (integer - 1) * x_k),
        same(mirrored * (-t) ** integer, b * t**integer),
    ]


def rescaled_sample() -> list[bool]:
    """Whether (x, b) -> (s x, s^-alpha b) changes no term, and Phi(s x) = s^alpha Phi(x)."""
    weight = b * scale**-degree
    return [
        same(weight * (scale * t) ** degree, b * t**degree),
        same(weight * (scale * t) ** (degree - 1) * scale * x_k, b * t ** (degree - 1) * x_k),
        same(output_term().subs(t, scale * t), scale**degree * output_term()),
    ]


def rescaled_weights() -> list[bool]:
    """Whether (s a, s W) with s^(1-alpha) b multiplies each residual by s, Phi by s^(alpha+1)."""
    longer = {a: scale * a, t: scale * t}
    by_a, by_w = stationary_terms()
    less = scale ** (1 - degree)
    return [
        same(less * by_a.subs(t, scale * t), scale * by_a),
        same(less * by_w.subs(longer, simultaneous=True), scale * by_w),
        same(output_term().subs(longer, simultaneous=True), scale ** (degree + 1) * output_term()),
    ]


def halves_off_the_row_space() -> list[bool]:
    """Whether b/2 at x + z and x - z, z.w = 0, add up to the terms of (x, b) in p and in f_k."""
    halves = [(b / 2, x_k + z_k), (b / 2, x_k - z_k)]
    return [
        same(sum(weight * t**degree for weight, _ in halves), b * t**degree),
        same(
            sum(weight * t ** (degree - 1) * entry for weight, entry in halves),
            b * t ** (degree - 1) * x_k,
        ),
    ]


def ray_power(power: Any = k) -> bool:
    """Whether a t^k at s theta is s^(k+1) a t^k: what a ray makes of a homogeneous part."""
    term = a * t**power
    return same(
        term.subs({a: scale * a, t: scale * t}, simultaneous=True), scale ** (power + 1) * term
    )


def slice_entry() -> list[bool]:
    """Whether Df = (alpha-1) M in one sample: M has the entries b t^(alpha-2) x_j x_k."""
    x_j = sympy.Symbol("x_j", positive=True)
    f_j = b * t ** (degree - 1) * x_j
    return [same(sympy.diff(f_j, t) * x_k, (degree - 1) * b * t ** (degree - 2) * x_j * x_k)]


def absorbed_factor() -> list[bool]:
    """Whether c enters with b only, and s (a, W), s^(alpha+1) = c, makes t^alpha of c t^alpha.

    Returns:
        The terms with c are those with weight c b; stationarity for s theta with s^2 b; the margin.
    """
    with_c, without = stationary_terms(), stationary_terms(b * c, 1)
    power = scale ** (degree + 1)
    longer = {a: scale * a, t: scale * t}
    by_a, by_w = (
        term.subs(longer, simultaneous=True) for term in stationary_terms(scale**2 * b, 1)
    )
    return [
        *(same(s, r) for s, r in zip(with_c, without, strict=True)),
        same(by_a, scale * with_c[0].subs(c, power)),
        same(by_w, scale * with_c[1].subs(c, power)),
        same(
            output_term().subs(c, power), output_term().subs(c, 1).subs(longer, simultaneous=True)
        ),
    ]


def ray_gradient() -> list[bool]:
    """Whether both derivatives of a t^k at s theta are s^k times those at theta."""
    term, longer = a * t**k, {a: scale * a, t: scale * t}
    slopes = (sympy.diff(term, a), sympy.diff(term, t))
    return [same(slope.subs(longer, simultaneous=True), scale**k * slope) for slope in slopes]
