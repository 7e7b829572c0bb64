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

from attack.maps.batches import BatchedMap
from attack.maps.protocol import Map, Tensors

LANCZOS_STEPS = 20
"""Appendix C.1 of the paper."""

Operator = Callable[[Tensor], Tensor]
"""From (k, d) to (k, d), symmetric and linear in each row."""


def splitting_operator(reconstruction: Map, x: Tensor, weights: Tensor, r: Tensors) -> Operator:
    """V -> (S(x_i) v_i)_i for samples (k, d), multipliers (k,) and a fixed residual r."""
    product = hessian_product(reconstruction, x.detach(), [piece.detach() for piece in r])
    scale = -2 * weights.detach()[:, None]  # S(x_i) = -2 lambda_i Hess <r, f(x_i)>
    return lambda V: scale * product(V)


def hessian_product(reconstruction: Map, x: Tensor, direction: Tensors) -> Operator:
    """V -> (Hess <direction, f(x_i)> v_i)_i for samples (k, d), all of them in one product."""
    if isinstance(reconstruction, BatchedMap):
        parts = [
            (rows, hessian_product(reconstruction.part(rows), x[rows], direction))
            for rows in reconstruction.slices(len(x))
        ]
        return lambda V: torch.cat([product(V[rows]) for rows, product in parts])
    with torch.enable_grad():  # reverse over reverse through a graph that is recorded once
        points = x.detach().requires_grad_()
        g = reconstruction.inner(points, direction).sum()
        (slope,) = torch.autograd.grad(g, points, create_graph=True)

    def apply(V: Tensor) -> Tensor:
        if not slope.requires_grad:  # g is affine in x
            return torch.zeros_like(V)
        (product,) = torch.autograd.grad(
            slope, points, V, retain_graph=True, materialize_grads=True
        )
        return product

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
    """Return the smallest Ritz pair of k symmetric matrices by Lanczos, all at once.

    ``start`` (k, d) holds their start vectors, not 0. Each step is orthogonalised against the whole
    basis again. No Ritz value is below the smallest eigenvalue; d steps give it exactly.
    """
    k, d = start.shape
    steps = min(steps, d)
    basis = start.new_zeros(k, steps, d)  # all zero from where a Krylov space ended
    diagonal, beside = start.new_zeros(k, steps), start.new_zeros(k, steps)
    v, before = start / start.norm(dim=1, keepdim=True), torch.zeros_like(start)
    norm = start.new_zeros(k, 1)
    tiny = torch.finfo(start.dtype).eps ** 0.75
    scale = start.new_zeros(k)
    for step in range(steps):
        basis[:, step] = v
        w = operator(v)
        diagonal[:, step] = (w * v).sum(1)
        w = w - diagonal[:, step, None] * v - norm * before
        known = basis[:, : step + 1]
        w = torch.baddbmm(w[:, None], torch.bmm(w[:, None], known.mT), known, alpha=-1)[:, 0]
        norm = w.norm(dim=1, keepdim=True)
        scale = torch.maximum(scale, torch.maximum(diagonal[:, step].abs(), norm[:, 0]))
        alive = norm > tiny * scale[:, None]  # else the Krylov space is invariant and complete
        norm = torch.where(alive, norm, 0)
        beside[:, step] = norm[:, 0]
        before, v = v, torch.where(alive, w / norm, 0)
    return _ritz(basis, diagonal, beside, scale)


def _ritz(basis: Tensor, diagonal: Tensor, beside: Tensor, scale: Tensor) -> Eigenpairs:
    used = basis.abs().amax(2) > 0
    above = torch.where(scale > 0, 4 * scale, 1)[:, None]  # |T| <= 3 scale: out of the minimum
    T = torch.diag_embed(torch.where(used, diagonal, above))
    T = T + torch.diag_embed(beside[:, :-1], offset=1) + torch.diag_embed(beside[:, :-1], offset=-1)
    values, coordinates = torch.linalg.eigh(T)
    smallest = coordinates[:, :, 0]
    vectors = torch.bmm(smallest[:, None], basis)[:, 0]
    vectors = vectors / vectors.norm(dim=1, keepdim=True)
    return Eigenpairs(values[:, 0], vectors, (beside[:, -1] * smallest[:, -1]).abs())


def random_start(x: Tensor, seed: int) -> Tensor:
    """Gaussian start vectors like x, drawn on the CPU so that every device gets the same."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(x.shape, generator=generator, dtype=torch.float64).to(x)
