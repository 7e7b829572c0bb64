"""Sample splitting: the definition of S(x_i), and the value that a split preserves.

arXiv 2602.08723, section 5.2. Letters as in ``exact.reconstruction_loss``.
"""

from __future__ import annotations

import numpy as np
import sympy
from flint import fmpq_mat

from proofs_check.docket import Docket
from proofs_check.exact.formulas import Scalar
from proofs_check.exact.line import line_hessian, t
from proofs_check.exact.polynomial_map import hessian, polynomial_gradient, random_problem
from proofs_check.exact.reconstruction_loss import (
    exact_loss,
    exact_residual,
    flat,
    splitting_matrix,
)
from proofs_check.ledger import ClaimVerdict, Severity, claim

SEED = 5


@claim(
    "E15",
    where="5.2, definition of S(x_i)",
    statement="S(x_i) = -2 λ_i sum_p r_p ∇^2 f_p(x_i) with r_p = θ - sum_i λ_i f_p(x_i).",
    corrected="r_p = θ_p - sum_i λ_i f_p(x_i); then S(x_i) = ∇^2_{x_i} L - 2 λ_i^2 J_i^T J_i.",
    gist="the residual has θ_p where the paper has θ",
    severity=Severity.SLIP,
    recorded=ClaimVerdict.CORRECTED,
)
def residual_entry(docket: Docket) -> None:
    """Theta is a vector and f_p a number. The same slip stands in Lemma B.2.

    Any fixed entry of theta in place of the vector gives another matrix, which is not the part of
    the Hessian that S is used for.
    """
    rng = np.random.default_rng(SEED)
    outcomes = []
    for _ in range(20):
        f, theta, weights, x = random_problem(rng, k=2, d=2, P=3, degree=3)
        H = hessian(f.loss_polynomial(theta, weights), flat(x))
        for i, S in enumerate(f.splitting_matrices(theta, weights, x)):
            J = fmpq_mat([polynomial_gradient(f_p, x[i]) for f_p in f.components])
            own = fmpq_mat([row[2 * i : 2 * i + 2] for row in H.tolist()[2 * i : 2 * i + 2]])
            outcomes.append(own == S + 2 * weights[i] ** 2 * J.transpose() * J)
    docket.general(
        "one undefined function along a line in x_i: the second derivative of L is 2 λ_i^2 |J v|^2 "
        "- 2 λ_i r.f'', and S with r_p = θ_p - ... is its second part",
        line_hessian(),
    )
    docket.example(
        "diagonal blocks of the Hessian of L, for 20 cubic maps from R^2 to R^3 and two samples",
        outcomes,
        seed=SEED,
    )
    docket.refute(
        "f(x) = (x^2, x^3), theta = (1, 2), x = 1, weight 2: S = 8, but 32 with theta_1 and 0 with "
        "theta_2 in every component",
        single_entry_fails,
        near={"no entry of θ gives S": {"theta": (1, 1)}, "one component too few": {"theta": (1,)}},
        theta=(1, 2),
        weight=2,
        x=1,
    )


def single_entry_fails(theta: tuple, weight: Scalar, x: Scalar) -> bool:
    """Whether S = L'' - 2 lambda^2 |f'|^2 for f = (x^2, x^3), and no entry of theta gives it."""
    f = [t**2, t**3]
    if len(theta) != len(f):
        return False
    truth = exact_loss(theta, [weight], [f]).diff(t, 2) - 2 * weight**2 * sum(
        s.diff(t) ** 2 for s in f
    )
    hessians = [[[s.diff(t, 2)]] for s in f]
    S = splitting_matrix(weight, exact_residual(theta, [weight], [f]), hessians)[0][0]
    readings = [
        splitting_matrix(weight, exact_residual([entry] * 2, [weight], [f]), hessians)[0][0]
        for entry in theta
    ]
    wrong = all((reading - S).subs(t, x) != 0 for reading in readings)
    return wrong and sympy.expand(truth - S) == 0


@claim(
    "preserves-value",
    where="5.2, sample splitting",
    statement="The augmented objective has the value of L when all off-springs coincide with x_i.",
    gist="offspring that coincide leave the loss as it is",
    recorded=ClaimVerdict.PROVED,
    hypotheses=("sum_j λ_i^[j] = λ_i",),
)
def preserves_value(docket: Docket) -> None:
    """sum_j lambda_i^[j] f(x_i) = lambda_i f(x_i).

    Offspring are made one after the other: to take lambda' from a candidate of weight lambda and
    give it to a second one at the same place changes nothing, and any k_i are reached by repeating.
    """
    weight, part, value, rest = sympy.symbols("lambda part f rest")
    docket.general(
        "part of a weight moved to a new candidate at the same place, all else a symbol",
        sympy.expand(
            exact_loss([rest], [weight], [[value]])
            - exact_loss([rest], [part, weight - part], [[value], [value]])
        )
        == 0,
    )
    for counts in ((2,), (1, 2), (3, 2, 4)):
        k, P = len(counts), 3
        theta, weights = sympy.symbols(f"theta:{P}"), sympy.symbols(f"lambda:{k}")
        features = [sympy.symbols(f"f{i}_:{P}") for i in range(k)]
        parts = [list(sympy.symbols(f"l{i}_:{n - 1}")) for i, n in enumerate(counts)]
        before = exact_loss(theta, weights, features)
        rest = [weight - sum(part) for weight, part in zip(weights, parts, strict=True)]
        repeated = [f for f, n in zip(features, counts, strict=True) for _ in range(n)]
        after = [[*part, last] for part, last in zip(parts, rest, strict=True)]
        docket.example(
            f"samples with {counts} offspring, all weights and values of f symbols",
            sympy.expand(exact_loss(theta, flat(after), repeated) - before) == 0,
        )
    docket.example(
        "f(x) = theta = 1: value 0, and 1 for two offspring of weight 1 each, of another sum",
        [exact_loss([1], [1], [[1]]) == 0, exact_loss([1], [1, 1], [[1], [1]]) == 1],
    )
