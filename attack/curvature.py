"""The splitting matrices S(x_i) of all samples as one operator, and their smallest eigenpairs.

    S(x_i) = -2 lambda_i sum_p r_p Hess_x f_p(x_i)      (arXiv 2602.08723, section 5.2)

With r held fixed, g(x) = <r, f(x)> is a scalar function and S(x_i) = -2 lambda_i Hess g(x_i). As f
does not mix samples, one Hessian-vector product of sum_i g(x_i) serves all of them: Lanczos with 20
steps on k samples costs 20 batched products, where the samples one by one cost 20 k.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from attack.maps import Map, Tensors

LANCZOS_STEPS = 20
"""Appendix C.1 of the paper."""

Operator = Callable[[Tensor], Tensor]
"""From (k, d) to (k, d), symmetric and linear in each row."""


def splitting_operator(reconstruction: Map, x: Tensor, weights: Tensor, r: Tensors) -> Operator:
    """V -> (S(x_i) v_i)_i for a fixed residual.

    Args:
        reconstruction: The map f.
        x: (k, d) samples.
        weights: (k,) multipliers lambda_i.
        r: Residual in parameter space.

    Returns:
        The operator; the forward pass is done once, each application is one backward pass.
    """
    points = x.detach().requires_grad_()
    fixed = [piece.detach() for piece in r]
    scale = -2 * weights.detach()[:, None]
    with torch.enable_grad():
        g = reconstruction.inner(points, fixed).sum()
        (slope,) = torch.autograd.grad(g, points, create_graph=True)

    def apply(V: Tensor) -> Tensor:
        if not slope.requires_grad:  # g is affine in x
            return torch.zeros_like(V)
        (product,) = torch.autograd.grad(
            slope, points, V, retain_graph=True, materialize_grads=True
        )
        return scale * product

    return apply


@dataclass(frozen=True, slots=True)
class Eigenpairs:
    """Smallest eigenvalues with their eigenvectors, by Lanczos.

    Attributes:
        values: (k,).
        vectors: (k, d), unit rows.
        residuals: (k,), |S v - value v|: some eigenvalue lies within this of the value.
    """

    values: Tensor
    vectors: Tensor
    residuals: Tensor


def smallest_eigenpairs(
    operator: Operator, start: Tensor, steps: int = LANCZOS_STEPS
) -> Eigenpairs:
    """Lanczos with full re-orthogonalisation, all samples at once.

    Args:
        operator: Applies k symmetric matrices to k vectors.
        start: (k, d), one start vector each, not 0.
        steps: Dimension of the Krylov spaces; d gives the eigenvalues themselves.

    Returns:
        The smallest Ritz pair of each matrix; its value is never below the smallest eigenvalue.
    """
    k, d = start.shape
    steps = min(steps, d)
    basis = start.new_zeros(steps, k, d)
    diagonal, beside = start.new_zeros(steps, k), start.new_zeros(steps, k)
    v = start / start.norm(dim=1, keepdim=True)
    tiny = torch.finfo(start.dtype).eps ** 0.75
    scale = start.new_zeros(k)
    for step in range(steps):
        basis[step] = v
        w = operator(v)
        diagonal[step] = (w * v).sum(1)
        for _ in range(2):  # twice is enough (Kahan, Parlett)
            known = basis[: step + 1]
            w = w - torch.einsum("skd,sk->kd", known, torch.einsum("skd,kd->sk", known, w))
        norm = w.norm(dim=1)
        scale = torch.maximum(scale, torch.maximum(diagonal[step].abs(), norm))
        alive = norm > tiny * scale  # else the Krylov space is invariant and complete
        beside[step] = torch.where(alive, norm, torch.zeros_like(norm))
        v = torch.where(alive[:, None], w / norm.clamp_min(tiny**4)[:, None], torch.zeros_like(w))
    T = torch.diag_embed(diagonal.T)
    off = beside[:-1].T
    T = T + torch.diag_embed(off, offset=1) + torch.diag_embed(off, offset=-1)
    unused = (basis.abs().sum(2) == 0).T  # after an early end: keep these out of the minimum
    T = T + torch.diag_embed(unused * torch.finfo(start.dtype).max ** 0.5)
    values, coordinates = torch.linalg.eigh(T)
    smallest = coordinates[:, :, 0]
    vectors = torch.einsum("skd,ks->kd", basis, smallest)
    vectors = vectors / vectors.norm(dim=1, keepdim=True)
    residuals = (beside[-1] * smallest[:, -1]).abs()
    return Eigenpairs(values[:, 0], vectors, residuals)


def random_start(x: Tensor, seed: int) -> Tensor:
    """Gaussian start vectors like x, drawn on the CPU so that every device gets the same."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(x.shape, generator=generator, dtype=torch.float64).to(x)
