"""Samples approximately, from where their gates leave the change almost nothing.

For a direction z let p_j be near 1 where neuron j is off at the start and at the end, and
A = sum_j p_j F_j F_j^T. At a sample A is singular: the column of that sample is zero on those rows.
Descent on log lambda_min(A) - gamma log mean p over z, from tau = 1/2, where the gates are soft,
down to tau = 1/20. For p without meaning lambda_min = p (1 - sqrt(n / (p h)))^2 (Marchenko and
Pastur 1967), so gamma = 1 / (1 - sqrt(n / (p h))) makes the objective flat away from samples.

Found duals: unseen samples are orthogonal to them, z runs through that subspace, and a found q that
the rows of z nearly silence is lifted out of the way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from identify.relu.recovery.problem import FirstLayer

if TYPE_CHECKING:
    from identify.arrays import FloatArray

_SLOPE = 1.7
"""The logistic function with this slope is within .01 of the normal distribution function."""

_MOMENTUM, _STEP = 0.8, 0.15
"""Steps turn z by at most .15 (rad), and by .6 tau once the gates are sharper than that."""

_HELD, _LIFT = 0.01, 0.3
"""Found duals that the rows leave less than about .01 of their norm are lifted by .3; lambda_min
is .1 to .2 for meaningless p."""

_MOST = 0.6
"""Largest n / (p h) in gamma: beyond, the formula diverges."""


class SoftGates:
    """The problem as tensors, with the products F_j F_j^T that every step sums up."""

    def __init__(self, layer: FirstLayer, device: str | None = None) -> None:
        """Move the problem to a device."""
        self.device = torch.device(device or "cpu")
        self.layer, self.F, self.R = layer, self._tensor(layer.F), self._tensor(layer.R)
        self.gates = tuple(self._tensor(G) for G in layer.gates)
        self.upper = torch.triu_indices(layer.n, layer.n, device=self.device)
        i, k = self.upper
        places = torch.zeros(layer.n, layer.n, dtype=torch.long, device=self.device)
        places[i, k] = places[k, i] = torch.arange(len(i), device=self.device)
        self.places = places.ravel()
        self.products = self.F[:, self.upper[0]] * self.F[:, self.upper[1]]
        self.coarse = self.products.float()

    def _tensor(self, values: FloatArray) -> Tensor:
        return torch.as_tensor(values, dtype=torch.float64, device=self.device)

    def weighted(self, p: Tensor) -> Tensor:
        """Return sum_j p_j F_j F_j^T for every row p (s, h), (s, n, n)."""
        return self._full(p @ self.products)

    def _full(self, upper: Tensor) -> Tensor:
        n = self.layer.n
        return upper[:, self.places].view(len(upper), n, n)

    def complement(self, duals: FloatArray) -> Tensor:
        """Return an orthonormal basis of what is orthogonal to the duals, rows (k, n)."""
        n = self.layer.n
        if not len(duals):
            return torch.eye(n, dtype=torch.float64, device=self.device)
        return torch.linalg.qr(self._tensor(duals.T), mode="complete").Q[:, len(duals) :]

    def starts(self, N: Tensor, count: int, seed: int) -> Tensor:
        """Draw random combinations of rows of the change in the subspace N, with norm 1."""
        u = torch.as_tensor(
            np.random.default_rng(seed).standard_normal((count, self.layer.n)), device=self.device
        )
        y = u @ self.R @ N
        if self.layer.has_bias:  # the last coordinate of [x, 1] is positive
            y = y * torch.sign(y @ (self._tensor(self.layer.basis[-1]) @ N))[:, None]
        return _unit(y)

    def columns(self, duals: FloatArray) -> tuple[Tensor, Tensor]:
        """Return (F q)^2, (h, k), and the upper halves of q q^T, (k, n (n + 1) / 2)."""
        q = _unit(self._tensor(duals) @ self.R.T)
        return (self.F @ q.T) ** 2, q[:, self.upper[0]] * q[:, self.upper[1]]


def soft_gate_search(
    soft: SoftGates,
    duals: FloatArray,
    *,
    count: int,
    seed: int,
    taus: tuple[float, float] = (0.5, 0.05),
    steps: int = 60,
) -> tuple[Tensor, Tensor, Tensor]:
    """Descend from random starts.

    Args:
        soft: The problem.
        duals: Duals found so far as rows, (k, n).
        count: Number of starts.
        seed: Draws them.
        taus: Softness of the gates for the first two thirds of the steps, and at the end.
        steps: Number of steps.

    Returns:
        Directions z (count, n), null vectors q (count, n) and lambda_min (count,).

    Source: mathematics in the head of this file; the gamma follows Marchenko and Pastur (1967).
    """
    N, F, (h, n) = soft.complement(duals), soft.F, soft.F.shape
    H0, H1 = (G @ N for G in soft.gates)
    y = soft.starts(N, count, seed)
    q = _unit(
        torch.ones(count, n, dtype=torch.float64, device=soft.device)
        + soft._tensor(np.random.default_rng(seed + 1).standard_normal((count, n)))
    )
    held = soft.columns(duals) if len(duals) else None
    inertia, ridge = torch.zeros_like(y), 1e-5 * torch.eye(n, device=soft.device)
    lam = torch.zeros(count, 1, dtype=torch.float64, device=soft.device)
    late = steps // 3
    for step, tau in enumerate([taus[0]] * (steps - late) + list(np.geomspace(*taus, late))):
        t0, t1 = y @ H0.T, y @ H1.T
        slope = _SLOPE / (tau * t0.square().mean(1, keepdim=True).sqrt())
        p = torch.sigmoid(-slope * torch.maximum(t0, t1))
        upper = (p.float() @ soft.coarse).double()  # enough for a direction
        if held is not None:
            upper = upper + (_LIFT * torch.exp(-(p @ held[0]) / _HELD)) @ held[1]
        factor = torch.linalg.cholesky(soft._full(upper) + ridge)
        for _ in range(1 if step else 6):  # inverse iteration
            q = _unit(torch.cholesky_solve(q[:, :, None], factor)[:, :, 0])
        e = (q @ F.T) ** 2
        lam, mean = (p * e).sum(1, keepdim=True), p.mean(1, keepdim=True)
        gamma = 1 / (1 - torch.sqrt(torch.clamp(n / (h * mean), max=_MOST)))
        # d/dt_j of log lambda - gamma log mean p, by dp_j/dt_j = -slope p_j (1 - p_j)
        w = (gamma / (h * mean) - e / lam) * slope * p * (1 - p)
        later = t1 > t0
        gradient = (w * ~later) @ H0 + (w * later) @ H1
        gradient = gradient - (gradient * y).sum(1, keepdim=True) * y
        inertia = _MOMENTUM * inertia + _unit(gradient)
        y = _unit(y - min(_STEP, 0.6 * tau) * _unit(inertia))
    return y @ N.T, q, lam[:, 0]


def _unit(x: Tensor) -> Tensor:
    return x / x.norm(dim=1, keepdim=True).clamp_min(1e-300)
