"""The expansion of the loss after a split: gradient, Hessian, and Lemma B.1.

arXiv 2602.08723, appendix B.1. Letters as in ``exact.reconstruction_loss``; J_i is the P x d matrix
of first derivatives of f at x_i, and the share of an offspring is lambda_i^[j] / lambda_i.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import sympy
from flint import fmpq, fmpq_mat

from proofs_check.docket import Docket
from proofs_check.exact.conditions import vanish
from proofs_check.exact.formulas import Scalar
from proofs_check.exact.line import line_gradient, line_hessian, second_order_in_shares, t
from proofs_check.exact.polynomial_map import (
    PolynomialMap,
    bilinear,
    random_offspring,
    random_problem,
    variables,
)
from proofs_check.exact.reconstruction_loss import Split, exact_loss
from proofs_check.exact.smooth_problem import SmoothProblem, block, smooth_problem
from proofs_check.ledger import ClaimVerdict, Severity, claim

SEED = 5


@cache
def split_problem(
    counts: tuple[int, ...], d: int, P: int
) -> tuple[SmoothProblem, list, list, Any, Any]:
    """A problem of which each sample i gets counts[i] offspring, all of them still at x_i.

    Returns:
        The problem before, the parent and the share of each offspring (the last share of a sample
        is 1 minus the others), and gradient and Hessian of the loss after, with its own samples.
    """
    before = smooth_problem(len(counts), d, P)
    parents = [i for i, count in enumerate(counts) for _ in range(count)]
    shares = list(sympy.symbols(f"s:{len(parents)}"))
    for i in range(len(counts)):
        *others, last = (n for n, parent in enumerate(parents) if parent == i)
        shares[last] = 1 - sum(shares[n] for n in others)
    weights = [share * before.weights[i] for share, i in zip(shares, parents, strict=True)]
    after = replace(smooth_problem(len(parents), d, P, "y"), weights=weights)
    start = [before.x[i][k] for i in parents for k in range(d)]
    there = dict(zip(after.coordinates, start, strict=True))
    return before, parents, shares, after.gradient.subs(there), after.hessian.subs(there)


@claim(
    "gradient-and-hessian",
    where="B.1, proof of Lemma B.1",
    statement=(
        "With J := ∇_x f: ∇_{x_i} L = -2 λ_i ∇f^T r = -2 J_i^T r, ∇^2_{x_i} L = T(x_i) + S(x_i), "
        "T(x_i, x_j) = 2 λ_i λ_j J_i^T J_j off the diagonal; for offspring at x_i the gradient is "
        "λ^[j]/λ times that of x_i, the blocks are (λ^[j]/λ)^2 T + (λ^[j]/λ) S and "
        "(λ_i^[j] λ_r^[s] / λ_i λ_r) T(x_i, x_r)."
    ),
    corrected=(
        "All of it with ∇_{x_i} L = -2 λ_i J_i^T r; -2 J_i^T r belongs to J_i = ∇_x (λ_i f), the "
        "definition of appendix B.2."
    ),
    gist="a factor λ_i is missing from one gradient",
    severity=Severity.SLIP,
    recorded=ClaimVerdict.CORRECTED,
    hypotheses=("f twice differentiable", "sum_j λ_i^[j] = λ_i"),
)
def gradient_and_hessian(docket: Docket) -> None:
    """L = |r|^2 and dr = -sum_i lambda_i J_i dx_i; the second derivative of r in x_i, x_j is 0.

    The quadratic forms v^T H v for all v are second derivatives along lines, and they determine H:
    sum_i lambda_i J_i v_i makes the blocks T, and each S(x_i) stands on the diagonal. Two offspring
    of one sample are two different samples, so their block is T too. The product
    J^T r in the display uses both definitions of J at once.
    """
    weight = sympy.Symbol("lambda")
    docket.general(
        "along any line, one component of sum_i λ_i f(x_i) an undefined function g: the first "
        "derivative of L is -2 r g', the second 2 g'^2 - 2 r g''; offspring enter by their shares",
        [line_gradient(weight), line_hessian(), *second_order_in_shares()],
    )
    problem = smooth_problem(2, 2, 3)
    for i in range(2):
        docket.example(
            f"gradient in x_{i + 1} for every f from R^2 to R^3",
            vanish(
                *problem.gradient[2 * i : 2 * i + 2, :]
                + 2 * problem.weights[i] * problem.J(i).T * problem.r
            ),
        )
    before, parents, shares, first, second = split_problem((2, 3), 2, 2)
    T = {
        (i, j): 2 * before.weights[i] * before.weights[j] * before.J(i).T * before.J(j)
        for i in range(2)
        for j in range(2)
    }
    S = [before.S(i) for i in range(2)]
    docket.example(
        "Hessian of L for every f from R^2 to R^2 and two samples",
        [vanish(*(block(before.hessian, i, j, 2) - T[i, j] - int(i == j) * S[i])) for i, j in T],
    )
    docket.example(
        "gradient after splitting into 2 and 3 offspring that have not moved",
        [
            vanish(*first[2 * n : 2 * n + 2, :] - shares[n] * before.gradient[2 * i : 2 * i + 2, :])
            for n, i in enumerate(parents)
        ],
    )
    docket.example(
        "the 25 blocks of the Hessian there",
        [
            vanish(
                *block(second, n, m, 2)
                - shares[n] * shares[m] * T[i, j]
                - int(n == m) * shares[n] * S[i]
            )
            for n, i in enumerate(parents)
            for m, j in enumerate(parents)
        ],
    )
    docket.refute(
        "f(x) = x, weight 2: the derivative is -4, not -2",
        missing_weight,
        near={"a weight other than 1": {"weight": 1}, "a residual": {"theta": 0}},
        theta=1,
        weight=2,
        x=0,
    )


def missing_weight(theta: Scalar, weight: Scalar, x: Scalar) -> bool:
    """Whether -2 J r is not the derivative of L for f(x) = x."""
    r = theta - weight * x
    return exact_loss([theta], [weight], [[t]]).diff(t).subs(t, x) != -2 * r


@claim(
    "lemma-b1",
    where="B.1, Lemma B.1",
    statement=(
        "The loss after x_i^[j] = x_i + η δ_i^[j] with sum_j λ_i^[j] δ_i^[j] = 0 has no term in η, "
        "and its term in η^2 is (η^2/2) sum_i sum_j (λ_i^[j]/λ_i) δ_i^[j]^T S(x_i) δ_i^[j]."
    ),
    gist="to second order a split changes the loss by S alone",
    recorded=ClaimVerdict.PROVED,
    hypotheses=("sum_j λ_i^[j] = λ_i, λ_i not 0", "the remainder is E9"),
)
def expansion(docket: Docket) -> None:
    """Both terms follow from gradient and Hessian at the coinciding offspring.

    sum_j share_j delta_j = 0 removes the gradient, which is share_j times the same vector, and all
    of T: sum_j sum_s share_j share_s delta_j^T T delta_s = 0. What remains is S.
    """
    before, parents, shares, first, second = split_problem((2, 3), 2, 2)
    deltas: list[Any] = [sympy.Matrix(sympy.symbols(f"d{n}_:2")) for n in range(len(parents))]
    for last, others in ((1, (0,)), (4, (2, 3))):  # every split has this form, by scaling
        deltas[last] = -sum((shares[n] * deltas[n] for n in others), sympy.zeros(2, 1))
        for n in others:
            deltas[n] *= shares[last]
    step = sympy.Matrix.vstack(*deltas)
    S = [before.S(i) for i in range(2)]
    expected = sum(
        (share * delta.T * S[i] * delta)[0]
        for share, delta, i in zip(shares, deltas, parents, strict=True)
    )
    docket.general(
        "one component along the segment is an undefined function: L' = -2 r g', L'' = 2 g'^2 - "
        "2 r g''; sum_j s_j δ_j = 0 makes g' = 0, and g'' is the sum of s_j δ_j^T Hess f_p δ_j",
        [line_gradient(), line_hessian(), *second_order_in_shares()],
    )
    docket.example(
        "first and second derivative in eta for every f from R^2 to R^2, 2 and 3 offspring",
        [vanish(*(first.T * step)), sympy.expand((step.T * second * step)[0] - expected) == 0],
    )
    rng = np.random.default_rng(SEED)
    outcomes = []
    for _ in range(60):
        f, theta, weights, x = random_problem(rng, k=3, d=2, P=3, degree=3)
        splits = [random_offspring(rng, 2, count) for count in (2, 3, 5)]
        after = f.expansion(theta, weights, x, splits)
        second_order = sum(
            (
                _split_form(S, split)
                for S, split in zip(f.splitting_matrices(theta, weights, x), splits, strict=True)
            ),
            start=fmpq(0),
        )
        outcomes.append(
            after[0,] == exact_loss(theta, weights, [f(x_i) for x_i in x])
            and after[1,] == 0
            and after[2,] == second_order / 2
        )
    docket.example(
        "coefficients of the loss as a polynomial in eta: 60 cubic maps from R^2 to R^3, three "
        "samples with 2, 3 and 5 offspring",
        outcomes,
        seed=SEED,
    )
    f = PolynomialMap(variables(1), 1)
    drift = f.expansion([1], [1], [[0]], [[(1, [1])]])
    docket.example(
        "f(x) = x, S = 0, one offspring, delta = 1: without sum_j lambda^[j] delta^[j] = 0 the "
        "loss is (1 - eta)^2",
        [drift[1,] == -2, drift[2,] == 1],
    )


def _split_form(S: fmpq_mat, split: Split) -> Scalar:
    """sum_j share_j delta_j^T S delta_j."""
    return sum((share * bilinear(delta, S, delta) for share, delta in split), start=fmpq(0))
