"""Two effects of the companion papers, small: the subspace, and the number of features.

Subspace (Tansley et al.): one network, three ways to attack it. In the span of the samples, read
off the change of the first layer, a sample has n unknowns and not d, and the equations of the last
layer alone are enough from a width of about n (n + 1); in the whole space they need d n.

Features (Iurada et al. 2025): with frozen random features the error of the recovered samples is
near 1 for p = n features and near 0 for p = 10 d n.

Targets are exact, so that what is measured is the equations and not the training. Every attack is
given several random starts, and the one with the smallest loss is taken.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import mean
from time import perf_counter
from typing import Any

import torch
from matplotlib.figure import Figure
from torch import Tensor

from attack import KernelEquations, Layer, ReconstructionConfig, reconstruct
from attack.data.dataset import load
from attack.descent.loop import reconstruct_map
from attack.maps.objectives import ntk, random_features
from attack.maps.sphere import SphereMap
from attack.metrics.matching import match_and_measure
from attack.metrics.vectors import cosine
from attack.network.activations import Softplus
from attack.network.mlp import initial
from identify.sample_sets import one_to_one

RESULTS = Path(__file__).parent / "results" / "companions.json"
PICTURE = Path(__file__).parent.parent / "docs" / "companions.png"
SIGMA = Softplus(5.0)
STARTS = 3
SEEDS = 4
DIGITS = 4
WIDTHS = (10, 20, 40, 80, 160, 320, 640)
FEATURES_D, FEATURES_N = 10, 5
CONFIG = replace(
    ReconstructionConfig.EXACT, optimizer="levenberg", steps=60, block=20, tolerance=1e-20
)


@dataclass(frozen=True)
class Way:
    """How the network is attacked."""

    name: str
    equations: KernelEquations


WAYS = (
    Way("in the span, last layer", KernelEquations(last_layer=True, subspace=True)),
    Way("whole space, last layer", KernelEquations(last_layer=True)),
    Way("whole space, all equations", KernelEquations()),
)


def one_step(width: int, x: Tensor, seed: int) -> tuple[list[Layer], list[Layer]]:
    """A network with biases before and after one exact step on x."""
    before = initial(
        (x.shape[1], width, 1), biases=(True, False), scales=(1.0, width**-0.5), seed=seed
    )
    generator = torch.Generator().manual_seed(seed)
    shift = torch.randn(width, generator=generator, dtype=torch.float64)
    before[0] = replace(before[0], bias=shift)
    b = torch.rand(len(x), generator=generator, dtype=torch.float64) + 0.5
    b = b * (1 - 2 * (torch.arange(len(x)) % 2))
    pieces = iter(ntk(before, before, SIGMA).combine(x, b))
    after = [
        Layer(old.weight + next(pieces), None if old.bias is None else old.bias + next(pieces))
        for old in before
    ]
    return before, after


def subspace_run(width: int, way: Way, seed: int) -> dict[str, Any]:
    """Mean cosine of the nearest candidates, of the start with the smallest loss."""
    x = load("digits", DIGITS, seed=seed, unit_norm=True).x
    before, after = one_step(width, x, seed)
    began = perf_counter()
    best: tuple[float, Tensor] | None = None
    for start in range(STARTS):
        config = replace(CONFIG, candidates=len(x), init=x.shape[1] ** -0.5, seed=start)
        found = reconstruct(
            after, "ntk", config, init=before, activation=SIGMA, equations=way.equations
        )
        loss = found.history[-1].loss
        if best is None or loss < best[0]:
            best = loss, found.x
        if loss <= CONFIG.tolerance:
            break
    assert best is not None
    matched = match_and_measure(x, best[1], cosine(), matching="one-to-one")
    return {
        "width": width,
        "way": way.name,
        "seed": seed,
        "found": matched.found,
        "n": len(x),
        "cosine": float(matched.values.mean()),
        "loss": best[0],
        "seconds": perf_counter() - began,
    }


def features_run(p: int, seed: int) -> dict[str, Any]:
    """Rho = mean of | |x| - |x'| | over the best pairing, over sqrt d; |.| entry by entry."""
    d, n = FEATURES_D, FEATURES_N
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(n, d, generator=generator, dtype=torch.float64)
    x = d**0.5 * torch.nn.functional.normalize(x)
    before = initial((d, p, 1), biases=(False, False), scales=(d**-0.5, 1.0), seed=seed)
    b = torch.randn(n, generator=generator, dtype=torch.float64)
    (step,) = random_features(before, before, SIGMA).combine(x, b)
    after = [before[0], Layer(before[1].weight + step)]
    f = SphereMap(random_features(before, after, SIGMA), d**0.5)
    best: tuple[float, Tensor] | None = None
    for start in range(STARTS):
        generator.manual_seed(1000 * (start + 1) + seed)
        z = torch.randn(n, d, generator=generator, dtype=torch.float64)
        found = reconstruct_map(f, z, z.new_zeros(n), CONFIG)
        loss = found.history[-1].loss / float(step.square().sum())
        if best is None or loss < best[0]:
            best = loss, d**0.5 * torch.nn.functional.normalize(found.x)
    assert best is not None
    distance = torch.cdist(x.abs(), best[1].abs())
    rows, columns = one_to_one(distance.numpy())
    rho = float(distance[rows, columns].mean()) / d**0.5
    return {"p": p, "seed": seed, "rho": rho, "relative_loss": best[0]}


