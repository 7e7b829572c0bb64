"""Private samples out of fine-tuned checkpoints: frozen first layers, heads replaced, good fits.

Run: python benchmarks/relu_finetuning.py [seeds] [seconds] [part of a row's name]
A network is pre-trained on public digits for some epochs, then fine-tuned on 20 private ones by SGD
in float32, and ``verify_network`` is given the two files. Writes
benchmarks/results/relu_finetuning.json after each network, and goes on where it was stopped.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from time import process_time

import numpy as np
import torch
from relu_victims import ReluVictim, recovered
from sklearn.datasets import load_digits
from torch import nn
from training_runs import StateDict

from identify.arrays import FloatArray
from identify.checkpoints.analysis import analysed
from identify.checkpoints.network_pairs import pair_networks
from identify.files import draft_of
from identify.relu.frozen.counting import counted_features
from identify.relu.recovery.counting import counted

TARGET = Path(__file__).parent / "results" / "relu_finetuning.json"
PRIVATE = 20


@dataclass(frozen=True, slots=True)
class FineTuning:
    """How a public network is trained on, and how far it had come; ``epochs`` 0: not at all."""

    hidden: tuple[int, ...] = (1000, 1000)
    frozen: int = 0
    epochs: int = 1
    new_head: bool = False
    bias: bool = True
    dtype: str = "float32"
    rate: float = 0.01
    momentum: float = 0.9
    steps: int = 300
    batch: int = 5


ROWS = {
    "weak": FineTuning(),
    "weak, new head": FineTuning(new_head=True),
    **{
        f"{epochs} epochs, {'new' if new else 'same'} head": FineTuning(epochs=epochs, new_head=new)
        for epochs in (5, 15, 40, 100)
        for new in (False, True)
    },
    "first layer frozen": FineTuning(frozen=1),
    "first layer frozen, new head": FineTuning(frozen=1, new_head=True),
    "first layer frozen, float64": FineTuning(frozen=1, dtype="float64"),
    "first layer frozen, no biases": FineTuning(frozen=1, bias=False),
    "first layer frozen, untrained": FineTuning(frozen=1, epochs=0),
    "two layers frozen, untrained": FineTuning((500, 500, 1000), 2, 0),
    "two layers frozen, untrained, float64": FineTuning((500, 500, 1000), 2, 0, dtype="float64"),
}


@cache
def digits_of(seed: int) -> tuple[FloatArray, np.ndarray, np.ndarray]:
    """Return all digits in [0, 1], their classes, and an order: private ones first."""
    pixels, labels = load_digits(return_X_y=True)
    order = np.random.default_rng(seed).permutation(len(pixels))
    return np.asarray(pixels) / 16.0, np.asarray(labels), order


@cache
def pretrained(
    hidden: tuple[int, ...], epochs: int, bias: bool, dtype: str, seed: int
) -> StateDict:
    """Train on the public digits with SGD, batches of 32, momentum .9."""
    pixels, labels, order = digits_of(seed)
    torch.manual_seed(seed)
    network = built(hidden, 10, bias, dtype)
    x = torch.tensor(pixels[order[PRIVATE:]], dtype=getattr(torch, dtype))
    y = torch.tensor(labels[order[PRIVATE:]])
    descent = torch.optim.SGD(network.parameters(), 0.05, momentum=0.9)
    for _ in range(epochs):
        for chosen in torch.randperm(len(x)).split(32):
            step(network, descent, x[chosen], y[chosen])
    return {name: value.clone() for name, value in network.state_dict().items()}


def built(hidden: tuple[int, ...], outputs: int, bias: bool, dtype: str) -> nn.Sequential:
    """Return a Sequential of Linear and ReLU from 64 pixels."""
    layers: list[nn.Module] = []
    for inside, outside in pairwise((64, *hidden, outputs)):
        layers += [nn.Linear(inside, outside, bias=bias), nn.ReLU()]
    return nn.Sequential(*layers[:-1]).to(getattr(torch, dtype))


def step(
    network: nn.Module, descent: torch.optim.Optimizer, x: torch.Tensor, y: torch.Tensor
) -> float:
    """Take one step on the cross-entropy and return it."""
    descent.zero_grad()
    loss = nn.functional.cross_entropy(network(x), y)
    loss.backward()
    descent.step()
    return loss.item()


def fine_tuned(how: FineTuning, seed: int) -> tuple[ReluVictim, float]:
    """Fine-tune on the private digits; returns also the loss on them before.

    With a new head the two classes are odd and even, and the public file has the old head.
    """
    start = pretrained(how.hidden, how.epochs, how.bias, how.dtype, seed)
    pixels, labels, order = digits_of(seed)
    private = pixels[order[:PRIVATE]]
    network = built(how.hidden, 2 if how.new_head else 10, how.bias, how.dtype)
    torch.manual_seed(seed + 1)
    head = f"{2 * len(how.hidden)}."
    kept = {k: v for k, v in start.items() if not (how.new_head and k.startswith(head))}
    network.load_state_dict(kept, strict=not how.new_head)
    x = torch.tensor(private, dtype=getattr(torch, how.dtype))
    y = torch.tensor(labels[order[:PRIVATE]] % (2 if how.new_head else 10))
    for k in range(how.frozen):
        network[2 * k].requires_grad_(False)
    free = [parameter for parameter in network.parameters() if parameter.requires_grad]
    descent = torch.optim.SGD(free, how.rate, momentum=how.momentum)
    with torch.no_grad():
        before = nn.functional.cross_entropy(network(x), y).item()
    loss, at = before, torch.arange(0)
    for _ in range(how.steps):
        if len(at) < how.batch:
            at = torch.randperm(len(x))
        chosen, at = at[: how.batch], at[how.batch :]
        loss = step(network, descent, x[chosen], y[chosen])
    trained = {name: value.detach().clone() for name, value in network.state_dict().items()}
    return ReluVictim(x.double().numpy(), start, trained, loss, np.nan, np.nan), before


def signal_to_noise(victim: ReluVictim) -> dict[str, float]:
    """Say how far the first trained layer moved, in units of float32, and over its noise.

    Returns:
        Root mean square change over that of the weights and over the eps of their type, and over
        the noise of the change where a gap shows it.
    """
    networks = pair_networks(victim.trained, victim.initial)
    pair = networks.changed
    assert pair is not None
    W, W0 = pair.trained(), pair.initial()
    moved = float(np.sqrt(np.mean((W - W0) ** 2)))
    told = {"moved_in_eps": moved / float(np.sqrt(np.mean(W0**2))) / pair.precision}
    count = counted_features if networks.frozen else counted
    change = count(analysed(pair)[0], W, W0)
    if change.noise:
        told["signal_to_noise"] = moved / change.noise
    return told


def main() -> None:
    """Run what is missing, and print a line for each network."""
    torch.set_num_threads(1)
    seeds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    seconds = float(sys.argv[2]) if len(sys.argv) > 2 else 1e9
    part = sys.argv[3] if len(sys.argv) > 3 else ""
    rows = json.loads(TARGET.read_text()) if TARGET.exists() else {}
    for seed in range(300, 300 + seeds):
        for name, how in ROWS.items():
            key = f"{name}, seed {seed}"
            if part not in name or key in rows or process_time() > seconds:
                continue
            victim, before = fine_tuned(how, seed)
            row = recovered(victim, seed) | {"loss_before": before} | signal_to_noise(victim)
            rows[key] = {k: v for k, v in row.items() if k not in {"flips", "zeros"}}
            with draft_of(TARGET) as draft:
                draft.write_text(json.dumps(rows, indent=1))
            print(key, rows[key], flush=True)


if __name__ == "__main__":
    main()
