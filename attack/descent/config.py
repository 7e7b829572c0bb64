"""Settings of the attack, with the published ones by name.

Sources: [SS] sample splitting, arXiv 2602.08723; [H] Haim et al. 2022 and its code; [B] Buzaglo et
al. 2023 and its code; [L] Loo et al. 2024 and its code. Where none is named, the value is our own.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, ClassVar, Literal, TypeAlias, get_args

import torch

from attack.descent.curvature import LANCZOS_STEPS
from attack.descent.objective import RIDGE, Priors

Optimizer: TypeAlias = Literal["sgd", "adam", "lbfgs", "levenberg"]
Multipliers: TypeAlias = Literal["joint", "least squares", "non-negative"]
Precision: TypeAlias = Literal["float64", "float32", "tf32"]
Slope: TypeAlias = Literal["exact", "sigmoid", "softplus"]
Measure: TypeAlias = Literal["absolute", "per weight", "per weight and residual"]

SECOND_ORDER = ("lbfgs", "levenberg")
"""Optimisers without rates."""

HAIM_PRIORS = Priors(box=1.0, multiplier=5.0, lambda_min=0.4471)


def _require(holds: bool, name: str, found: object, wanted: str) -> None:
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
            _require(getattr(self, name) >= 0, name, getattr(self, name), "0 or more")
        _require(self.starts >= 1, "starts", self.starts, "1 or more")


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
        lanczos: Dimension of the Krylov spaces; [SS] C.1: 20.
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
    plateau: float | None = None
    gradient: float | None = None
    limit: int | None = None
    merging: MergingConfig | None = None

    def __post_init__(self) -> None:
        _require(self.every >= 1, "every", self.every, "1 or more")
        _require(self.threshold <= 0, "threshold", self.threshold, "0 or less")
        _require(0 < self.share <= 1, "share", self.share, "a share in (0, 1]")
        _require(self.eta_max > 0, "eta_max", self.eta_max, "a positive step")
        _require(self.lanczos >= 1, "lanczos", self.lanczos, "1 or more")


@dataclass(frozen=True, slots=True)
class ReconstructionConfig:
    """Phase I of Algorithm 1 and the start; the defaults are HAIM_MNIST, [H], but for splitting.

    Attributes:
        optimizer: Gradient with momentum, Adam, L-BFGS with strong Wolfe, or
            Levenberg-Marquardt with lambda eliminated, for small problems; [H]: "sgd".
        rate: Step of the samples; [H]: 0.03052 for MNIST.
        weight_rate: Step of the multipliers; [H]: 1e-4.
        momentum: [H]: 0.9.
        betas: Of Adam; the usual (0.9, 0.999), as in [L].
        steps: In all; [H]: 50000.
        candidates: k at the start; [H]: 1000 for 500 samples.
        init: Standard deviation of the samples at the start; [H]: 0.03498 for MNIST.
        weight_range: Multipliers start uniform in it; [H]: (0, 1).
        mean: Whether the sum over the candidates is divided by their number at the start;
            [H], [L]: it is.
        multipliers: Descent in x and lambda together as [H]; or lambda by least squares, of any
            sign or non-negative, for each x ([SS], section 5.3).
        ridge: Added to the diagonal of the kernel, as a multiple of its mean, for least squares.
        priors: Penalties; [H]: box [-1, 1], and 5 relu(lambda_min - lambda)^2, lambda_min = 0.4471.
        tolerance: The descent ends when the loss is below this multiple of |target|^2; 0: never.
        block: Steps between two entries of the history.
        dtype: Precision; [H]: "float64". "tf32" is float32 whose matrix products a GPU rounds to
            10 bits; on a CPU it is float32.
        batch: Candidates handled at once; None for all. It is halved when memory runs out.
        relu: What stands for the derivative of relu, which is a step: "exact"; "sigmoid", of
            ``sharpness`` z, behind relu itself ([H], [B]); or "softplus", which replaces relu and
            sharpens during the run by ``softplus_schedule`` ([L]). Smooth networks are kept.
        sharpness: alpha of the sigmoid; [H]: 149.87 for MNIST.
        seed: Of the start and of phase II.
        splitting: Phase II; None for the descent alone.
    """

    optimizer: Optimizer = "sgd"
    rate: float = 0.03052
    weight_rate: float = 1e-4
    momentum: float = 0.9
    betas: tuple[float, float] = (0.9, 0.999)
    steps: int = 50_000
    candidates: int = 1000
    init: float = 0.03498
    weight_range: tuple[float, float] = (0.0, 1.0)
    mean: bool = True
    multipliers: Multipliers = "joint"
    ridge: float = RIDGE
    priors: Priors = HAIM_PRIORS
    tolerance: float = 0.0
    block: int = 1000
    dtype: Precision = "float64"
    batch: int | None = None
    relu: Slope = "sigmoid"
    sharpness: float = 149.87
    seed: int = 0
    splitting: SplittingConfig | None = None

    HAIM_MNIST: ClassVar[ReconstructionConfig]
    """[H]: MNIST, the first of its two settings."""
    HAIM_CIFAR: ClassVar[ReconstructionConfig]
    """[H]: CIFAR-10, the first of its two settings."""
    BUZAGLO: ClassVar[ReconstructionConfig]
    """[B]: run 2."""
    LOO: ClassVar[ReconstructionConfig]
    """[L]: 2N candidates for N = 100 samples."""
    EXACT: ClassVar[ReconstructionConfig]
    """Our own, for equations that hold exactly: L-BFGS, lambda by least squares, no penalties."""

    def __post_init__(self) -> None:
        for name in ("rate", "weight_rate", "init", "sharpness"):
            _require(getattr(self, name) > 0, name, getattr(self, name), "a positive number")
        for name in ("steps", "candidates", "block"):
            _require(getattr(self, name) >= 1, name, getattr(self, name), "1 or more")
        _require(self.batch is None or self.batch >= 1, "batch", self.batch, "1 or more, or None")
        _require(0 <= self.momentum < 1, "momentum", self.momentum, "a number in [0, 1)")
        choices = {
            "optimizer": Optimizer,
            "multipliers": Multipliers,
            "dtype": Precision,
            "relu": Slope,
        }
        for name, kind in choices.items():
            found, allowed = getattr(self, name), get_args(kind)
            _require(found in allowed, name, found, " or ".join(map(repr, allowed)))
        if self.optimizer == "levenberg":
            _require(self.multipliers != "joint", "multipliers", "joint", "'least squares'")
            _require(self.priors == Priors(), "priors", self.priors, "Priors(): it takes none")

    @property
    def torch_dtype(self) -> torch.dtype:
        """The torch type named by ``dtype``."""
        return torch.float64 if self.dtype == "float64" else torch.float32


ReconstructionConfig.HAIM_MNIST = ReconstructionConfig()
ReconstructionConfig.HAIM_CIFAR = ReconstructionConfig(
    rate=0.5549,
    init=8.857e-4,
    sharpness=19.14,
    priors=Priors(box=1.0, multiplier=5.0, lambda_min=0.4983),
)
ReconstructionConfig.BUZAGLO = ReconstructionConfig(
    rate=1.362e-3,
    weight_rate=0.4793,
    init=6.23e-5,
    sharpness=39.52,
    priors=Priors(box=1.0, multiplier=5.0, lambda_min=0.2032),
)
ReconstructionConfig.LOO = ReconstructionConfig(
    optimizer="adam",
    rate=0.02,
    weight_rate=0.02,
    steps=80_000,
    candidates=200,
    init=0.2,
    weight_range=(-0.5, 0.5),
    priors=Priors(box=0.1),
    relu="softplus",
    dtype="float32",
)
ReconstructionConfig.EXACT = ReconstructionConfig(
    optimizer="lbfgs",
    multipliers="least squares",
    priors=Priors(),
    mean=False,
    steps=400,
    block=100,
)


def plain(config: Any) -> Any:
    """A config as nested dicts of plain values, to be saved and compared."""
    if not hasattr(config, "__dataclass_fields__"):
        return list(config) if isinstance(config, tuple) else config
    return {field.name: plain(getattr(config, field.name)) for field in fields(config)}
