"""Lanczos that stops sample by sample, once bounds decide what is asked of its smallest eigenvalue.

Symbols: theta_1 <= ... <= theta_s the Ritz values of S after s steps from v, beta_j the norms that
Lanczos divides by, c the component of v along the eigenvector of the smallest eigenvalue lambda.

The last Lanczos vector, not normalised, is p(S) v with p(t) = prod_j (t - theta_j), of norm
beta_1 ... beta_s. Its component along the eigenvector is c p(lambda), so

    |c| prod_j (theta_j - lambda) <= prod_j beta_j          where lambda <= theta_1.

The left side grows as lambda falls: this bounds lambda from below by the root of the equation, for
every v that is not nearly orthogonal to the eigenvector. A Gaussian v in d dimensions has
|c| < CHANCE / sqrt(d) with a probability below CHANCE. From above theta_1 itself is the bound, and
so it is for every later theta_1: what both bounds decide, more steps from v would decide alike.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from attack.descent.curvature import Eigenpairs, Lanczos, Operator

CHANCE = 0.01
"""Chance, for a sample, that its start vector is nearer to orthogonal than the bounds assume."""

_REBUILT = 1.2
"""What recording the graph of some samples costs, in products with them."""

_BISECTIONS = 60

OperatorOf = Callable[[Tensor], Operator]
"""From the indices of some samples to V -> (S(x_i) v_i)_i for these."""

Decide = Callable[[Tensor, Tensor, Tensor], Tensor]
"""From upper and lower bounds and residuals, (k,) each, to which samples need no more steps."""


@dataclass(frozen=True, slots=True)
class Decided:
    """Smallest eigenpairs as far as they were needed.

    Attributes:
        pairs: Eigenpairs, values from above.
        lower: (k,), values from below.
        products: Number of products with the S(x_i) of one sample.
        recorded: Samples whose graph was recorded again.
    """

    pairs: Eigenpairs
    lower: Tensor
    products: int
    recorded: int


def decided_eigenpairs(
    operator_of: OperatorOf, start: Tensor, steps: int, decide: Decide
) -> Decided:
    """Run Lanczos from ``start`` (k, d) on all samples, then on those that are not decided."""
    k, d = start.shape
    steps, covered = min(steps, d), torch.arange(k, device=start.device)
    operator, lanczos = operator_of(covered), Lanczos(start, steps)
    upper, residuals, vectors = start.new_zeros(k), start.new_zeros(k), torch.zeros_like(start)
    lower, products, recorded, wasted = torch.full_like(upper, -torch.inf), 0, 0, 0.0
    for _ in range(steps):
        lanczos.step(operator)
        products += len(covered)
        ritz = lanczos.ritz()
        upper[covered], residuals[covered] = ritz.values[:, 0], ritz.residuals
        lower[covered] = lower_bounds(ritz.values, lanczos.norms(), d)
        undecided = ~decide(upper, lower, residuals)[covered]
        count = int(undecided.sum())
        wasted += len(covered) - count
        last = not count or lanczos.count == steps
        if last or wasted >= _REBUILT * count:
            vectors[covered] = lanczos.vectors(ritz)
        if last:
            break
        if wasted >= _REBUILT * count:
            covered, lanczos, wasted = covered[undecided], lanczos.rows(undecided), 0.0
            operator, recorded = operator_of(covered), recorded + count
    return Decided(Eigenpairs(upper, vectors, residuals), lower, products, recorded)


def lower_bounds(ritz: Tensor, norms: Tensor, d: int) -> Tensor:
    """Return lower bounds (k,) on the smallest eigenvalues from Ritz values and beta_j, (k, s).

    Values are inf where a Krylov space has ended; where ``norms`` holds a 0 it holds every
    eigenvalue that the start vector sees, and the smallest Ritz value is exact.
    """
    smallest = ritz[:, 0]
    largest = torch.where(ritz.isfinite(), ritz, 0).abs().amax(1)
    scale = torch.maximum(largest, norms.amax(1))
    rounding = 8 * torch.finfo(ritz.dtype).eps * scale
    complete = (norms <= 0).any(1)
    # sum_j log(theta_j - lambda) = sum_j log beta_j - log c
    size = norms.clamp_min(torch.finfo(ritz.dtype).tiny).log().sum(1)
    size = size + 0.5 * torch.log(torch.tensor(float(d))) - torch.log(torch.tensor(CHANCE))
    low = smallest - 2 * scale * d**0.5 / CHANCE
    high = smallest.clone()
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        beyond = (ritz - middle[:, None]).log().sum(1) > size
        low, high = torch.where(beyond, middle, low), torch.where(beyond, high, middle)
    return torch.where(complete, smallest, low) - rounding
