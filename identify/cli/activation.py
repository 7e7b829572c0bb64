"""The activation of a command: numbers on the command line."""

from __future__ import annotations

from collections.abc import Sequence

from identify.equations.activation import Polynomial, parse_activation


def polynomial_of(words: Sequence[str]) -> Polynomial:
    """Read one integer alpha for t^alpha, or c_0 ... c_alpha; ValueError for anything else."""
    found = " ".join(words)
    try:
        numbers = [float(word) for word in words]
    except ValueError:
        numbers = []
    if not numbers or (len(numbers) == 1 and not numbers[0].is_integer()):
        raise ValueError(f"--activation: found {found}; pass one integer, c_0 ... c_alpha or relu")
    return parse_activation(numbers if len(numbers) > 1 else int(numbers[0]))
