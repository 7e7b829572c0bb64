"""Candidates that came together, their joint mean, and what it costs to leave one out."""

from __future__ import annotations

import torch
from torch import Tensor

from attack.descent.objective import RIDGE, least_squares
from attack.descent.splitting_config import MergingConfig
from attack.maps.protocol import Map


def canonical(x: Tensor, weights: Tensor, degree: int | None) -> tuple[Tensor, Tensor]:
    """The same fit with |x_i| = 1, for f(c x) = c^degree f(x); unchanged for None."""
    if degree is None:
        return x, weights
    norm = x.norm(dim=1)
    return x / norm[:, None], weights * norm**degree


def close_pairs(
    x: Tensor, weights: Tensor, labels: Tensor, config: MergingConfig
) -> list[tuple[int, int, float]]:
    """Return disjoint pairs (i, j, s) of equal label that came together, the closest first.

    For canonical x (k, d): |lambda_i| >= |lambda_j|, x_i ~ s x_j, and lambda_i, s^degree lambda_j
    are of one sign; s = -1 occurs only for a degree of 1 or more.
    """
    options = [1.0, -1.0] if config.degree else [1.0]
    norm = x.norm(dim=1)
    larger = torch.maximum(norm[:, None], norm)
    pairs = []
    for s in options:
        distance = torch.cdist(x, s * x, compute_mode="donot_use_mm_for_euclid_dist") / larger
        same = weights[:, None] * weights * s ** (config.degree or 0) > 0
        fits = (distance < config.distance) & same & (labels[:, None] == labels)
        for i, j in fits.triu(1).nonzero().tolist():
            heavy, light = (i, j) if weights[i].abs() >= weights[j].abs() else (j, i)
            pairs.append((float(distance[i, j]), heavy, light, s))
    used: set[int] = set()
    disjoint = []
    for _, i, j, s in sorted(pairs):
        if not used & {i, j}:
            used |= {i, j}
            disjoint.append((i, j, s))
    return disjoint


def join(
    x: Tensor, weights: Tensor, pairs: list[tuple[int, int, float]], degree: int | None
) -> tuple[Tensor, Tensor, Tensor]:
    """Pairs replaced by their lambda-weighted means; also the indices of the candidates kept."""
    x, weights = x.clone(), weights.clone()
    kept = torch.ones(len(x), dtype=torch.bool, device=x.device)
    for i, j, s in pairs:
        other = weights[j] * s ** (degree or 0)
        total = weights[i] + other
        x[i] = (weights[i] * x[i] + other * s * x[j]) / total
        weights[i] = total
        kept[j] = False
    return x[kept], weights[kept], kept.nonzero()[:, 0]


def removal_costs(f: Map, x: Tensor) -> Tensor:
    """How much the loss, at best lambda, rises without each candidate of x (k, d), (k,)."""
    # lambda_i^2 / (K^-1)_ii for lambda = K^-1 c, with K scaled to a unit diagonal
    K = f.gram(x)
    D = torch.where(K.diagonal() > 0, K.diagonal(), 1.0).sqrt()
    scaled = K / (D[:, None] * D)
    inverse = torch.linalg.inv(scaled + RIDGE * torch.eye(len(K), dtype=K.dtype, device=K.device))
    return (D * least_squares(f, x)).square() / inverse.diagonal()
