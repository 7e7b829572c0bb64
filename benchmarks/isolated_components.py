"""Does a spectrally isolated sample survive where T is not determined (paper, section 6)?

    uv run python benchmarks/isolated_components.py            # a minute; writes JSON and figure
    uv run python benchmarks/isolated_components.py --figure   # the figure from the recorded JSON

The paper conjectures that samples of isolated eigenmodes of T can be reconstructed approximately
even when the interpolation condition fails. Here T = sum_i b_i x_i^{(x) 3} is known: n = 6 unit
samples in R^6, their cosines of size ``COHERENCE``, b_1 = gap and b_i = 1 for the others. The
equations are f(w_j) at m Gaussian points: 6 m of the 56 coefficients that T has, against 36
unknowns of the samples. Two routes are taken to the samples:

    least norm    the T of least Frobenius norm that satisfies the equations; rank-one terms
                  b v^{(x) 3} with the largest |T(v, v, v)| are taken off it one by one
    fit           n samples fitted to the equations from random starts: the first exact fit, or the
                  best of twelve

An error is the distance of x_i, modulo sign, to the nearest of the n directions found; a random
direction is about 1 away.
"""

from __future__ import annotations

import argparse
import json
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from identify.arrays import FloatArray
from identify.equations.activation import parse_activation
from identify.equations.pose import Problem, pose
from identify.equations.weights import as_weights
from identify.options import Options
from identify.sample_sets import chords
from identify.tensor.features import form_dimension, gradient_features, monomial_features
from identify.undetermined.candidates import candidates
from identify.undetermined.compressed import compress
from identify.undetermined.sample_equations import equations_of_samples
from identify.undetermined.work import Work

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results" / "isolated_components.json"
FIGURE = ROOT / "docs" / "isolated_components.png"
N, COHERENCE = 6, 0.15
GAPS = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0)
POINTS = (10, 9, 8, 7, 6, 5)
TRIALS, FITS, STARTS = 8, 12, 30
SEED = 0


def instance(gap: float, m: int, rng: np.random.Generator) -> tuple[Problem, FloatArray]:
    """One exact gradient step on samples of which the first weighs ``gap`` times the others."""
    gram = COHERENCE * rng.uniform(-1, 1, (N, N))
    gram = np.triu(gram, 1) + np.triu(gram, 1).T + np.eye(N)
    rotation = np.linalg.qr(rng.standard_normal((N, N)))[0]
    x = np.asarray(np.linalg.cholesky(gram) @ rotation, dtype=np.float64)
    b = np.concatenate([[gap], np.ones(N - 1)])
    W0, a0 = rng.standard_normal((m, N)), np.ones(m)
    t = W0 @ x.T
    weights = as_weights(a0 + t**3 @ b, W0 + (3 * t**2 * b) @ x, (a0, W0))
    return pose(weights, parse_activation(3)), x


def least_norm(problem: Problem, rng: np.random.Generator) -> FloatArray:
    """Take the largest rank-one terms off the tensor of least norm, one by one."""
    forms = compress(problem, wider=False)
    q = forms.rows.T @ (forms.target / forms.values)
    found = []
    for _ in range(N):
        v = rng.standard_normal((STARTS, forms.basis.shape[1]))
        for _ in range(100):  # shifted power iteration, for either sign of T(v, v, v)
            v /= np.linalg.norm(v, axis=1, keepdims=True)
            along = gradient_features(v, 3) @ q / 3
            sign = np.where(np.sum(along * v, axis=1) < 0, -1.0, 1.0)[:, None]
            v = sign * along + 0.3 * np.linalg.norm(along, axis=1, keepdims=True) * v
        v /= np.linalg.norm(v, axis=1, keepdims=True)
        values = monomial_features(v, 3) @ q
        best = int(np.argmax(np.abs(values)))
        found.append(v[best])
        q = q - values[best] * monomial_features(v[best : best + 1], 3)[0]
    return np.asarray(np.array(found) @ forms.basis.T, dtype=np.float64)


