"""The two-sided rank of a matrix of floats, checked from a witness in a few lines.

From below a minor that is not 0 modulo a prime. From above an integer kernel: K independent columns
with M K = 0 leave a matrix of n columns the rank n - K.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from identify.arrays import FloatArray, IntArray
from identify.checker.modular import float_residues, independent_minor, is_usable_prime


@dataclass(frozen=True, slots=True)
class RankWitness:
    """What proves a rank; indices count from 0.

    Attributes:
        prime: The prime.
        rows: Rows of the minor, increasing.
        columns: Its columns, increasing.
        kernel: Integer columns in the kernel of the matrix, one tuple each; empty where the rank
            from above is the smaller side of the matrix.
        transposed: Whether the kernel is that of the transposed matrix.
    """

    prime: int
    rows: tuple[int, ...]
    columns: tuple[int, ...]
    kernel: tuple[tuple[int, ...], ...] = ()
    transposed: bool = False


def check_rank(matrix: FloatArray, witness: RankWitness) -> tuple[int, int]:
    """Check a witness against a matrix in exact arithmetic.

    Args:
        matrix: Finite floats, (m, n), taken as the rational numbers they are.
        witness: The witness.

    Returns:
        Lower and upper end of the rank.

    Raises:
        ValueError: If the witness does not prove what it says; names what is wrong.
    """
    p, m, n = witness.prime, *matrix.shape
    if not is_usable_prime(p):
        raise ValueError(f"prime: found {p}; a witness needs an odd prime below 2^23")
    rows = _indices("rows", witness.rows, m)
    columns = _indices("columns", witness.columns, n)
    if len(rows) != len(columns):
        raise ValueError(f"rows, columns: found {len(rows)} and {len(columns)}; a minor is square")
    minor = float_residues(matrix[np.ix_(rows, columns)], p)
    if len(independent_minor(minor, p)[0]) < len(rows):
        raise ValueError(f"rows, columns: found a minor that is 0 modulo {p}; it proves nothing")
    upper = min(m, n)
    if witness.kernel:
        upper = _kernel_bound(matrix.T if witness.transposed else matrix, witness)
    if upper < len(rows):
        raise ValueError("kernel: found more columns than the minor leaves room for")
    return len(rows), upper


def exact_integers(matrix: FloatArray) -> list[list[int]]:
    """Write finite floats as integers over one common power of two."""
    mantissa, exponent = np.frexp(matrix)
    numerators = (mantissa * 2.0**53).astype(np.int64).astype(object)
    used = exponent[mantissa != 0]
    lowest = int(used.min()) if used.size else 0
    shifts = np.where(mantissa != 0, exponent - lowest, 0).astype(object)
    return (numerators * 2**shifts).tolist()


def _kernel_bound(matrix: FloatArray, witness: RankWitness) -> int:
    from flint import fmpz_mat

    n, kernel, p = matrix.shape[1], witness.kernel, witness.prime
    if any(len(column) != n for column in kernel):
        raise ValueError(f"kernel: found columns of another length than {n}")
    M, K = fmpz_mat(exact_integers(matrix)), fmpz_mat([list(column) for column in kernel])
    if any((M * K.transpose()).entries()):
        raise ValueError("kernel: found a column that the matrix does not take to 0")
    residues = np.array([[int(t) % p for t in column] for column in kernel], dtype=np.float64)
    if len(independent_minor(residues, p)[0]) < len(kernel):
        raise ValueError(f"kernel: found columns that are dependent modulo {p}")
    return n - len(kernel)


def _indices(name: str, indices: tuple[int, ...], length: int) -> IntArray:
    found = np.array(indices, dtype=np.int64)
    if len(found) and (found.min() < 0 or found.max() >= length or np.any(np.diff(found) <= 0)):
        raise ValueError(f"{name}: found indices outside 0..{length - 1}, repeated or unordered")
    return found
