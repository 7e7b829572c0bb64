"""Recovery on real images and exact KKT points: every figure of the README's table, measured.

Run ``uv run python benchmarks/recovery.py [CASE ...]``. Each case trains (or synthesises) a
network,
verifies its weights alone, and compares with the truth. A line a case; all figures go to
``benchmarks/results/recovery.json``.
"""

from __future__ import annotations

import json
import platform
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from identify import IdentifiabilityReport, KKTPoint, synthesize_kkt, verify_identifiability
from identify.arrays import FloatArray
from identify.demo.data import digits, photographs
from identify.demo.training import Trained, train
from identify.equations.activation import Polynomial, parse_activation

Figures = dict[str, Any]
CUBIC = parse_activation(3)


def labels(n: int) -> FloatArray:
    """Return alternating labels.

    Args:
        n: Number of samples.

    Returns:
        -1, 1, -1, ... (n,).
    """
    return np.where(np.arange(n) % 2, 1.0, -1.0)


def compare(report: IdentifiabilityReport, x: FloatArray, seconds: float) -> Figures:
    """Compare a report with the truth, modulo permutation, sign and unknown norms.

    Args:
        report: The report.
        x: True samples, (n, d).
        seconds: Time of the verification.

    Returns:
        The figures.
    """
    figures: Figures = {"verdict": str(report.verdict), "seconds": round(seconds, 2), "n": len(x)}
    figures["hypotheses"] = list(report.hypotheses)
    if report.rank is not None:
        figures["gram"] = f"{report.rank.rank}/{report.rank.N}"
        figures["symmetric"] = f"{report.rank.symmetric_rank}/{report.rank.symmetric_dimension}"
    recovery = report.recovery
    if recovery is None:
        return figures
    truth, found = x, recovery.x
    if not recovery.norm_known:
        truth = x / np.linalg.norm(x, axis=1, keepdims=True)
    cosine = (found / np.linalg.norm(found, axis=1, keepdims=True)) @ (
        truth / np.linalg.norm(truth, axis=1, keepdims=True)
    ).T
    nearest = np.argmax(np.abs(cosine), axis=1)
    sign = np.sign(cosine[np.arange(len(found)), nearest])
    distance = np.linalg.norm(found - sign[:, None] * truth[nearest], axis=1)
    best = np.abs(cosine).max(axis=0)
    norms = np.linalg.norm(truth, axis=1)
    claimed = recovery.error_bound < 0.1 * np.linalg.norm(found, axis=1)
    figures |= {
        "residual": recovery.residual,
        "one_minus_worst_cosine": float(max(0.0, 1 - best.min())),
        "above_0.99": int(np.sum(best > 0.99)),
        "above_0.9999": int(np.sum(best > 0.9999)),
        "claimed": int(claimed.sum()),
        "worst_claimed_bound": float(recovery.error_bound[claimed].max())
        if claimed.any()
        else None,
        "largest_distance_over_bound": float(np.max(distance / recovery.error_bound)),
        "norm_known": recovery.norm_known,
    }
    if recovery.norm_known:
        figures["worst_relative_error"] = float(np.max(distance / norms[nearest]))
    return figures


def timed(
    network: Trained | tuple[FloatArray, FloatArray], x: FloatArray, **options: Any
) -> Figures:
    """Verify a network and compare with the truth.

    Args:
        network: Trained weights with their initial ones, or (a, W).
        x: True samples.
        **options: Passed to :func:`verify_identifiability`.

    Returns:
        The figures.
    """
    if isinstance(network, Trained):
        options.setdefault("init", (network.a0, network.W0))
        a, W = network.a, network.W
    else:
        a, W = network
    start = time.perf_counter()
    report = verify_identifiability(a, W, **options)
    figures = compare(report, x, time.perf_counter() - start)
    if isinstance(network, Trained):
        figures |= {"steps": network.steps, "fit": network.fit}
        moved = network.W - network.W0
        figures["movement"] = float(np.linalg.norm(moved) / np.linalg.norm(network.W0))
    return figures


def digits_case(n: int, m: int, *, centred: bool, seed: int = 0) -> Figures:
    """Known initialisation, cubic, digits, plain gradient descent to fit 1e-9.

    Args:
        n: Number of digits.
        m: Number of neurons.
        centred: Lazier training, on the change of the outputs.
        seed: Draws digits and initial weights.

    Returns:
        The figures.
    """
    x = digits(n, seed)
    return timed(train(x, labels(n), m, CUBIC, centred=centred, seed=seed), x, seed=seed)


def photographs_case(target: float, scale: float, steps: int) -> Figures:
    """Known initialisation, cubic, 100 patches of 16 x 16 x 3, 7000 neurons.

    Args:
        target: Size of the targets.
        scale: Standard deviation of the initial first layer.
        steps: Steps of gradient descent.

    Returns:
        The figures.
    """
    x = photographs(100)
    y = target * labels(100)
    return timed(train(x, y, 7000, CUBIC, centred=True, scale=scale, max_steps=steps), x)


