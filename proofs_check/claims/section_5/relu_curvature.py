"""Section 5.2 for the networks of section 6: ReLU has no curvature to split along.

arXiv 2602.08723, sections 5.2 and 6.1; the architecture of Haim et al. (2022) is a ReLU network.
"""

from __future__ import annotations

from fractions import Fraction

import sympy

from proofs_check.claims.companions.relu import gate_is_linear
from proofs_check.docket import Docket
from proofs_check.ledger import ClaimVerdict, Origin, claim


@claim(
    "relu-curvature",
    where="5.2, definition of S(x_i)",
    statement="For ReLU networks f = ∇_θ Φ is piecewise linear in x, so S(x_i) = 0 wherever no "
    "preactivation is 0: Phase II never fires there. Where one is 0, f jumps, so L is not "
    "continuous in x, let alone three times differentiable as Assumption 5.1 asks.",
    gist="for ReLU networks, those of the experiments, S is 0 almost everywhere",
    origin=Origin.OURS,
    hypotheses=("the derivative of ReLU as it is; a smoothed one, which attacks use, has an S",),
    recorded=ClaimVerdict.PROVED,
)
def relu_curvature(docket: Docket) -> None:
    """Inside a region every entry of grad_theta Phi is a constant times a layer's value at x.

    That is linear in x, so its Hessian is 0, and S(x_i) is a combination of such Hessians. The
    boundaries, where a preactivation is 0, are hyperplanes within the regions of the layers before:
    a null set. Across one the derivative in the weights of that unit goes from 0 to a multiple of
    its input, which need not vanish there.
    """
    s, base, step, back = sympy.symbols("s h v B")
    docket.general(
        "an entry along a line in a region is B (h + s v): linear, with second derivative 0",
        [*gate_is_linear(), sympy.diff(back * (base + s * step), s, 2) == 0],
    )
    docket.example(
        "one unit w = (1, 0), a = 1: across x = (0, 1) the gradient in w goes from (0, 0) to "
        "(t, 1), for t = 1/10, ..., 10^-6",
        [
            unit_gradient((1, 0), (t, 1)) == [t, 1] and unit_gradient((1, 0), (-t, 1)) == [0, 0]
            for t in (Fraction(1, 10**n) for n in range(1, 7))
        ],
    )


def unit_gradient(w: tuple[int, ...], x: tuple[Fraction | int, ...]) -> list[Fraction | int]:
    """The gradient in w of max(w.x, 0), for w.x not 0."""
    active = sum(s * t for s, t in zip(w, x, strict=True)) > 0
    return [int(active) * t for t in x]
