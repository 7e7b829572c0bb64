"""identify.checkpoints.changes: decay, rank, noise and rows never moved, on real trainings."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from training_runs import Recipe, tokens_seen, train

from identify.checkpoints import folding
from identify.checkpoints.analysis import analysed
from identify.checkpoints.changes import read_changes
from identify.checkpoints.pairs import open_pairs

RNG = np.random.default_rng(0)


def first(recipe):
    run = train(recipe)
    return run, read_changes(run.trained, run.initial)[0]


def angle(basis, x):
    """Largest sine between the rows of x and the space of the basis."""
    x = x / np.linalg.norm(x, axis=1, keepdims=True)
    return float(np.linalg.norm(x - x @ basis @ basis.T, axis=1).max())


@pytest.mark.parametrize(
    "recipe",
    [
        Recipe(),
        Recipe(activation="gelu", bias=False, seed=1),
        Recipe(activation="cubic", rate=0.02, seed=2),
        Recipe(activation="tanh", depth=3, n=40, seed=3),
        Recipe(loss="entropy", outputs=10, batch=4, rate=0.1, momentum=0.9, seed=4),
        Recipe(decay=0.01, steps=1000, seed=5),
        Recipe(decay=0.01, width=40, n=12, seed=6),
        Recipe(data="photographs", steps=300, seed=0),
    ],
)
def test_rank_is_the_number_of_records_and_the_span_is_theirs(recipe):
    run, change = first(recipe)
    assert (change.rank, change.kind, change.linear) == (recipe.n, "inputs", True)
    x = run.records[run.members]
    inputs = np.column_stack([x, np.ones(len(x))]) if recipe.bias else x
    assert change.basis.shape == (inputs.shape[1], recipe.n)
    assert angle(change.basis, inputs) < 1e-3
    if recipe.data == "digits":
        assert set(change.untouched_columns) == set(np.flatnonzero(~x.any(axis=0)))
    if recipe.momentum == 0:
        assert change.decay == pytest.approx(
            (1 - recipe.rate * recipe.decay) ** recipe.steps, abs=1e-6
        )


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("n", [50, 80, 300])
@pytest.mark.parametrize("decay", [0.0, 0.01])
def test_as_many_records_as_dimensions_leave_no_gap(n, decay, seed):
    _, change = first(Recipe(n=n, decay=decay, seed=seed, steps=300))
    assert change.rank is None
    assert not change.linear
    assert change.basis.shape == (65, 0)
    assert 50 <= change.effective_dimension <= 62


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("optimiser", ["adam", "adamw"])
def test_an_optimiser_that_is_not_linear_leaves_no_gap(optimiser, seed):
    _, change = first(Recipe(optimiser=optimiser, rate=1e-3, decay=0.01, seed=seed))
    assert change.rank is None
    assert any("Adam" in reason for reason in change.reasons)


def test_other_initial_weights_are_named():
    run, other = train(Recipe()), train(Recipe(seed=9, steps=0))
    change = read_changes(run.trained, other.initial)[0]
    assert change.rank is None
    assert any("are they of this run" in reason for reason in change.reasons)


def test_added_noise_leaves_no_gap():
    run = train(Recipe())
    noisy = {name: value + 1e-3 * torch.randn(value.shape) for name, value in run.trained.items()}
    assert read_changes(noisy, run.initial)[0].rank is None


def test_a_bias_without_decay_is_no_column():
    torch.manual_seed(0)
    network = torch.nn.Sequential(
        torch.nn.Linear(64, 200), torch.nn.Tanh(), torch.nn.Linear(200, 1)
    )
    initial = {name: value.clone() for name, value in network.state_dict().items()}
    weights = [p for p in network.parameters() if p.dim() > 1]
    biases = [p for p in network.parameters() if p.dim() == 1]
    descent = torch.optim.SGD([{"params": weights, "weight_decay": 0.02}, {"params": biases}], 0.05)
    x = torch.tensor(RNG.standard_normal((10, 64)) / 8, dtype=torch.float32)
    for _ in range(300):
        descent.zero_grad()
        ((network(x)[:, 0] - 1) ** 2).mean().backward()
        descent.step()
    change = read_changes(network.state_dict(), initial)[0]
    assert change.decay == pytest.approx((1 - 0.001) ** 300, abs=1e-6)
    assert change.rank == 10
    assert not change.has_bias
    assert angle(change.basis, x.double().numpy()) < 1e-2


def test_nothing_moved():
    run = train(Recipe(steps=0))
    change = read_changes(run.trained, run.initial)[0]
    assert (change.rank, change.decay, change.effective_dimension) == (None, 1.0, 0)
    assert len(change.untouched_rows) == 200


@pytest.mark.parametrize("bits", [2.0**-53, 2.0**-24])
def test_summed_rows_tell_the_same_as_all(bits, monkeypatch):
    W0 = RNG.uniform(-1, 1, (3000, 60)) / 8
    X, C = RNG.standard_normal((9, 60)), RNG.standard_normal((3000, 9)) / 50
    noise = 1 + bits * RNG.uniform(-1, 1, W0.shape)
    states = (
        {"0.weight": (0.9 * W0 + C @ X) * noise, "1.weight": np.eye(3, 3000)},
        {"0.weight": W0, "1.weight": np.eye(3, 3000)},
    )
    states = tuple(
        {k: v.astype("f4" if bits > 1e-10 else "f8") for k, v in s.items()} for s in states
    )
    pair = open_pairs(*states, inputs="0.weight")[0]
    whole = analysed(pair)[0]
    monkeypatch.setattr(folding, "_WHOLE", 0)
    summed = analysed(pair)[0]
    assert any("summed" in reason for reason in summed.reasons)
    assert whole.rank == summed.rank == 9
    assert whole.decay == pytest.approx(0.9, abs=1e-7)
    assert summed.decay == pytest.approx(0.9, abs=1e-7)
    assert max(angle(whole.basis, X), angle(summed.basis, X)) < 1e-5
    assert summed.noise == pytest.approx(whole.noise, rel=0.2)


@pytest.mark.parametrize(
    ("optimiser", "decay"), [("sgd", 0.0), ("sgd", 0.01), ("adam", 0.0), ("adamw", 0.1)]
)
def test_tokens_never_seen_are_the_rows_never_moved(optimiser, decay):
    trained, initial, seen = tokens_seen(optimiser, decay, seed=1, steps=100)
    table = next(c for c in read_changes(trained, initial) if c.kind == "embedding")
    assert np.array_equal(np.setdiff1d(np.arange(500), seen), table.untouched_rows)


def test_decay_mixed_into_adam_hides_the_tokens():
    trained, initial, _ = tokens_seen("adam", 0.01, seed=1, steps=50)
    table = next(c for c in read_changes(trained, initial) if c.kind == "embedding")
    assert len(table.untouched_rows) == 0
    assert table.decay is None
