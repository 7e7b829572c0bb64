"""Awkward samples: near-duplicates, clusters, dependent, faint, unequal, too many."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from identify.arrays import FloatArray

from .instances import (
    AMBIGUOUS,
    NEARLY,
    Case,
    Rng,
    coefficients,
    form_count,
    log_uniform,
    observed,
    samples,
    signed,
    told,
    unit,
)

ACTIVATIONS: tuple[Any, ...] = (
    3, 3, 3, 4, 5, [0, 1, 0, 1], [0, 0.5, -0.2, 1], [0.3, 0.5, -0.2, 1], [0, 1, 0.5, 0, 1],
    [0, 0, 1, 1],
)  # fmt: skip


def drawn(rng: Rng, least: int = 3, *, compact: bool = False) -> tuple[FloatArray, FloatArray, Any]:
    """Draw well separated samples, their weights and an activation; few at high degree.

    ``compact`` keeps the dimension near the number of samples: noise fills all dimensions, and the
    systems that are solved then grow with the dimension in place of the number of samples.
    """
    activation = ACTIVATIONS[rng.integers(len(ACTIVATIONS))]
    degree = len(coefficients(activation)) - 1
    most = {3: 8, 4: 6, 5: 5}[degree]
    n = least + int(rng.integers(2))
    if not compact and rng.random() < 0.3:
        n = int(rng.integers(least, max(least, most) + 1))
    spare = {3: 3, 4: 2, 5: 1}[degree] if compact else max(0, 12 - n)
    d = n + int(rng.integers(spare + 1))
    norms = not isinstance(activation, int) and rng.random() < 0.7
    return samples(rng, n, d, norms), signed(rng, n), activation


def beside(rng: Rng, x: FloatArray, angle: float) -> FloatArray:
    """Return a sample at an angle from another, of the same norm."""
    z = rng.standard_normal(len(x))
    z -= (z @ x) / (x @ x) * x
    return np.cos(angle) * x + np.sin(angle) * np.linalg.norm(x) * z / np.linalg.norm(z)


def near_duplicates(rng: Rng, *, compact: bool = False) -> Case:
    """Two samples 1e-1 to 1e-8 apart, with equal or opposite labels."""
    x, b, activation = drawn(rng, compact=compact)
    angle = log_uniform(rng, -8, -1)
    x[1] = beside(rng, x[0], angle)
    equal = bool(rng.random() < 0.5)
    b[1] = abs(b[1]) * np.sign(b[0]) * (1 if equal else -1)
    words = f"samples 0 and 1 are {angle:.1e} apart, labels {'equal' if equal else 'opposite'}"
    return told(rng, observed(rng, x, b, activation, NEARLY, words))


def near_duplicates_of_polynomials(rng: Rng) -> Case:
    """Three samples in four dimensions, two of them near, norms fixed by lower degrees."""
    activation = ([0, 1, 0, 1], [0, 0.5, -0.2, 1])[rng.integers(2)]
    x, b = samples(rng, 3, 4, norms=bool(rng.random() < 0.5)), signed(rng, 3)
    angle = log_uniform(rng, -6.5, -1.5)
    x[1] = beside(rng, x[0], angle)
    words = f"samples 0 and 1 are {angle:.1e} apart"
    return told(rng, observed(rng, x, b, activation, NEARLY, words))


def parallel(rng: Rng, *, compact: bool = False) -> Case:
    """Two samples of one direction, or nearly, and different norms, which a polynomial sees.

    Two terms of a polynomial can be reproduced exactly by a single sample of another norm.
    """
    x, b, activation = drawn(rng, compact=compact)
    if isinstance(activation, int):
        activation = ([0, 1, 0, 1], [0, 0, 1, 1], [0, 0.5, -0.2, 1])[rng.integers(3)]
    angle = 0.0 if rng.random() < 0.4 else log_uniform(rng, -8, -1)
    ratio = float(1 + rng.choice([-1, 1]) * log_uniform(rng, -6, -0.3))
    x[1] = rng.choice([-1, 1]) * ratio * (beside(rng, x[0], angle) if angle else x[0])
    words = f"sample 1 is {ratio:.6g} times sample 0, up to an angle of {angle:.1e}"
    return told(rng, observed(rng, x, b, activation, NEARLY, words))


def uncounted(rng: Rng, *, compact: bool = False) -> Case:
    """A faint sample that n_samples leaves out."""
    case = faint(rng, compact=compact)
    words = f"{case.words} and not counted"
    return replace(case, options=case.options | {"n_samples": len(case.x) - 1}, words=words)


def random_polynomials(rng: Rng, *, compact: bool = False) -> Case:
    """Activations of degree 3 or 4 whose coefficients differ by orders of magnitude, or vanish."""
    x, b, _ = drawn(rng, compact=compact)
    n = min(len(x), 4)
    degree = int(rng.choice([3, 3, 4]))
    c = rng.choice([-1, 1], degree + 1) * 10 ** rng.uniform(-4, 0.5, degree + 1)
    c[:-1] *= rng.random(degree) < 0.6
    x = x[:n] * rng.uniform(0.7, 1.4, (n, 1))
    trouble = rng.random() < 0.4
    angle = log_uniform(rng, -7, -1)
    if trouble:
        x[1] = beside(rng, x[0], angle)
    words = f"samples 0 and 1 are {angle:.1e} apart" if trouble else "an unusual activation"
    return told(rng, observed(rng, x, b[:n], c.tolist(), NEARLY, words))


def exact_duplicates(rng: Rng, *, compact: bool = False) -> Case:
    """A sample twice, with weights that do not cancel: one sample, but for the count."""
    x, b, activation = drawn(rng, compact=compact)
    x[1] = x[0]
    b[1] = abs(b[1]) * np.sign(b[0])
    case = told(rng, observed(rng, x, b, activation, NEARLY, "sample 1 is sample 0 again"))
    return replace(case, kind=AMBIGUOUS) if "n_samples" in case.options else case


def antipodal(rng: Rng, *, compact: bool = False) -> Case:
    """A sample and its negative, exactly or up to 1e-8 to 1e-1."""
    x, b, activation = drawn(rng, compact=compact)
    angle = 0.0 if rng.random() < 0.3 else log_uniform(rng, -8, -1)
    x[1] = -beside(rng, x[0], angle) if angle else -x[0]
    c = coefficients(activation)
    parity = {k % 2 for k in range(len(c)) if c[k]}
    if not angle and len(parity) == 1:  # x and -x are one sample; do not let them cancel
        b[1] = abs(b[1]) * np.sign(b[0]) * (-1 if 1 in parity else 1)
    words = f"samples 0 and 1 are antipodal up to {angle:.1e}"
    case = told(rng, observed(rng, x, b, activation, NEARLY, words))
    once = not angle and len(parity) == 1 and "n_samples" in case.options
    return replace(case, kind=AMBIGUOUS) if once else case


def cluster(rng: Rng, *, compact: bool = False) -> Case:
    """Three or four samples within 1e-8 to 1e-1 of one another."""
    x, b, activation = drawn(rng, least=4, compact=compact)
    size, angle = int(rng.integers(3, 5)), log_uniform(rng, -8, -1)
    for k in range(1, size):
        x[k] = beside(rng, x[0], angle * rng.uniform(0.3, 1))
    words = f"samples 0 to {size - 1} are within {angle:.1e} of sample 0"
    return told(rng, observed(rng, x, b, activation, NEARLY, words))


def _in_span(rng: Rng, count: int, compact: bool) -> Case:
    x, b, activation = drawn(rng, least=max(4, count + 2), compact=compact)
    height = 0.0 if rng.random() < 0.4 else log_uniform(rng, -8, -1)
    norm = np.linalg.norm(x[count])
    inside = signed(rng, count) @ unit(x[:count])
    out = rng.standard_normal(x.shape[1])
    out -= np.linalg.pinv(x[:count]) @ (x[:count] @ out)
    new = inside / np.linalg.norm(inside) + height * out / np.linalg.norm(out)
    x[count] = norm * new / np.linalg.norm(new)
    words = f"sample {count} is {height:.1e} from the span of the {count} before it"
    return told(rng, observed(rng, x, b, activation, NEARLY, words))


def coplanar(rng: Rng, *, compact: bool = False) -> Case:
    """Three samples in a plane, exactly or up to 1e-8 to 1e-1."""
    return _in_span(rng, 2, compact)


def in_span(rng: Rng, *, compact: bool = False) -> Case:
    """A sample in the span of three or more others, exactly or up to 1e-8 to 1e-1."""
    return _in_span(rng, 3, compact)


def dependent(rng: Rng) -> Case:
    """More samples than the rank of their span, which has fewer dimensions than the inputs."""
    rank = int(rng.integers(2, 5))
    n, d = rank + int(rng.integers(1, 3)), rank + int(rng.integers(1, 5))
    basis = np.linalg.qr(rng.standard_normal((d, rank)))[0]
    activation = ACTIVATIONS[rng.integers(len(ACTIVATIONS))]
    x, b = samples(rng, n, rank) @ basis.T, signed(rng, n)
    words = f"{n} samples of rank {rank}"
    return told(rng, _enough(rng, x, b, activation, rank, words))


def overcomplete(rng: Rng) -> Case:
    """More samples than dimensions, one of them faint at times."""
    d = int(rng.integers(2, 5))
    n = d + int(rng.integers(1, 5))
    activation = ACTIVATIONS[rng.integers(len(ACTIVATIONS))]
    b = signed(rng, n)
    if rng.random() < 0.3:
        b[0] *= log_uniform(rng, -10, -1)
    return told(rng, _enough(rng, samples(rng, n, d), b, activation, d, f"{n} samples of rank {d}"))


def _enough(rng: Rng, x: FloatArray, b: FloatArray, activation: Any, r: int, words: str) -> Case:
    """Show dependent samples: the kind follows from counting unknowns in their span."""
    c = coefficients(activation)
    power = isinstance(activation, int)
    seen = form_count(r, c) - (c[0] != 0)
    kind = AMBIGUOUS if len(x) * (r + (not power)) > seen else NEARLY
    return observed(rng, x, b, activation, kind, words)


def faint(rng: Rng, *, compact: bool = False) -> Case:
    """One sample 1e-1 to 1e-16 of the weight of the others."""
    x, b, activation = drawn(rng, compact=compact)
    size = log_uniform(rng, -16, -1)
    b[0] *= size
    return told(rng, observed(rng, x, b, activation, NEARLY, f"sample 0 is fainter by {size:.1e}"))


def unequal_weights(rng: Rng, *, compact: bool = False) -> Case:
    """Weights b_i that differ by up to a thousand."""
    x, b, activation = drawn(rng, compact=compact)
    b *= 10 ** rng.uniform(-3, 0, len(b))
    return told(rng, observed(rng, x, b, activation, NEARLY, "weights over a factor 1000"))


def unequal_norms(rng: Rng, *, compact: bool = False) -> Case:
    """Norms that differ by up to a hundred; what a sample weighs goes with a power of them."""
    x, b, activation = drawn(rng, compact=compact)
    x *= 10 ** rng.uniform(-1.5, 0.5, (len(x), 1))
    return told(rng, observed(rng, x, b, activation, NEARLY, "norms over a factor 100"))


def ill_conditioned(rng: Rng, *, compact: bool = False) -> Case:
    """All samples near a common direction, or near a subspace, by 1 to 1e-4."""
    x, b, activation = drawn(rng, compact=compact)
    size = log_uniform(rng, -4, 0)
    n, d = x.shape
    if rng.random() < 0.5:
        x = unit(rng.standard_normal(d)[None] / np.sqrt(d) + size * x)
        words = f"all samples within about {size:.1e} of one direction"
    else:
        left, _, right = np.linalg.svd(x, full_matrices=False)
        x = unit((left * np.geomspace(1, size, n)) @ right)
        words = f"singular values of the samples fall to {size:.1e}"
    return told(rng, observed(rng, x, b, activation, NEARLY, words))


def several_troubles(rng: Rng, *, compact: bool = False) -> Case:
    """A near-duplicate, a sample near a plane and unequal weights at once."""
    x, b, activation = drawn(rng, least=5, compact=compact)
    angle, height = log_uniform(rng, -7, -1), log_uniform(rng, -7, -1)
    x[1] = beside(rng, x[0], angle)
    flat = unit((unit(x[2:4]).sum(axis=0) + height * rng.standard_normal(x.shape[1]))[None])[0]
    x[4] = np.linalg.norm(x[4]) * flat
    b *= 10 ** rng.uniform(-2, 0, len(b))
    words = f"0 and 1 are {angle:.1e} apart, 4 is about {height:.1e} from the plane of 2 and 3"
    return told(rng, observed(rng, x, b, activation, NEARLY, words))


def separated(rng: Rng, *, compact: bool = False) -> Case:
    """Random samples without any trouble, of every activation and size drawn elsewhere."""
    x, b, activation = drawn(rng, compact=compact)
    return told(rng, observed(rng, x, b, activation, "identifiable", "nothing awkward on purpose"))
