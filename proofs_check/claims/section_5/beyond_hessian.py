"""The remark of section 5.3: splitting decreases the loss where the Hessian sees a minimum.

arXiv 2602.08723, section 5.3. Letters as in ``exact.reconstruction_loss``.
"""

from __future__ import annotations

from flint import fmpq, fmpq_mat

from proofs_check.docket import Docket
from proofs_check.exact.formulas import Scalar
from proofs_check.exact.line import line_hessian, second_order_in_shares
from proofs_check.exact.polynomial_map import PolynomialMap, hessian, polynomial_gradient, variables
from proofs_check.exact.reconstruction_loss import binary
from proofs_check.ledger import ClaimVerdict, Severity, claim


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


@claim(
    "reliable-proxy",
    where="5.2, definition of S(x_i)",
    statement="The minimum eigenvalue of S(x_i) is a reliable proxy for directions of negative "
    "curvature of the full Hessian with respect to x.",
    corrected="On one side: where the Hessian has negative curvature some S(x_i) has a negative "
    "eigenvalue (Lemma B.2), at least as low. A negative eigenvalue of S(x_i) says nothing of the "
    "Hessian, which may be positive definite, and along its eigenvector too.",
    gist="S may be negative where the Hessian is positive; only the reverse is excluded",
    severity=Severity.GAP,
    recorded=ClaimVerdict.CORRECTED,
)
def reliable_proxy(docket: Docket) -> None:
    """H = 2 J^T J + blockdiag(S(x_i)): the first part hides what S sees, and never adds to it.

    So S >= 0 leaves no negative curvature, and a split can gain where the Hessian sees a minimum.
    """
    docket.general(
        "v^T H v = 2 |sum_i λ_i J_i v_i|^2 + sum_i v_i^T S(x_i) v_i, one undefined function",
        [line_hessian(), *second_order_in_shares()],
    )
    docket.refute(
        "f(x) = (x, x^2/4), theta = (0, 1), weight 1, x = 0: S = -1 and the Hessian is 1",
        hidden_from_hessian,
        near={
            "S < 0": {"theta": (0, -1)},
            "a positive Hessian": {"theta": (0, 3)},
            "gradient 0": {"theta": (1, 1)},
        },
        theta=(0, 1),
        weight=1,
    )


def hidden_from_hessian(theta: tuple, weight: Scalar) -> bool:
    """Whether f(x) = (x, x^2 / 4) at 0 has gradient 0, a negative S and a positive Hessian."""
    (x,) = variables(1)
    f, at = PolynomialMap((x, x**2 / 4), 1), [0]
    L = f.loss_polynomial(list(theta), [weight])
    S = f.splitting_matrices(list(theta), [weight], [at])[0][0, 0]
    return polynomial_gradient(L, at) == [0] and S < 0 < hessian(L, at)[0, 0]
