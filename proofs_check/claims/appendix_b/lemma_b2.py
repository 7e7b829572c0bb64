"""Lemma B.2: what the splitting matrices say about the Hessian.

arXiv 2602.08723, appendix B.2. Letters as in ``exact.reconstruction_loss``.
"""

from __future__ import annotations

import numpy as np
import sympy
from flint import fmpq_mat

from proofs_check.docket import Docket
from proofs_check.exact.conditions import vanish
from proofs_check.exact.line import line_hessian, second_order_in_shares
from proofs_check.exact.polynomial_map import (
    PolynomialMap,
    hessian,
    is_positive_semidefinite,
    lower_bound,
    random_problem,
    variables,
)
from proofs_check.exact.reconstruction_loss import flat
from proofs_check.exact.smooth_problem import smooth_problem
from proofs_check.ledger import ClaimVerdict, claim

SEED = 7


@claim(
    "lemma-b2",
    where="B.2, Lemma B.2",
    statement="λ_min(∇^2_x L) >= min_i λ_min(S(x_i)).",
    gist="the Hessian is bounded below by the splitting matrices",
    recorded=ClaimVerdict.PROVED,
)
def surrogate(docket: Docket) -> None:
    """H = 2 J^T J + blockdiag(S(x_i)) with J = [lambda_1 J_1 ... lambda_k J_k], and J^T J >= 0.

    v^T H v >= sum_i v_i^T S(x_i) v_i >= min_i lambda_min(S(x_i)) |v|^2, with equality where J = 0.
    """
    docket.general(
        "v^T H v is the second derivative along the line of v: 2 |sum_i λ_i J_i v_i|^2 - 2 r.g'', "
        "and -2 r.g'' = sum_i v_i^T S(x_i) v_i, for one undefined function",
        [line_hessian(), *second_order_in_shares()],
    )
    problem = smooth_problem(3, 2, 2)
    J = sympy.Matrix.hstack(*(problem.weights[i] * problem.J(i) for i in range(3)))
    blocks = sympy.diag(*(problem.S(i) for i in range(3)))
    docket.example(
        "H for every f from R^2 to R^2 and three samples",
        vanish(*(problem.hessian - 2 * J.T * J - blocks)),
    )
    rng = np.random.default_rng(SEED)
    bounded = []
    for _ in range(40):
        f, theta, weights, x = random_problem(rng, k=3, d=2, P=2, degree=3)
        matrices = f.splitting_matrices(theta, weights, x)
        H = hessian(f.loss_polynomial(theta, weights), flat(x))
        bounded.append(is_positive_semidefinite(H, -lower_bound(matrices)))
    docket.example(
        "H - c is positive semidefinite for 40 cubic maps from R^2 to R^2 and three samples, c at "
        "most 1/1000 below min_i lambda_min(S(x_i))",
        bounded,
        seed=SEED,
    )
    (y,) = variables(1)
    even = PolynomialMap((y**2,), 1)
    docket.example(
        "f(x) = x^2, two samples at 0, theta = weights = 1: H = S = -4, equality",
        hessian(even.loss_polynomial([1], [1, 1]), [0, 0]) == fmpq_mat([[-4, 0], [0, -4]])
        and even.splitting_matrices([1], [1, 1], [[0], [0]]) == [fmpq_mat([[-4]])] * 2,
    )
