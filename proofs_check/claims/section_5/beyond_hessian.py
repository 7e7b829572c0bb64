"""The remark of section 5.3: splitting decreases the loss where the Hessian sees a minimum.

arXiv 2602.08723, section 5.3. Letters as in ``exact.reconstruction_loss``.
"""

from __future__ import annotations

from flint import fmpq, fmpq_mat

from proofs_check.docket import Docket
from proofs_check.exact.polynomial_map import PolynomialMap, hessian, polynomial_gradient, variables
from proofs_check.exact.reconstruction_loss import binary
from proofs_check.ledger import ClaimVerdict, claim


@claim(
    "beyond-hessian",
    where="5.3, Remark",
    statement=(
        "The splitting criterion can detect directions of improvement even when the Hessian is "
        "positive semidefinite."
    ),
    gist="a split can decrease the loss at a strict minimum of the Hessian kind",
    recorded=ClaimVerdict.PROVED,
)
def beyond_hessian(docket: Docket) -> None:
    """f(x) = (x, x^2 / 4), theta = (0, 1), weight 1: x = 0 is a strict minimum of L in x.

    There J^T r = 0, S = -1 and H = 2 J^T J + S = 1. Two offspring cancel in the first component,
    and the loss becomes (1 - eta^2 / 4)^2.
    """
    (x,) = variables(1)
    f = PolynomialMap((x, x**2 / 4), 1)
    theta, weights = [0, 1], [1]
    L = f.loss_polynomial(theta, weights)
    after = f.expansion(theta, weights, [[0]], [binary([1])])
    docket.exact(
        "gradient 0, Hessian 1, S = -1, and a smaller loss for eta = 1/10, 2/10, ..., 20/10",
        [
            polynomial_gradient(L, [0]) == [0],
            hessian(L, [0]) == fmpq_mat([[1]]),
            f.splitting_matrices(theta, weights, [[0]]) == [fmpq_mat([[-1]])],
            *(after(fmpq(n, 10)) < L(0) for n in range(1, 21)),
        ],
    )
