"""Photographs out of a ReLU network: exact recovery beside the published attack, by SSIM.

Run: python benchmarks/relu_beside_attack.py [numbers of photographs]
Killed and run again, it goes on; without the long attack it takes about a minute.
32x32x3 photographs through 3072-1000-1000-1 in float32, fitted. The attack is that of Loo et al.
2024 (both ends, their settings, twice as many candidates as samples), on the same weights, once for
as long as the recovery took and once for ten minutes of one core. It goes on where it was stopped.
Writes benchmarks/results/relu_beside_attack.json and docs/recovered_relu.png.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from tempfile import gettempdir
from time import process_time
from typing import Any

import numpy as np
import torch
from relu_recovery import PHOTOS
from relu_victims import train_relu

from attack.descent.checkpoint import Checkpoint
from attack.descent.config import ReconstructionConfig
from attack.metrics.image import ssim_window_11
from attack.metrics.matching import match
from attack.metrics.vectors import cosine, scores
from attack.network.activations import ReLU
from attack.network.mlp import Layer
from attack.networks import KernelEquations, LayeredNetwork
from attack.reconstruction import reconstruct
from identify import verify_network
from identify.arrays import FloatArray
from identify.files import draft_of
from identify.rendering.sample_figures import strips_figure

TARGET = Path(__file__).parent / "results" / "relu_beside_attack.json"
FIGURE = Path(__file__).parents[1] / "docs" / "recovered_relu.png"
KEPT = Path(gettempdir()) / "relu_beside_attack"
SHAPE, LONG, SEED = (32, 32, 3), 600.0, 100
COUNTS = (20, 50)


def layers_of(state: dict[str, torch.Tensor]) -> list[Layer]:
    """Return the layers of a state dict without biases."""
    return [Layer(value) for value in state.values()]


def measured(truth: FloatArray, found: FloatArray) -> tuple[dict[str, Any], FloatArray]:
    """Return average SSIM and cosine of the best candidates, and these in the order of the truth.

    Candidates are scaled towards the truth by the best positive factor; each truth takes the one
    with the largest SSIM, used again if need be.
    """
    x, y = torch.as_tensor(truth), torch.as_tensor(found)
    metric = ssim_window_11(SHAPE, float(x.max() - x.min()))
    table = scores(metric, x, y, "scale")
    partner = match(table, higher=True)
    ssim = table[torch.arange(len(x)), torch.as_tensor(partner)]
    cosines = scores(cosine(), x, y).amax(1)
    row = {
        "ssim": float(ssim.mean()),
        "least_ssim": float(ssim.min()),
        "cosine": float(cosines.mean()),
        "found": int((cosines >= 0.999).sum()),
        "ssim_each": [round(value, 4) for value in ssim.tolist()],
        "definition": metric.definition,
    }
    return row, found[partner]


def attacked(network: LayeredNetwork, n: int, name: str, steps: int) -> FloatArray:
    """Run the attack for so many steps, from its checkpoint where there is one."""
    config = replace(ReconstructionConfig.LOO, candidates=2 * n, steps=steps, block=min(steps, 50))
    file = KEPT / f"{name}.pt"
    result = reconstruct(
        network,
        "ntk",
        config,
        equations=KernelEquations(at="both"),
        checkpoint=Checkpoint(file) if steps > config.block else None,
    )
    return result.x.double().numpy()


def step_seconds(network: LayeredNetwork, n: int) -> float:
    """Return the seconds of the processor that a step of the attack takes."""
    attacked(network, n, "", 1)
    began = process_time()
    attacked(network, n, "", 5)
    return (process_time() - began) / 5


def compare(n: int, rows: dict[str, dict[str, Any]], save: Callable[[], None]) -> None:
    """Fill in what is missing for one number of photographs."""
    recipe = replace(PHOTOS, n=n, dtype="float32", seed=SEED)
    file, pictures = KEPT / f"victim {n}.pt", KEPT / f"pictures {n}.npz"
    if not file.exists():
        victim = train_relu(recipe)
        torch.save([victim.initial, victim.trained, victim.loss, torch.tensor(victim.x)], file)
    initial, trained, loss, x = torch.load(file, weights_only=True)
    truth, shown = x.numpy(), dict(np.load(pictures)) if pictures.exists() else {}
    network = LayeredNetwork(layers_of(trained), layers_of(initial), ReLU())
    if f"{n}, recovery" not in rows:
        began = process_time()
        report = verify_network(trained, initial)
        seconds = process_time() - began
        found = np.zeros_like(truth) if report.recovery is None else report.recovery.x
        row, shown["recovered"] = measured(truth, found)
        one = step_seconds(network, n)
        about = {"verdict": report.verdict.value, "seconds": seconds, "loss": loss}
        rows[f"{n}, recovery"] = row | about | {"seconds_per_step": one}
        np.savez(pictures, **shown)
        save()
    took, one = (float(str(rows[f"{n}, recovery"][key])) for key in ("seconds", "seconds_per_step"))
    shown["truth"] = truth
    for name, seconds in (("attack, same time", took), (f"attack, {LONG / 60:g} min", LONG)):
        if f"{n}, {name}" not in rows:
            steps = max(5, int(seconds / one))
            row, shown[name] = measured(truth, attacked(network, n, f"{n} {steps}", steps))
            rows[f"{n}, {name}"] = row | {"seconds": steps * one, "steps": steps}
            np.savez(pictures, **shown)
            save()
        if n == COUNTS[0]:
            draw(rows, n, shown)


def draw(rows: dict[str, dict[str, Any]], n: int, shown: dict[str, FloatArray]) -> None:
    """Draw truth, recovery and both attacks, SSIM under each column."""
    order = [name for name in shown if name.startswith("attack")]
    names = ["truth", "recovered", *sorted(order, key=lambda name: "min" in name)]
    keys = ["recovery", *names[2:]]
    each = [rows[f"{n}, {key}"]["ssim_each"] for key in keys]
    columns = range(10)
    labels = ["SSIM " + " / ".join(f"{values[k]:.2f}" for values in each) for k in columns]
    rows_of = {name.replace(", ", ",\n"): shown[name][:10] for name in names}
    with draft_of(FIGURE) as draft:
        strips_figure(rows_of, labels, SHAPE, 10).savefig(draft, format="png", dpi=90)


def main() -> None:
    """Run what is missing, and print average SSIM."""
    torch.set_num_threads(1)
    KEPT.mkdir(exist_ok=True)
    rows = json.loads(TARGET.read_text()) if TARGET.exists() else {}

    def save() -> None:
        with draft_of(TARGET) as draft:
            draft.write_text(json.dumps(rows, indent=1))

    for n in [int(word) for word in sys.argv[1:]] or COUNTS:
        compare(n, rows, save)
    for name, row in rows.items():
        print(name, {key: value for key, value in row.items() if key != "ssim_each"})


if __name__ == "__main__":
    main()
