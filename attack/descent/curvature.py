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


@dataclass(frozen=True, slots=True)
class Ritz:
    """What the tridiagonal matrices of Lanczos show.

    Attributes:
        values: (k, s), increasing, inf beyond the end of a Krylov space.
        residuals: (k,), of the smallest.
        smallest: (k, s), its coordinates.
    """

    values: Tensor
    residuals: Tensor
    smallest: Tensor


class Lanczos:
    """Krylov spaces of k symmetric matrices, a step at a time, all at once.

    Each step is orthogonalised against the whole basis again.
    """

    def __init__(self, start: Tensor, steps: int) -> None:
        """Begin with start vectors (k, d), not 0, for so many steps at most."""
        k, d = start.shape
        self.count = 0
        self.basis = start.new_zeros(k, steps, d)  # all zero from where a Krylov space ended
        self.diagonal, self.beside = start.new_zeros(k, steps), start.new_zeros(k, steps)
        self.v, self.before = start / start.norm(dim=1, keepdim=True), torch.zeros_like(start)
        self.norm, self.scale = start.new_zeros(k, 1), start.new_zeros(k)

    def rows(self, chosen: Tensor) -> Lanczos:
        """Return the spaces of some of the matrices."""
        part = object.__new__(Lanczos)
        part.count = self.count
        for name in ("basis", "diagonal", "beside", "v", "before", "norm", "scale"):
            setattr(part, name, getattr(self, name)[chosen])
        return part

    def step(self, operator: Operator) -> None:
        """Extend every space by one vector."""
        step, v = self.count, self.v
        tiny = torch.finfo(v.dtype).eps ** 0.75
        self.basis[:, step] = v
        w = operator(v)
        self.diagonal[:, step] = (w * v).sum(1)
        w = w - self.diagonal[:, step, None] * v - self.norm * self.before
        known = self.basis[:, : step + 1]
        w = torch.baddbmm(w[:, None], torch.bmm(w[:, None], known.mT), known, alpha=-1)[:, 0]
        norm = w.norm(dim=1, keepdim=True)
        largest = torch.maximum(self.diagonal[:, step].abs(), norm[:, 0])
        self.scale = torch.maximum(self.scale, largest)
        alive = norm > tiny * self.scale[:, None]  # else the space is invariant and complete
        self.norm = torch.where(alive, norm, 0)
        self.beside[:, step] = self.norm[:, 0]
        self.before, self.v = v, torch.where(alive, w / norm, 0)
        self.count += 1

    def norms(self) -> Tensor:
        """Return the norms beta_1, ..., beta_s that were divided by, (k, s); 0 at an end."""
        return self.beside[:, : self.count]

    def ritz(self) -> Ritz:
        """Return the Ritz values and the residuals of the smallest."""
        s = self.count
        diagonal, beside = self.diagonal[:, :s], self.beside[:, :s]
        ended = (beside == 0).cumsum(1) > 0
        used = torch.cat([torch.ones_like(ended[:, :1]), ~ended[:, :-1]], 1)
        above = torch.where(self.scale > 0, 4 * self.scale, 1)[:, None]  # |T| <= 3 scale
        T = torch.diag_embed(torch.where(used, diagonal, above))
        T = T + torch.diag_embed(beside[:, :-1], offset=1)
        T = T + torch.diag_embed(beside[:, :-1], offset=-1)
        values, coordinates = torch.linalg.eigh(T)
        smallest = coordinates[:, :, 0]
        residuals = (beside[:, -1] * smallest[:, -1]).abs()
        return Ritz(_within(values, used), residuals, smallest)

    def vectors(self, ritz: Ritz) -> Tensor:
        """Return the smallest Ritz vectors, (k, d), unit rows."""
        vectors = torch.bmm(ritz.smallest[:, None], self.basis[:, : self.count])[:, 0]
        return vectors / vectors.norm(dim=1, keepdim=True)


def _within(values: Tensor, used: Tensor) -> Tensor:
    """Return Ritz values with inf in place of those above the minimum that fill a matrix up."""
    place = torch.arange(values.shape[1], device=values.device)
    return torch.where(place < used.sum(1, keepdim=True), values, torch.inf)


def smallest_eigenpairs(
    operator: Operator, start: Tensor, steps: int = LANCZOS_STEPS
) -> Eigenpairs:
    """Return the smallest Ritz pair of k symmetric matrices by Lanczos, all at once.

    ``start`` (k, d) holds their start vectors, not 0. No Ritz value is below the smallest
    eigenvalue; d steps give it exactly.
    """
    lanczos = Lanczos(start, min(steps, start.shape[1]))
    for _ in range(min(steps, start.shape[1])):
        lanczos.step(operator)
    ritz = lanczos.ritz()
    return Eigenpairs(ritz.values[:, 0], lanczos.vectors(ritz), ritz.residuals)


def random_start(x: Tensor, seed: int) -> Tensor:
    """Gaussian start vectors like x, drawn on the CPU so that every device gets the same."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(x.shape, generator=generator, dtype=torch.float64).to(x)
