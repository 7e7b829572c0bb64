"""``identify demo --relu``: an ordinary torch training on photographs, and the photographs back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from identify.arrays import FloatArray
from identify.demo.data import photographs
from identify.files import draft_of
from identify.network import verify_network
from identify.rendering.sample_figures import recovery_figure
from identify.sample_sets import match_samples

if TYPE_CHECKING:
    from rich.console import Console
    from torch import Tensor

_SIDE = 16
"""Side of a photograph in pixels."""

_ALIKE = 0.9
"""No two of the photographs have a larger cosine: nearly equal ones cannot be told apart."""

_RATE, _MOMENTUM, _BATCH, _EPOCHS = 0.01, 0.9, 5, 60
"""Of ``torch.optim.SGD``: the loss falls below a tenth of what it was."""


def run_relu_demo(out: Path, *, samples: int, neurons: int, seed: int, console: Console) -> None:
    """Train d-h-h-1 with biases in float32, keep both checkpoints, and verify from them alone.

    Writes initial.safetensors, trained.safetensors, report.html and recovered.png.
    """
    from safetensors.torch import save_file

    x = _different(samples, seed)
    console.print(
        f"training {x.shape[1]}-{neurons}-{neurons}-1 on {len(x)} photographs: ReLU, biases, "
        f"SGD with momentum {_MOMENTUM}, batches of {_BATCH}, {_EPOCHS} epochs, float32",
        highlight=False,
        soft_wrap=True,
    )
    initial, trained, loss = _train_network(x, neurons, seed)
    console.print(f"loss {loss[0]:.3g} before, {loss[1]:.3g} after", highlight=False)
    for name, state in (("initial", initial), ("trained", trained)):
        with draft_of(out / f"{name}.safetensors") as draft:
            save_file(state, draft)
    with console.status("verification") as status:
        report = verify_network(
            out / "trained.safetensors",
            out / "initial.safetensors",
            seed=seed,
            progress=lambda step, share: status.update(f"verification: {share:.0%} of {step}"),
        )
    report.to_html(out / "report.html", truth=x)
    console.print(str(report), markup=False, highlight=False, soft_wrap=True)
    if report.recovery is not None:
        with draft_of(out / "recovered.png") as draft:
            recovery_figure(report, truth=x).savefig(draft, dpi=150)
        cosines = match_samples(x, report.recovery.x).cosine
        console.print(
            f"Beside the true photographs: {int(np.sum(cosines > 0.9999))} of {len(x)} recovered "
            f"with cosine above 0.9999, the worst 1 - {max(0.0, 1 - float(np.min(cosines))):.1e}.",
            highlight=False,
            soft_wrap=True,
        )
    for name in ("report.html", "recovered.png", "initial.safetensors", "trained.safetensors"):
        if (out / name).exists():
            console.print(f"wrote {out / name}", markup=False, highlight=False, soft_wrap=True)
    console.print(
        "Beside what the published attack makes of the same files in the same time:\n"
        f"attack audit {out / 'trained.safetensors'} --init {out / 'initial.safetensors'} "
        f"--activation relu --html {out / 'audit.html'}",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )


def _different(n: int, seed: int) -> FloatArray:
    """Return n photographs, (n, 768), no two of them nearly equal up to sign."""
    chosen: list[int] = []
    pool = photographs(2000, _SIDE, seed)
    for i, x in enumerate(pool):
        if len(chosen) < n and not np.any(np.abs(pool[chosen] @ x) > _ALIKE):
            chosen.append(i)
    return pool[chosen]


def _train_network(
    x: FloatArray, neurons: int, seed: int
) -> tuple[dict[str, Tensor], dict[str, Tensor], tuple[float, float]]:
    """Return both state dicts, and the loss before and after."""
    import torch
    from torch import nn

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = nn.Sequential(
            nn.Linear(x.shape[1], neurons),
            nn.ReLU(),
            nn.Linear(neurons, neurons),
            nn.ReLU(),
            nn.Linear(neurons, 1),
        )
        initial = {name: value.clone() for name, value in network.state_dict().items()}
        inputs = torch.tensor(x, dtype=torch.float32)
        labels = torch.tensor([[1.0], [-1.0]]).repeat(len(x), 1)[: len(x)]
        optimiser = torch.optim.SGD(network.parameters(), _RATE, momentum=_MOMENTUM)
        before = nn.functional.mse_loss(network(inputs), labels).item()
        for _ in range(_EPOCHS):
            for chosen in torch.randperm(len(x)).split(_BATCH):
                optimiser.zero_grad()
                nn.functional.mse_loss(network(inputs[chosen]), labels[chosen]).backward()
                optimiser.step()
        after = nn.functional.mse_loss(network(inputs), labels).item()
    return initial, network.state_dict(), (before, after)
