"""Settings of phase II: splitting and merging.

Source: [SS] sample splitting, arXiv 2602.08723. Where it is not named, the value is our own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from attack.descent.curvature import LANCZOS_STEPS

Measure: TypeAlias = Literal["absolute", "per weight", "per weight and residual"]
"""What is compared with the threshold of a split."""


def require(holds: bool, name: str, found: object, wanted: str) -> None:
    """Refuse a setting in one sentence."""
    if not holds:
        raise ValueError(f"{name}: found {found!r}; pass {wanted}")


@dataclass(frozen=True, slots=True)
class MergingConfig:
    """Merging and pruning, which [SS] does not have: all values are our own.

    Attributes:
        distance: Candidates closer than this multiple of their larger norm may be merged.
        degree: alpha >= 1 if f(c x) = c^alpha f(x): samples are then compared up to scale and sign;
            0 if f(c x) = f(x) for c > 0, as for a ``SphereMap``: up to scale.
        tolerance: A change is kept when the loss stays below (1 + tolerance) times what it was.
        floor: It is also kept below this multiple of |target|^2.
        steps: Descent steps after a merge or removal, before the loss is compared.
        final_steps: The same once the loss is below the tolerance of the run, where the removal of
            every candidate is tried.
        trials: Removals tried with new descent per phase II, beyond those free by the kernel.
        insert: Atoms added by a phase II that finds nothing to split, where <r, f(x)>^2 / |f(x)|^2
            is largest; 0 leaves insertion out.
        starts: Random starts of the ascent to such a maximum.
    """

    distance: float = 0.1
    degree: int | None = None
    tolerance: float = 0.01
    floor: float = 0.0
    steps: int = 100
    final_steps: int = 300
    trials: int = 2
    insert: int = 0
    starts: int = 16

    def __post_init__(self) -> None:
        for name in ("distance", "tolerance", "floor", "steps", "final_steps", "trials", "insert"):
            require(getattr(self, name) >= 0, name, getattr(self, name), "0 or more")
        require(self.starts >= 1, "starts", self.starts, "1 or more")


@dataclass(frozen=True, slots=True)
class SplittingConfig:
    """Phase II of Algorithm 1 [SS].

    Attributes:
        every: Steps between two phases II; [SS] C.1: 20000 to 40000.
        threshold: lambda_*, below which an eigenvalue of S(x_i) counts; [SS] C.1: -0.1.
        measure: What is compared with it: S(x_i) as in [SS]; S(x_i) / |lambda_i|, which does not
            change when a candidate is written as several copies; or that over |r|, which does not
            change with the scale of the weights either.
        share: At most this share of the samples is split at once; [SS] C.1: 50 %.
        eta_max: Longest step of the line search; [SS] C.1: 0.01.
        lanczos: Largest dimension of the Krylov spaces; [SS] C.1: 20.
        accuracy: A sample takes no more Lanczos steps once bounds decide whether it is split and,
            if it is, |S v - value v| <= accuracy |value|; 0 takes them all.
        plateau: A phase II also starts when a block lowers the loss by less than this share of it;
            [SS] C.1 adapts the interval to the decrease of the loss, by hand.
        gradient: A phase II also starts when the norm of the gradient in x is at most this;
            Algorithm 1 [SS], line 5.
        limit: No split makes more candidates than this; None for no limit, as in [SS].
        merging: Merging after the descent; None as in [SS].
    """

    every: int = 20_000
    threshold: float = -0.1
    measure: Measure = "absolute"
    share: float = 0.5
    eta_max: float = 0.01
    lanczos: int = LANCZOS_STEPS
    accuracy: float = 0.1
    plateau: float | None = None
    gradient: float | None = None
    limit: int | None = None
    merging: MergingConfig | None = None

    def __post_init__(self) -> None:
        require(self.every >= 1, "every", self.every, "1 or more")
        require(self.threshold <= 0, "threshold", self.threshold, "0 or less")
        require(0 < self.share <= 1, "share", self.share, "a share in (0, 1]")
        require(self.eta_max > 0, "eta_max", self.eta_max, "a positive step")
        require(self.lanczos >= 1, "lanczos", self.lanczos, "1 or more")
