"""Full sentences on what a change of weights shows, and why it may show nothing."""

from __future__ import annotations

import numpy as np

from identify.checkpoints.folding import Folded
from identify.checkpoints.spectrum import Spectrum

_UNRELATED = 0.5
"""Below this cosine the initial weights are said to be others."""

_ASSUMED = (
    "Records whose gradient stayed below the noise at every step leave no trace, and the span is "
    "that of the gradients: a low-rank adapter or a layer without activation has its own."
)


def with_gap(found: Spectrum, folded: Folded, rho: float) -> tuple[str, ...]:
    """Say what was found where there is a gap, and on what it rests."""
    noise = f"{found.noise / folded.size:.1e} of the weights, as rounding leaves"
    decay = "did not decay" if rho == 1 else f"decayed by the factor {rho:.9f}"
    reasons = [
        (
            f"Singular values {found.rank} and {(found.rank or 0) + 1} differ by a factor "
            f"{found.gap:.0f}; below lies flat noise of {noise}."
        ),
        f"The initial weights {decay}.",
        _ASSUMED,
    ]
    if not folded.whole:
        reasons.append(f"Rows were summed with random signs to {len(folded.change)}.")
    return tuple(reasons)


def without_gap(found: Spectrum, folded: Folded) -> tuple[str, ...]:
    """Say why there is no gap, and what may be behind it."""
    B, A = folded.initial, folded.initial + folded.change
    sizes = float(np.linalg.norm(A) * np.linalg.norm(B))
    cosine = float(np.sum(A * B)) / sizes if sizes > 0 else 1.0
    if cosine < _UNRELATED:
        why = (
            f"The weights have cosine {cosine:.2f} with the initial ones: are they of this run? "
            "Adam may also move them so far."
        )
    elif not folded.change.any():
        return found.reasons
    else:
        why = (
            "As many records as dimensions, inputs that are nearly dependent, an optimiser such as "
            "Adam, added noise or other initial weights leave no gap."
        )
    return (*found.reasons, why)
