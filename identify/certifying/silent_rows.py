"""Certificates of ReLU layers: what to claim of the samples, proved by ``identify.checker``."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from identify.arrays import FloatArray
from identify.certificate import Certificate, centre_rounding
from identify.checker.arithmetic import ball_precision, exact_matrix, near_floats
from identify.checker.file_format import as_hex, weights_digest
from identify.checker.silent_rows import SilentClaims, SilentProof, said_of_silent_rows
from identify.checkpoints.layer_change import LayerChange

if TYPE_CHECKING:
    from identify.relu.recovery.recover import ReluOutcome

MOST_SAMPLES = 130
"""Largest number of samples for which balls are computed (a minute)."""

_ABOVE, _NOISE = 1.001, 2.0
"""Claims are a thousandth above what was proved. The error of the change is taken to be at most
twice the size that independent noise of the level found has: sigma (sqrt(h) + sqrt(d))."""


def certify_silent_rows(
    trained: FloatArray, initial: FloatArray, change: LayerChange, outcome: ReluOutcome
) -> Certificate:
    """Prove where the samples are that left alone the rows found.

    Args:
        trained: Weights after training, (h, d), the bias as last column where there is one.
        initial: Weights before, likewise.
        change: What training did to them.
        outcome: What was recovered.

    Returns:
        The certificate; its ``numerical`` says what is not proved and why.
    """
    found, weights = outcome.duals, {"trained": trained, "initial": initial}
    if found is None or change.rank is None or len(found.v) != change.rank:
        return Certificate((), (_INCOMPLETE,))
    if change.rank > MOST_SAMPLES:
        return Certificate((), (f"The samples stay numerical: more than {MOST_SAMPLES}.",))
    assert change.noise is not None
    claims = SilentClaims(
        decay=1.0 if change.decay is None else change.decay,
        basis=np.asarray(change.basis, dtype=np.float64),
        duals=found.rows(change.rank),
        silent=np.array(found.silent),
        error=np.inf,
        radius=np.full(change.rank, np.inf),
    )
    try:
        proof = SilentProof(claims, weights)
    except ValueError:
        return Certificate((), (_OPEN,))
    size = change.noise * (np.sqrt(len(trained)) + np.sqrt(trained.shape[1]))
    error = float(_NOISE * max(size, proof.outside))
    radius = proof.radii(error) * _ABOVE
    claims = replace(claims, error=error, radius=radius)
    if not np.any(np.isfinite(radius)):
        return Certificate((), (_OPEN,))
    with ball_precision():
        z = near_floats(exact_matrix(claims.duals.T).inv()) @ claims.basis.T
    centres = z / np.linalg.norm(z, axis=1, keepdims=True)
    shown = radius + centre_rounding(change.rank)
    content = {"kind": "relu", "weights": weights_digest(weights), **_content(claims)}
    return Certificate(
        said_of_silent_rows(claims), (_SEARCH,), centres, shown, everywhere=False, content=content
    )


def _content(claims: SilentClaims) -> dict[str, Any]:
    return {
        "decay": as_hex(claims.decay),
        "basis": as_hex(claims.basis),
        "duals": as_hex(claims.duals),
        "silent": [np.flatnonzero(rows).tolist() for rows in claims.silent],
        "error": as_hex(claims.error),
        "radius": as_hex(claims.radius),
    }


_INCOMPLETE = (
    "The samples stay numerical: the linear system needs the duals of all of them, and not all "
    "were found."
)
_OPEN = (
    "The samples stay numerical: the linear system of the duals does not close, since rows or "
    "samples are too nearly dependent for the noise."
)
_SEARCH = (
    "Which rows each sample left alone stays numerical, and with it the verdict: the search found "
    "them, and the hypotheses say what would make them accidents."
)