def fitted(problem: Problem, rng: np.random.Generator) -> tuple[FloatArray, float]:
    """Fit n samples from random starts; return the best fit and its residual."""
    system = equations_of_samples(problem, Options())
    tried = candidates(system, problem.setting, N, rng, Work())
    best = next(tried)
    for fit in islice(tried, FITS - 1):
        if best.residual < 1e-12:
            break
        best = min(best, fit, key=lambda one: one.residual)
    return system.samples(best.X, best.b)[0], best.residual


def errors(x: FloatArray, found: FloatArray) -> list[float]:
    """Distance of each sample, modulo sign, to the nearest direction found."""
    return chords(x, found).min(axis=1).tolist()


def cell(gap: float, m: int) -> dict[str, Any]:
    """Median errors of the isolated sample and of the others over the trials."""
    total = form_dimension(N, 3)
    norm, fit, residuals, rank = [], [], [], 0
    for trial in range(TRIALS):
        rng = np.random.default_rng([SEED, int(gap), m, trial])
        problem, x = instance(gap, m, rng)
        rank = len(compress(problem, wider=False).target)
        norm.append(errors(x, least_norm(problem, rng)))
        directions, residual = fitted(problem, rng)
        fit.append(errors(x, directions))
        residuals.append(residual)
    entry: dict[str, Any] = {"gap": gap, "points": m, "missing": 1 - rank / total, "rank": rank}
    for name, table in (("least_norm", np.array(norm)), ("fit", np.array(fit))):
        entry[name] = {
            "isolated": float(np.median(table[:, 0])),
            "isolated_worst": float(table[:, 0].max()),
            "others": float(np.median(table[:, 1:])),
        }
    entry["fit"]["residual"] = float(np.median(residuals))
    return entry


def draw(record: dict[str, Any]) -> None:
    """Plot the median errors against the gap, one line per missing share."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.6), layout="constrained")
    panels = figure.subplots(1, 3, sharey=True)
    shown = ("least_norm", "isolated"), ("fit", "isolated"), ("fit", "others")
    titles = ("isolated, least norm", "isolated, fit", "others, fit")
    colours = mpl.colormaps["viridis"](np.linspace(0, 0.9, len(POINTS)))
    for axes, (route, which), title in zip(panels, shown, titles, strict=True):
        for m, colour in zip(POINTS, colours, strict=True):
            cells = [c for c in record["cells"] if c["points"] == m]
            missing = f"{cells[0]['missing']:.0%}"
            axes.loglog(
                [c["gap"] for c in cells],
                [max(c[route][which], 1e-8) for c in cells],
                "o-",
                color=colour,
                markersize=3,
                label=missing,
            )
        axes.set_title(title, loc="left", fontsize=10)
        axes.set_xlabel("gap b_1 / b_i")
    panels[0].set_ylabel("median distance from the sample")
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, title="missing\nshare of T", loc="outside right center")
    figure.savefig(FIGURE, dpi=130)


def main() -> None:
    """Run the experiment or draw what was recorded."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--figure", action="store_true", help="draw the recorded results")
    if parser.parse_args().figure:
        draw(json.loads(RESULTS.read_text(encoding="utf-8")))
        return
    cells = []
    for m in POINTS:
        for gap in GAPS:
            cells.append(cell(gap, m))
            one = cells[-1]
            print(
                f"missing {one['missing']:4.0%}  gap {gap:4.0f}  least norm "
                f"{one['least_norm']['isolated']:.1e} / {one['least_norm']['others']:.1e}  fit "
                f"{one['fit']['isolated']:.1e} / {one['fit']['others']:.1e} "
                f"(residual {one['fit']['residual']:.0e})",
                flush=True,
            )
    record = {"seed": SEED, "samples": N, "coherence": COHERENCE, "trials": TRIALS, "cells": cells}
    RESULTS.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    draw(record)


if __name__ == "__main__":
    main()
