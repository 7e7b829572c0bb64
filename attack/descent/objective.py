"""The reconstruction loss, its priors, and lambda by least squares.

    L(x, lambda) = ||target - sum_i lambda_i f(x_i)||^2       (arXiv 2602.08723, section 5.1)

In L = ||target||^2 - 2 lambda.c + lambda^T K lambda, with c_i = <target, f(x_i)> and K the tangent
kernel of the candidates, the minimum over lambda is the solution of K lambda = c.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from attack.maps.protocol import Map, Tensors

RIDGE = 1e-12
"""Share added to the diagonal of the tangent kernel, which near-duplicates make singular."""


@dataclass(frozen=True, slots=True)
class Priors:
    """Penalties added to the loss; 0 leaves one out.

    Attributes:
        box: Weight of sum max(|x| - bound, 0)^2, summed over pixels (Haim et al. 2022).
        bound: Pixels lie in [-bound, bound].
        multiplier: Weight of sum max(lambda_min - lambda, 0)^2; Haim et al. 2022 use 5.
        lambda_min: Smallest multiplier that is not penalised.
        variation: Weight of the total variation of the pictures.
        shape: (h, w) or (h, w, c) of a picture, for the total variation.
    """

    box: float = 0.0
    bound: float = 1.0
    multiplier: float = 0.0
    lambda_min: float = 0.0
    variation: float = 0.0
    shape: tuple[int, ...] | None = None

    def value(self, x: Tensor, weights: Tensor) -> Tensor:
        """The sum of the penalties of samples (k, d) with multipliers (k,)."""
        total = torch.zeros((), dtype=x.dtype, device=x.device)
        if self.box:
            total = total + self.box * torch.relu(x.abs() - self.bound).square().sum()
        if self.multiplier:
            total = total + self.multiplier * torch.relu(self.lambda_min - weights).square().sum()
        if self.variation:
            total = total + self.variation * total_variation(x, self.shape)
        return total


def total_variation(x: Tensor, shape: tuple[int, ...] | None) -> Tensor:
    """Sum of |differences| of neighbouring pixels of x (k, d), down and across (anisotropic)."""
    if shape is None or len(shape) not in {2, 3} or int(np.prod(shape)) != x.shape[1]:
        found = f"shape: found {shape} for pictures of {x.shape[1]} pixels"
        raise ValueError(f"{found}; pass (h, w) or (h, w, c)")
    pictures = x.reshape(len(x), *shape)
    return pictures.diff(dim=1).abs().sum() + pictures.diff(dim=2).abs().sum()


def residual(reconstruction: Map, x: Tensor, weights: Tensor) -> Tensors:
    """Return r = target - sum_i weights_i f(x_i), in the pieces of the network."""
    found = reconstruction.combine(x, weights)
    return [t - s for t, s in zip(reconstruction.target, found, strict=True)]


def squared_norm(vector: Tensors) -> Tensor:
    """|vector|^2, a scalar."""
    return torch.stack([piece.square().sum() for piece in vector]).sum()


def loss(reconstruction: Map, x: Tensor, weights: Tensor) -> Tensor:
    """||target - sum_i weights_i f(x_i)||^2, a scalar."""
    return squared_norm(residual(reconstruction, x, weights))


def least_squares(
    reconstruction: Map, x: Tensor, *, nonnegative: bool = False, ridge: float = RIDGE
) -> Tensor:
    """The lambda (k,), without gradient, that minimises the loss for x (k, d): K lambda = c."""
    with torch.no_grad():
        K = reconstruction.gram(x)
        # unit diagonal: |f(x_i)| ranges over decades, and no candidate may drown in the ridge
        D = torch.where(K.diagonal() > 0, K.diagonal(), 1.0).sqrt()
        c = reconstruction.inner(x, reconstruction.target) / D
        # the ridge is a multiple of each diagonal entry, and not below k roundings
        ridge = max(ridge, len(K) * torch.finfo(K.dtype).eps)
        K = K / (D[:, None] * D) + ridge * torch.eye(len(K), dtype=K.dtype, device=K.device)
        K.diagonal().clamp_(min=1.0)  # candidates without gradient get multiplier 0
        if not nonnegative:
            return torch.linalg.solve(K, c) / D
        from scipy.optimize import nnls

        # lambda^T K lambda - 2 lambda.c = ||R lambda - R^-T c||^2 + const for K = R^T R, which is
        # the form of Lawson and Hanson 1974
        R = torch.linalg.cholesky(K, upper=True)
        right = torch.linalg.solve_triangular(R.T, c[:, None], upper=False)[:, 0]
        solution, _ = nnls(R.cpu().double().numpy(), right.cpu().double().numpy())
        return torch.as_tensor(solution, dtype=x.dtype, device=x.device) / D
