"""Levenberg-Marquardt descent with lambda eliminated, for small problems.

With M = [lambda_i df(x_i)/dx_i, f(x_i)] a step solves (M^T M + mu D) delta = M^T r, D the diagonal
of the block of x and 0 on that of lambda; after it lambda is the least-squares solution for the new
samples (variable projection in Kaufman's form, Golub and Pereyra 2003). First-order methods need
thousands of steps where candidates are near each other, as they are after every split; this takes
tens. It forms the k (d + 1) tangents in parameter space, which the other methods never do.
"""

from __future__ import annotations

import torch
from torch import Tensor

from attack.descent.objective import least_squares, residual
from attack.maps.protocol import Map

DAMPING = 1e-3
"""mu at the start of a block, relative to the diagonal."""

STUCK = 1e16
"""A step this much damped is rounded away: the block ends."""


def tangents(f: Map, x: Tensor) -> tuple[Tensor, Tensor]:
    """f(x_i), (k, P), and df(x_i)/dx_i, (k, P, d), of samples x (k, d)."""
    # all samples are shifted together, and the unit vectors as multipliers tell them apart
    units = torch.eye(len(x), dtype=x.dtype, device=x.device)

    def features(shift: Tensor) -> Tensor:
        pieces = torch.func.vmap(lambda e: f.combine(x + shift, e))(units)
        return torch.cat([piece.flatten(1) for piece in pieces], 1)

    shift = torch.zeros_like(x[0])
    found = features(shift)
    pull = torch.func.vjp(features, shift)[1]
    push = torch.func.vjp(lambda u: pull(u)[0], torch.zeros_like(found))[1]  # forward mode
    directions = torch.eye(x.shape[1], dtype=x.dtype, device=x.device)
    return found, torch.func.vmap(lambda v: push(v)[0])(directions).permute(1, 2, 0)


def levenberg_marquardt(
    f: Map, x: Tensor, *, steps: int, ridge: float, nonnegative: bool
) -> tuple[Tensor, Tensor]:
    """At most so many trials from x (k, d); the loss of what is returned is not above the first."""
    weights, r = _solved(f, x, ridge, nonnegative)
    mu, growth, system = DAMPING, 2.0, None
    for _ in range(steps):
        system = system or _system(f, x, weights, r)
        trial = x + _step(*system, mu).reshape(-1, x.shape[1] + 1)[:, :-1]
        new_weights, new_r = _solved(f, trial, ridge, nonnegative)
        if bool(new_r.square().sum() < r.square().sum()):
            x, weights, r, system = trial, new_weights, new_r, None
            mu, growth = max(mu / 3, 1e-15), 2.0
        else:
            mu, growth = mu * growth, 2 * growth
            if mu > STUCK:
                break
    return x, weights


def _solved(f: Map, x: Tensor, ridge: float, nonnegative: bool) -> tuple[Tensor, Tensor]:
    weights = least_squares(f, x, nonnegative=nonnegative, ridge=ridge)
    return weights, torch.cat([piece.flatten() for piece in residual(f, x, weights)])


def _system(f: Map, x: Tensor, weights: Tensor, r: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    features, slopes = tangents(f, x)
    columns = torch.cat([weights[:, None, None] * slopes, features[:, :, None]], 2)
    M = columns.transpose(0, 1).flatten(1)  # [lambda_i df(x_i)/dx_i, f(x_i)]
    A = M.T @ M
    damped = torch.ones_like(columns[:, 0])
    damped[:, -1] = torch.finfo(x.dtype).eps  # lambda is free
    diagonal = A.diagonal() + torch.finfo(x.dtype).eps * A.diagonal().mean()
    return A, M.T @ r, damped.flatten() * diagonal


def _step(A: Tensor, slope: Tensor, D: Tensor, mu: float) -> Tensor:
    # (A + mu D) delta = M^T r, scaled to a unit diagonal
    scale = (A.diagonal() + mu * D).rsqrt()
    scaled = scale[:, None] * (A + torch.diag(mu * D)) * scale
    scaled = scaled + 1e-14 * torch.eye(len(D), dtype=D.dtype, device=D.device)
    return scale * torch.linalg.lstsq(scaled, (scale * slope)[:, None]).solution[:, 0]
