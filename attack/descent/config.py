"""Settings of the attack, with the published ones by name.

Sources: [SS] sample splitting, arXiv 2602.08723; [H] Haim et al. 2022 and its code; [B] Buzaglo et
al. 2023 and its code; [L] Loo et al. 2024 and its code. Where none is named, the value is our own.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, ClassVar, Literal, TypeAlias, get_args

import torch

from attack.descent.objective import RIDGE, Priors
from attack.descent.splitting_config import SplittingConfig, require

Optimizer: TypeAlias = Literal["sgd", "adam", "lbfgs", "levenberg"]
Multipliers: TypeAlias = Literal["joint", "least squares", "non-negative"]
Precision: TypeAlias = Literal["float64", "float32", "tf32"]
Slope: TypeAlias = Literal["exact", "sigmoid", "softplus"]

SECOND_ORDER = ("lbfgs", "levenberg")
"""Optimisers without rates."""

HAIM_PRIORS = Priors(box=1.0, multiplier=5.0, lambda_min=0.4471)


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
            require(getattr(self, name) > 0, name, getattr(self, name), "a positive number")
        for name in ("steps", "candidates", "block"):
            require(getattr(self, name) >= 1, name, getattr(self, name), "1 or more")
        require(self.batch is None or self.batch >= 1, "batch", self.batch, "1 or more, or None")
        require(0 <= self.momentum < 1, "momentum", self.momentum, "a number in [0, 1)")
        choices = {
            "optimizer": Optimizer,
            "multipliers": Multipliers,
            "dtype": Precision,
            "relu": Slope,
        }
        for name, kind in choices.items():
            found, allowed = getattr(self, name), get_args(kind)
            require(found in allowed, name, found, " or ".join(map(repr, allowed)))
        if self.optimizer == "levenberg":
            require(self.multipliers != "joint", "multipliers", "joint", "'least squares'")
            require(self.priors == Priors(), "priors", self.priors, "Priors(): it takes none")

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


def plain_config(config: Any) -> Any:
    """A config as nested dicts of plain values, to be saved and compared."""
    if not hasattr(config, "__dataclass_fields__"):
        return list(config) if isinstance(config, tuple) else config
    return {field.name: plain_config(getattr(config, field.name)) for field in fields(config)}
