"""The compressed Jacobian against the formed one."""

from __future__ import annotations

import pytest
import torch
from local_cases import ACTIVATIONS, candidate, d, formed, k, network, normal

from attack.local.derivative import jacobian
from attack.maps.objectives import multiclass, ntk


@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.parametrize("widths", [(d, 1), (d, 9, 1), (d, 12, 3, 1), (d, 20, 15, 7, 1)])
@pytest.mark.parametrize("biases", [True, False])
def test_compressed_jacobian_keeps_all_inner_products(name, widths, biases):
    sigma = ACTIVATIONS[name]
    old, new = (network(*widths, biases=biases, seed=seed) for seed in (0, 7))
    x, weights = candidate()
    many = multiclass(network(*widths[:-1], 3, biases=biases), sigma, torch.arange(k) % 3)
    for m in (ntk(old, new, sigma, at="both"), ntk(old, new, sigma, last_layer=True), many):
        J, z = jacobian(m, x, weights), normal(3, k, d + 1, seed=9)
        image = torch.einsum("pkd,qkd->qp", formed(m, x, weights), z)
        ours, u = J.push(z), normal(3, J.rows, seed=10)
        scale = float(image.norm()) ** 2
        assert torch.allclose(ours @ ours.T, image @ image.T, rtol=0, atol=1e-13 * scale)
        assert torch.allclose(
            torch.einsum("qkd,qkd->q", J.pull(u), z), (u * ours).sum(1), rtol=1e-11, atol=1e-11
        )
