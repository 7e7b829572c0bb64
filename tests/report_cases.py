"""Reports as the verifier would write them, for the tests of the renderings."""

from __future__ import annotations

from typing import Any

import numpy as np

from identify.findings import Course, Neurons, RankReport, Recovery, Verdict, Witness
from identify.report import IdentifiabilityReport

HOSTILE = "<script>alert('x')</script> & <img src=https://evil.example/x.png onerror=alert(1)>"


def neurons(m: int, seed: int) -> Neurons:
    rng = np.random.default_rng(seed)
    angle, inside = rng.uniform(0, 2 * np.pi, m), np.sqrt(rng.uniform(0, 1, m))
    plane = inside[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return Neurons(rng.lognormal(0, 0.4, m), rng.normal(size=m), plane)


def ranks(*, symmetric: bool = False, rank: int = 78) -> RankReport:
    values = np.geomspace(3.0, 2e-3, 78)
    values[rank:] *= 1e-11
    low = np.geomspace(2.0, 1e-3, 364) if symmetric else np.empty(0)
    return RankReport(
        dimension=64,
        row_space=12,
        N_ambient=2080,
        N=78,
        rank=rank,
        singular_values=values,
        tolerance=3.1e-9,
        noise=4.2e-13,
        condition=1500.0,
        symmetric_dimension=364,
        symmetric_rank=364,
        symmetric_singular_values=low,
    )


def blobs(n: int, shape: tuple[int, ...], seed: int) -> np.ndarray:
    """Smooth pictures of norm 1, rows of an (n, prod(shape)) array."""
    rng = np.random.default_rng(seed)
    h, w = shape[:2]
    y, x = np.mgrid[:h, :w]
    pictures = np.zeros((n, h, w, *shape[2:]))
    for picture in pictures:
        for _ in range(3):
            cy, cx, s = rng.uniform(0, h), rng.uniform(0, w), rng.uniform(0.1, 0.25) * h
            spot = np.exp(-((y - cy) ** 2 + (x - cx) ** 2) / (2 * s * s))
            picture += np.multiply.outer(spot, rng.uniform(0.2, 1, shape[2:]))
    flat = pictures.reshape(n, -1)
    return flat / np.linalg.norm(flat, axis=1, keepdims=True)


def recovered(truth: np.ndarray, seed: int) -> Recovery:
    """The truth reordered, every second one negated, within its bounds; the last unclaimed."""
    rng = np.random.default_rng(seed)
    n, d = truth.shape
    bound = np.geomspace(1e-9, 3e-2, n)
    bound[-1] = np.inf
    step = rng.normal(size=(n, d)) / np.sqrt(d)
    x = truth[rng.permutation(n)] + np.minimum(bound, 0.02)[:, None] * step / 2
    x[::2] *= -1
    return Recovery(
        x,
        rng.normal(size=n),
        bound,
        norm_known=True,
        residual=2.5e-13,
        equivalences=("the order of the samples", "the sign of each sample together with its b"),
    )


def case(verdict: Verdict, reasons: tuple[str, ...], **changes: Any) -> IdentifiabilityReport:
    fields: dict[str, Any] = {
        "evidence": "numerical",
        "setting": "kkt",
        "rank": ranks(),
        "residual": 1.7e-14,
        "recovery": None,
        "witness": None,
        "neurons": neurons(300, 5),
        "activation": "t^3",
        "n_neurons": 300,
        "seed": 17,
    }
    return IdentifiabilityReport(verdict=verdict, reasons=reasons, **(fields | changes))


def digits() -> tuple[IdentifiabilityReport, np.ndarray]:
    truth = blobs(12, (8, 8), 1)
    reasons = (
        "The weights satisfy the data-free equations with relative residual 1.7e-14.",
        "The samples span 12 of the 64 input dimensions, so N = C(13, 2) = 78 is what counts.",
        (
            "The Gram matrix has rank 78 = N, and its smallest counted singular value is clear of "
            "the noise by a factor of 6.5e+05."
        ),
        "The 12 recovered samples reproduce the weights with relative residual 2.5e-13.",
    )
    recovery = recovered(truth, 2)
    report = case(
        Verdict.GLOBALLY_IDENTIFIABLE, reasons, recovery=recovery, rank=ranks(symmetric=True)
    )
    return report, truth


def ambiguous(d: int = 64) -> IdentifiabilityReport:
    shape = (8, 8) if d == 64 else (1, d)
    x, other = blobs(6, shape, 3), blobs(7, shape, 4)
    recovery = Recovery(x, np.ones(6), np.full(6, np.inf), False, 1e-12, ())
    witness = Witness(other, np.ones(7), 3.3e-13, 0.72)
    reasons = ("rank(K) = 40 falls short of N = 78.", "A second data set was found.")
    return case(
        Verdict.NOT_IDENTIFIABLE, reasons, recovery=recovery, witness=witness, rank=ranks(rank=40)
    )


def course(n: int = 12) -> Course:
    """Residuals that fall at paces of their own, the last one not confirmed."""
    times = np.linspace(0, 1, 11)
    residuals = np.exp(-np.outer(times, np.linspace(1, 4, n))) * np.where(np.arange(n) % 2, 2, -1)
    confirmed = np.arange(n) < n - 1
    return Course(0.98, 1.3e-3, 4.2e-4, times, residuals, confirmed)


def undecided() -> IdentifiabilityReport:
    reasons = ("N = 1.3e+09 is too large for the memory at hand.",)
    return case(
        Verdict.UNDECIDED,
        reasons,
        rank=None,
        residual=np.nan,
        neurons=neurons(2500, 6),
        n_neurons=2500,
        setting="known-init",
    )


def hostile() -> IdentifiabilityReport:
    recovery = recovered(blobs(3, (8, 8), 7), 8)
    bad = Recovery(
        recovery.x, recovery.b, recovery.error_bound, False, np.inf, (HOSTILE, "\x1b[31mred")
    )
    return case(
        Verdict.PARTIALLY_IDENTIFIABLE,
        (HOSTILE, "\x1b[31mred"),
        recovery=bad,
        activation=HOSTILE,
        evidence=HOSTILE,
        setting=HOSTILE,
    )


def all_cases() -> list[IdentifiabilityReport]:
    return [digits()[0], ambiguous(), ambiguous(20), undecided(), hostile()]
