"""Checks a certificate of samples: the claims, the theorems behind them, the sentence they make."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from identify.arrays import FloatArray
from identify.checker.arithmetic import SLACK, ball_precision, ceiling_text, floor_text
from identify.checker.ball_equations import BallEquations, ball_equations
from identify.checker.everywhere import farthest_sets
from identify.checker.linearised import Linearisation, linearise
from identify.checker.neighbourhood import Enclosure, enclose_samples

LARGEST = 1700
"""Largest number of unknowns for which balls are computed (some minutes)."""


@dataclass(frozen=True, slots=True)
class SampleClaims:
    """What a certificate of samples claims.

    Attributes:
        setting: "kkt", "known-init" or "random-features".
        coefficients: c_0, ..., c_alpha of sigma.
        base: known-init: 0 for the initial weights, 1/2 for the midpoint.
        decay: known-init: rho.
        basis: B, (d, r), or None for the identity.
        samples: z_i, (n, r): for sigma = c t^alpha those of |b_i|^(1/alpha) x_i.
        signed_weights: b_i, (n,): for sigma = c t^alpha their signs.
        error: eps, the norm that the equations are taken to miss by at most.
        share: The neighbourhood holds sets whose samples are within this share of |z_i|.
        radius: Radius of each ball, (n,), inf where none is claimed.
        everywhere: Whether the balls hold all sets of at most n samples, wherever they are.
    """

    setting: str
    coefficients: tuple[float, ...]
    base: float
    decay: float
    basis: FloatArray | None
    samples: FloatArray
    signed_weights: FloatArray
    error: float
    share: float
    radius: FloatArray
    everywhere: bool

    @property
    def centres(self) -> FloatArray:
        """The centres of the balls, (n, d)."""
        return self.samples if self.basis is None else self.samples @ self.basis.T


class SampleProof:
    """The theorems of this room, applied to one set of samples."""

    equations: BallEquations
    linear: Linearisation | None

    def __init__(self, claims: SampleClaims, weights: Mapping[str, FloatArray]) -> None:
        """Write the equations and linearise them."""
        z, b = claims.samples, claims.signed_weights
        with ball_precision():
            self.equations = ball_equations(
                weights, claims.setting, claims.coefficients, claims.base, claims.decay
            )
            self.linear = linearise(self.equations, claims.basis, z, b)
        self.z, self.b = z, b

    @property
    def miss(self) -> float:
        """A bound on |F| at the samples, all equations together; inf where nothing is known."""
        if self.linear is None:
            return np.inf
        return float(np.hypot(self.linear.miss * self.linear.stretch, self.linear.outer_miss))

    def near(self, error: float, share: float) -> Enclosure | None:
        """Enclose the sets in a neighbourhood that miss the equations by at most an error.

        All of them lie in balls that are proved first, and in the smaller ones that follow from
        the smaller neighbourhood which those need.

        Returns:
            What is proved; None where the equations have no inverse in balls.
        """
        if self.linear is None:
            return None
        found = self._enclosed(error, share)
        if not found.whole:
            return found
        smaller = float(np.max(found.radius / np.linalg.norm(self.z, axis=1))) * SLACK
        inner = self._enclosed(error, smaller) if smaller < share else found
        return Enclosure(inner.radius, share, whole=True) if inner.whole else found

    def reach(self, error: float) -> float:
        """Return the share within which all sets of at most n samples lie, inf where unknown."""
        if self.linear is None:
            return np.inf
        with ball_precision():
            found = farthest_sets(self.equations, self.linear, self.z, self.b, error=error)
        if found is None:
            return np.inf
        return float(np.max(np.maximum(*found) / np.linalg.norm(self.z, axis=1))) * SLACK

    def _enclosed(self, error: float, share: float) -> Enclosure:
        assert self.linear is not None
        with ball_precision(), np.errstate(all="ignore"):
            return enclose_samples(
                self.equations, self.linear, self.z, self.b, error=error, share=share
            )


def check_sizes(claims: SampleClaims, weights: Mapping[str, FloatArray]) -> None:
    """Refuse sizes at which a bound in float64 could leave its range, squared and at degree 16.

    Raises:
        ValueError: If there are any; names them.
    """
    sizes = {name: np.abs(values).max(keepdims=True) for name, values in weights.items()}
    sizes["samples"] = np.linalg.norm(claims.samples, axis=1)
    sizes["signed_weights"] = np.abs(claims.signed_weights)
    sizes["activation"] = np.abs([c for c in claims.coefficients if c])
    for name, found in sizes.items():
        if not np.all((found > 1e-8) & (found < 1e4)):
            raise ValueError(f"{name}: found sizes outside 1e-8..1e4, which are not checked")
    if not any(claims.coefficients[:-1]) and not np.all(np.abs(claims.signed_weights) == 1):
        raise ValueError("signed_weights: found others than 1 and -1 for a power activation")


def check_samples(claims: SampleClaims, weights: Mapping[str, FloatArray]) -> tuple[str, ...]:
    """Prove the claims for the weights.

    Args:
        claims: What is claimed.
        weights: Float arrays a (m,), W (m, d) and, where known, a0, W0.

    Returns:
        What is proved, as sentences.

    Raises:
        ValueError: If a claim is not proved; names it.
    """
    n = len(claims.samples)
    if claims.samples.size + n > LARGEST:
        raise ValueError(f"samples: found {claims.samples.size} unknowns; at most {LARGEST}")
    proof = SampleProof(claims, weights)
    if proof.linear is None:
        raise ValueError("samples: the equations there have no inverse in ball arithmetic")
    found = proof.near(claims.error, claims.share)
    assert found is not None
    short = np.flatnonzero(found.radius > claims.radius)
    if len(short):
        raise ValueError(
            f"radius: sample {short[0] + 1} is proved to {found.radius[short[0]]:.3g}, not to "
            f"{claims.radius[short[0]]:.3g}"
        )
    if claims.everywhere and not (found.whole and proof.reach(claims.error) <= claims.share):
        raise ValueError("everywhere: other sets of samples are not excluded by this proof")
    return said_of_samples(claims, proof)


def said_of_samples(claims: SampleClaims, proof: SampleProof) -> tuple[str, ...]:
    """Say what a proved certificate of samples means, figures rounded to the safe side."""
    n, lengths = len(claims.samples), np.linalg.norm(claims.centres, axis=1)
    sure = np.isfinite(claims.radius)
    error, whole = floor_text(claims.error), bool(sure.all())
    free = any(claims.coefficients[:-1])
    sentences = [
        (
            f"{_equations(claims)} The Euclidean norm of what the samples of the certificate leave "
            f"of them is at most {ceiling_text(proof.miss)}. "
            f"The balls are {_FREE if free else _POWER}."
        )
    ]
    worst = float(np.max(claims.radius[sure] / lengths[sure])) if sure.any() else np.inf
    which = f"All {n}" if whole else f"{int(sure.sum())} of {n}"
    near = f"within a share {floor_text(claims.share)} of |x_i| from that of the certificate"
    near += "" if free else ", with the sign of its b_i"
    inside = f"a ball of radius at most {ceiling_text(worst)} |x_i| around that of the certificate"
    if sure.any():
        sentences.append(
            f"{which} samples: in every set of {n} samples, each {near}, that misses these "
            f"equations by at most {error}, each lies in {inside}."
        )
    if whole:
        sentences.append(
            f"No two different sets of {n} samples, each {near}, give the same "
            "left-hand sides, and the equations, combined to as many as there are unknowns by an "
            "approximate inverse of their derivative, have exactly one solution there, which lies "
            "in these balls."
        )
    if claims.everywhere:
        sentences.append(
            f"Wherever they are: every set of at most {n} samples that misses these equations by "
            f"at most {error} has {n} samples, which lie in these balls in some order and with "
            "some signs."
        )
    return tuple(sentences)


def _equations(claims: SampleClaims) -> str:
    listed = enumerate(claims.coefficients)
    sigma = " + ".join(f"{c:.17g} t^{k}" for k, c in listed if c)
    where = "at the initial weights (w_j, s_j) = (W0_j, a0_j)"
    if claims.base:
        where = (
            "at (w_j, s_j) half way from the initial weights to the final ones over rho (s_j = "
            "a0_j if a = a0)"
        )
    door = _DOORS[claims.setting].format(rho=f"{claims.decay:.17g}", where=where)
    return (
        f"The equations are those of the weights as stored, taken as exact numbers: {door}, "
        f"P(w) = sum_i b_i sigma(x_i.w), sigma(t) = {sigma}."
    )


_DOORS = {
    "kkt": "a_j grad P(W_j) = W_j",
    "known-init": "s_j grad P(w_j) = W_j / rho - W0_j, rho = {rho}, {where}",
    "random-features": "P(W_j) = a_j - a0_j",
}

_POWER = "those of |b_i|^(1/alpha) x_i, called x_i in what follows, with b_i = 1 or -1"
_FREE = (
    "those of x_i with one more coordinate, b_i over the power of two nearest (as a ratio) to "
    "|b_i| / |x_i| of the certificate; distances are with it, lengths |x_i| without it"
)
