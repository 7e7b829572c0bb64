"""Noise and rounding: every level, every type, shown or hidden."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from identify.arrays import FloatArray

from . import basic, geometry, stationary
from .instances import (
    NOISY,
    Builder,
    Case,
    Rng,
    coefficients,
    log_uniform,
    observed,
    power_sum,
    told,
)

ROUNDOFF = {"float32": 2.0**-24, "float16": 2.0**-11, "bfloat16": 2.0**-8}
DTYPES = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}


def stored(values: FloatArray, dtype: str, *, shown: bool) -> Any:
    """Round to a type of torch or numpy; cast back where the type is to be hidden."""
    tensor = torch.from_numpy(np.ascontiguousarray(values)).to(DTYPES[dtype])
    if not shown:
        return tensor.double().numpy()
    return tensor if dtype == "bfloat16" else tensor.numpy()


def rounded(rng: Rng, case: Case, dtypes: Sequence[str] = ("float32",)) -> Case:
    """Round the weights to a type, and at times the initial ones first, as a saved network has."""
    dtype, shown = str(rng.choice(dtypes)), bool(rng.random() < 0.5)
    options = dict(case.options)
    size = ROUNDOFF[dtype]
    if case.setting != "kkt":
        a0, W0 = options["init"]
        before, after = (a0, case.a) if case.setting == "random-features" else (W0, case.W)
        size *= float(np.linalg.norm(after) / np.linalg.norm(after - before))
    a, W = (stored(v, dtype, shown=shown) for v in (case.a, case.W))
    words = f"{case.words}; rounded to {dtype}, {'shown' if shown else 'hidden'}"
    if "init" in options and rng.random() < 0.4:
        a0, W0 = options["init"]
        kept = None if W0 is None else stored(W0, dtype, shown=shown)
        options["init"] = (stored(a0, dtype, shown=shown), kept)
        words += ", initial weights too"
    # what float16 cannot hold is refused, and so are weights whose change the rounding swallows
    return replace(case, a=a, W=W, kind=_weaker(case), noise=max(case.noise, size), words=words,
                   options=options, refusable=dtype != "float32", stored=dtype)  # fmt: skip


def _weaker(case: Case) -> str:
    return NOISY if case.kind == "identifiable" else case.kind


def in_float32(builder: Builder) -> Builder:
    """Round what a builder makes to float32."""
    return lambda rng: rounded(rng, builder(rng))


def in_half(builder: Builder) -> Builder:
    """Round what a builder makes to float16 or bfloat16."""
    return lambda rng: rounded(rng, builder(rng), ("float16", "bfloat16"))


def with_any_noise(builder: Builder) -> Builder:
    """Add Gaussian noise of 1e-10 to 1e-1 to W, a or both."""

    def build(rng: Rng) -> Case:
        case = builder(rng)
        size = log_uniform(rng, -10, -1)
        noisy = basic.noisy(rng, case, size, _weaker(case))
        which = rng.integers(4)
        if which == 0 and case.setting != "random-features":
            noisy = replace(noisy, a=case.a)
        if which == 1 and case.setting != "random-features":
            noisy = replace(noisy, W=case.W)
        return replace(noisy, words=f"{case.words}; noise {size:.1e} ({which})")

    return build


def noise_on_the_change(builder: Builder) -> Builder:
    """Add Gaussian noise relative to the change of the weights, not to the weights."""

    def build(rng: Rng) -> Case:
        case = builder(rng)
        a0, W0 = case.options["init"]
        size = log_uniform(rng, -10, -1)
        a = case.a + size * np.std(case.a - a0) * rng.standard_normal(case.a.shape)
        W = case.W
        if case.setting == "known-init":
            W = W + size * np.std(W - W0) * rng.standard_normal(W.shape)
        words = f"{case.words}; noise {size:.1e} of the change"
        return replace(case, a=a, W=W, kind=_weaker(case), noise=size, words=words)

    return build


def another_degree(rng: Rng) -> Case:
    """A fraction of the gradient of another polynomial on the same samples in the change of W.

    Of a degree that the activation lacks: one that it has is absorbed by other samples exactly.
    """
    x, b, activation = geometry.drawn(rng, compact=True)
    case = observed(rng, x, b, activation, NOISY)
    size = log_uniform(rng, -10, -1)
    seen = coefficients(activation)
    lacking = [k for k in range(1, 7) if k >= len(seen) or not seen[k]]
    extra = np.eye(7)[int(rng.choice(lacking))]
    a0, W0 = case.options["init"]
    value, gradient = power_sum(extra, case.W if W0 is None else W0, x, b * rng.random(len(b)))
    if W0 is None:
        a = case.a + size * value * np.linalg.norm(case.a - a0) / np.linalg.norm(value)
        W = case.W
    else:
        change = a0[:, None] * gradient
        W = case.W + size * change * np.linalg.norm(case.W - W0) / np.linalg.norm(change)
        a = case.a
    words = f"a fraction {size:.1e} of degree {len(np.trim_zeros(extra, 'b')) - 1}"
    return told(rng, replace(case, a=a, W=W, noise=size, words=words))


def shrunk(rng: Rng) -> Case:
    """Weight decay nobody mentions: W = rho W0 + ..., the same for a."""
    x, b, activation = geometry.drawn(rng, compact=True)
    size = log_uniform(rng, -9, -1)
    n, c = len(x), coefficients(activation)
    m = int(2 * basic.gram_count(n, c)) + 8
    case = basic.gradient_step(rng, x, b, activation, m, NOISY)
    a0, W0 = case.options["init"]
    words = f"initial weights shrunk by {size:.1e}"
    a, W = case.a - size * a0, case.W - size * W0
    noise = size * np.linalg.norm(W0) / np.linalg.norm(case.W - W0)
    return told(rng, replace(case, a=a, W=W, noise=float(noise), words=words))


def partial_sample(rng: Rng) -> Case:
    """One sample reached some neurons only, as in a batch dropped half-way."""
    x, b, activation = geometry.drawn(rng, compact=True)
    m = int(3 * basic.gram_count(len(x), coefficients(activation))) + 8
    case = basic.gradient_step(rng, x, b, activation, m, NOISY)
    a0, W0 = case.options["init"]
    share = log_uniform(rng, -3, -0.7)
    missing = rng.random(m) < share
    value, gradient = power_sum(coefficients(activation), W0, x[:1], b[:1])
    W = case.W - missing[:, None] * a0[:, None] * gradient
    words = f"sample 0 missing on {missing.sum()} of {m} neurons"
    noise = float(np.linalg.norm(W - case.W) / np.linalg.norm(W - W0))
    return told(rng, replace(case, a=case.a - missing * value, W=W, noise=noise, words=words))


def below_one_ulp(rng: Rng) -> Case:
    """A lazily trained network saved in a narrow type: few entries changed, by one ulp."""
    x, b, activation = geometry.drawn(rng, compact=True)
    m = int(2 * basic.gram_count(len(x), coefficients(activation))) + 8
    dtype, shown = str(rng.choice(("float32", "bfloat16", "float16"))), bool(rng.random() < 0.7)
    shrink = ROUNDOFF[dtype] * log_uniform(rng, -2, 1)
    W0, a0 = (
        stored(v, dtype, shown=False)
        for v in (rng.standard_normal((m, x.shape[1])), rng.standard_normal(m))
    )
    value, gradient = power_sum(coefficients(activation), W0, x, b)
    change = a0[:, None] * gradient
    scale = shrink / float(np.abs(change).mean())
    weights = (a0 + scale * value, W0 + scale * change, a0, W0)
    a, W, a0, W0 = (stored(v, dtype, shown=shown) for v in weights)
    words = f"{dtype}, {'shown' if shown else 'hidden'}; mean change {shrink:.1e}"
    options = {"activation": activation, "init": (a0, W0)}
    case = Case(a, W, options, x, scale * b, NOISY, 1.0, words, refusable=True, stored=dtype)
    return told(rng, case)


def stationary_rounded(rng: Rng) -> Case:
    """A stationary point of weight decay in float32."""
    return rounded(rng, stationary.unequal(rng))
