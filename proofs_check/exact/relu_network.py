"""ReLU networks without biases in exact arithmetic, their KKT points, and samples taken apart.

A network is a tuple of weight matrices, the last of one row. Its gradient is taken by exact
difference quotients: inside an activation region Phi is affine in every single weight and input.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TypeAlias

import numpy as np

from proofs_check.exact.formulas import Matrix, Scalar, Vector, combine, dot
from proofs_check.exact.rational import nullspace

Layers: TypeAlias = tuple[Matrix, ...]

F = Fraction
STEP = F(1, 10**9)


def preactivations(layers: Layers, x: Vector) -> list[list[Scalar]]:
    """W_l h_(l-1) of every layer, h_0 = x and h_l = max(W_l h_(l-1), 0); the last is Phi(x)."""
    found, h = [], x
    for W in layers:
        found.append([dot(row, h) for row in W])
        h = [max(t, 0) for t in found[-1]]
    return found


def relu_output(layers: Layers, x: Vector) -> Scalar:
    """Phi(x)."""
    return preactivations(layers, x)[-1][0]


def pattern(layers: Layers, x: Vector) -> list[list[int]]:
    """Per hidden layer the signs of the preactivations; a 0 is on the boundary of a region."""
    return [[(t > 0) - (t < 0) for t in z] for z in preactivations(layers, x)[:-1]]


def gated(layers: Layers, signs: Sequence[Sequence[int]], x: Vector) -> Scalar:
    """Phi(x) inside a region: the hidden neurons that are not positive there count 0."""
    h = x
    for W, layer in zip(layers[:-1], signs, strict=True):
        h = [dot(row, h) if sign > 0 else 0 for row, sign in zip(W, layer, strict=True)]
    return dot(layers[-1][0], h)


def difference_quotient(at: Callable[[Fraction], tuple[Layers, Vector]]) -> Fraction:
    """(Phi(STEP) - Phi(-STEP)) / (2 STEP) on a line in one activation region: the derivative."""
    patterns = [pattern(*at(t)) for t in (-STEP, F(0), STEP)]
    if any(0 in signs for signs in patterns[1]) or patterns.count(patterns[1]) < 3:
        raise ValueError("derivative: the line leaves the activation region; move the sample")
    return (relu_output(*at(STEP)) - relu_output(*at(-STEP))) / (2 * STEP)


def changed(layers: Layers, place: tuple[int, int, int], t: Fraction) -> Layers:
    """The network with t added to one weight."""
    return tuple(
        [
            [w + t if (depth, j, k) == place else w for k, w in enumerate(row)]
            for j, row in enumerate(W)
        ]
        for depth, W in enumerate(layers)
    )


def parameter_gradient(layers: Layers, x: Vector) -> list[Fraction]:
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
class ExactReluPoint:
    """A ReLU network and samples with labels and multipliers."""

    layers: Layers
    x: Sequence[Vector]
    y: Sequence[int]
    lam: Sequence[int | Fraction]

    def stationary(self) -> bool:
        """Whether theta = sum_i lambda_i y_i grad_theta Phi(theta; x_i)."""
        b = [y_i * lam_i for y_i, lam_i in zip(self.y, self.lam, strict=True)]
        total = combine(b, [parameter_gradient(self.layers, x_i) for x_i in self.x])
        return total == [w for W in self.layers for row in W for w in row]

    def kkt(self) -> bool:
        """Whether every lambda_i > 0, every margin is 1, and theta is stationary."""
        samples = zip(self.x, self.y, strict=True)
        on_margin = all(y_i * relu_output(self.layers, x_i) == 1 for x_i, y_i in samples)
        return on_margin and all(t > 0 for t in self.lam) and self.stationary()

    def split(self, i: int, delta: Vector, share: Fraction) -> ExactReluPoint:
        """Put x_i + delta and x_i - share / (1 - share) delta in the place of x_i."""
        back = share / (share - 1)
        new = [combine([1, t], [self.x[i], delta]) for t in (F(1), back)]
        parts = [share * self.lam[i], (1 - share) * self.lam[i]]
        return self._exchange([i], new, parts)

    def merge(self, i: int, j: int) -> ExactReluPoint:
        """Put the mean of x_i and x_j, weighted by lambda, in their place."""
        total = F(self.lam[i] + self.lam[j])
        mean = combine([self.lam[i] / total, self.lam[j] / total], [self.x[i], self.x[j]])
        return self._exchange([i, j], [mean], [total])

    def _exchange(
        self, old: list[int], x: list[list[Scalar]], lam: list[Fraction]
    ) -> ExactReluPoint:
        """Put other samples of the class of the first old one in the place of the old ones."""
        kept = [i for i in range(len(self.x)) if i not in old]
        return replace(
            self,
            x=[*x, *(self.x[i] for i in kept)],
            y=[*(self.y[old[0]] for _ in x), *(self.y[i] for i in kept)],
            lam=[*lam, *(self.lam[i] for i in kept)],
        )


SINGLE = ExactReluPoint((((1, 0),), ((1,),)), ((1, 0),), (1,), (1,))
"""One neuron, one sample, in the plane."""


CLASSES = ExactReluPoint(
    (
        ((F(3, 5), 0, 0), (F(4, 5), 0, 0), (F(-9, 25), F(12, 25), 0), (F(-12, 25), F(16, 25), 0)),
        ((F(3, 5), F(4, 5), F(-3, 5), F(-4, 5)),),
    ),
    ((1, 0, 0), (F(-3, 5), F(4, 5), 0)),
    (1, -1),
    (1, 1),
)
"""Two layers, two neurons and one sample per class, in a plane of R^3."""


DEEP = ExactReluPoint(
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


def random_split(point: ExactReluPoint, i: int, rng: np.random.Generator) -> ExactReluPoint:
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
