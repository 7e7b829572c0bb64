"""Certificates of polynomial networks: which balls to claim, proved by ``identify.checker``."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from identify.arrays import FloatArray
from identify.certificate import Certificate, centre_rounding
from identify.checker.file_format import as_hex, weights_digest
from identify.checker.samples import (
    LARGEST,
    SampleClaims,
    SampleProof,
    check_sizes,
    said_of_samples,
)
from identify.equations.pose import Problem
from identify.findings import RankReport, Recovery
from identify.tensor.exact_rank import stored_weights

_SHARES = tuple(np.geomspace(0.3, 1e-13, 38).tolist())
"""Neighbourhoods that are tried, the largest first: shares of the length of each sample."""

_EXACT = 10.0
"""Samples satisfy equations as exact ones where they miss them by at most this many roundings."""

_ABOVE = 1.001
"""Claims are this factor above what was proved, for other machines to come to the same."""


def certify_samples(
    problem: Problem,
    rank: RankReport | None,
    recovery: Recovery | None,
    *,
    error: float,
    along: bool,
) -> Certificate:
    """Prove what can be proved of a rank and of recovered samples.

    Args:
        problem: The equations.
        rank: The rank conditions, with their exact part.
        recovery: The samples, or None.
        error: What the equations in the span are taken to miss by at most; nan where no bound was
            derived.
        along: Whether the samples rest on a computed path or flow of the training.

    Returns:
        The certificate; its ``numerical`` says what is not proved and why.
    """
    weights = stored_weights(problem)
    content: dict[str, Any] = {"kind": "polynomial", "weights": weights_digest(weights)}
    numerical: list[str] = []
    if rank is not None and rank.proof is not None and not problem.scaled:
        content["rank"] = _rank_content(rank)
    why = _why_not(problem, recovery, along=along)
    if recovery is None or why is not None:
        return _concluded(content, (), (*numerical, why or _NO_SAMPLES))
    claims = _claims(problem, recovery)
    try:
        check_sizes(claims, weights)
    except ValueError as refused:
        return _concluded(content, (), (*numerical, f"The samples stay numerical: {refused}."))
    proof = SampleProof(claims, weights)
    if proof.linear is None:
        return _concluded(content, (), (*numerical, _OPEN))
    claims = replace(claims, error=_error(problem, proof, error))
    if not np.isfinite(claims.error):
        return _concluded(content, (), (*numerical, _UNBOUNDED))
    proved = _proved(claims, proof)
    if proved is None:
        return _concluded(content, (), (*numerical, _OPEN))
    claims, more = proved
    content["samples"] = _content(claims)
    lengths = np.linalg.norm(claims.centres, axis=1)
    return _concluded(content, said_of_samples(claims, proof), (*numerical, *more), claims, lengths)


def _claims(problem: Problem, recovery: Recovery) -> SampleClaims:
    """The recovered samples in the coordinates and the scale of the equations."""
    equations, base = problem.equations, problem.evaluations.base
    basis = None if equations.by_value else problem.space.basis
    x, b = recovery.x, recovery.b
    if not equations.free_b:
        x = x * np.abs(b)[:, None] ** (1 / equations.activation.degree)
        b = np.sign(b)
    z = x if basis is None else x @ basis
    return SampleClaims(
        setting=problem.setting,
        coefficients=equations.activation.coefficients,
        base=0.5 if base == "midpoint" else 0.0,
        decay=problem.decay,
        basis=basis,
        samples=z,
        signed_weights=b,
        error=np.inf,
        share=0.0,
        radius=np.full(len(z), np.inf),
        everywhere=False,
    )


def _error(problem: Problem, proof: SampleProof, error: float) -> float:
    """Return eps: the error in the span for all coordinates, and twice what is seen at least.

    Without a bound the statement is about exactly these equations, up to the rounding of the stored
    numbers, so it is made where the samples leave no more than that; otherwise eps is inf.
    """
    d, r = problem.space.basis.shape
    rounding = 1.1 * problem.evaluations.rounding * np.sqrt(problem.evaluations.right_side.size)
    seen = max(2 * proof.miss, float(rounding))
    if np.isnan(error):
        return seen if proof.miss <= _EXACT * rounding else np.inf
    share = 1.0 if problem.equations.by_value else np.sqrt(d / r)
    return float(max(seen, error * share))


def _proved(
    claims: SampleClaims, proof: SampleProof
) -> tuple[SampleClaims, tuple[str, ...]] | None:
    """The claims in the largest neighbourhood in which the most samples close."""
    best: SampleClaims | None = None
    for share in _SHARES:
        found = proof.near(claims.error, share)
        if found is None:
            return None
        count = int(np.sum(np.isfinite(found.radius)))
        if count and (best is None or count > np.sum(np.isfinite(best.radius))):
            best = replace(claims, share=share, radius=found.radius * _ABOVE)
        if found.whole:
            break
    if best is None:
        return None
    lost = int(np.sum(~np.isfinite(best.radius)))
    if lost:
        return best, (f"{lost} samples have no ball: the equations do not close around them.",)
    reach = proof.reach(best.error)
    if reach <= best.share:
        return replace(best, everywhere=True), ()
    return best, (_LOCAL,)


def _why_not(problem: Problem, recovery: Recovery | None, *, along: bool) -> str | None:
    if recovery is None:
        return _NO_SAMPLES
    if along:
        return _ALONG
    if problem.scaled:
        return _SCALED
    if len(recovery.x) * (problem.equations.points.shape[1] + 1) > LARGEST:
        return (
            f"The samples stay numerical: {len(recovery.x)} of them have more than the {LARGEST} "
            "unknowns that are enclosed."
        )
    return None


def _rank_content(rank: RankReport) -> dict[str, Any]:
    proof = rank.proof
    assert proof is not None
    return {
        "setting": proof.setting,
        "activation": as_hex(np.array(proof.coefficients)),
        "base": as_hex(proof.base),
        "decay": as_hex(proof.decay),
        "condition": proof.condition,
        "basis": None if proof.basis is None else as_hex(proof.basis),
        "prime": proof.prime,
        "rows": list(proof.rows),
        "columns": list(proof.columns),
    }


def _content(claims: SampleClaims) -> dict[str, Any]:
    return {
        "setting": claims.setting,
        "activation": as_hex(np.array(claims.coefficients)),
        "base": as_hex(claims.base),
        "decay": as_hex(claims.decay),
        "basis": None if claims.basis is None else as_hex(claims.basis),
        "samples": as_hex(claims.samples),
        "signed_weights": as_hex(claims.signed_weights),
        "error": as_hex(claims.error),
        "share": as_hex(claims.share),
        "radius": as_hex(claims.radius),
        "everywhere": claims.everywhere,
    }


def _concluded(
    content: dict[str, Any],
    said: tuple[str, ...],
    numerical: tuple[str, ...],
    claims: SampleClaims | None = None,
    lengths: FloatArray | None = None,
) -> Certificate:
    full = content if {"rank", "samples"} & set(content) else {}
    if claims is None or lengths is None:
        return Certificate(said, numerical, content=full)
    return Certificate(
        said,
        numerical,
        claims.centres,
        claims.radius / lengths + centre_rounding(claims.samples.shape[1]),
        claims.everywhere,
        full,
    )


_NO_SAMPLES = "No samples were recovered, so none is enclosed."
_ALONG = (
    "The samples stay numerical: they rest on a computed course of the training, and the equations "
    "at one point of it hold too roughly to enclose them."
)
_SCALED = (
    "The samples stay numerical: weights of so extreme a size are scaled first, and the "
    "certificate is about weights as stored."
)
_UNBOUNDED = (
    "The samples stay numerical: no bound was derived on what the true samples miss the equations "
    "by, and these miss them by more than the rounding of the stored numbers, or none is spare."
)
_OPEN = (
    "The samples stay numerical: in no neighbourhood does the linearised system close (samples too "
    "near each other, dependent, or equations that hold too roughly)."
)
_LOCAL = (
    "That no other set of samples satisfies the equations, far from these, stays numerical: the "
    "proof needs as many samples as they span dimensions, gradients, a power activation of degree "
    "3 or more and an error that the conditioning leaves small."
)
