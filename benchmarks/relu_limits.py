"""Where exact recovery from ReLU networks ends: recovered share against flipped gates and zeros.

Run: python benchmarks/relu_limits.py [seeds] [seconds]
Digits through 64-1000-1000-1, squared loss, full batch, float64, 300 steps at most; the rate alone
decides how far the gates move. Writes benchmarks/results/relu_limits.json after each network, goes
on where it was stopped, and draws docs/relu_limits.png from what is there.
"""

from __future__ import annotations

import itertools
import json
import sys
from pathlib import Path
from time import process_time

import numpy as np
import torch
from matplotlib.figure import Figure
from relu_victims import ReluRecipe, ReluVictim, recovered, train_relu

from identify.files import draft_of

TARGET = Path(__file__).parent / "results" / "relu_limits.json"
FIGURE = Path(__file__).parents[1] / "docs" / "relu_limits.png"
RATES = (0.3, 0.6, 0.8, 0.9, 1.0, 1.1, 1.2, 1.3, 1.4, 1.6)
COUNTS = (20, 40)
ZERO = 1e-9
"""An entry of C below this share of the largest is zero: rounding leaves 1e-14."""


def zeros_of(victim: ReluVictim) -> float:
    """Return the share of C, of W_T - W_0 = C X, that is zero."""
    W, W0 = (s["0.weight"].double().numpy() for s in (victim.trained, victim.initial))
    C = np.abs((W - W0) @ np.linalg.pinv(victim.x))
    return float(np.mean(ZERO * C.max() > C))


def run(seeds: int, seconds: float) -> dict[str, dict[str, object]]:
    """Train and recover what is missing, as long as there is time, and return all rows."""
    rows = json.loads(TARGET.read_text()) if TARGET.exists() else {}
    began = process_time()
    for seed in range(200, 200 + seeds):
        for n in COUNTS:
            for rate in RATES:
                name = f"n {n}, rate {rate:g}, seed {seed}"
                if name in rows or process_time() - began > seconds:
                    continue
                victim = train_relu(ReluRecipe(n=n, steps=300, rate=rate, seed=seed))
                rows[name] = recovered(victim, seed) | {
                    "rate": rate,
                    "zeros_of_C": zeros_of(victim),
                }
                with draft_of(TARGET) as draft:
                    draft.write_text(json.dumps(rows, indent=1))
                print(name, {k: rows[name][k] for k in ("flips", "zeros_of_C", "found", "claimed")})
    return rows


def draw(rows: dict[str, dict[str, object]]) -> Figure:
    """Draw each network as a dot, by its flipped gates and by its zeros, with means."""
    figure = Figure(figsize=(8, 3.1), dpi=110, layout="constrained")
    panels = figure.subplots(1, 2, sharey=True)
    axes_of = (
        ("flips", "gates that differ between start and end, %", np.arange(0, 45, 3.0)),
        ("zeros_of_C", "zeros among the coefficients, %", np.arange(20, 52, 3.0)),
    )
    for axes, (key, label, edges) in zip(panels, axes_of, strict=True):
        for n, colour in zip(COUNTS, ("#1f5fa8", "#c8601a"), strict=True):
            chosen = [row for row in rows.values() if row["n"] == n]
            x = np.array([100 * float(str(row[key])) for row in chosen])
            for what, filled in (("found", True), ("claimed", False)):
                y = np.array([100 * int(str(row[what])) / n for row in chosen])
                axes.scatter(
                    x,
                    y,
                    s=16,
                    alpha=0.6,
                    edgecolors=colour,
                    zorder=3,
                    facecolors=colour if filled else "none",
                )
                middle = [(np.mean(x[at]), np.mean(y[at])) for at in _bins(x, edges)]
                axes.plot(
                    *np.transpose(middle),
                    c=colour,
                    lw=1.4,
                    ls="-" if filled else ":",
                    label=f"{n} digits, {'found' if filled else 'claimed'}",
                )
        axes.set(xlabel=label, ylim=(-4, 104))
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(alpha=0.25)
    panels[0].set(ylabel="share of the samples, %", xlim=(0, None))
    panels[1].axvline(30, c="0.5", lw=1, ls="--", label="fewer zeros are refused")
    panels[1].set(xlim=(27, None))
    panels[1].legend(frameon=False, fontsize=8, loc="upper left")
    return figure


def _bins(x: np.ndarray, edges: np.ndarray) -> list[np.ndarray]:
    inside = [(x >= low) & (x < high) for low, high in itertools.pairwise(edges)]
    return [at for at in inside if at.any()]


def main() -> None:
    """Run what is missing and draw."""
    torch.set_num_threads(1)
    seeds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    rows = run(seeds, float(sys.argv[2]) if len(sys.argv) > 2 else 1e9)
    with draft_of(FIGURE) as draft:
        draw(rows).savefig(draft, format="png")
    print(
        f"{len(rows)} networks, false {sum(int(str(row['false'])) for row in rows.values())}, "
        f"exceeded {sum(int(str(row['exceeded'])) for row in rows.values())}"
    )


if __name__ == "__main__":
    main()
