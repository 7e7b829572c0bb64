"""The arguments of ``synthesize_kkt``, checked; directions are in ``patterns``."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from identify.arrays import FloatArray, IntArray
from identify.equations.activation import MAX_DEGREE


def check_labelled_samples(X: ArrayLike, labels: ArrayLike) -> tuple[FloatArray, IntArray]:
    """Return independent samples (n, d) and labels (n,) in {-1, +1}; ValueError if malformed."""
    try:
        x, y = np.array(X, dtype=np.float64), np.array(labels, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"X, labels: found no arrays of numbers ({error}); pass (n, d) and (n,) array-likes"
        ) from error
    if x.ndim != 2 or 0 in x.shape:
        raise ValueError(f"X: found shape {x.shape}; pass the samples as rows of an (n, d) array")
    if not np.isfinite(x).all():
        raise ValueError("X: found NaN or infinity; pass finite samples")
    if y.shape != (len(x),):
        raise ValueError(f"labels: found shape {y.shape}; pass {len(x)} labels, one per row of X")
    if not np.isin(y, (-1, 1)).all():
        raise ValueError(f"labels: found {sorted(set(y.tolist()))}; pass -1 or +1 for each sample")
    norms = np.linalg.norm(x, axis=1)
    rank = np.linalg.matrix_rank(x / norms[:, None], tol=1e-6) if norms.all() else 0
    if rank < len(x):
        found = f"{len(x)} rows of rank {rank}" if norms.all() else "a row of zeros"
        raise ValueError(f"X: found {found}; pass linearly independent samples (so n <= d)")
    return x, y.astype(np.int64)


def check_degree(alpha: object, leading: float) -> tuple[int, float]:
    """Return degree and leading coefficient of the activation; ValueError if one is unusable."""
    if not isinstance(alpha, int | np.integer) or isinstance(alpha, bool):
        raise ValueError(f"alpha: found {alpha!r}; pass an int from 1 to {MAX_DEGREE}")
    if not 1 <= alpha <= MAX_DEGREE:
        raise ValueError(f"alpha: found {alpha!r}; pass an int from 1 to {MAX_DEGREE}")
    if not np.isfinite(leading) or leading == 0:
        raise ValueError(f"leading: found {leading}; pass a finite coefficient other than 0")
    return int(alpha), float(leading)


def check_multiplicities(multiplicities: ArrayLike | None, count: int) -> IntArray:
    """Return the neurons on each of ``count`` directions, (count,).

    Raises:
        ValueError: If they are malformed; says what to pass.
    """
    q = np.array(1 if multiplicities is None else multiplicities)
    if q.dtype.kind not in "iu" or (q < 0).any():
        raise ValueError(f"multiplicities: found {q.tolist()}; pass non-negative ints")
    if q.ndim and q.shape != (count,):
        raise ValueError(
            f"multiplicities: found shape {q.shape}; pass one int, or {count}, one per direction"
        )
    q = np.broadcast_to(q, (count,)).astype(np.int64)
    if not q.any():
        raise ValueError("multiplicities: found no neuron at all; pass a positive int somewhere")
    return q
