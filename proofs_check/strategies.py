"""Hypothesis strategies for the objects of the paper, for tests of one's own.

A property of every KKT point of a cubic network with up to four samples:

    from hypothesis import given
    from identify import verify_identifiability
    from proofs_check import strategies

    @given(strategies.kkt_points(degree=3, max_samples=4))
    def test_mine(point):
        report = verify_identifiability(point.a, point.W, activation=point.alpha)
        assert report.residual < 1e-9

Failing examples shrink towards one sample, unit vectors, labels +1, degree 3, one neuron per
direction and small integers. Everything but ``kkt_points`` is exact: ints and Fractions.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import comb
from typing import Literal, TypeAlias

import numpy as np
from hypothesis import assume, reject
from hypothesis import strategies as st

from identify.points.patterns import enumerate_patterns
from identify.points.synthesis import KKTPoint, synthesize_kkt
from proofs_check.exact.exact_kkt import ExactPoint, orthonormal_point
from proofs_check.exact.formulas import dot
from proofs_check.exact.rational import Matrix, cayley, rank

Geometry: TypeAlias = Literal["orthonormal", "nearly orthonormal", "independent"]
"""How the samples of a set lie: the first two have norm 1, the second pairwise |x_i.x_j| <= .05."""

COHERENCE = Fraction(1, 20)


def degrees(minimum: int = 3, maximum: int = 6) -> st.SearchStrategy[int]:
    """Degrees alpha of the activation t^alpha; shrinks to the smallest."""
    return st.integers(minimum, maximum)


def rationals(size: int = 4) -> st.SearchStrategy[Fraction]:
    """Fractions of numerator and denominator up to ``size``; shrinks to 0."""
    return st.builds(Fraction, st.integers(-size, size), st.integers(1, size))


def labels(count: int) -> st.SearchStrategy[tuple[int, ...]]:
    """Class labels, ``count`` of them, in {-1, +1}; shrinks to +1."""
    return st.tuples(*[st.sampled_from((1, -1))] * count)


@st.composite
def rational_orthogonal_matrices(draw: st.DrawFn, size: int, entries: int = 4) -> Matrix:
    """Rotations with rational entries, by Cayley's transform; shrinks to the identity.

    Args:
        draw: Supplied by Hypothesis.
        size: Number of rows and columns.
        entries: Bound of numerators and denominators of the skew matrix that is transformed.

    Returns:
        A matrix Q with Q Q^T = 1 and det Q = 1.
    """
    return cayley(draw(st.tuples(*[rationals(entries)] * comb(size, 2))), size)


@st.composite
def sample_sets(
    draw: st.DrawFn,
    *,
    max_samples: int = 4,
    max_dimension: int = 6,
    geometry: Geometry = "orthonormal",
) -> Matrix:
    """Linearly independent samples x_i, rows of rational numbers.

    Args:
        draw: Supplied by Hypothesis.
        max_samples: Largest number n of samples.
        max_dimension: Largest dimension d; at least n.
        geometry: How the samples lie to each other.

    Returns:
        A matrix (n, d).

    Raises:
        ValueError: If no set fits the bounds.
    """
    if not 1 <= max_samples <= max_dimension:
        raise ValueError(
            f"max_samples, max_dimension: found {max_samples}, {max_dimension}; pass "
            "1 <= max_samples <= max_dimension"
        )
    n = draw(st.integers(1, max_samples))
    d = draw(st.integers(n, max_dimension))
    if geometry == "independent":
        x = [[Fraction(t) for t in draw(st.tuples(*[st.integers(-4, 4)] * d))] for _ in range(n)]
        assume(rank(x) == n)
        return x
    x = draw(rational_orthogonal_matrices(d))[:n]
    if geometry == "nearly orthonormal":
        small = st.builds(Fraction, st.integers(-2, 2), st.just(160))
        turns = [cayley(draw(st.tuples(*[small] * comb(n, 2))), n)[i] for i in range(n)]
        x = [[dot(turn, column) for column in zip(*x, strict=True)] for turn in turns]
        assume(all(abs(dot(x[i], x[j])) <= COHERENCE for i in range(n) for j in range(i)))
    return x


@st.composite
def networks(
    draw: st.DrawFn, *, max_neurons: int = 5, max_dimension: int = 4, size: int = 3
) -> tuple[list[int], list[list[int]]]:
    """Two-layer networks with integer weights; no property of KKT points is implied.

    Args:
        draw: Supplied by Hypothesis.
        max_neurons: Largest number m of neurons.
        max_dimension: Largest dimension d of the inputs.
        size: Bound of the weights.

    Returns:
        a of length m and W, m rows of length d.
    """
    m, d = draw(st.integers(1, max_neurons)), draw(st.integers(1, max_dimension))
    weights = st.integers(-size, size)
    a = draw(st.lists(weights, min_size=m, max_size=m))
    return a, draw(st.lists(st.lists(weights, min_size=d, max_size=d), min_size=m, max_size=m))


@st.composite
def exact_kkt_points(
    draw: st.DrawFn, *, degree: int | None = None, max_samples: int = 4, max_dimension: int = 6
) -> ExactPoint:
    """KKT points on orthonormal samples in exact arithmetic, one neuron per eigenvector.

    For even degrees all labels are equal: with both classes the margins differ.

    Args:
        draw: Supplied by Hypothesis.
        degree: Degree alpha >= 3 of the activation, drawn if None.
        max_samples: Largest number of samples.
        max_dimension: Largest dimension.

    Returns:
        The point.
    """
    alpha = draw(degrees()) if degree is None else degree
    x = draw(sample_sets(max_samples=max_samples, max_dimension=max_dimension))
    return orthonormal_point(x, _labels_for(draw, len(x), alpha), alpha)


@st.composite
def kkt_points(
    draw: st.DrawFn,
    *,
    degree: int | None = None,
    max_samples: int = 4,
    max_dimension: int = 6,
    max_multiplicity: int = 2,
    geometry: Geometry = "nearly orthonormal",
) -> KKTPoint:
    """Networks in floating point that satisfy the KKT conditions of their samples to 1e-12.

    Args:
        draw: Supplied by Hypothesis.
        degree: Degree alpha of the activation t^alpha, 1 or more; drawn from 3 up if None.
        max_samples: Largest number of samples.
        max_dimension: Largest dimension.
        max_multiplicity: Largest number of neurons on one direction.
        geometry: How the samples lie; "independent" ones rarely have such points and are slow.

    Returns:
        A point with a (m,), W (m, d), samples x (n, d), signed weights b (n,) and labels (n,).
    """
    alpha = draw(degrees()) if degree is None else degree
    x = draw(sample_sets(max_samples=max_samples, max_dimension=max_dimension, geometry=geometry))
    y = draw(labels(len(x)))
    neurons = st.integers(1, max_multiplicity)
    if alpha >= 3:
        count = len(enumerate_patterns(np.array(y), alpha))
        q: int | tuple[int, ...] = draw(st.tuples(*[neurons] * count))
    else:
        q = draw(neurons)
    try:
        return synthesize_kkt([[float(t) for t in row] for row in x], y, alpha, multiplicities=q)
    except ValueError:  # these samples have no point with these neurons
        reject()


def _labels_for(draw: st.DrawFn, count: int, alpha: int) -> Sequence[int]:
    return draw(labels(count)) if alpha % 2 else draw(labels(1)) * count
