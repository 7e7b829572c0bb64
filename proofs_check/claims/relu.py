"""Samples that can be split: ReLU networks without biases, and powers off the row space of W.

The ReLU claims are about a companion of arXiv 2602.08723, Refael et al., which proves that without
prior knowledge infinitely many sample sets satisfy the KKT conditions of one network. A network is
a tuple of weight matrices, the last of one row. Its gradient is taken by exact difference
quotients: inside an activation region Phi is affine in every single weight and input.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise, product
from math import comb
from typing import TypeAlias

import numpy as np
import sympy

from proofs_check.claims.setup import margins, stationary
from proofs_check.exact_kkt import orthonormal_point
from proofs_check.formulas import Matrix, Scalar, Vector, combine, contraction, dot, form, gram
from proofs_check.ledger import Docket, Verdict, claim
from proofs_check.rational import nullspace, rank

Layers: TypeAlias = tuple[Matrix, ...]

F = Fraction
STEP = F(1, 10**9)
SEED = 7


def preactivations(layers: Layers, x: Vector) -> list[list[Scalar]]:
    """W_l h_(l-1) of every layer, h_0 = x and h_l = max(W_l h_(l-1), 0); the last is Phi(x)."""
    found, h = [], x
    for W in layers:
        found.append([dot(row, h) for row in W])
        h = [max(t, 0) for t in found[-1]]
    return found


def output(layers: Layers, x: Vector) -> Scalar:
    """Phi(x)."""
    return preactivations(layers, x)[-1][0]


def pattern(layers: Layers, x: Vector) -> list[list[int]]:
    """Per hidden layer the signs of the preactivations; a 0 is on the boundary of a region."""
    return [[(t > 0) - (t < 0) for t in z] for z in preactivations(layers, x)[:-1]]


def difference_quotient(at: Callable[[Fraction], tuple[Layers, Vector]]) -> Fraction:
    """(Phi(STEP) - Phi(-STEP)) / (2 STEP) along a line inside one activation region.

    Args:
        at: The network and the sample at a place of the line.

    Returns:
        The derivative, exact where Phi is affine on the line.

    Raises:
        ValueError: If the line leaves the region or the sample is on its boundary.
    """
    patterns = [pattern(*at(t)) for t in (-STEP, F(0), STEP)]
    if any(0 in signs for signs in patterns[1]) or patterns.count(patterns[1]) < 3:
        raise ValueError("derivative: the line leaves the activation region; move the sample")
    return (output(*at(STEP)) - output(*at(-STEP))) / (2 * STEP)


def changed(layers: Layers, place: tuple[int, int, int], t: Fraction) -> Layers:
    """The network with t added to one weight."""
    return tuple(
        [
            [w + t if (depth, j, k) == place else w for k, w in enumerate(row)]
            for j, row in enumerate(W)
        ]
        for depth, W in enumerate(layers)
    )


def gradient(layers: Layers, x: Vector) -> list[Fraction]:
    """grad_theta Phi(theta; x), one entry per weight."""
    places = [
        (depth, j, k)
        for depth, W in enumerate(layers)
        for j, row in enumerate(W)
        for k in range(len(row))
    ]
    return [
        difference_quotient(lambda t, place=place: (changed(layers, place, t), x))
        for place in places
    ]


def input_gradient(layers: Layers, x: Vector) -> list[Fraction]:
    """grad_x Phi(theta; x)."""
    unit = [[int(j == k) for j in range(len(x))] for k in range(len(x))]
    return [difference_quotient(lambda t, e=e: (layers, combine([1, t], [x, e]))) for e in unit]


@dataclass(frozen=True, slots=True)
class Point:
    """A ReLU network and samples with labels and multipliers."""

    layers: Layers
    x: Sequence[Vector]
    y: Sequence[int]
    lam: Sequence[int | Fraction]

    def stationary(self) -> bool:
        """Whether theta = sum_i lambda_i y_i grad_theta Phi(theta; x_i)."""
        b = [y_i * lam_i for y_i, lam_i in zip(self.y, self.lam, strict=True)]
        total = combine(b, [gradient(self.layers, x_i) for x_i in self.x])
        return total == [w for W in self.layers for row in W for w in row]

    def kkt(self) -> bool:
        """Whether every lambda_i > 0, every margin is 1, and theta is stationary."""
        samples = zip(self.x, self.y, strict=True)
        on_margin = all(y_i * output(self.layers, x_i) == 1 for x_i, y_i in samples)
        return on_margin and all(t > 0 for t in self.lam) and self.stationary()

    def split(self, i: int, delta: Vector, share: Fraction) -> Point:
        """Put x_i + delta, and x_i - share / (1 - share) delta, in the place of x_i.

        Returns:
            The point, lambda_i divided as share to 1 - share.
        """
        back = share / (share - 1)
        new = [combine([1, t], [self.x[i], delta]) for t in (F(1), back)]
        parts = [share * self.lam[i], (1 - share) * self.lam[i]]
        return self._exchange([i], new, parts)

    def merge(self, i: int, j: int) -> Point:
        """Put the mean of x_i and x_j, weighted by lambda, in their place."""
        total = F(self.lam[i] + self.lam[j])
        mean = combine([self.lam[i] / total, self.lam[j] / total], [self.x[i], self.x[j]])
        return self._exchange([i, j], [mean], [total])

    def _exchange(self, old: list[int], x: list[list[Scalar]], lam: list[Fraction]) -> Point:
        """Put other samples of the class of the first old one in the place of the old ones."""
        kept = [i for i in range(len(self.x)) if i not in old]
        return replace(
            self,
            x=[*x, *(self.x[i] for i in kept)],
            y=[*(self.y[old[0]] for _ in x), *(self.y[i] for i in kept)],
            lam=[*lam, *(self.lam[i] for i in kept)],
        )


SINGLE = Point((((1, 0),), ((1,),)), ((1, 0),), (1,), (1,))
"""One neuron, one sample, in the plane."""

CLASSES = Point(
    (
        ((F(3, 5), 0, 0), (F(4, 5), 0, 0), (F(-9, 25), F(12, 25), 0), (F(-12, 25), F(16, 25), 0)),
        ((F(3, 5), F(4, 5), F(-3, 5), F(-4, 5)),),
    ),
    ((1, 0, 0), (F(-3, 5), F(4, 5), 0)),
    (1, -1),
    (1, 1),
)
"""Two layers, two neurons and one sample per class, in a plane of R^3."""

DEEP = Point(
    (
        ((F(3, 5), 0, 0), (F(-12, 25), F(16, 25), 0)),
        ((F(9, 25), F(12, 25)), (F(12, 25), F(16, 25))),
        ((F(3, 5), F(4, 5)),),
    ),
    ((F(25, 9), 0, 0), (F(-15, 16), F(5, 4), 0)),
    (1, 1),
    (F(9, 25), F(16, 25)),
)
"""Three layers of two, two and one neurons; either sample is off on one neuron of the first."""


def gated(layers: Layers, signs: Sequence[Sequence[int]], x: Vector) -> Scalar:
    """Phi(x) inside a region: the hidden neurons that are not positive there count 0."""
    h = x
    for W, layer in zip(layers[:-1], signs, strict=True):
        h = [dot(row, h) if sign > 0 else 0 for row, sign in zip(W, layer, strict=True)]
    return dot(layers[-1][0], h)


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
        outcomes.append(sympy.expand(phi - s * at_u - t * at_v) == 0)
    return outcomes


def random_split(point: Point, i: int, rng: np.random.Generator) -> Point:
    """Split sample i along a random delta orthogonal to its input gradient, inside its region."""
    basis = nullspace([input_gradient(point.layers, point.x[i])])
    delta = combine([F(int(t)) for t in rng.integers(1, 10, len(basis))], basis)
    share = F(int(rng.integers(1, 10)), 10)
    while True:
        candidate = point.split(i, delta, share)
        home = pattern(point.layers, point.x[i])
        if all(pattern(point.layers, x) == home for x in candidate.x[:2]):
            return candidate
        delta = [t / 2 for t in delta]


@claim(
    "relu-split",
    where="Companion, Refael et al.: splitting",
    statement="Splitting a sample preserves the KKT conditions of a ReLU network.",
    recorded=Verdict.PROVED,
    hypotheses=(
        "no biases, and no preactivation of the sample is 0",
        "both parts stay in the activation region of the sample",
        "the displacement is orthogonal to the input gradient, and its λ-weighted mean is 0",
    ),
)
def split(docket: Docket) -> None:
    """Inside a region Phi is linear in x for all weights, and so is grad_theta Phi.

    Hence Phi(x + delta) = Phi(x) for delta orthogonal to grad_x Phi, which keeps the margins, and
    the λ-weighted sum of the gradients depends on the λ-weighted mean alone. This is exact for
    displacements of any size inside the region.
    """
    for widths in ((3, 2), (2, 2, 2), (2, 1, 2)):
        docket.symbolic(
            f"Φ is linear in x for all weights in every activation region, widths {(*widths, 1)}",
            linear_in_samples(widths),
        )
    rng = np.random.default_rng(SEED)
    for name, point in (("one neuron", SINGLE), ("two classes", CLASSES), ("three layers", DEEP)):
        splits = [random_split(point, i, rng) for i in range(len(point.x)) for _ in range(5)]
        docket.exact(
            f"Φ is what its region says, and all four KKT conditions hold before and after "
            f"{len(splits)} random splits: {name}",
            [
                point.kkt(),
                *(
                    output(point.layers, x_i)
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
    docket.exact(
        "necessary: a delta along the gradient keeps stationarity and breaks the margins",
        [case.stationary() for case in straight] + [not case.kkt() for case in straight],
    )
    negative = SINGLE.split(0, (0, 1), F(3, 2))
    docket.exact(
        "necessary: shares 3/2 and -1/2 keep stationarity and the margins, not λ > 0",
        [
            negative.stationary(),
            all(output(negative.layers, x_i) == 1 for x_i in negative.x),
            not negative.kkt(),
        ],
    )
    docket.exact(
        "necessary: an orthogonal delta that leaves the region breaks stationarity",
        [not case.stationary() for case in wide],
    )


@claim(
    "relu-merge",
    where="Companion, Refael et al.: splitting reversed",
    statement="Two samples can be merged into one without violating the KKT conditions.",
    recorded=Verdict.PROVED,
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
    docket.exact(
        "merging the parts of a split gives the sample back; merging two of three parts gives a "
        "pair that is new, a KKT point again: one neuron, two classes, three layers",
        outcomes,
        seed=SEED,
    )
    pair = replace(SINGLE, x=((1, 3), (1, -1)), y=(1, 1), lam=(F(1, 4), F(3, 4)))
    docket.exact(
        "one neuron, two samples: a KKT point, and one again with their mean alone",
        [pair.kkt(), pair.merge(0, 1).kkt(), len(pair.merge(0, 1).x) == 1],
    )
    docket.exact(
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
    recorded=Verdict.PROVED,
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
        "W_1.z = Σ c_i x_i.z for rows W_1 = Σ c_i x_i, so x_i.z = 0 makes it 0, n = d = 3",
        sympy.expand(dot(combine(c, x), z) - dot(c, [dot(x_i, z) for x_i in x])) == 0,
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
    open_side = Point((rows, ((1, -1),)), rows, (1, -1), (1, 1))
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
    closed = Point((rows, ((1, -1, -1),)), rows, (1, -1, -1), (1, 1, 1))
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


@claim(
    "split-orthogonal",
    where="4.2, Theorem 4.1",
    statement=(
        "The rank condition (4.2) counts N in all d variables. Counted in r = rank(W) < d "
        "variables, it does not determine the samples: x_i can be split into x_i ± z, z orthogonal "
        "to all W_j."
    ),
    recorded=Verdict.PROVED,
    hypotheses=(
        "power activations, α >= 3",
        "norms are free, or margins are not used; known norms and margins exclude this split",
    ),
)
def split_off_the_row_space(docket: Docket) -> None:
    """The equations contain x_i through x_i.W_j, and x_i itself times b_i: halves cancel z.

    So all four conditions hold for x_i ± z with b_i / 2. At most r independent samples are unique
    all the same, on the row space. |x_i ± z| > 1, and rescaling to unit norm shrinks the margin.
    A split inside the row space changes p there, by a form in x.w and δ.w with positive
    coefficients, so it changes T.
    """
    x, delta, w = (sympy.symbols(f"{name}:2") for name in ("x", "delta", "w"))
    for alpha in (3, 4, 5, 6):
        parts = [combine([1, sign], [x, delta]) for sign in (1, -1)]
        change = form([F(1, 2)] * 2, parts, w, alpha) - form([1], [x], w, alpha)
        even = [
            comb(alpha, k) * dot(x, w) ** (alpha - k) * dot(delta, w) ** k
            for k in range(2, alpha + 1, 2)
        ]
        docket.symbolic(
            f"halves at x ± δ change p(w) by Σ_k C(α,k) (x.w)^(α-k) (δ.w)^k, k = 2, 4, ..., "
            f"α = {alpha}",
            sympy.expand(change - sum(even)) == 0,
        )
    for alpha, d, labels in ((3, 3, (1, 1)), (3, 4, (1, -1)), (4, 3, (1, 1))):
        rows = [[int(j == k) for k in range(d)] for j in range(2)]
        point = orthonormal_point(rows, labels, alpha)
        z = [0] * (d - 1) + [F(3, 4)]
        pair = [combine([1, sign], [rows[0], z]) for sign in (1, -1)] + rows[1:]
        b = [F(labels[0], 2)] * 2 + [F(labels[1])]
        unit = [[F(4, 5) * t for t in u] for u in pair[:2]] + rows[1:]
        c = [F(5, 4) ** alpha * t for t in b[:2]] + b[2:]
        same = margins(point, rows, labels)[0]
        docket.exact(
            f"α = {alpha}, d = {d}, labels {labels}: rank(K) = N(2), a KKT point; x_1 ± z with b/2 "
            "keep f(W_j) and the margins, not the norms; scaled to norm 1, not the margins",
            [
                point.kkt() and rank(gram(point.u, alpha)) == comb(alpha, alpha - 1),
                stationary(point, pair, b) and all(t == same for t in margins(point, pair, b)),
                all(dot(u, u) > 1 for u in pair[:2]),
                all(dot(u, u) == 1 for u in unit) and stationary(point, unit, c),
                all(t != same for t in margins(point, unit, c)[:2]),
                all(
                    contraction(b, pair, u, alpha) == contraction(labels, rows, u, alpha)
                    for u in point.u
                ),
            ],
        )
        inside = [combine([1, sign * F(1, 2)], rows) for sign in (1, -1)]
        docket.exact(
            f"α = {alpha}, d = {d}, labels {labels}: e_1 ± e_2 / 2, inside the row space, are not",
            not stationary(point, inside + rows[1:], b),
        )
