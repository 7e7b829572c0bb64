"""``identify check``: a certificate against the weights it speaks of."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from identify.arrays import FloatArray
from identify.checker.feature_rank import FeatureRankClaims, check_feature_rank
from identify.checker.file_format import Fields, weights_digest
from identify.checker.samples import LARGEST, SampleClaims, check_samples, check_sizes
from identify.checker.silent_rows import SilentClaims, check_silent_rows

NEEDED = {
    "kkt": ("W", "a"),
    "known-init": ("W", "W0", "a", "a0"),
    "random-features": ("W", "a", "a0"),
}
"""The weights that each setting speaks of."""

SETTINGS = tuple(NEEDED)


def check_certificate(
    content: Mapping[str, object], weights: Mapping[str, FloatArray]
) -> tuple[str, ...]:
    """Prove all that a certificate claims, for the weights it was written for.

    Args:
        content: The fields of the file.
        weights: Two-layer networks: float arrays a (m,), W (m, d) and, where known, a0, W0. ReLU:
            ``trained`` and ``initial``, (h, d), with the bias as last column where it has one.

    Returns:
        What is proved, as sentences.

    Raises:
        ValueError: If the certificate is malformed, is of other weights, or does not prove its
            claims; names what is wrong.
    """
    fields = Fields(content)
    kind = fields.text("kind", ("polynomial", "relu"))
    if fields.content.get("weights") != weights_digest(weights):
        raise ValueError("weights: found others than those of the certificate (SHA-256 differs)")
    if kind == "relu":
        return check_silent_rows(silent_claims(fields, weights["trained"].shape), weights)
    said: tuple[str, ...] = ()
    rank, samples = fields.part("rank"), fields.part("samples")
    if rank is not None:
        said += check_feature_rank(rank_claims(rank, weights), weights)
    if samples is not None:
        said += check_samples(sample_claims(samples, weights), weights)
    if not said:
        raise ValueError("certificate: found neither a rank nor samples; it proves nothing")
    return said


def weights_needed(content: Mapping[str, object]) -> tuple[str, ...]:
    """Return the names of the weights that a certificate speaks of."""
    fields = Fields(content)
    if fields.text("kind", ("polynomial", "relu")) == "relu":
        return "initial", "trained"
    settings = {
        part.text("setting", SETTINGS)
        for part in (fields.part("rank"), fields.part("samples"))
        if part is not None
    }
    if len(settings) != 1:
        raise ValueError("certificate: found no setting, or two of them")
    return NEEDED[settings.pop()]


def sample_claims(fields: Fields, weights: Mapping[str, FloatArray]) -> SampleClaims:
    """Read the claims on samples."""
    d = weights["W"].shape[1]
    setting = _setting(fields, weights)
    basis = None if fields.content.get("basis") is None else fields.matrix("basis", rows=d)
    samples = fields.matrix("samples", columns=d if basis is None else basis.shape[1])
    n = len(samples)
    if samples.size + n > LARGEST:
        raise ValueError(
            f"samples: found {samples.size} coordinates; at most {LARGEST} are checked"
        )
    claims = SampleClaims(
        setting=setting,
        coefficients=_coefficients(fields),
        base=_base(fields),
        decay=fields.number("decay", 1e-6, 1.0),
        basis=basis,
        samples=samples,
        signed_weights=fields.vector("signed_weights", n),
        error=fields.number("error", 0.0, 1e60),
        share=fields.number("share", 0.0, 1.0),
        radius=fields.vector("radius", n, unknown=True),
        everywhere=fields.flag("everywhere"),
    )
    check_sizes(claims, weights)
    if basis is not None and setting == "random-features":
        raise ValueError("basis: found one for random features; their samples are not in a span")
    return claims


def silent_claims(fields: Fields, shape: tuple[int, ...]) -> SilentClaims:
    """Read the claims on a ReLU layer of shape (h, d)."""
    h, d = shape
    basis = fields.matrix("basis", rows=d)
    n = basis.shape[1]
    if n > min(h, d) or n * n > LARGEST * 10:
        raise ValueError(f"basis: found {n} columns for a layer of shape {(h, d)}")
    listed = fields.content.get("silent")
    if not isinstance(listed, list) or len(listed) != n:
        raise ValueError(f"certificate: field 'silent' is not a list of {n}")
    silent = np.zeros((n, h), dtype=bool)
    for i in range(n):
        rows = Fields({"silent": listed[i]}).integers("silent", h - 1)
        silent[i, list(rows)] = True
    return SilentClaims(
        decay=fields.number("decay", 1e-6, 1.0),
        basis=basis,
        duals=fields.matrix("duals", n, n),
        silent=silent,
        error=fields.number("error", 0.0, 1e60),
        radius=fields.vector("radius", n, unknown=True),
    )


def rank_claims(fields: Fields, weights: Mapping[str, FloatArray]) -> FeatureRankClaims:
    """Read the claim on a rank."""
    m, d = weights["W"].shape
    basis = None if fields.content.get("basis") is None else fields.matrix("basis", rows=d)
    return FeatureRankClaims(
        setting=_setting(fields, weights),
        coefficients=_coefficients(fields),
        base=_base(fields),
        condition=fields.text("condition", ("gram", "symmetric", "value")),
        decay=fields.number("decay", 1e-6, 1.0),
        basis=basis,
        prime=fields.integer("prime", 2**23),
        rows=fields.integers("rows", m * (d if basis is None else basis.shape[1]) - 1),
        columns=fields.integers("columns", 2**31),
    )


def _setting(fields: Fields, weights: Mapping[str, FloatArray]) -> str:
    setting = fields.text("setting", SETTINGS)
    if set(NEEDED[setting]) != set(weights):
        raise ValueError(f"weights: found {', '.join(sorted(weights))}; {setting} needs others")
    return setting


def _base(fields: Fields) -> float:
    base = fields.number("base", 0.0, 0.5)
    if base not in {0.0, 0.5}:
        raise ValueError(f"base: found {base}; points are initial (0) or middle ones (1/2)")
    return base


def _coefficients(fields: Fields) -> tuple[float, ...]:
    coefficients = tuple(fields.vector("activation").tolist())
    if not 2 <= len(coefficients) <= 17 or coefficients[-1] == 0:
        raise ValueError("activation: found no polynomial of degree 1 to 16")
    return coefficients
