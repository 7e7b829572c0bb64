"""ReLU networks trained by plain torch, for the benchmarks of the recovery of their samples."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from time import perf_counter, process_time
from typing import Any

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from sklearn.datasets import load_digits
from training_runs import StateDict

from identify import verify_network
from identify.arrays import FloatArray, IntArray
from identify.demo.data import digits, photographs
from identify.findings import CLAIM

FOUND, FALSE = 0.999, 0.99
"""A sample counts as found from this cosine on, and as false where it is claimed below that."""

MACHINE = f"{platform.machine()}, numpy {np.__version__}, torch {torch.__version__}"


@dataclass(frozen=True, slots=True)
class ReluRecipe:
    """How a network is trained; ``batch`` 0: full batch; ``frozen``: all but the first layer."""

    data: str = "digits"
    n: int = 20
    width: int = 1000
    depth: int = 3
    dtype: str = "float64"
    loss: str = "squared"
    bias: bool = False
    batch: int = 0
    rate: float = 0.1
    momentum: float = 0.0
    decay: float = 0.0
    steps: int = 1000
    fit: float = 1e-6
    optimiser: str = "sgd"
    frozen: bool = False
    seed: int = 0


@dataclass(frozen=True, slots=True)
class ReluVictim:
    """A trained network: samples, both checkpoints, last loss and the share of gates that flip."""

    x: FloatArray
    initial: StateDict
    trained: StateDict
    loss: float
    flips: float
    zeros: float


def samples_of(recipe: ReluRecipe) -> FloatArray:
    """Return the training samples (n, d) of a recipe."""
    rng = np.random.default_rng(recipe.seed)
    if recipe.data == "digits":
        return digits(recipe.n, recipe.seed)
    if recipe.data == "raw digits":
        images = np.asarray(load_digits(return_X_y=True)[0]) / 16.0
        return images[rng.choice(len(images), recipe.n, replace=False)]
    if recipe.data == "gaussian":
        x = rng.standard_normal((recipe.n, 256))
        return x / np.linalg.norm(x, axis=1, keepdims=True)
    crops = photographs(
        1500, {"crops": 32, "photographs": 32, "patches": 16}[recipe.data], recipe.seed
    )
    return crops[: recipe.n] if recipe.data == "crops" else _unlike(crops, recipe.n)


def _unlike(crops: FloatArray, n: int, most: float = 0.9) -> FloatArray:
    """Choose n crops no two of which have a cosine above ``most`` in size."""
    chosen: list[int] = []
    for i, crop in enumerate(crops):
        if not np.any(np.abs(crops[chosen] @ crop) > most):
            chosen.append(i)
        if len(chosen) == n:
            break
    return crops[chosen]


def train_relu(recipe: ReluRecipe, x: FloatArray | None = None) -> ReluVictim:
    """Train a network on the samples of its recipe, or on others."""
    x = samples_of(recipe) if x is None else x
    torch.manual_seed(recipe.seed)
    outputs, dtype = (1 if recipe.loss == "squared" else 10), getattr(torch, recipe.dtype)
    sizes = [x.shape[1], *[recipe.width] * (recipe.depth - 1), outputs]
    layers: list[torch.nn.Module] = []
    for k in range(recipe.depth):
        layers += [torch.nn.Linear(sizes[k], sizes[k + 1], bias=recipe.bias), torch.nn.ReLU()]
    network = torch.nn.Sequential(*layers[:-1]).to(dtype)
    initial = {name: value.detach().clone() for name, value in network.state_dict().items()}
    data, order = torch.tensor(x, dtype=dtype), torch.Generator().manual_seed(recipe.seed)
    classes = torch.randint(0, 10, (len(x),), generator=order)
    signs = (2.0 * (classes % 2) - 1)[:, None].to(dtype)
    kinds = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam}
    options = {"momentum": recipe.momentum} if recipe.optimiser == "sgd" else {}
    descent = kinds[recipe.optimiser](
        (network[0] if recipe.frozen else network).parameters(),
        recipe.rate,
        weight_decay=recipe.decay,
        **options,
    )
    batch, at, loss = recipe.batch or len(x), torch.arange(0), torch.tensor(0.0)
    for _ in range(recipe.steps):
        if len(at) < batch:
            at = torch.randperm(len(x), generator=order)
        chosen, at = at[:batch], at[batch:]
        descent.zero_grad()
        out = network(data[chosen])
        if recipe.loss == "squared":
            loss = torch.nn.functional.mse_loss(out, signs[chosen])
        else:
            loss = torch.nn.functional.cross_entropy(out, classes[chosen])
        loss.backward()
        descent.step()
        if loss.item() < recipe.fit:
            break
    trained = {name: value.detach().clone() for name, value in network.state_dict().items()}
    seen = data.double().numpy()
    return ReluVictim(seen, initial, trained, loss.item(), *_gates(initial, trained, seen))


def _gates(initial: StateDict, trained: StateDict, x: FloatArray) -> tuple[float, float]:
    """Return the share of gates that differ between start and end, and of those off at both."""
    on = []
    for state in (initial, trained):
        t = x @ state["0.weight"].double().numpy().T
        on.append(t + (state["0.bias"].double().numpy() if "0.bias" in state else 0.0) > 0)
    return float(np.mean(on[0] != on[1])), float(np.mean(~on[0] & ~on[1]))


def recovered(victim: ReluVictim, seed: int = 0) -> dict[str, Any]:
    """Verify a network and hold the samples against the true ones."""
    clock, own = perf_counter(), process_time()
    report = verify_network(victim.trained, victim.initial, seed=seed)
    seconds, own = perf_counter() - clock, process_time() - own
    row: dict[str, Any] = {
        "n": len(victim.x),
        "verdict": report.verdict.value,
        "found": 0,
        "shown": 0,
        "claimed": 0,
        "false": 0,
        "exceeded": 0,
        "seconds": round(seconds, 2),
        "process_seconds": round(own, 2),
        "flips": round(victim.flips, 4),
        "zeros": round(victim.zeros, 4),
        "loss": victim.loss,
        "seed": seed,
        "machine": MACHINE,
    }
    found = report.recovery
    if found is None:
        return row | {"reason": report.reasons[-1]}
    truth = victim.x / np.linalg.norm(victim.x, axis=1, keepdims=True)
    norms = np.linalg.norm(found.x, axis=1)
    cosines = (found.x / norms[:, None]) @ truth.T
    nearest = _one_to_one(cosines)
    best = cosines[np.arange(len(norms)), nearest]
    aim = (victim.x if found.norm_known else truth)[nearest]
    errors = np.linalg.norm(found.x - aim, axis=1)
    sure = found.error_bound < CLAIM * norms
    return row | {
        "found": len(set(nearest[best >= FOUND].tolist())),
        "shown": len(found.x),
        "claimed": int(sure.sum()),
        "false": int(np.sum(sure & (best < FALSE))),
        "exceeded": int(np.sum(errors > found.error_bound)),
        "worst_claimed_cosine": float(best[sure].min(initial=1.0)),
        "largest_error": float(errors[sure].max(initial=0.0)),
        "largest_bound": float(found.error_bound[sure].max(initial=0.0)),
        "ratio": round(float(np.max((errors / found.error_bound)[sure], initial=0.0)), 4),
    }


def _one_to_one(cosines: FloatArray) -> IntArray:
    """Return the true sample of each one shown, each taken once while there are any left."""
    nearest = cosines.argmax(axis=1)
    shown, true = linear_sum_assignment(cosines, maximize=True)
    nearest[shown] = true
    return nearest
