"""Equations whose solution is known, and their Jacobian by automatic differentiation."""

from __future__ import annotations

import numpy as np
import pytest
import tensorly
import torch

from identify.equations.activation import Polynomial
from identify.equations.system import Equations

N, R, M = 3, 4, 40

ACTIVATIONS = {
    "cubic": (0.0, 0.0, 0.0, 1.0),
    "quartic": (0.0, 0.0, 0.0, 0.0, -0.5),
    "quintic": (0.0, 0.0, 0.0, 0.0, 0.0, 2.0),
    "linear": (0.0, 1.5),
    "mixed": (0.3, -1.0, 0.5, 1.0),
    "odd": (0.0, 1.0, 0.0, -0.7),
}

every = pytest.mark.parametrize("name", ACTIVATIONS)
by_values = pytest.mark.parametrize("by_value", [False, True])
free = pytest.mark.parametrize("free_b", [False, True])
solvable = pytest.mark.parametrize(
    ("name", "free_b"), [("cubic", False), ("quartic", False), ("mixed", True), ("odd", True)]
)


def case(name, *, by_value, free_b, m=M, seed=0):
    """Equations with exact right-hand sides, and samples that satisfy them."""
    rng = np.random.default_rng(seed)
    x, points = rng.standard_normal((N, R)), rng.standard_normal((m, R))
    b = rng.standard_normal(N) if free_b else np.array([1.0, -1.0, 1.0])
    shape = (m, 1) if by_value else (m, R)
    activation = Polynomial(ACTIVATIONS[name])
    scale = rng.standard_normal(m)
    blank = Equations(activation, points, scale, np.zeros(shape), by_value, free_b)
    return blank.with_right_side(blank.predict(x, b)), x, b


def twin(equations, x, b):
    """The left-hand sides as a torch function of the unknowns, and the unknowns."""
    u, s = torch.tensor(equations.points), torch.tensor(equations.scale)
    c = equations.activation.coefficients
    q = R + equations.free_b

    def left(unknowns):
        z = unknowns.reshape(N, q)
        samples, weights = z[:, :R], z[:, R] if equations.free_b else torch.tensor(b)
        t = u @ samples.T
        if equations.by_value:
            return (sum(c[k] * t**k for k in range(len(c))) @ weights).reshape(-1)
        slope = sum(k * c[k] * t ** (k - 1) for k in range(1, len(c)))
        return ((s[:, None] * slope * weights) @ samples).reshape(-1)

    unknowns = np.column_stack([x, b]) if equations.free_b else x
    return left, torch.tensor(unknowns.ravel())


def dense_jacobian(equations, x, b):
    """Of the left-hand sides, by automatic differentiation."""
    left, unknowns = twin(equations, x, b)
    return torch.func.jacrev(left)(unknowns).numpy()


def close(actual, expected, tolerance=1e-11):
    np.testing.assert_allclose(actual, expected, rtol=0, atol=tolerance * np.abs(expected).max())


def cp_tensor(x, b, alpha):
    """T = sum_i b_i x_i^{(x) alpha}, formed."""
    return np.asarray(tensorly.cp_to_tensor((tensorly.tensor(b), [tensorly.tensor(x.T)] * alpha)))
