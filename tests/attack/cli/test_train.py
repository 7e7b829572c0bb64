"""attack train: what it stores and prints, and what it refuses in one line."""

import re

import pytest
import torch

from attack.__main__ import run_attack
from attack.data.dataset import load
from attack.network.activations import Softplus
from attack.victims.config import VictimConfig
from attack.victims.files import load_victim
from attack.victims.training import train_victim

TRAIN = ["train", "--samples", "10", "--widths", "6", "5", "--steps", "30", "--rate", "0.1"]


def test_train(tmp_path, capsys):
    path = tmp_path / "v.safetensors"
    assert (
        run_attack([*TRAIN, "--init", "he", "--seed", "3", "--unit-norm", "--out", str(path)]) == 0
    )
    printed, errors = capsys.readouterr()
    victim = load_victim(path)
    dataset = load("digits", 10, seed=3, unit_norm=True)
    config = VictimConfig(widths=(6, 5), steps=30, rate=0.1, init="he", seed=3)
    again = train_victim(dataset, config)
    assert (victim.config, victim.data) == (config, dataset.info)
    assert torch.equal(victim.trained[0].weight, again.trained[0].weight)
    assert f"{again.losses[-1, 1]:.3e} after 30 steps" in printed
    assert f"{again.margins.min():.3e} to {again.margins.max():.3e}" in printed
    assert re.search(r"seconds +\d", printed)
    assert re.search(r"seed +3\n", printed)
    assert not errors  # the progress bar is for terminals


def test_train_ten_classes_in_single_precision(tmp_path):
    path = tmp_path / "v.safetensors"
    options = ["--classes", "10", "--loss", "cross-entropy", "--precision", "float32"]
    assert run_attack([*TRAIN, *options, "--activation", "softplus:10", "--out", str(path)]) == 0
    victim = load_victim(path)
    assert victim.trained[-1].weight.shape == (10, 5)
    assert victim.trained[-1].weight.dtype == torch.float32
    assert victim.activation == Softplus(10)


@pytest.mark.parametrize(
    ("options", "fragment"),
    [
        (["--data", "letters"], "data: found 'letters'"),
        (["--samples", "1"], "samples: found 1"),
        (["--loss", "hinge"], "loss: found 'hinge'"),
        (["--activation", "tanh"], "activation: found 'tanh'"),
        (["--widths"], "widths: found ()"),
        (["--device", "abacus"], "device: found 'abacus'"),
        (["--device", "meta"], "device: found 'meta'"),
        (["--precision", "float8"], "precision: found 'float8'"),
        (["--data", "mnist", "--folder", "/nonexistent"], "no train-images-idx3-ubyte"),
        (["--out", "v.pt"], "out: found 'v.pt'"),
        (["--out", "/nonexistent/v.safetensors"], "out: found no folder"),
        (["--rate", "1e9", "--activation", "power:3", "--init", "he"], "rate: found 1e+09"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(tmp_path, capsys, options, fragment):
    arguments = [*TRAIN, "--out", str(tmp_path / "v.safetensors"), *options]
    assert run_attack(arguments) == 2
    printed, errors = capsys.readouterr()
    assert not printed
    assert len(errors.splitlines()) == 1
    assert errors.startswith("attack: ")
    assert fragment in errors
    assert not list(tmp_path.iterdir())
