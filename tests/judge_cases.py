"""Reports as the judge of the campaign reads them, true ones and tampered ones."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from campaign.instances import (
    Case,
    gradient_step,
    samples,
    signed,
)
from campaign.judge import judge

from identify.findings import Recovery, Witness

SIGN = ("sign: (x_i, b_i) and (-x_i, -b_i) satisfy the same equations",)
GLOBALLY, NOT = "GLOBALLY_IDENTIFIABLE", "NOT_IDENTIFIABLE"


@dataclass(frozen=True)
class Said:
    """As much of a report as the judge reads."""

    verdict: str
    recovery: Recovery | None
    witness: Witness | None = None
    assumed: Any = None


@dataclass(frozen=True)
class Assumed:
    samples: int = 4
    stated: bool = False
    independence: float = 1e-3
    faintest: float = 1e-9


@dataclass(frozen=True)
class Contrast(Assumed):
    contrast: float = 64.0


def cubic(x=None, b=None, **options) -> Case:
    rng = np.random.default_rng(0)
    x = samples(rng, 4, 6) if x is None else x
    return gradient_step(rng, x, signed(rng, len(x)) if b is None else b, 3, 30, **options)


def truthful(case: Case, bound=1e-9, **more) -> Said:
    x = np.array(case.x)
    found = Recovery(x, np.array(case.b), np.full(len(x), bound), True, 0.0, SIGN)
    return Said(GLOBALLY, found, **more)


def tampered(said: Said, **fields) -> Said:
    assert said.recovery is not None
    return replace(said, recovery=replace(said.recovery, **fields))


def rules(case: Case, said: Said) -> set[str]:
    return {finding.rule for finding in judge(case, said).failures(case)}


def moved(said: Said, i: int, by: float) -> np.ndarray:
    assert said.recovery is not None
    x = said.recovery.x.copy()
    x[i, 0] += by
    return x
