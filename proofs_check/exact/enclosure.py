"""Krawczyk's test: a ball around an approximate zero that holds exactly one true zero."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from flint import arb, arb_mat, ctx

Residual = Callable[[Sequence[arb]], list[arb]]
Jacobian = Callable[[Sequence[arb]], list[list[arb]]]


def enclose_zero(
    F: Residual, J: Jacobian, start: Sequence[float], *, digits: int = 40, steps: int = 8
) -> list[arb] | None:
    """Prove that F has exactly one zero in a small box around a floating-point approximation.

    Newton's method sharpens the midpoint c. With Y = J(c)^{-1} and a box X around c the image
    K(X) = c - Y F(c) + (1 - Y J(X)) (X - c) lies inside X only if X holds exactly one zero, and
    then K(X) holds it (Krawczyk 1969).

    Args:
        F: n functions of n balls.
        J: Their Jacobian, n x n.
        start: n approximate coordinates.
        digits: The box has half-width 10^-digits; the working precision follows from it.
        steps: Newton steps.

    Returns:
        The coordinates of the zero as balls, None if the test fails.
    """
    previous = ctx.dps
    ctx.dps = 3 * digits
    try:
        c = [arb(t) for t in start]
        for _ in range(steps):
            step = arb_mat(J(c)).solve(arb_mat([[t] for t in F(c)])).entries()
            c = [(t - s).mid() for t, s in zip(c, step, strict=True)]
        width = arb(10) ** -digits
        box = [arb(t, width) for t in c]
        Y = arb_mat(J(c)).inv().mid()
        spread = arb_mat([[t - s] for t, s in zip(box, c, strict=True)])
        identity = arb_mat(
            len(c), len(c), [int(j == k) for j in range(len(c)) for k in range(len(c))]
        )
        image = arb_mat([[t] for t in c]) - Y * arb_mat([[t] for t in F(c)])
        image += (identity - Y * arb_mat(J(box))) * spread
        found = image.entries()
        inside = all(t.contains_interior(s) for t, s in zip(box, found, strict=True))
        return found if inside else None
    finally:
        ctx.dps = previous
