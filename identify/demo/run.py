"""``identify demo``: a network trained on digits gives them back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from identify.demo.data import digits
from identify.demo.training import Trained, train
from identify.equations.activation import parse_activation
from identify.files import draft_of
from identify.rendering.sample_figures import recovery_figure
from identify.report import IdentifiabilityReport
from identify.sample_sets import match_samples
from identify.verify import verify_identifiability


def run_demo(out: Path, *, samples: int, neurons: int, seed: int, console: Console) -> None:
    """Train on digits, verify from the weights alone, and write the report to a folder."""
    x = digits(samples, seed)
    labels = np.where(np.arange(samples) % 2, 1.0, -1.0)
    with Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[figure]}"),
        TimeElapsedColumn(),
        console=console,
        disable=not console.is_terminal,
    ) as progress:
        network = _train(x, labels, neurons, seed, progress)
        report = _verify(network, seed, progress)
    with draft_of(out / "weights.npz") as draft:
        np.savez(draft, a=network.a, W=network.W, a0=network.a0, W0=network.W0)
    report.to_html(out / "report.html", truth=x)
    with draft_of(out / "recovered.png") as draft:
        recovery_figure(report, truth=x).savefig(draft, dpi=150)
    console.print(str(report), markup=False, highlight=False, soft_wrap=True)
    _compare(report, x, console)
    for name in ("report.html", "recovered.png", "weights.npz"):
        console.print(f"wrote {out / name}", markup=False, highlight=False, soft_wrap=True)


def _train(
    x: np.ndarray, labels: np.ndarray, neurons: int, seed: int, progress: Progress
) -> Trained:
    goal = 1e-9
    task = progress.add_task("gradient descent on digits", total=-np.log10(goal), figure="")

    def show(step: int, fit: float) -> None:
        done = float(np.clip(-np.log10(fit), 0, -np.log10(goal)))
        progress.update(task, completed=done, figure=f"step {step}, fit {fit:.1e}")

    cubic = parse_activation(3)
    network = train(x, labels, neurons, cubic, goal=goal, seed=seed, progress=show)
    progress.update(task, completed=-np.log10(goal), figure=f"{network.steps} steps")
    return network


def _verify(network: Trained, seed: int, progress: Progress) -> IdentifiabilityReport:
    task = progress.add_task("verification", total=None, figure="")

    def show(step: str, residual: float) -> None:
        figure = "" if np.isnan(residual) else f"residual {residual:.1e}"
        progress.update(task, description=f"verification: {step}", figure=figure)

    report = verify_identifiability(
        network.a, network.W, init=(network.a0, network.W0), seed=seed, progress=show
    )
    progress.update(task, total=1, completed=1, description="verification", figure="done")
    return report


def _compare(report: IdentifiabilityReport, x: np.ndarray, console: Console) -> None:
    if report.recovery is None:
        console.print("No samples were recovered.")
        return
    cosines = match_samples(x, report.recovery.x).cosine
    console.print(
        f"Beside the true digits: {int(np.sum(cosines > 0.9999))} of {len(x)} recovered with "
        f"cosine above 0.9999, the worst 1 - {max(0.0, 1 - float(np.min(cosines))):.1e}.",
        highlight=False,
        soft_wrap=True,
    )
