"""The formulas against the full tensor in numpy."""

from fractions import Fraction
from itertools import product
from math import comb

import numpy as np
import pytest

from proofs_check.exact import formulas


def random_tensor(alpha):
    rng = np.random.default_rng(alpha)
    x, b = rng.integers(-3, 4, (4, 3)), rng.integers(1, 4, 4)
    T = sum(
        c * np.einsum(",".join("abcdefg"[:alpha]), *[v] * alpha) for c, v in zip(b, x, strict=True)
    )
    return x.tolist(), b.tolist(), T


@pytest.mark.parametrize("alpha", [2, 3, 4, 5])
def test_formulas_agree_with_the_full_tensor(alpha):
    x, b, T = random_tensor(alpha)
    u = np.random.default_rng(1).integers(-3, 4, (alpha, 3))
    full = T
    for v in u:
        full = np.tensordot(v, full, axes=(0, 0))
    assert formulas.tensor(b, x, u.tolist()) == full
    w = u[0].tolist()
    powers = [T]
    while powers[-1].ndim:
        powers.append(powers[-1] @ u[0])
    assert formulas.form(b, x, w, alpha) == powers[-1]
    assert formulas.contraction(b, x, w, alpha) == powers[-2].tolist()
    assert formulas.slice_matrix(b, x, w, alpha) == powers[-3].tolist()
    count = 2**alpha * formulas.factorial(alpha)
    found = formulas.polarized(lambda v: formulas.form(b, x, v, alpha), u.tolist())
    assert Fraction(found, count) == full


@pytest.mark.parametrize(("d", "degree"), list(product([1, 2, 3, 4], [0, 1, 2, 4])))
def test_monomials_are_those_of_the_multinomial_theorem(d, degree):
    u, w = list(range(2, 2 + d)), list(range(-1, d - 1))
    phi_u, phi_w = (formulas.monomials(v, degree) for v in (u, w))
    weights = [formulas.multinomial(index) for index in formulas.exponents(d, degree)]
    assert len(weights) == comb(d + degree - 1, degree)
    total = sum(c * s * t for c, s, t in zip(weights, phi_u, phi_w, strict=True))
    assert total == formulas.dot(u, w) ** degree
