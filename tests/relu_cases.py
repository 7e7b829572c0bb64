"""ReLU KKT points of many shapes, and their conditions by automatic differentiation."""

from __future__ import annotations

import numpy as np
import torch

from identify.relu.points import synthesize_relu_kkt

SHAPES = [
    ((5, 8), 3, False),
    ((8, 14), 5, True),
    ((12, 20), 6, False),
    ((4, 12), 3, True),
    ((4, 16), 6, False),
    ((3, 8), 5, False),
    ((2, 6), 4, True),
    ((6, 10, 8), 4, False),
    ((9, 12, 6), 5, True),
    ((3, 8, 6), 4, False),
    ((4, 12, 8), 6, True),
    ((7, 8, 6, 6), 4, False),
    ((3, 9, 6, 5), 4, False),
]
INSTANCES = [(k, seed) for k in range(len(SHAPES)) for seed in range(8)]


def torch_conditions(layers, x, b):
    """(b.grad Phi, theta, y Phi, gates) by autograd."""
    theta = [
        (
            torch.tensor(W, dtype=torch.float64, requires_grad=True),
            None if c is None else torch.tensor(c, dtype=torch.float64, requires_grad=True),
        )
        for W, c in layers
    ]
    h, gates = torch.tensor(x, dtype=torch.float64), []
    for W, c in theta[:-1]:
        z = torch.nn.functional.linear(h, W, c)
        gates.append(z.detach().numpy() > 0)
        h = torch.relu(z)
    phi = torch.nn.functional.linear(h, *theta[-1])[:, 0]
    flat = [p for layer in theta for p in layer if p is not None]
    found = torch.autograd.grad(phi @ torch.tensor(b), flat)
    total = np.concatenate([g.numpy().ravel() for g in found])
    weights = np.concatenate([p.detach().numpy().ravel() for p in flat])
    return total, weights, np.sign(b) * phi.detach().numpy(), np.hstack(gates)


def assert_kkt(layers, x, b, tolerance):
    total, theta, margins, gates = torch_conditions(layers, x, b)
    assert np.linalg.norm(theta - total) <= tolerance * np.linalg.norm(theta)
    np.testing.assert_allclose(margins, 1, atol=tolerance)
    return gates


def point_of(instance):
    k, seed = instance
    widths, n, biased = SHAPES[k]
    return synthesize_relu_kkt(widths, n, biased=biased, seed=seed)


def hausdorff(x, y):
    apart = np.array([[np.linalg.norm(u - v) for v in y] for u in x])
    return max(apart.min(axis=0).max(), apart.min(axis=1).max())


def planar(rows, signs):
    layers = [(np.array(rows), None), (np.array([signs], dtype=float), None)]
    return layers, np.array(rows), np.array(signs, dtype=float)
