"""A comparison as plain values, for the JSON record."""

from __future__ import annotations

from typing import Any

import numpy as np

from attack.descent.result import Reconstruction
from attack.experiments.comparison import Comparison, event_steps
from attack.metrics.matching import Matched


def record_of(c: Comparison) -> dict[str, Any]:
    """One seed: counts of samples, changes, losses, and each run under ``with`` and ``without``."""
    return {
        "seed": c.without.seed,
        "n": len(c.truth),
        "wins": c.wins,
        "losses": c.losses,
        "ties": c.ties,
        "share_improved": c.share_improved,
        "mean_change": c.mean_change,
        "loss_at_truth": c.loss_at_truth,
        "without": _side(c, c.without, c.before),
        "with": _side(c, c.with_, c.after),
    }


def _side(c: Comparison, run: Reconstruction, matched: Matched) -> dict[str, Any]:
    values = np.sort(matched.values[~np.isnan(matched.values)])
    best = values[::-1] if c.metric.higher else values
    return {
        "k_final": matched.k,
        "found": matched.found,
        "mean": float(values.mean()) if len(values) else None,
        "best_ten": float(best[:10].mean()) if len(values) else None,
        "loss_start": run.history[0].loss,
        "loss_end": run.history[-1].loss,
        "split_steps": event_steps(run, "split"),
        "seconds": run.seconds,
    }
