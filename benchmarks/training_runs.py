"""Plain torch trainings in float32, before and after: what an auditor of checkpoints is given."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from sklearn.datasets import load_digits

from identify.arrays import BoolArray, FloatArray
from identify.demo.data import photographs

StateDict = dict[str, torch.Tensor]


class Cubic(torch.nn.Module):
    """The activation t^3."""

    def forward(self, t: torch.Tensor) -> torch.Tensor:
        """Return t^3."""
        return t**3


ACTIVATIONS: dict[str, type[torch.nn.Module]] = {
    "relu": torch.nn.ReLU,
    "gelu": torch.nn.GELU,
    "tanh": torch.nn.Tanh,
    "cubic": Cubic,
}


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a network is trained; ``batch`` 0 stands for the full batch."""

    data: str = "digits"
    n: int = 20
    width: int = 200
    depth: int = 2
    outputs: int = 1
    activation: str = "relu"
    loss: str = "squared"
    batch: int = 0
    rate: float = 0.05
    momentum: float = 0.0
    decay: float = 0.0
    steps: int = 500
    optimiser: str = "sgd"
    bias: bool = True
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Run:
    """A training: the records (k, d) of which ``members`` (k,) were used, and both checkpoints."""

    records: FloatArray
    members: BoolArray
    initial: StateDict
    trained: StateDict


def records(data: str, seed: int) -> tuple[FloatArray, FloatArray]:
    """Return records (k, d) of one kind in random order and their labels 0 ... 9 (k,)."""
    rng = np.random.default_rng(seed)
    if data == "digits":
        images, labels = load_digits(return_X_y=True)
        order = rng.permutation(len(images))
        return np.asarray(images)[order] / 16.0, np.asarray(labels, dtype=float)[order]
    size = {"patches": 8, "photographs": 16}[data]
    return photographs(700, size, seed), rng.integers(0, 10, 700).astype(float)


def model(recipe: Recipe, d: int) -> torch.nn.Sequential:
    """Build the network: linear layers of one width with an activation between them."""
    torch.manual_seed(recipe.seed)
    sizes = [d, *[recipe.width] * (recipe.depth - 1), recipe.outputs]
    layers: list[torch.nn.Module] = []
    for k in range(recipe.depth):
        layers.append(torch.nn.Linear(sizes[k], sizes[k + 1], bias=recipe.bias))
        layers.append(ACTIVATIONS[recipe.activation]())
    return torch.nn.Sequential(*layers[:-1])


def _optimiser(recipe: Recipe, network: torch.nn.Module) -> torch.optim.Optimizer:
    if recipe.optimiser == "sgd":
        return torch.optim.SGD(
            network.parameters(), recipe.rate, recipe.momentum, weight_decay=recipe.decay
        )
    kind = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[recipe.optimiser]
    return kind(network.parameters(), recipe.rate, weight_decay=recipe.decay)


def train(recipe: Recipe) -> Run:
    """Train a network on the first ``n`` records of its kind."""
    everything, labels = records(recipe.data, recipe.seed)
    network = model(recipe, everything.shape[1])
    initial = {name: value.detach().clone() for name, value in network.state_dict().items()}
    x = torch.tensor(everything[: recipe.n], dtype=torch.float32)
    if recipe.loss == "squared":
        y = torch.tensor(np.where(labels[: recipe.n] % 2, 1.0, -1.0)[:, None], dtype=torch.float32)
        y, loss = y.expand(-1, recipe.outputs), torch.nn.MSELoss()
    else:
        y, loss = torch.tensor(labels[: recipe.n]).long(), torch.nn.CrossEntropyLoss()
    optimiser, batch = _optimiser(recipe, network), recipe.batch or recipe.n
    order = torch.Generator().manual_seed(recipe.seed)
    at = torch.randperm(recipe.n, generator=order)
    for _ in range(recipe.steps):
        if len(at) < batch:
            at = torch.randperm(recipe.n, generator=order)
        chosen, at = at[:batch], at[batch:]
        optimiser.zero_grad()
        loss(network(x[chosen]), y[chosen]).backward()
        optimiser.step()
    trained = {name: value.detach().clone() for name, value in network.state_dict().items()}
    seen = everything.astype(np.float32).astype(float)
    return Run(seen, np.arange(len(seen)) < recipe.n, initial, trained)


class Transformer(torch.nn.Module):
    """One layer of attention on an embedding table of 500 tokens."""

    def __init__(self) -> None:
        """Draw the weights."""
        super().__init__()
        self.embedding = torch.nn.Embedding(500, 32)
        self.layer = torch.nn.TransformerEncoderLayer(32, 4, 64, dropout=0.0, batch_first=True)
        self.head = torch.nn.Linear(32, 500)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """Return the scores of the next token, (batch, length, 500)."""
        return self.head(self.layer(self.embedding(tokens)))


def tokens_seen(
    optimiser: str, decay: float, seed: int, steps: int = 200
) -> tuple[StateDict, StateDict, FloatArray]:
    """Train a transformer on 40 texts; return both checkpoints and the tokens that were seen."""
    torch.manual_seed(seed)
    network = Transformer()
    initial = {name: value.detach().clone() for name, value in network.state_dict().items()}
    texts = torch.randint(0, 500, (40, 12))
    rate = 0.05 if optimiser == "sgd" else 1e-3
    recipe = Recipe(optimiser=optimiser, rate=rate, decay=decay)
    descent, seen = _optimiser(recipe, network), set[int]()
    for _ in range(steps):
        batch = texts[torch.randint(0, 40, (8,))]
        seen.update(batch[:, :-1].ravel().tolist())
        scores = network(batch[:, :-1]).reshape(-1, 500)
        descent.zero_grad()
        torch.nn.functional.cross_entropy(scores, batch[:, 1:].reshape(-1)).backward()
        descent.step()
    return network.state_dict(), initial, np.array(sorted(seen))
