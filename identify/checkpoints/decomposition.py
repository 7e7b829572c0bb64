"""A change of weights taken apart: W_T = rho W_0 + C X + E, decay and spectrum found in turn."""

from __future__ import annotations

from dataclasses import dataclass, replace

from identify.arrays import Float64, FloatArray
from identify.checkpoints.decay import decay_factor, refined
from identify.checkpoints.spectrum import Spectrum, spectrum

_SAMPLED = 768
"""The decay factor is first estimated from this many rows at most."""

_ROUNDS = 2
"""Rounds of decay factor and spectrum in turn, once there is a gap."""


@dataclass(frozen=True, slots=True)
class Decomposition:
    """What a change of weights shows.

    Attributes:
        spectrum: Of W_T - rho W_0.
        decay: Factor rho of the initial weights; 1 without decay or where none is seen.
        plain: Spectrum of W_T - W_0, the same where nothing decayed.
    """

    spectrum: Spectrum
    decay: float
    plain: Spectrum

    def undecayed(self) -> Spectrum:
        """Return the spectrum of W_T / rho - W_0: lengths divided by rho, directions the same."""
        found, rho = self.spectrum, self.decay
        return replace(
            found, values=found.values / rho, noise=found.noise / rho, edge=found.edge / rho
        )


def taken_apart(
    change: Float64[FloatArray, "h d"],
    initial: Float64[FloatArray, "h d"],
    size: float,
    precision: float,
    *,
    of_records: bool = True,
    head: bool = False,
) -> Decomposition:
    """Alternate between decay factor and spectrum; without a gap the decay is only an estimate.

    Args:
        change: W_T - W_0.
        initial: W_0.
        size: Root mean square of the entries of both.
        precision: The eps of the type they are stored in.
        of_records: As for ``spectrum``: whether rounding has to explain the noise.
        head: Whether the part of the spectra above their gap will do.

    Returns:
        Decay factor and spectrum.

    Source: mathematics.md, section 8.
    """
    trained, rho = initial + change, 1.0

    def found_in(changed: FloatArray) -> Spectrum:
        return spectrum(changed, size, precision, of_records=of_records, head=head)

    plain = found = found_in(change)
    if found.rank is None:  # most people do not decay, and less than the noise is left to the end
        rho = decay_factor(trained[:_SAMPLED], initial[:_SAMPLED])
        if rho != 1.0:
            found = found_in(change + (1 - rho) * initial)
    for _ in range(_ROUNDS):
        if found.rank is None:
            break
        U, V = found.left[:, : found.rank], found.right[: found.rank].T
        before, rho = rho, refined(trained, initial, U, V, rho)
        if abs(rho - before) <= 1e-3 * precision:
            break
        found = found_in(change + (1 - rho) * initial)
    return Decomposition(found, rho, plain)
