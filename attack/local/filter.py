"""Null directions of a matrix that is only applied, with a proof of what was not overlooked.

Conjugate gradients on ||M q||^2 from a Gaussian start b leave q = p(M^T M) b with p(0) = 1: what M
does not see of b stays, the rest is damped. Let n be a unit singular vector of M with value s. Then

    <n, q> = p(s^2) <n, b>,   <n, b> standard normal,

and p, known from the coefficients of the recurrence, falls from 1 to 0 between 0 and the smallest
Ritz value. So for ``starts`` independent b

- nullity >= (Ritz values of M on the span of the q that are counted as 0), by min-max;
- were there nu singular values below s, the sum of |q|^2 / p(s^2)^2 would exceed a chi-square
  variable with nu * starts degrees of freedom: a small sum excludes nu (confidence 1 - RISK);
- were there nu only, the rest of q being small, it would have to fall short of such a variable;
- a singular value s shows in M q: the sum of |M q|^2 / (s p(s^2))^2 exceeds a chi-square variable
  with ``starts`` degrees. Between two bounds, where s p(s^2) is large, there is none.

No orthogonality of the recurrence is used: p(0) = 1 holds for what was computed, as only images of
M^T are added to b. Kuczynski and Wozniakowski (1992) bound Lanczos from a random start this way.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from scipy.special import chdtr, chdtrc, gammaincinv
from torch import Tensor

from attack.local.derivative import Linear
from identify.arrays import FloatArray

RISK = 1e-9
"""Probability, over the start vectors, that a statement on what was not found is false."""


def chi_square(freedom: int) -> float:
    """The value below which a chi-square variable falls with probability RISK."""
    return float(2 * gammaincinv(freedom / 2, RISK))


@dataclass(frozen=True, slots=True)
class Operator:
    """M on unknowns of any shape, and the projection onto those that are free.

    Attributes:
        push: (B, ...) to (B, rows).
        pull: The transpose of push.
        free: Orthogonal projection, (B, ...) to (B, ...).
        columns: Dimension of its range.
    """

    push: Linear
    pull: Linear
    free: Linear
    columns: int

    def forth(self, z: Tensor) -> Tensor:
        """M z, for z in the range of the projection."""
        return self.push(z)

    def back(self, u: Tensor) -> Tensor:
        """M^T u."""
        return self.free(self.pull(u))


@dataclass(frozen=True, slots=True)
class Filtered:
    """What conjugate gradients left of Gaussian starts.

    Attributes:
        q: (starts, ...).
        seen: ``starts`` values of |M q|.
        grid: Singular values at which p was followed.
        least: (starts, grid), the smallest p up to there.
        steps: Products with M and M^T, each for all starts at once.
    """

    q: Tensor
    seen: Tensor
    grid: FloatArray
    least: FloatArray
    steps: int

    def most(self, value: float) -> int:
        """The largest number of singular values up to ``value`` that is not excluded."""
        energy = self._energy()[np.searchsorted(self.grid, value)]
        starts, high = len(self.q), 1
        while high < self.q[0].numel() and chdtr(starts * high, energy) > RISK:
            high *= 2
        low = 0  # not excluded; high is, or is out of the question
        while high - low > 1:
            middle = (low + high) // 2
            excluded = chdtr(starts * middle, energy) <= RISK
            low, high = (low, middle) if excluded else (middle, high)
        return low

    def fewest(self) -> int:
        """The smallest number of singular values below the gap that is not excluded."""
        high = self.gap()[1]
        if high <= 0:
            return 0
        # of q, at most |M q| / high lies above the gap; what is below it was not magnified
        below = float((_squares(self.q) - (self.seen / high).square()).clamp(min=0).sum())
        low, top, starts = -1, self.q[0].numel(), len(self.q)  # low is excluded, top is not
        while top - low > 1:
            middle = (low + top) // 2
            excluded = below > 0 if middle == 0 else chdtrc(starts * middle, below) <= RISK
            low, top = (middle, top) if excluded else (low, middle)
        return top

    def mean(self) -> float:
        """About how many singular values count as 0: the mean of as many squared normals."""
        return float(_squares(self.q).mean())

    def gap(self) -> tuple[float, float]:
        """An interval without singular values, from 0 if there is none below; (0, 0) if unknown."""
        quantile = chi_square(len(self.q))
        none = self.grid[self._energy() <= quantile]
        if len(none):
            return 0.0, float(none[-1])
        # between neighbours of the grid, with p at the upper and the singular value at the lower
        shown = self.least[:, 1:] * self.grid[:-1]
        missing = self.seen.square().cpu().double().numpy() @ _inverse_square(shown) <= quantile
        if not missing.any():
            return 0.0, 0.0
        first = int(missing.argmax())
        length = int((~missing[first:]).argmax()) or len(missing) - first
        return float(self.grid[first]), float(self.grid[first + length])

    def _energy(self) -> FloatArray:
        squares = _squares(self.q).cpu().double().numpy()
        return squares @ _inverse_square(self.least)


def _inverse_square(values: FloatArray) -> FloatArray:
    """1 / values^2, and what is out of any bound where they are not positive."""
    return 1 / np.maximum(values, 1e-100) ** 2


def filtered(m: Operator, start: Tensor, scale: float, tolerance: float, steps: int) -> Filtered:
    """Remove from Gaussian starts (starts, ...) what M, of norm ``scale``, sees of them."""
    # as soon as what is left excludes singular values up to the tolerance, or those above, it ends
    q = m.free(start)
    grid = scale * np.concatenate([[0.0], np.logspace(-14, 0, 421)])  # 30 a decade
    t = torch.as_tensor(grid**2, dtype=torch.float64)
    p = torch.ones(len(q), len(t), dtype=torch.float64)
    e = torch.zeros_like(p)
    r = m.forth(q)
    s = d = m.back(r)
    size = _squares(s)
    quantile = chi_square(len(q))
    taken, beta = 0, torch.zeros_like(size)
    for taken in range(1, steps + 1):  # p follows q = p(M^T M) b at every t = s^2 of the grid
        e = p + beta.cpu().double()[:, None] * e
        image = m.forth(d)
        alpha = torch.nan_to_num(size / _squares(image), 0.0, 0.0, 0.0)
        p = p - alpha.cpu().double()[:, None] * t * e
        q = q - _times(alpha, d)
        r = r - _times(alpha, image)
        s = m.back(r)
        size, old = _squares(s), size
        beta = torch.nan_to_num(size / old, 0.0, 0.0, 0.0)
        d = s + _times(beta, d)
        if taken % 10 == 0 and (
            float(_squares(r).sum()) <= (0.5 * tolerance * scale) ** 2 * quantile
            or float(_squares(q).sum()) <= 0.25 * quantile
        ):
            break
    least = torch.cummin(torch.nan_to_num(p, nan=0.0), 1).values.numpy()
    return Filtered(q, _squares(m.forth(q)).sqrt(), grid, least, taken)


def _squares(z: Tensor) -> Tensor:
    return z.flatten(1).square().sum(1)


def _times(a: Tensor, z: Tensor) -> Tensor:
    return a.reshape(-1, *[1] * (z.ndim - 1)) * z