def one_step() -> Figures:
    """One exact gradient step.

    Returns:
        The figures.
    """
    x = digits(20)
    return timed(train(x, labels(20), 600, CUBIC, max_steps=1), x)


def quartic() -> Figures:
    """Degree 4, known initialisation, 8 digits.

    Returns:
        The figures.
    """
    x = digits(8)
    network = train(x, labels(8), 600, parse_activation(4), centred=True, rate=0.3)
    return timed(network, x, activation=4)


def with_norms() -> Figures:
    """A cubic polynomial with lower degrees fixes the norms; digits of norms 0.6 to 1.4.

    Returns:
        The figures.
    """
    coefficients = (0.0, 1.0, 0.5, 0.3)
    x = digits(10) * np.linspace(0.6, 1.4, 10)[:, None]
    network = train(x, labels(10), 800, Polynomial(coefficients), centred=True)
    return timed(network, x, activation=coefficients)


def random_features() -> Figures:
    """Frozen first layer, cubic, n = 7 in d = 10, m = 400.

    Returns:
        The figures.
    """
    x = np.random.default_rng(0).standard_normal((7, 10))
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    network = train(x, labels(7), 400, CUBIC, train_hidden=False)
    return timed(network, x, init=(network.a0, None))


def kkt_point(n: int, d: int, alpha: int) -> tuple[FloatArray, KKTPoint]:
    """Write an exact KKT point with two neurons on every direction, samples of both classes.

    Args:
        n: Number of samples.
        d: Input dimension.
        alpha: Degree.

    Returns:
        The samples, (n, d), and the point.
    """
    rng = np.random.default_rng(3)
    x = np.linalg.qr(rng.standard_normal((d, n)))[0].T * rng.uniform(0.8, 1.25, n)[:, None]
    return x, synthesize_kkt(x, labels(n).astype(int), alpha, multiplicities=2, seed=5)


def kkt(n: int, d: int, alpha: int, **options: Any) -> Figures:
    """Verify an exact KKT point.

    Args:
        n: Number of samples.
        d: Input dimension.
        alpha: Degree.
        **options: Passed to :func:`verify_identifiability`.

    Returns:
        The figures; b is compared too.
    """
    x, point = kkt_point(n, d, alpha)
    figures = timed((point.a, point.W), x, activation=alpha, **options)
    recovery = verify_identifiability(point.a, point.W, activation=alpha, **options).recovery
    if recovery is not None and recovery.norm_known:
        cosine = np.abs(recovery.x @ x.T)
        order = cosine.argmax(axis=0)
        error = np.abs(np.abs(recovery.b[order]) / np.abs(point.b) - 1)
        figures["worst_relative_error_of_b"] = float(error.max())
    return figures


CASES: dict[str, Callable[[], Figures]] = {
    "digits n=20 m=600": lambda: digits_case(20, 600, centred=True),
    "digits n=40 m=2000": lambda: digits_case(40, 2000, centred=True),
    "digits n=20 m=1000, ordinary training": lambda: digits_case(20, 1000, centred=False),
    "digits n=10 m=45 (symmetric)": lambda: digits_case(10, 45, centred=True),
    "photographs, targets 1/1000": lambda: photographs_case(1e-3, 1.0, 1000),
    "photographs, targets 1": lambda: photographs_case(1.0, 1.0, 1000),
    "photographs, targets 1, smaller weights": lambda: photographs_case(1.0, 0.36, 1000),
    "one gradient step": one_step,
    "degree 4 n=8": quartic,
    "cubic polynomial, norms": with_norms,
    "random features n=7 d=10 m=400": random_features,
    "KKT alpha=3 r=5 d=12": lambda: kkt(5, 12, 3),
    "KKT alpha=3 r=5 d=12, margin=1": lambda: kkt(5, 12, 3, margin=1.0),
    "KKT alpha=5 r=4, margin=1": lambda: kkt(4, 9, 5, margin=1.0),
}


def main(names: list[str]) -> None:
    """Run the cases whose names start with one of the given words, or all.

    Args:
        names: Words.
    """
    out = Path(__file__).parent / "results" / "recovery.json"
    out.parent.mkdir(exist_ok=True)
    results = json.loads(out.read_text())["cases"] if out.exists() else {}
    for name, case in CASES.items():
        if names and not any(name.startswith(word) for word in names):
            continue
        results[name] = case()
        results = {known: results[known] for known in CASES if known in results}
        print(name, json.dumps(results[name]), flush=True)
        machine = {"processor": platform.machine(), "numpy": np.__version__}
        out.write_text(json.dumps({"machine": machine, "cases": results}, indent=1) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
