"""How long certificates take: proved by ``certify=True``, and proved anew by the checker.

uv run python benchmarks/certificate_times.py [ROW ...]
"""

from __future__ import annotations

import json
import platform
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from recovery import kkt_point

from identify import (
    IdentifiabilityReport,
    check_rank,
    rank_bounds,
    verify_identifiability,
    verify_network,
)
from identify.checker.check import check_certificate
from identify.checker.file_format import certificate_text
from identify.demo.data import digits

RECORD = Path(__file__).parent / "results" / "certificate_times.json"


def rank() -> dict[str, Any]:
    """A random matrix of 2,925 rows and columns."""
    M = np.random.default_rng(0).standard_normal((2925, 2925))
    start = time.process_time()
    bounds = rank_bounds(M)
    middle = time.process_time()
    assert bounds.witness is not None
    assert check_rank(M, bounds.witness) == (2925, 2925)
    end = time.process_time()
    return {"rank": [*bounds], "certify_s": middle - start, "check_s": end - middle}


def cubic_digits() -> dict[str, Any]:
    """20 digits, one gradient step of a cubic network of 600 neurons."""
    x, rng = digits(20, seed=1), np.random.default_rng(0)
    W0, a0 = rng.standard_normal((600, 64)), rng.standard_normal(600)
    t, b = W0 @ x.T, 1e-4 * np.where(np.arange(20) % 2, 1.0, -1.0)
    weights = {"a": a0 + t**3 @ b, "W": W0 + a0[:, None] * (3 * t**2 * b) @ x, "a0": a0, "W0": W0}
    start = time.process_time()
    report = verify_identifiability(weights["a"], weights["W"], init=(a0, W0), certify=True)
    return _row(report, weights, start, x * np.cbrt(np.abs(b))[:, None])


def kkt(n: int, d: int, alpha: int, **options: Any) -> dict[str, Any]:
    """A KKT point of the table of recoveries."""
    x, point = kkt_point(n, d, alpha)
    start = time.process_time()
    report = verify_identifiability(point.a, point.W, activation=alpha, certify=True, **options)
    truth = x * (np.abs(point.b) ** (1 / alpha))[:, None]
    return _row(report, {"a": point.a, "W": point.W}, start, truth)


def relu() -> dict[str, Any]:
    """20 digits, full-batch descent of a ReLU network of 500 neurons in float64."""
    x, rng = digits(20, seed=1), np.random.default_rng(0)
    y = np.where(np.arange(20) % 2, 1.0, -1.0)
    W0, a0 = rng.standard_normal((500, 64)) / 8, rng.standard_normal(500) / 22
    W, a = W0, a0
    for _ in range(300):
        t = W @ x.T
        rest = (np.maximum(t, 0).T @ a - y) / 10
        W, a = (
            W - 0.05 * ((t > 0) * a[:, None] * rest) @ x,
            a - 0.05 * np.maximum(t, 0) @ rest,
        )
    import torch  # what the search loads is not what is timed

    assert torch.__version__
    start = time.process_time()
    after, before = ({"0.weight": v, "2.weight": o[None]} for v, o in ((W, a), (W0, a0)))
    report = verify_network(after, before, certify=True)
    unit = x / np.linalg.norm(x, axis=1, keepdims=True)
    return _row(report, {"trained": W, "initial": W0}, start, unit)


def _row(
    report: IdentifiabilityReport, weights: dict[str, Any], start: float, truth: Any
) -> dict[str, Any]:
    middle = time.process_time()
    certificate = report.certificate
    assert certificate is not None
    text = certificate_text(certificate.content)
    check_certificate(json.loads(text), weights)
    end = time.process_time()
    centres = certificate.centres
    both = [np.linalg.norm(centres[:, None] - s * truth, axis=2) for s in (1, -1)]
    distance = np.minimum(*both).min(axis=1) / np.linalg.norm(centres, axis=1)
    return {
        "verdict": report.verdict.value,
        "evidence": report.evidence,
        "balls": int(np.isfinite(certificate.radius).sum()),
        "everywhere": certificate.everywhere,
        "largest_radius": float(certificate.radius.max()),
        "largest_distance_over_radius": float((distance / certificate.radius).max()),
        "certify_s": middle - start,
        "check_s": end - middle,
        "bytes": len(text),
    }


ROWS = {
    "rank 2925": rank,
    "KKT alpha=3 r=5 d=12": lambda: kkt(5, 12, 3),
    "KKT alpha=3 r=5 d=12, margin=1": lambda: kkt(5, 12, 3, margin=1.0),
    "KKT alpha=5 r=4, margin=1": lambda: kkt(4, 9, 5, margin=1.0),
    "digits 20, cubic": cubic_digits,
    "digits 20, relu": relu,
}


def main() -> None:
    """Measure the rows that are asked for, all by default, and record them."""
    rows = json.loads(RECORD.read_text())["rows"] if RECORD.exists() else {}
    machine = {"processor": platform.machine(), "cores": 1, "python": platform.python_version()}
    machine |= {name: version(name) for name in ("numpy", "scipy", "python-flint", "torch")}
    for name in sys.argv[1:] or ROWS:
        rows[name] = ROWS[name]()
        print(name, json.dumps(rows[name]), flush=True)
        rows = {known: rows[known] for known in ROWS if known in rows}
        RECORD.write_text(json.dumps({"machine": machine, "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
