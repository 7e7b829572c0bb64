"""Recovered by algebra against reconstructed by descent: do they agree, and if not, who is wrong?

The two halves know nothing of each other. Both are judged by the same equations; where both satisfy
them and differ, neither is wrong and the data are not determined.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
import torch
from torch import Tensor

from attack.descent.objective import residual, squared_norm
from attack.descent.result import Reconstruction
from attack.maps.protocol import Map
from attack.metrics.vectors import Symmetry, towards
from identify.arrays import FloatArray, IntArray
from identify.findings import Recovery
from identify.sample_sets import one_to_one

NEGLIGIBLE = 1e-6
"""A candidate without partner counts when its share of |T| is above this."""


class Agreement(StrEnum):
    """What comparing the two halves came to."""

    AGREE = "AGREE"
    """The same samples, and they satisfy the equations."""
    WITNESS = "WITNESS"
    """Different samples that both satisfy the equations: the data are not determined."""
    RECOVERY_OFF = "RECOVERY_OFF"
    """The optimiser satisfies the equations and the recovery does not."""
    CANNOT_TELL = "CANNOT_TELL"
    """The optimiser did not satisfy the equations, so its samples say nothing."""


WORDS = {
    Agreement.AGREE: "Both halves found the same samples.",
    Agreement.WITNESS: (
        "The optimiser found a witness instead: other samples that satisfy the same equations, so "
        "these do not determine the data."
    ),
    Agreement.RECOVERY_OFF: (
        "The recovery is off: the optimiser's samples satisfy the equations, the recovered ones do "
        "not."
    ),
    Agreement.CANNOT_TELL: (
        "Cannot tell: the optimiser did not satisfy the equations, so that its samples neither "
        "confirm nor contradict the recovery."
    ),
}
NEITHER = (
    "Cannot tell: neither side satisfies the equations. Either they hold for these weights only "
    "approximately, as after many steps of training, or both sides are off."
)


@dataclass(frozen=True, slots=True, eq=False)
class CrossCheck:
    """A recovery and a reconstruction side by side.

    Attributes:
        agreement: The verdict.
        reasons: Full sentences.
        pairs: (p, 2) indices of recovered sample and candidate, one to one, the best total.
        distances: (p,) Euclidean distance of each pair modulo the symmetry, relative to the norm of
            the recovered sample.
        left: Candidates without partner that are more than a rounding of the sum.
        tensor_distance: |T - T'| / |T| for T = sum_i b_i x_i^(x alpha), from inner products alone.
        residuals: Relative residual of recovery and reconstruction in the equations.
    """

    agreement: Agreement
    reasons: tuple[str, ...]
    pairs: IntArray
    distances: FloatArray
    left: tuple[int, ...]
    tensor_distance: float
    residuals: tuple[float, float]

    def to_dict(self) -> dict[str, Any]:
        """The same as plain values."""
        return {
            "agreement": str(self.agreement),
            "reasons": list(self.reasons),
            "pairs": self.pairs.tolist(),
            "distances": self.distances.tolist(),
            "left": list(self.left),
            "tensor_distance": self.tensor_distance,
            "residuals": list(self.residuals),
        }

    def __str__(self) -> str:
        return "\n".join([str(self.agreement), *self.reasons])


def crosscheck(
    recovery: Recovery,
    reconstruction: Reconstruction,
    *,
    equations: Map | None = None,
    alpha: int = 3,
    symmetry: Symmetry | None = None,
    tolerance: float = 1e-6,
    satisfied: float = 1e-6,
) -> CrossCheck:
    """Compare a recovery with a reconstruction from the same weights.

    Args:
        recovery: Of ``identify.verify_identifiability``.
        reconstruction: Of ``attack.reconstruct``.
        equations: The map for signed multipliers, at which both residuals are evaluated; for None
            each side's own is taken.
        alpha: Degree of the activation, for the tensors.
        symmetry: What the equations leave open; None for a power t^alpha: the sign, and the norm
            where the recovery does not know it.
        tolerance: Pairs up to this relative distance are the same sample.
        satisfied: Relative residual up to which the equations count as satisfied.

    Returns:
        Pairs, distances and the verdict.

    Raises:
        ValueError: If the samples have different dimensions.
    """
    x, b = torch.as_tensor(recovery.x).double(), torch.as_tensor(recovery.b).double()
    y, c = reconstruction.x.detach().cpu().double(), reconstruction.b.detach().cpu().double()
    if x.shape[1] != y.shape[1]:
        raise ValueError(
            f"reconstruction: found samples of dimension {y.shape[1]}; pass one of the network of "
            f"the recovery, whose samples have {x.shape[1]}"
        )
    symmetry = symmetry or ("sign" if recovery.norm_known else "line")
    table = _relative_distances(x, y, symmetry)
    rows, columns = one_to_one(table)
    pairs = np.stack([rows, columns], 1)
    distances = table[rows, columns]
    share = np.abs(c.numpy()) * y.norm(dim=1).numpy() ** alpha
    whole = factored_norm(x, b, alpha)
    left = tuple(
        int(j) for j in np.setdiff1d(np.arange(len(y)), columns) if share[j] > NEGLIGIBLE * whole
    )
    far = factored_norm(torch.cat([x, y]), torch.cat([b, -c]), alpha) / whole
    if equations is None:
        residuals = recovery.residual, reconstruction.residual
    else:
        residuals = _residual(equations, x, b), _residual(equations, y, c)
    same = len(pairs) == len(x) and not left and bool((distances <= tolerance).all())
    agreement = _judge(same, residuals, satisfied)
    reasons = _reasons(agreement, distances, len(x), left, far, residuals, satisfied)
    return CrossCheck(agreement, reasons, pairs, distances, left, far, residuals)


def factored_norm(x: Tensor, b: Tensor, alpha: int) -> float:
    """The Frobenius norm |sum_i b_i x_i^(x alpha)| for x (n, d) and b (n,)."""
    # its square is sum_ij b_i b_j <x_i, x_j>^alpha; in extended precision differences of nearly
    # equal tensors are resolved to about 1e-9 of their norms
    z, c = x.numpy().astype(np.longdouble), b.numpy().astype(np.longdouble)
    square = c @ ((z @ z.T) ** alpha) @ c
    return float(np.sqrt(max(square, np.longdouble(0))))


def _relative_distances(x: Tensor, y: Tensor, symmetry: Symmetry) -> FloatArray:
    turned = towards(x[:, None], y[None], symmetry)
    return ((x[:, None] - turned).norm(dim=-1) / x.norm(dim=1)[:, None]).numpy()


def _residual(equations: Map, x: Tensor, b: Tensor) -> float:
    like = equations.target[0]
    with torch.no_grad():
        miss = squared_norm(residual(equations, x.to(like), b.to(like)))
        return float((miss / squared_norm(equations.target)).sqrt())


def _judge(same: bool, residuals: tuple[float, float], satisfied: float) -> Agreement:
    recovered, reconstructed = (one <= satisfied for one in residuals)
    if not reconstructed:
        return Agreement.CANNOT_TELL
    if not recovered:
        return Agreement.RECOVERY_OFF
    return Agreement.AGREE if same else Agreement.WITNESS


def _reasons(
    agreement: Agreement,
    distances: FloatArray,
    n: int,
    left: tuple[int, ...],
    far: float,
    residuals: tuple[float, float],
    satisfied: float,
) -> tuple[str, ...]:
    farthest = f", the farthest pair {distances.max():.1e} of its norm apart" if n else ""
    partners = f"Of {n} recovered samples {len(distances)} have a partner among the candidates"
    size = f"The relative residual of the equations is {residuals[0]:.1e} for the recovery"
    limit = f"up to {satisfied:.0e} they count as satisfied"
    words = NEITHER if min(residuals) > satisfied else WORDS[agreement]
    return (
        words,
        f"{partners}{farthest}; {len(left)} candidates that matter have none.",
        f"The two tensors differ by {far:.1e} of the recovered one.",
        f"{size} and {residuals[1]:.1e} for the reconstruction; {limit}.",
    )