def draw(subspace: list[dict[str, Any]], features: list[dict[str, Any]]) -> Figure:
    """Both curves."""
    figure = Figure(figsize=(9, 3.4), dpi=130, layout="constrained")
    left, right = figure.subplots(1, 2)
    for way, colour in zip(WAYS, ("#1f5fae", "#b8501c", "#63666d"), strict=True):
        chosen = [run for run in subspace if run["way"] == way.name]
        left.plot(*_means(chosen, "width", "cosine"), "o-", color=colour, label=way.name, ms=4)
    d, n = load("digits", DIGITS, unit_norm=True).x.shape[1], DIGITS
    for equations in (n * (n + 1), n * (d + 1)):
        left.axvline(equations, color="0.8", lw=1, zorder=0)
    left.set(xscale="log", xlabel="width", ylabel="mean cosine with the true samples")
    left.legend(frameon=False, fontsize=8)
    p, rho = _means(features, "p", "rho")
    right.plot(p, rho, "o-", color="#1f5fae", ms=4)
    d, n = FEATURES_D, FEATURES_N
    for value in (n, d * n, 10 * d * n):
        right.axvline(value, color="0.8", lw=1, zorder=0)
    right.set(xscale="log", xlabel="number of features p", ylabel="error rho", ylim=(-0.03, None))
    return figure


def _means(runs: list[dict[str, Any]], x: str, y: str) -> tuple[list[float], list[float]]:
    places = sorted({run[x] for run in runs})
    return places, [mean(run[y] for run in runs if run[x] == place) for place in places]


def main() -> None:
    """Measure, print, record and draw."""
    torch.set_num_threads(1)
    began = perf_counter()
    subspace = []
    for width in WIDTHS:
        for way in WAYS:
            runs = [subspace_run(width, way, seed) for seed in range(SEEDS)]
            subspace += runs
            found = sum(run["found"] for run in runs), sum(run["n"] for run in runs)
            cosines = mean(run["cosine"] for run in runs)
            print(f"width {width:4}  {way.name:28} found {found[0]:2} of {found[1]}  {cosines:.3f}")
    d, n = FEATURES_D, FEATURES_N
    features = []
    for p in (n, 2 * n, d * n // 2, d * n, 3 * d * n // 2, 2 * d * n, 5 * d * n, 10 * d * n):
        runs = [features_run(p, seed) for seed in range(SEEDS)]
        features += runs
        print(f"p {p:4} ({p / (d * n):5.2f} d n)  rho {mean(run['rho'] for run in runs):.3f}")
    record = {"seconds": perf_counter() - began, "subspace": subspace, "features": features}
    RESULTS.write_text(json.dumps(record, indent=1) + "\n")
    draw(subspace, features).savefig(PICTURE)
    print(f"seconds {record['seconds']:.0f}")


if __name__ == "__main__":
    main()
