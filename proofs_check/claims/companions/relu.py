"""Companion of the paper: samples of ReLU networks without biases can be split and merged.

arXiv 2602.08723 has a companion, Refael et al., which proves that without prior knowledge
infinitely many sample sets satisfy the KKT conditions of one network.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise, product

import numpy as np
import sympy

from proofs_check.docket import Docket
from proofs_check.exact.conditions import vanish
from proofs_check.exact.formulas import combine, dot
from proofs_check.exact.relu_network import (
    CLASSES,
    DEEP,
    SINGLE,
    ExactReluPoint,
    gated,
    pattern,
    random_split,
    relu_output,
)
from proofs_check.ledger import ClaimVerdict, Origin, claim

F = Fraction
SEED = 7


def linear_in_samples(widths: Sequence[int]) -> list[bool]:
    """Per region: whether Phi(s u + t v) = s Phi(u) + t Phi(v) for all weights, u, v, s and t."""
    layers = tuple(
        sympy.Matrix(m, d, sympy.symbols(f"w{depth}_:{m * d}")).tolist()
        for depth, (d, m) in enumerate(pairwise([*widths, 1]))
    )
    s, t = sympy.symbols("s t")
    u, v = sympy.symbols(f"u:{widths[0]}"), sympy.symbols(f"v:{widths[0]}")
    outcomes = []
    for signs in product(*(product((-1, 1), repeat=m) for m in widths[1:])):
        phi, at_u, at_v = (gated(layers, signs, x) for x in (combine([s, t], [u, v]), u, v))
        outcomes.append(vanish(phi - s * at_u - t * at_v))
    return outcomes


def gate_is_linear() -> list[bool]:
    """Whether B g (w x + rest) is linear at s u + t v, B and g being constants of the region."""
    gate, w, s, t, u, v, rest_u, rest_v, back = sympy.symbols("g w s t u v R_u R_v B")

    def unit(x: sympy.Expr, rest: sympy.Expr) -> sympy.Expr:
        return back * gate * (w * x + rest)

    mixed = unit(s * u + t * v, s * rest_u + t * rest_v)
    return [sympy.expand(mixed - s * unit(u, rest_u) - t * unit(v, rest_v)) == 0]


def mean_for_both() -> bool:
    """l_1 c x_1 + l_2 c x_2 = (l_1 + l_2) c (l_1 x_1 + l_2 x_2) / (l_1 + l_2)."""
    l_1, l_2, c, x_1, x_2 = sympy.symbols("l_1 l_2 c x_1 x_2")
    mean = (l_1 * x_1 + l_2 * x_2) / (l_1 + l_2)
    return sympy.simplify(l_1 * c * x_1 + l_2 * c * x_2 - (l_1 + l_2) * c * mean) == 0


@claim(
    "relu-split",
    where="Companion, Refael et al.: splitting",
    statement="Splitting a sample preserves the KKT conditions of a ReLU network.",
    gist="samples of a ReLU network can be split",
    origin=Origin.COMPANION,
    recorded=ClaimVerdict.PROVED,
    hypotheses=(
        "no biases, and no preactivation of the sample is 0",
        "both parts stay in the activation region of the sample",
        "the displacement is orthogonal to the input gradient, and its λ-weighted mean is 0",
    ),
)
def relu_split(docket: Docket) -> None:
    """Inside a region Phi is linear in x for all weights, and so is grad_theta Phi.

    Hence Phi(x + delta) = Phi(x) for delta orthogonal to grad_x Phi, which keeps the margins, and
    the lambda-weighted sum of the gradients depends on the lambda-weighted mean alone. This is
    exact for displacements of any size inside the region.
    """
    docket.general(
        "one unit behind an open gate, all other inputs in one symbol: linear in x, hence so are "
        "layers, networks of any depth, and the products of backward and forward values in ∇_θ Φ",
        gate_is_linear(),
    )
    for widths in ((3, 2), (2, 2, 2), (2, 1, 2)):
        docket.example(
            f"Φ is linear in x for all weights in every activation region, widths {(*widths, 1)}",
            linear_in_samples(widths),
        )
    rng = np.random.default_rng(SEED)
    for name, point in (("one neuron", SINGLE), ("two classes", CLASSES), ("three layers", DEEP)):
        splits = [random_split(point, i, rng) for i in range(len(point.x)) for _ in range(5)]
        docket.example(
            f"Φ is what its region says, and all four KKT conditions hold before and after "
            f"{len(splits)} random splits: {name}",
            [
                point.kkt(),
                *(
                    relu_output(point.layers, x_i)
                    == gated(point.layers, pattern(point.layers, x_i), x_i)
                    for x_i in point.x
                ),
                *(case.kkt() and len(case.x) == len(point.x) + 1 for case in splits),
            ],
            seed=SEED,
        )
    half = F(1, 2)
    straight, wide = (
        [point.split(0, delta, half) for point in (CLASSES, DEEP)]
        for delta in ((F(1, 9), 0, 0), (0, F(9), 0))
    )
    docket.example(
        "necessary: a displacement along the gradient keeps stationarity and breaks the margins",
        [case.stationary() for case in straight] + [not case.kkt() for case in straight],
    )
    negative = SINGLE.split(0, (0, 1), F(3, 2))
    docket.example(
        "necessary: shares 3/2 and -1/2 keep stationarity and the margins, not λ > 0",
        [
            negative.stationary(),
            all(relu_output(negative.layers, x_i) == 1 for x_i in negative.x),
            not negative.kkt(),
        ],
    )
    docket.example(
        "necessary: an orthogonal displacement that leaves the region breaks stationarity",
        [not case.stationary() for case in wide],
    )


@claim(
    "relu-merge",
    where="Companion, Refael et al.: splitting reversed",
    statement="Two samples can be merged into one without violating the KKT conditions.",
    gist="samples of a ReLU network can be merged",
    origin=Origin.COMPANION,
    recorded=ClaimVerdict.PROVED,
    hypotheses=("they are of one class and in one activation region, and the mean is λ-weighted",),
)
def merge(docket: Docket) -> None:
    """The region is convex, Phi and its gradient are linear in it, so the mean does for both.

    Not even the number of samples is determined: the same networks have n, n + 1 and fewer.
    """
    rng = np.random.default_rng(SEED)
    outcomes = []
    for point in (SINGLE, CLASSES, DEEP):
        two = random_split(point, 0, rng)
        crossed = random_split(two, 1, rng).merge(0, 2)
        outcomes += [
            two.merge(0, 1).x == [list(point.x[0]), *point.x[1:]],
            crossed.kkt() and all(list(x) not in list(map(list, two.x)) for x in crossed.x[:2]),
        ]
    docket.general(
        "one unit behind an open gate is linear in x, and λ-weighted sums of what is linear in x "
        "are those of the mean, for one coordinate",
        [*gate_is_linear(), mean_for_both()],
    )
    docket.example(
        "merging the parts of a split gives the sample back; merging two of three parts gives a "
        "pair that is new, a KKT point again: one neuron, two classes, three layers",
        outcomes,
        seed=SEED,
    )
    pair = replace(SINGLE, x=((1, 3), (1, -1)), y=(1, 1), lam=(F(1, 4), F(3, 4)))
    docket.example(
        "one neuron, two samples: a KKT point, and one again with their mean alone",
        [pair.kkt(), pair.merge(0, 1).kkt(), len(pair.merge(0, 1).x) == 1],
    )
    docket.example(
        "necessary: samples of two classes, or of one class in two regions, cannot be merged",
        [not point.merge(0, 1).kkt() for point in (CLASSES, DEEP)],
    )


@claim(
    "relu-unbounded",
    where="Companion, Refael et al.: summary",
    statement=(
        "Without prior knowledge about the data, infinitely many alternative solutions exist that "
        "may lie arbitrarily far from the training set."
    ),
    gist="other training sets lie arbitrarily far away",
    origin=Origin.COMPANION,
    recorded=ClaimVerdict.PROVED,
    hypotheses=(
        "infinitely many: d >= 2, and some sample has no preactivation 0",
        "arbitrarily far: the samples do not span R^d, or a region is unbounded at its margin",
    ),
)
def unbounded(docket: Docket) -> None:
    """For z orthogonal to all samples, x_i + T z and x_i - T z replace x_i for every T.

    Every row of W_1 is a combination of the samples by stationarity, so no preactivation sees z.
    Where the samples span R^d a region can bound the splits.
    """
    z, x = sympy.symbols("z:3"), [sympy.symbols(f"x{i}_:3") for i in range(3)]
    c = sympy.symbols("c:3")
    docket.symbolic(
        "W_1.z = sum_i c_i x_i.z for rows W_1 = sum_i c_i x_i, so x_i.z = 0 makes it 0, n = d = 3",
        vanish(dot(combine(c, x), z) - dot(c, [dot(x_i, z) for x_i in x])),
    )
    for name, point in (("one neuron", SINGLE), ("two classes", CLASSES), ("three layers", DEEP)):
        z = [0] * (len(point.x[0]) - 1) + [1]
        outcomes = []
        for T in (1, 10**3, 10**6):
            far = point.split(0, [T * t for t in z], F(1, 2))
            distances = [
                sum((s - t) ** 2 for s, t in zip(u, x_i, strict=True))
                for u in far.x[:2]
                for x_i in point.x
            ]
            outcomes.append(far.kkt() and min(distances) >= T**2)
        docket.exact(
            f"the parts are at least T from all samples, T = 1, 10^3, 10^6: {name}", outcomes
        )
    rows = ((1, 0), (F(-3, 5), F(4, 5)))
    open_side = ExactReluPoint((rows, ((1, -1),)), rows, (1, -1), (1, 1))
    outcomes = []
    for T in (1, 10**3, 10**6):
        far = open_side.split(0, (0, F(1, 2)), F(2 * T, 2 * T + 1))
        outcomes.append(far.kkt() and far.x[1] == [1, -T])
    docket.exact(
        "samples that span R^2, the region open to one side: x_1 + (0, 1/2) and x_1 - (0, T) with "
        "λ as T to 1/2, T = 1, 10^3, 10^6",
        outcomes,
    )
    rows = (*rows, (F(-3, 5), F(-4, 5)))
    closed = ExactReluPoint((rows, ((1, -1, -1),)), rows, (1, -1, -1), (1, 1, 1))
    docket.exact(
        "necessary: with a third sample x_1 + (0, t) is in the region for |t| < 3/4 alone, and a "
        "split is a KKT point for 7/10, not for 4/5",
        [
            (pattern(closed.layers, (1, t)) == [[1, -1, -1]]) == (abs(t) < F(3, 4))
            for t in (F(k, 20) for k in range(-40, 41))
        ]
        + [
            closed.kkt(),
            closed.split(0, (0, F(7, 10)), F(1, 2)).kkt(),
            not closed.split(0, (0, F(4, 5)), F(1, 2)).kkt(),
        ],
    )
