"""The settings of a reconstruction on the command line.

The options that stay None keep what the published settings say; their names are those of the fields
of ``ReconstructionConfig`` and ``SplittingConfig``, but for --deviation, as --init is the network
before training.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro

from attack.cli.console import check_unused

if TYPE_CHECKING:
    from attack.descent.config import ReconstructionConfig
    from attack.descent.splitting_config import SplittingConfig


@dataclass(frozen=True)
class Overrides:
    """Published settings, and what replaces single ones of them."""

    settings: Literal["haim-mnist", "haim-cifar", "buzaglo", "loo", "exact"] = "haim-mnist"
    """Published settings to start from, or our own for equations that hold exactly; what follows
    replaces single ones."""
    optimizer: Literal["sgd", "adam", "lbfgs", "levenberg"] | None = None
    """Gradient descent with --momentum, Adam, L-BFGS, or Levenberg-Marquardt (--settings exact)."""
    momentum: float | None = None
    """Of sgd; 0 is plain gradient descent."""
    rate: float | None = None
    """Step size of the samples, for sgd and adam."""
    weight_rate: float | None = None
    """Step size of the multipliers, for sgd and adam with joint multipliers."""
    multipliers: Literal["joint", "least squares", "non-negative"] | None = None
    """Descend in them as in the samples, or solve for them, of any sign or non-negative."""
    ridge: float | None = None
    """Added to the diagonal of the kernel, as a multiple of its mean, where they are solved for."""
    steps: int | None = None
    """Steps of the descent."""
    block: int | None = None
    """Steps between two entries of the history."""
    tolerance: float | None = None
    """End at a loss below this multiple of the squared norm of the target."""
    candidates: int | None = None
    """Number of candidates at the start."""
    init: Annotated[float | None, tyro.conf.arg(name="deviation")] = None
    """Standard deviation of the candidates at the start."""
    relu: Literal["exact", "sigmoid", "softplus"] | None = None
    """What stands for the derivative of relu."""
    sharpness: float | None = None
    """Of the sigmoid that stands for the derivative of relu."""
    dtype: Literal["float64", "float32", "tf32"] | None = None
    """Precision."""
    batch: int | None = None
    """Candidates handled at once."""

    def config(self, seed: int, splitting: SplittingConfig | None) -> ReconstructionConfig:
        """Return the settings, with what replaces single ones.

        Raises:
            ValueError: If they do not fit together, or one of them would change nothing.
        """
        from attack.descent.config import ReconstructionConfig
        from attack.descent.objective import Priors

        base = getattr(ReconstructionConfig, self.settings.upper().replace("-", "_"))
        if self.optimizer == "levenberg" and base.priors != Priors():
            raise ValueError(
                f"--optimizer: found 'levenberg' with --settings {self.settings}, whose penalties "
                "it does not take; pass --settings exact"
            )
        if self.init is not None and not self.init > 0:
            raise ValueError(f"--deviation: found {self.init:g}; pass a positive number")
        config = replace(base, seed=seed, splitting=splitting, **_given(self, "settings"))
        first_order, joint = config.optimizer in {"sgd", "adam"}, config.multipliers == "joint"
        for names, used, needed in (
            (("momentum",), config.optimizer == "sgd", "--optimizer sgd"),
            (("rate",), first_order, "--optimizer sgd or adam"),
            (("weight_rate",), first_order and joint, "--optimizer sgd or adam and joint ones"),
            (("ridge",), not joint, "--multipliers 'least squares' or non-negative"),
            (("sharpness",), config.relu == "sigmoid", "--relu sigmoid"),
        ):
            check_unused(self, names, used, needed)
        return config


@dataclass(frozen=True)
class Splitting:
    """Splitting and merging of the candidates."""

    split: bool = False
    """Split samples as in arXiv 2602.08723, with its settings."""
    merge: bool = False
    """Also merge and remove candidates before each splitting, with our own settings."""
    every: int | None = None
    """Steps between two splittings; 20000 in appendix C.1."""
    threshold: float | None = None
    """Eigenvalue below which a sample is split; -0.1 in appendix C.1."""
    share: float | None = None
    """At most this share of the samples is split at once; 0.5 in appendix C.1."""
    limit: int | None = None
    """No splitting makes more candidates than this."""

    def config(self) -> SplittingConfig | None:
        """Return the settings of the splitting, None without it.

        Raises:
            ValueError: If one of them is given without it.
        """
        from attack.descent.splitting_config import MergingConfig, SplittingConfig

        given = _given(self, "split", "merge")
        check_unused(self, ("merge", *given), self.split, "--split")
        merging = MergingConfig() if self.merge else None
        return SplittingConfig(merging=merging, **given) if self.split else None


def _given(options: Any, *others: str) -> dict[str, Any]:
    """The options that were passed, by name, without the others."""
    values = {one.name: getattr(options, one.name) for one in fields(options)}
    return {name: v for name, v in values.items() if v is not None and name not in others}
