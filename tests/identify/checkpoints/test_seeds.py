"""identify.checkpoints.seeds: the right seed stands out, and where none does nothing is said."""

from __future__ import annotations

import time

import pytest
import torch
from training_runs import Recipe, model, train

from identify.checkpoints.seeds import find_seed, load_factory, parse_seeds, search_seeds


def factory():
    return torch.nn.Sequential(torch.nn.Linear(64, 200), torch.nn.ReLU(), torch.nn.Linear(200, 1))


@pytest.mark.parametrize("recipe", [Recipe(seed=77), Recipe(seed=77, optimiser="adam", rate=1e-3)])
def test_the_right_seed_stands_out(recipe):
    run = train(recipe)
    found = search_seeds(factory, run.trained, range(60, 90))
    assert found.seed == 77
    assert sorted(found.cosines)[-2] < 0.1 < max(found.cosines)
    assert find_seed(factory, run.trained, range(60, 70)) is None
    assert find_seed(factory, run.trained, [77]) == 77


def test_a_thousand_seeds_take_seconds():
    run = train(Recipe(seed=400, width=1000, outputs=10, loss="entropy", steps=50))
    wide = Recipe(width=1000, outputs=10)
    start, calls = time.process_time(), []

    def build():
        return torch.nn.Sequential(*list(model_layers(wide)))

    assert find_seed(build, run.trained, progress=calls.append) == 400
    assert calls[-1] == 1000
    assert time.process_time() - start < 60  # 4 s on an idle core


def model_layers(recipe):
    yield torch.nn.Linear(64, recipe.width)
    yield torch.nn.ReLU()
    yield torch.nn.Linear(recipe.width, recipe.outputs)


def test_the_generator_of_the_caller_is_left_alone():
    run = train(Recipe(steps=1))
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    find_seed(factory, run.trained, range(3))
    assert torch.equal(torch.rand(3), expected)


def test_another_network_is_an_error():
    run = train(Recipe(width=50, steps=1))
    with pytest.raises(ValueError, match="shape"):
        find_seed(factory, run.trained, range(3))
    with pytest.raises(ValueError, match="seeds: found none"):
        find_seed(factory, run.trained, [])


def test_words_of_the_command_line():
    assert parse_seeds("3:6") == range(3, 6)
    assert parse_seeds("7") == range(7, 8)
    for text in ("", "a:b", "6:3", "-1:4"):
        with pytest.raises(ValueError, match="--init-seeds"):
            parse_seeds(text)
    assert load_factory("torch.nn:Identity") is torch.nn.Identity
    for text in ("torch.nn", "no_such_module:f", "torch.nn:no_such", "math:pi"):
        with pytest.raises(ValueError, match="--model"):
            load_factory(text)
    assert model(Recipe(), 64)[0].in_features == 64
