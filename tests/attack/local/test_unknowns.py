"""What may move at a candidate, and how far the next kink is."""

from __future__ import annotations

from math import prod

import pytest
import torch
from local_cases import candidate, d, k

from attack.local.region import region_margin
from attack.local.unknowns import Constraints, free
from attack.maps.objectives import signed
from attack.network.activations import ReLU
from attack.network.mlp import Layer


def test_region_margin_is_the_nearest_kink():
    theta = [
        Layer(torch.tensor([[3.0, 4.0], [1.0, 0.0]], dtype=torch.float64)),
        Layer(torch.ones(1, 2, dtype=torch.float64)),
    ]
    x = torch.tensor([[1.0, 0.0], [0.8, -0.6], [0.0, 2.0]], dtype=torch.float64)
    found = region_margin(signed(theta, ReLU(None)), x)
    assert found is not None
    assert found.tolist() == pytest.approx([0.6, 0.0, 0.0], abs=1e-15)
    assert region_margin(signed(theta, ReLU(5.0)), x) is None


def test_free_projects_and_counts():
    x, _ = candidate()
    constraints = Constraints(unit_norm=True, margin=lambda x: torch.stack([x.sum(1)] * 2, 1))
    projection = free(constraints, x)
    assert projection.columns() == k * (d - 1)  # the doubled row counts once
    basis = projection.basis()
    flat = basis.flatten(1)
    assert torch.allclose(flat @ flat.T, torch.eye(len(flat), dtype=x.dtype), atol=1e-12)
    assert float((basis[..., :-1] * x).sum(2).abs().max()) < 1e-12
    assert float(basis[..., :-1].sum(2).abs().max()) < 1e-12
    assert prod(basis.shape) == k * (d - 1) * k * (d + 1)
