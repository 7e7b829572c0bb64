"""The unknowns of a candidate: what is held fixed, and their scale."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from attack.local.derivative import Jacobian
from attack.local.filter import Operator

FLOOR = 1e-6
"""Smallest scale of a sample's columns, as a multiple of the largest: less is not magnified."""


@dataclass(frozen=True, slots=True)
class Constraints:
    """What is known of the samples beside the equations.

    Attributes:
        unit_norm: |x_i| does not change.
        margin: From (k, d) to (k,) or (k, c), row i a function of x_i: values that do not change,
            as y_i Phi(x_i) = 1 on the margin. Must be differentiable by autograd.
        known: (k, d), True for entries of x that are known.
        weights_known: lambda is known.
    """

    unit_norm: bool = False
    margin: Callable[[Tensor], Tensor] | None = None
    known: Tensor | None = None
    weights_known: bool = False

    def normals(self, x: Tensor) -> Tensor:
        """Gradients of what is held fixed, (k, c, d)."""
        found = [x[:, None]] if self.unit_norm else []
        if self.margin is not None:
            with torch.enable_grad():
                points = x.detach().requires_grad_()
                values = self.margin(points)
                if values.ndim not in {1, 2} or len(values) != len(x):
                    shape = tuple(values.shape)
                    raise ValueError(f"margin: found values of shape {shape}; pass (k,) or (k, c)")
                for value in values.reshape(len(x), -1).T:
                    (g,) = torch.autograd.grad(
                        value.sum(), points, retain_graph=True, materialize_grads=True
                    )
                    found.append(g[:, None])
        return torch.cat(found, 1) if found else x.new_zeros(len(x), 0, x.shape[1])


@dataclass(frozen=True, slots=True)
class Free:
    """The orthogonal projection onto the unknowns that may move.

    Attributes:
        mask: (k, d + 1), 0 for what is known.
        normals: (k, c, d + 1), orthonormal or zero rows.
    """

    mask: Tensor
    normals: Tensor

    def __call__(self, z: Tensor) -> Tensor:
        """(B, k, d + 1) to the same."""
        z = z * self.mask
        along = torch.einsum("kcd,bkd->bkc", self.normals, z)
        return z - torch.einsum("kcd,bkc->bkd", self.normals, along)

    def columns(self) -> int:
        """Dimension of the range."""
        return int(self.mask.sum()) - int(self.normals.square().sum().round())

    def basis(self) -> Tensor:
        """An orthonormal basis of the range, (columns, k, d + 1)."""
        k, width = self.mask.shape
        one = torch.eye(width, dtype=self.mask.dtype, device=self.mask.device)
        P = self(one[:, None].expand(-1, k, -1)).transpose(0, 1)
        values, vectors = torch.linalg.eigh(P)
        sample, column = torch.nonzero(values > 0.5, as_tuple=True)
        basis = self.mask.new_zeros(len(sample), k, width)
        basis[torch.arange(len(sample)), sample] = vectors[sample, :, column]
        return basis


def free(constraints: Constraints, x: Tensor) -> Free:
    """What may move at samples (k, d)."""
    mask = torch.ones_like(torch.cat([x, x[:, :1]], 1))
    if constraints.known is not None:
        mask[:, :-1] = (~constraints.known).to(x)
    mask[:, -1] = float(not constraints.weights_known)
    normals = constraints.normals(x)
    size = normals.norm(dim=2, keepdim=True)
    normals = normals / torch.where(size > 0, size, 1.0) * mask[:, None, :-1]
    _, s, vt = torch.linalg.svd(normals, full_matrices=False)
    normals = vt * (s > 1e-10)[:, :, None]  # dependent ones, or those of known entries, drop out
    return Free(mask, torch.cat([normals, torch.zeros_like(normals[..., :1])], 2))


def balance(J: Jacobian, x: Tensor, seed: int) -> Tensor:
    """What the columns are divided by, (k, d + 1), for each x_i and each lambda_i one number."""
    # the root mean square of the columns of x_i and the norm of that of lambda_i; E |A s|^2 =
    # |A|^2 for random signs s, and no scale is below FLOOR of the largest of its kind
    k, d = x.shape
    generator = torch.Generator().manual_seed(seed)
    signs = (2.0 * torch.randint(0, 2, (k, d), generator=generator) - 1).to(x)
    scales = x.new_ones(k, d + 1)
    for part, into in ((slice(0, d), slice(0, d)), (slice(d, d + 1), slice(d, d + 1))):
        probes = torch.cat([signs, torch.ones_like(signs[:, :1])], 1)[:, part]
        norms = []
        for rows in torch.arange(k).split(8):
            z = x.new_zeros(len(rows), k, d + 1)
            z[torch.arange(len(rows)), rows, into] = probes[rows]
            norms.append(J.push(z).norm(dim=1))
        size = torch.cat(norms) / probes.shape[1] ** 0.5
        size = torch.maximum(size, FLOOR * size.max())
        scales[:, into] = torch.where(size > 0, size, 1.0)[:, None]
    return scales


def operator(J: Jacobian, scales: Tensor, projection: Free) -> Operator:
    """J with its columns divided by the scales, on the unknowns that may move."""
    return Operator(
        lambda z: J.push(z / scales),
        lambda u: J.pull(u) / scales,
        projection,
        projection.columns(),
    )
