"""The type that float64 numbers were stored in before: found where it was, not where it was not."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from identify import read_changes, synthesize_kkt
from identify.checkpoints.narrow import held_roundoff
from identify.checkpoints.stored import ROUNDOFF
from identify.equations.weights import as_weights

TYPES = ("float32", "float16", "bfloat16")
EXACT = ROUNDOFF["float64"]


def rounded(values, dtype):
    return torch.tensor(values).to(getattr(torch, dtype)).double().numpy()


def drawn(kind, size, seed):
    rng = np.random.default_rng(seed)
    values = {
        "normal": rng.standard_normal(size),
        "uniform": rng.uniform(-0.125, 0.125, size),
        "with zeros": rng.standard_normal(size) * (rng.random(size) < 0.5),
        "over many scales": rng.standard_normal(size) * 10.0 ** rng.uniform(-4, 2, size),
    }
    return values[kind]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("size", [64, 300, 20_000])
@pytest.mark.parametrize("kind", ["normal", "uniform", "with zeros"])
@pytest.mark.parametrize("dtype", TYPES)
def test_rounded_numbers_are_recognised(dtype, kind, size, seed):
    values = drawn(kind, size, seed)
    assert held_roundoff(rounded(values, dtype)) == ROUNDOFF[dtype]
    assert held_roundoff(values) == EXACT


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_numbers_of_any_size_are_recognised(dtype):
    values = drawn("over many scales", 300, 0) * 2.0**-60
    assert held_roundoff(rounded(values, dtype)) == ROUNDOFF[dtype]


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_few_numbers_are_mostly_recognised_and_never_taken_for_a_coarser_type(dtype, seed):
    values = np.random.default_rng(seed).standard_normal(20)
    assert held_roundoff(rounded(values, dtype)) in {EXACT, ROUNDOFF[dtype]}
    assert held_roundoff(rounded(values[:15], dtype)) == EXACT


RNG = np.random.default_rng(0)


@pytest.mark.parametrize(
    "values",
    [
        RNG.integers(-4, 5, 400).astype(float),
        RNG.integers(0, 256, 4000).astype(float),  # the eight bits of a bfloat16
        RNG.integers(0, 256, 4000) / 256.0,
        RNG.integers(-2048, 2049, 4000).astype(float),  # the eleven of a float16
        RNG.integers(-(2**24), 2**24, 4000) / 2.0**24,
        RNG.choice([-0.5, 0.25, 1.0, 3.0], 400),
        np.zeros(400),
        np.ones(400),
        np.eye(30).ravel(),
        2.0 ** -np.arange(100.0),
        np.append(rounded(RNG.standard_normal(400), "float32"), 1 / 3),
        rounded(RNG.standard_normal(400), "float32") / 3,
        RNG.standard_normal((40, 3)) @ RNG.standard_normal((3, 20)),
    ],
    ids=lambda values: f"{np.ravel(values)[:3]}",
)
def test_exact_numbers_are_not_taken_for_rounded_ones(values):
    assert held_roundoff(values) == EXACT


def test_a_kkt_point_of_short_numbers_is_exact():
    point = synthesize_kkt(np.eye(6)[:4] * 0.5, np.ones(4), 4)
    weights = as_weights(point.a, point.W)
    assert weights.precision == EXACT
    short = np.random.default_rng(0).integers(-8, 9, (60, 8)) / 8.0
    assert as_weights(short[:, 0], short).precision == EXACT


def test_the_layer_that_was_trained_tells():
    rng = np.random.default_rng(0)
    a, W, a0, W0 = (rng.standard_normal(shape) for shape in ((40,), (40, 6), (40,), (40, 6)))
    narrow = {name: rounded(v, "float32") for name, v in zip("aW", (a, W), strict=True)}
    single, start = ROUNDOFF["float32"], (rounded(a0, "float32"), rounded(W0, "float32"))
    assert as_weights(narrow["a"], narrow["W"], (a0, W0)).precision == single
    assert as_weights(narrow["a"], narrow["W"]).precision == single
    # a double network that started from single numbers was rounded nowhere
    assert as_weights(a, W, start).precision == EXACT
    # a frozen first layer says nothing of the output layer
    for kept in (None, narrow["W"]):
        assert as_weights(a, narrow["W"], (a0, kept)).precision == EXACT
        assert as_weights(narrow["a"], narrow["W"], (a0, kept)).precision == single


@pytest.mark.parametrize("kind", [torch.float32, torch.float64])
def test_a_wide_file_of_narrow_numbers_is_read_as_the_narrow_one(kind):
    """A training in float32, saved as float64: the rounding of its steps is recognised as such."""
    states = trained_in(kind)
    wide = [{name: value.double() for name, value in state.items()} for state in states]
    expected, found = (read_changes(*pair, names=["0.weight"])[0] for pair in (states, wide))
    assert found.rank == expected.rank == 6
    assert found.noise == pytest.approx(expected.noise)
    assert found.decay == expected.decay


def trained_in(kind):
    torch.manual_seed(2)
    net = torch.nn.Sequential(torch.nn.Linear(40, 80), torch.nn.Tanh(), torch.nn.Linear(80, 1)).to(
        kind
    )
    before = {name: value.clone() for name, value in net.state_dict().items()}
    x, descent = torch.randn(6, 40).to(kind), torch.optim.SGD(net.parameters(), 0.05)
    for _ in range(300):
        descent.zero_grad()
        (net(x) - 1).square().mean().backward()
        descent.step()
    return net.state_dict(), before
