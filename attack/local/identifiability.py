"""Local identifiability: do the equations pin a candidate (x, lambda), or may it move?

The candidate solves F(x, lambda) = sum_i lambda_i f(theta; x_i) = target. Where the Jacobian J of F
on the unknowns that are free has full column rank, no other candidate near it does (inverse
function theorem); its null vectors are the motions that the equations do not see to first order.

Symbols: k samples of d entries; z = (v, w) a motion of (x, lambda); s singular values of J, whose
columns are divided, sample by sample, by the root mean square of those of x_i and by the norm of
that of lambda_i. So the size of lambda_i does not decide, and s is a number without unit.
"""

from __future__ import annotations

import torch
from torch import Tensor

from attack.descent.objective import residual, squared_norm
from attack.local.derivative import jacobian
from attack.local.reasons import APART, LocalFindings, judge_samples
from attack.local.region import region_margin
from attack.local.report import LocalReport
from attack.local.spectrum import Limits, SmallSpectrum, dense, iterative
from attack.local.unknowns import Constraints, balance, free, operator
from attack.maps.protocol import Map

FORMED = 3000
"""Up to so many columns J is formed and decomposed."""

ENTRIES = 1 << 26
"""Up to so many entries (half a GiB in double precision)."""


def local_identifiability(
    reconstruction: Map,
    x: Tensor,
    weights: Tensor,
    *,
    constraints: Constraints | None = None,
    tolerance: float | None = None,
    directions: int = 8,
    method: str = "auto",
    steps: int = 4000,
    polish: int = 200,
    seed: int = 0,
) -> LocalReport:
    """Decide whether a candidate is isolated among the solutions of its equations.

    Small problems are decided by forming J. Else J is applied only, and what is said of singular
    values not found is wrong with probability 1e-9 over the start vectors (``filter``).

    Args:
        reconstruction: The map f with its target; any of ``attack.maps``. The derivative at the
            output is held fixed; for ``ReLU(sharpness)`` the derivative of relu is the sigmoid that
            stands for it.
        x: (k, d), samples.
        weights: (k,), multipliers lambda.
        constraints: What is known beside the equations; nothing by default.
        tolerance: Singular values up to this multiple of the largest count as 0, from 100 times it
            on they do not, in between it cannot be told. By default 1e-7 in double precision, and
            1000 roundings below.
        directions: Small singular values to find; where J is only applied, null directions beyond
            that number are bounded in number and not listed.
        method: "dense", "iterative" or "auto".
        steps: Products with J and J^T in each filter, at most.
        polish: Products to separate small singular values from each other, at most.
        seed: Seed of the start vectors and of the estimated column norms.

    Returns:
        The report.

    Raises:
        ValueError: If shapes or values do not fit.
    """
    constraints = constraints or Constraints()
    _check(x, weights, constraints, directions, method, steps)
    x, weights = x.detach(), weights.detach()
    zero = _tolerance(tolerance, x.dtype)
    off = _relative_residual(reconstruction, x, weights)
    J = jacobian(reconstruction, x, weights)
    scales = balance(J, x, seed)
    projection = free(constraints, x)
    m = operator(J, scales, projection)
    if m.columns == 0:
        raise ValueError("constraints: found nothing free; leave some entry or multiplier unknown")
    small = m.columns <= FORMED and x.numel() <= 2 * FORMED and m.columns * J.rows <= ENTRIES
    formed = method == "dense" or (method == "auto" and small)
    limits = Limits(zero, APART * zero, min(directions, m.columns), steps, polish, seed)
    like = torch.cat([x, weights[:, None]], 1)
    with torch.no_grad():
        s = dense(m, projection.basis(), limits) if formed else iterative(m, like, limits)
        region = region_margin(reconstruction, x)
    return _report(_findings(s, m.columns, off, region, zero, formed), s, scales)


def _findings(
    s: SmallSpectrum, columns: int, off: float, region: Tensor | None, zero: float, formed: bool
) -> LocalFindings:
    unit = s.largest or 1.0
    return LocalFindings(
        columns=columns,
        rank=(columns - s.nullity[1], columns - s.nullity[0]),
        gap=(s.gap[0] / unit, s.gap[1] / unit),
        motion=s.motion,
        residual=off,
        region=region,
        zero=zero,
        formed=formed,
    )


def _report(f: LocalFindings, s: SmallSpectrum, scales: Tensor) -> LocalReport:
    """The spectrum in units of its largest value, with directions in the units of x and lambda."""
    z = s.vectors / scales
    z = z / z.flatten(1).norm(dim=1)[:, None, None]
    unit = s.largest or 1.0
    verdict = judge_samples(f)
    return LocalReport(
        columns=f.columns,
        rank=f.rank[0] if f.rank[0] == f.rank[1] else None,
        rank_bounds=f.rank,
        singular_values=s.values / unit,
        errors=s.errors / unit,
        largest=s.largest,
        gap=f.gap,
        x_directions=z[..., :-1],
        weight_directions=z[..., -1],
        null=s.null,
        pinned=verdict.pinned,
        moves=verdict.moves,
        motion=s.motion,
        residual=f.residual,
        region=f.region,
        method="dense" if f.formed else "iterative",
        steps=s.steps,
        reasons=verdict.reasons,
    )


def _relative_residual(reconstruction: Map, x: Tensor, weights: Tensor) -> float:
    try:
        left = squared_norm(residual(reconstruction, x, weights)).sqrt()
    except RuntimeError as problem:
        found = f"x: found shape {tuple(x.shape)} and {x.dtype}, which the map does not take"
        raise ValueError(f"{found} ({problem}); pass (k, d) as the network has it") from problem
    goal = squared_norm(reconstruction.target).sqrt()
    return float(left / goal) if float(goal) > 0 else float(left)


def _tolerance(tolerance: float | None, dtype: torch.dtype) -> float:
    rounding = 1000 * torch.finfo(dtype).eps
    if tolerance is None:
        return max(1e-7, rounding)
    if not rounding <= tolerance <= 1e-3:
        raise ValueError(
            f"tolerance: found {tolerance}; pass {rounding:.1e} (roundings of {dtype}) to 1e-3"
        )
    return tolerance


def _check(
    x: Tensor, weights: Tensor, constraints: Constraints, directions: int, method: str, steps: int
) -> None:
    if x.ndim != 2 or 0 in x.shape or not x.is_floating_point() or not bool(x.isfinite().all()):
        found = f"shape {tuple(x.shape)} of {x.dtype}"
        raise ValueError(f"x: found {found}; pass (k, d) finite floating-point values, k, d >= 1")
    if weights.shape != x.shape[:1] or weights.dtype != x.dtype or weights.device != x.device:
        found = f"shape {tuple(weights.shape)} of {weights.dtype} on {weights.device}"
        raise ValueError(f"weights: found {found}; pass ({len(x)},) of {x.dtype} on {x.device}")
    if not bool(weights.isfinite().all()):
        raise ValueError("weights: found values that are not finite; pass finite multipliers")
    known = constraints.known
    if known is not None and (known.shape != x.shape or known.dtype != torch.bool):
        found = f"shape {tuple(known.shape)} of {known.dtype}"
        raise ValueError(f"known: found {found}; pass {tuple(x.shape)} of torch.bool")
    if directions < 1 or steps < 1:
        raise ValueError(f"directions, steps: found {directions}, {steps}; pass 1 or more of each")
    if method not in {"auto", "dense", "iterative"}:
        raise ValueError(f"method: found {method!r}; pass 'auto', 'dense' or 'iterative'")
