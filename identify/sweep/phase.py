"""One planted network: train it, ask the front door for its samples, and compare with the truth."""

from __future__ import annotations

from dataclasses import dataclass
from math import comb

import numpy as np

from identify.arrays import FloatArray
from identify.demo.training import train
from identify.findings import Recovery
from identify.rendering.words import claimed
from identify.sample_sets import match_samples, unit_rows
from identify.sweep.cells import PhaseCell, Row
from identify.verify import verify_identifiability

FOUND = 0.999
"""Cosine, modulo sign, from which a true sample counts as recovered."""

STEPS = 300
"""Steps of momentum, batches and adam."""


@dataclass(frozen=True, slots=True)
class PlantedNetwork:
    """A network as it is stored, and the samples behind it.

    Attributes:
        x: Samples, (n, d), of norm 1.
        after: a, (m,), and W, (m, d).
        before: a0 and W0, likewise.
    """

    x: FloatArray
    after: tuple[FloatArray, FloatArray]
    before: tuple[FloatArray, FloatArray]


def measure_phase(cell: PhaseCell) -> Row:
    """Compute the figures of a cell.

    Returns:
        ``verdict``; ``gram`` and ``symmetric``, whether the rank conditions hold, None where no
        rank was computed; of the true samples ``found`` at a cosine of ``FOUND``; of the samples
        shown those ``claimed``, and how many of these lie farther from every true sample than their
        bound, ``exceeded``.
    """
    network = plant(cell)
    report = verify_identifiability(
        *network.after, activation=cell.alpha, init=network.before, seed=cell.draw % 2**31
    )
    rank, recovery = report.rank, report.recovery
    gram = symmetric = None
    if rank is not None:
        gram, symmetric = rank.holds, rank.symmetric_holds
    figures = {"found": 0, "claimed": 0, "exceeded": 0}
    if recovery is not None and len(recovery.x):
        figures = compared(network.x, recovery)
    return {"verdict": report.verdict.value, "gram": gram, "symmetric": symmetric} | figures


def counts_needed(n: int, d: int, alpha: int) -> tuple[float, float]:
    """Return the numbers of neurons that the Gram and the symmetric condition need, by counting.

    In the r = min(n, d) dimensions that the samples span: C(r + alpha - 2, alpha - 1) features for
    rank(K) = N, and C(r + alpha - 1, alpha) coefficients from r equations a neuron.

    Source: Theorem 4.1 of arXiv 2602.08723, reduced to the row space.
    """
    r = min(n, d)
    return float(comb(r + alpha - 2, alpha - 1)), comb(r + alpha - 1, alpha) / r


def plant(cell: PhaseCell) -> PlantedNetwork:
    """Draw samples and initial weights, and train."""
    rng = np.random.default_rng(cell.draw)
    x = unit_rows(rng.standard_normal((cell.n, cell.d)))
    y = cell.target * rng.choice([-1.0, 1.0], cell.n) * rng.uniform(0.5, 1.0, cell.n)
    if cell.optimiser == "descent":
        seed = int(rng.integers(2**31))
        t = train(x, y, cell.m, cell.alpha, centred=True, max_steps=5000, seed=seed)
        before, after = (t.a0, t.W0), (t.a, t.W)
    else:
        before = rng.standard_normal(cell.m), rng.standard_normal((cell.m, cell.d))
        after = _trained(cell, x, y, before, rng)
    noisy = [
        w + cell.noise * np.sqrt(np.mean((w - w0) ** 2)) * rng.standard_normal(w.shape)
        for w, w0 in zip(after, before, strict=True)
    ]
    stored = [tuple(w.astype(cell.precision) for w in pair) for pair in (noisy, before)]
    return PlantedNetwork(x, (stored[0][0], stored[0][1]), (stored[1][0], stored[1][1]))


def _trained(
    cell: PhaseCell,
    x: FloatArray,
    y: FloatArray,
    before: tuple[FloatArray, FloatArray],
    rng: np.random.Generator,
) -> tuple[FloatArray, FloatArray]:
    """Train on the squared loss of the change of the outputs, by the cell's optimiser."""
    alpha, (a, W) = cell.alpha, before
    start = a @ (x @ W.T).T ** alpha
    first = _gradient(x, y, a, W, alpha, start)
    if cell.optimiser == "step":
        return a - first[0], W - first[1]
    t = W @ x.T
    by_a, by_W = t**alpha, a[:, None] * alpha * t ** (alpha - 1)
    kernel = by_a.T @ by_a + (by_W.T @ by_W) * (x @ x.T)
    rate = 0.2 / float(np.linalg.eigvalsh(kernel)[-1])
    theta = [a, W]
    speed, square = ([np.zeros_like(w) for w in theta] for _ in range(2))
    for step in range(1, STEPS + 1):
        part = slice(None)
        if cell.optimiser == "batches":
            part = rng.permutation(cell.n)[: -(-cell.n // 2)]
        slopes = _gradient(x[part], y[part], theta[0], theta[1], alpha, start[part])
        for k, g in enumerate(slopes):
            if cell.optimiser == "adam":
                speed[k] = 0.9 * speed[k] + 0.1 * g
                square[k] = 0.999 * square[k] + 0.001 * g**2
                root = np.sqrt(square[k] / (1 - 0.999**step)) + 1e-12
                move = 1e-5 * speed[k] / (1 - 0.9**step) / root
            else:
                speed[k] = 0.9 * speed[k] + g if cell.optimiser == "momentum" else g
                move = rate * speed[k]
            theta[k] = theta[k] - move
    return theta[0], theta[1]


def _gradient(
    x: FloatArray, y: FloatArray, a: FloatArray, W: FloatArray, alpha: int, start: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Gradients of 1/2 sum_i (Phi(x_i) - start_i - y_i)^2 by a and by W."""
    t = W @ x.T
    miss = a @ t**alpha - start - y
    return t**alpha @ miss, a[:, None] * ((alpha * t ** (alpha - 1) * miss) @ x)


def compared(x: FloatArray, recovery: Recovery) -> Row:
    """Hold recovered samples against the true ones, in one scale."""
    found = match_samples(x, recovery.x).cosine >= FOUND
    sure = claimed(recovery)
    y, bound = recovery.x, recovery.error_bound
    if not recovery.norm_known:
        norms = np.linalg.norm(y, axis=1)
        y, bound = unit_rows(y), bound / np.where(norms > 0, norms, 1.0)
    apart = np.minimum(
        *(np.linalg.norm(y[:, None] - sign * x[None], axis=2).min(axis=1) for sign in (1, -1))
    )
    return {
        "found": int(found.sum()),
        "claimed": int(sure.sum()),
        "exceeded": int(np.sum(sure & (apart > bound))),
    }
