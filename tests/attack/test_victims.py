"""attack.victims: training against torch's own, files that are stored and refused, command line."""

from __future__ import annotations

import dataclasses
import json
import math
import os
import re

import pytest
import safetensors.torch
import torch
from safetensors import safe_open
from torch import nn

from attack.__main__ import main
from attack.data.dataset import load
from attack.descent.objective import least_squares, loss, squared_norm
from attack.maps.mlp_maps import signed
from attack.network.activations import ReLU, Softplus, power
from attack.network.mlp import outputs
from attack.victims import files as victim_files
from attack.victims.config import VictimConfig, parse_activation
from attack.victims.files import load_victim, save_victim
from attack.victims.training import initial_layers, margins, train_victim

SMALL = VictimConfig(widths=(7, 5), steps=40, rate=0.1, init="he")
DIGITS = load("digits", 12)
TEN = load("digits", 20, classes=10)


@pytest.fixture(autouse=True)
def one_thread():
    """Networks this small are slower on several threads."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


class Power(nn.Module):
    def forward(self, z):
        return z**3


def twin(dataset, config) -> nn.Sequential:
    """torch's own network at the same start."""
    layers = []
    for layer in initial_layers(dataset, config):
        linear = nn.Linear(*layer.weight.shape[::-1], bias=layer.bias is not None)
        linear.weight = nn.Parameter(layer.weight.clone())
        if layer.bias is not None:
            linear.bias = nn.Parameter(layer.bias.clone())
        sigma = {"relu": nn.ReLU(), "softplus:5": nn.Softplus(5), "power:3": Power()}
        layers += [linear, sigma[config.activation]]
    return nn.Sequential(*layers[:-1])


CRITERIA = {
    "logistic": lambda phi, y: nn.BCEWithLogitsLoss()(phi[:, 0], (y + 1) / 2),
    "exponential": lambda phi, y: (-y * phi[:, 0]).exp().mean(),
    "squared": lambda phi, y: nn.MSELoss()(phi[:, 0], y),
    "cross-entropy": nn.CrossEntropyLoss(),
}


@pytest.mark.parametrize("loss_name", CRITERIA)
@pytest.mark.parametrize("biases", ["first", "all", "none"])
@pytest.mark.parametrize("activation", ["relu", "softplus:5", "power:3"])
def test_training_is_that_of_torch(loss_name, biases, activation):
    dataset = TEN if loss_name == "cross-entropy" else DIGITS
    config = dataclasses.replace(
        SMALL, loss=loss_name, biases=biases, activation=activation, decay=0.02, rate=0.02
    )
    victim = train_victim(dataset, config)
    model = twin(dataset, config)
    curve = []
    for _ in range(40):
        model.zero_grad()
        value = CRITERIA[loss_name](model(dataset.x), dataset.labels)
        curve.append(value.item())
        value.backward()
        with torch.no_grad():
            for parameter in model.parameters():
                slope = parameter.grad
                assert slope is not None
                parameter -= 0.02 * (slope + 0.02 * parameter)
    curve.append(CRITERIA[loss_name](model(dataset.x), dataset.labels).item())
    found = [t for layer in victim.trained for t in layer.tensors()]
    for ours, theirs in zip(found, model.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs.detach(), rtol=1e-9, atol=1e-12)
    assert victim.losses[:, 0].tolist() == list(range(41))
    torch.testing.assert_close(victim.losses[:, 1], torch.tensor(curve).double(), rtol=1e-6, atol=0)
    assert (
        victim.biases
        == {
            "first": (True, False, False),
            "all": (True, True, True),
            "none": (False, False, False),
        }[biases]
    )
    assert victim.trained[-1].weight.shape[0] == (10 if dataset is TEN else 1)


def test_normalised_descent_divides_each_step_by_the_loss():
    config = dataclasses.replace(SMALL, loss="exponential", steps=3, rate=0.02, normalise=True)
    victim, model = train_victim(DIGITS, config), twin(DIGITS, config)
    for _ in range(3):
        model.zero_grad()
        value = CRITERIA["exponential"](model(DIGITS.x), DIGITS.labels)
        value.backward()
        with torch.no_grad():
            for parameter in model.parameters():
                parameter -= 0.02 * parameter.grad / value
    found = [t for layer in victim.trained for t in layer.tensors()]
    for ours, theirs in zip(found, model.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs.detach(), rtol=1e-10, atol=1e-13)
    far = train_victim(DIGITS, dataclasses.replace(config, steps=6000, rate=0.05))
    assert bool(far.margins.isfinite().all())  # e^-margin is below the least float by now
    assert float(far.margins.median()) > 800


def test_the_end_of_training_with_decay_is_where_the_signed_map_is_exact():
    """Where the gradient vanishes, theta = sum_i lambda_i grad Phi(x_i) with some lambda."""
    config = VictimConfig((8,), "softplus:5", "squared", init="he", decay=0.1, rate=0.3, steps=1000)
    dataset = load("digits", 4, seed=2, unit_norm=True)
    victim = train_victim(dataset, config)

    def unexplained(theta):
        found = signed(theta, victim.activation)
        best = least_squares(found, dataset.x)
        return loss(found, dataset.x, best) / squared_norm(found.target)

    assert unexplained(victim.initial) > 0.5
    assert unexplained(victim.trained) < 1e-10


def test_margins():
    phi, y = torch.tensor([[2.0], [-3.0], [0.5]]), torch.tensor([1.0, 1.0, -1.0])
    assert margins(phi, y).tolist() == [2.0, -3.0, -0.5]
    phi = torch.tensor([[1.0, 4.0, 2.0], [5.0, -1.0, 3.0]])
    assert margins(phi, torch.tensor([1, 2])).tolist() == [2.0, -2.0]
    config = dataclasses.replace(SMALL, loss="cross-entropy", activation="softplus:5")
    victim = train_victim(TEN, config)
    right = outputs(victim.trained, victim.activation, TEN.x).argmax(1) == TEN.labels
    assert 0 < right.sum() < 20
    assert torch.equal(victim.margins > 0, right)


def test_seed_decides_all():
    one, two = train_victim(DIGITS, SMALL), train_victim(DIGITS, SMALL)
    other = train_victim(DIGITS, dataclasses.replace(SMALL, seed=1))
    for layers in ("initial", "trained"):
        for a, b in zip(getattr(one, layers), getattr(two, layers), strict=True):
            assert torch.equal(a.weight, b.weight)
    assert not torch.equal(one.initial[0].weight, other.initial[0].weight)
    assert not torch.equal(one.initial[0].weight, one.trained[0].weight)


def test_initial_scales():
    dataset, wide = load("digits", 4), VictimConfig(widths=(400, 300))
    for config, expected in (
        (wide, (1e-4, 1 / math.sqrt(1200), 1 / math.sqrt(900))),
        (dataclasses.replace(wide, init="he"), tuple(math.sqrt(2 / d) for d in (64, 400, 300))),
        (dataclasses.replace(wide, scales=(1.0, 2.0, 3.0)), (1.0, 2.0, 3.0)),
    ):
        for layer, scale in zip(initial_layers(dataset, config), expected, strict=True):
            error = 5 / math.sqrt(2 * layer.weight.numel())  # 5 standard errors
            assert layer.weight.std().item() == pytest.approx(scale, rel=error)
            assert layer.bias is None or not layer.bias.any()


def test_precision_and_progress(monkeypatch):
    monkeypatch.setattr("attack.victims.training.RECORDS", 10)
    seen = []
    config = dataclasses.replace(SMALL, steps=38)
    dataset = DIGITS.to("cpu", torch.float32)
    victim = train_victim(dataset, config, lambda step, value: seen.append((step, value)))
    assert victim.trained[0].weight.dtype == torch.float32
    assert victim.losses.tolist() == [list(record) for record in seen]
    assert [step for step, _ in seen] == [*range(0, 38, 3), 38]


def test_stop_loss():
    victim = train_victim(DIGITS, dataclasses.replace(SMALL, steps=900, stop_loss=0.3))
    before, last = victim.losses[-2], victim.losses[-1]
    assert before[1] > 0.3 >= last[1]
    assert last[0] < 900


def test_divergence_says_what_to_change():
    config = dataclasses.replace(SMALL, activation="power:3", loss="squared", rate=1e6)
    with pytest.raises(ValueError, match=r"rate: found 1e\+06.*pass a smaller one"):
        train_victim(DIGITS, config)


@pytest.mark.parametrize(
    ("change", "fragment"),
    [
        ({"widths": ()}, "widths: found ()"),
        ({"widths": (5, 0)}, "widths: found (5, 0)"),
        ({"loss": "hinge"}, "loss: found 'hinge'; pass logistic or exponential or squared"),
        ({"loss": "cross-entropy"}, "for 2 classes"),
        ({"biases": "last"}, "biases: found 'last'"),
        ({"init": "zero"}, "init: found 'zero'"),
        ({"scales": (1.0,)}, "scales: found (1.0,); pass 3 positive numbers"),
        ({"scales": (1.0, -1.0, 1.0)}, "scales: "),
        ({"rate": 0.0}, "rate: found 0.0"),
        ({"rate": math.nan}, "rate: found nan"),
        ({"steps": 0}, "steps: found 0"),
        ({"stop_loss": -1.0}, "stop_loss: found -1.0"),
        ({"decay": math.inf}, "decay: found inf"),
        ({"seed": -1}, "seed: found -1"),
    ],
)
def test_configurations_that_cannot_be_trained(change, fragment):
    with pytest.raises(ValueError, match=re.escape(fragment)):
        train_victim(DIGITS, dataclasses.replace(SMALL, **change))


def test_ten_classes_need_cross_entropy():
    with pytest.raises(ValueError, match="loss: found 'logistic'; pass cross-entropy, for 10"):
        train_victim(TEN, SMALL)


def test_activations_by_name():
    assert parse_activation("relu") == ReLU()
    assert parse_activation("softplus:12.5") == Softplus(12.5)
    assert parse_activation("power:3") == power(3)
    assert parse_activation("polynomial:1,0,-2").value(torch.tensor(3.0)) == -17


@pytest.mark.parametrize(
    "text",
    [
        *("", "tanh", "relu:9", "relu\n", "softplus", "softplus:0", "softplus:nan", "softplus:1,2"),
        *("power:0", "power:x", "power:99", "power:3.0", "polynomial", "polynomial:5"),
        *("polynomial:1,inf", "polynomial:1,0,0", "polynomial:1,,2", "__import__('os')"),
    ],
)
def test_names_that_are_no_activation(text):
    with pytest.raises(ValueError, match=r"activation: found .* pass relu") as caught:
        parse_activation(text)
    assert "\n" not in str(caught.value)


# ---- files -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def victim():
    return train_victim(DIGITS, SMALL)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("dataset", [DIGITS, TEN])
def test_what_is_stored_comes_back(tmp_path, dataset, dtype):
    name = "cross-entropy" if dataset is TEN else "logistic"
    config = dataclasses.replace(SMALL, loss=name, biases="all", scales=(0.1, 0.25, 1.0))
    victim = train_victim(dataset.to("cpu", dtype), config)
    save_victim(victim, tmp_path / "v.safetensors")
    found = load_victim(tmp_path / "v.safetensors")
    for layers in ("initial", "trained"):
        for a, b in zip(getattr(found, layers), getattr(victim, layers), strict=True):
            assert all(map(torch.equal, a.tensors(), b.tensors()))
            assert a.weight.dtype == dtype
    assert (found.config, found.data) == (victim.config, victim.data)
    assert torch.equal(found.losses, victim.losses)
    assert torch.equal(found.margins, victim.margins)
    assert (found.seconds, found.activation) == (victim.seconds, ReLU())
    record = json.loads((tmp_path / "v.json").read_text())
    assert record["losses"] == victim.losses.tolist()
    assert record["margins"] == victim.margins.tolist()
    assert record["data"]["name"] == "digits"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["v.json", "v.safetensors"]


def test_a_failed_write_leaves_the_old_file(tmp_path, victim, monkeypatch):
    path = tmp_path / "v.safetensors"
    save_victim(victim, path)
    before = path.read_bytes()

    def fail(handle):
        raise OSError("disk full")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="disk full"):
        save_victim(train_victim(DIGITS, dataclasses.replace(SMALL, seed=9)), path)
    assert path.read_bytes() == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["v.json", "v.safetensors"]


def test_where_no_victim_can_be_written(tmp_path, victim):
    with pytest.raises(ValueError, match=r"out: found .* ending in \.safetensors"):
        save_victim(victim, tmp_path / "v.pt")
    with pytest.raises(ValueError, match="out: found no folder"):
        save_victim(victim, tmp_path / "nowhere" / "v.safetensors")


@pytest.fixture
def stored(tmp_path, victim):
    """A victim's file, and a function that writes it again with changes."""
    path = tmp_path / "v.safetensors"
    save_victim(victim, path)
    with safe_open(path, "pt") as handle:
        record = json.loads(handle.metadata()["attack-victim"])
    tensors = safetensors.torch.load_file(path)

    def change(tensor=None, text=None, **edits):
        tensors.update(tensor or {})
        kept = {name: value for name, value in tensors.items() if value is not None}
        for name, value in edits.items():
            part = record["config"] if name in record["config"] else record["data"]
            part[name] = value
        text = json.dumps(record) if text is None else text
        safetensors.torch.save_file(kept, path, {"attack-victim": text})
        return path

    return change


def refuse(path, *fragments: str) -> None:
    """Require one ValueError on one line that names the file and says all of this."""
    with pytest.raises(ValueError, match="victim: ") as caught:
        load_victim(path)
    for fragment in (str(path), "found", "pass", *fragments):
        assert fragment in str(caught.value)
    assert "\n" not in str(caught.value)


F64 = torch.float64
HOSTILE_TENSORS = {
    "missing": ({"trained.1.weight": None}, "missing or unknown: ['trained.1.weight']"),
    "unknown": ({"trained.9.weight": torch.ones(1)}, "missing or unknown: ['trained.9.weight']"),
    "no start": ({"initial.0.weight": None}, "initial.0.weight"),
    "shape": ({"trained.0.weight": torch.ones(7, 65, dtype=F64)}, "shape [7, 65]"),
    "rank": ({"trained.0.bias": torch.ones(7, 1, dtype=F64)}, "shape [7, 1]"),
    "nan": ({"trained.0.bias": torch.full((7,), math.nan, dtype=F64)}, "nan or infinite"),
    "inf": ({"margins": torch.full((12,), math.inf, dtype=F64)}, "nan or infinite"),
    "mixed": ({"initial.0.weight": torch.ones(7, 64)}, "type F32"),
    "integers": ({"trained.0.weight": torch.ones(7, 64, dtype=torch.int64)}, "type I64"),
    "margins": ({"margins": torch.ones(11, dtype=F64)}, "margins of shape [11]"),
    "curve": ({"losses": torch.ones(3, 3, dtype=F64)}, "losses of shape [3, 3]"),
    "no curve": ({"losses": torch.ones(0, 2, dtype=F64)}, "losses empty"),
}


@pytest.mark.parametrize("case", HOSTILE_TENSORS)
def test_hostile_tensors(stored, case):
    tensor, fragment = HOSTILE_TENSORS[case]
    refuse(stored(tensor), fragment)


@pytest.mark.parametrize(
    ("edits", "fragment"),
    [
        ({"widths": [7, 6]}, "initial.1.weight"),
        ({"widths": [7]}, "missing or unknown"),
        ({"widths": [10**12, 10**12]}, "initial.0.weight of shape"),
        ({"widths": [10**400]}, "no tuple[int, ...]"),
        ({"widths": 7}, "widths '7'"),
        ({"widths": [True, 5]}, "widths"),
        ({"biases": "all"}, "missing or unknown"),
        ({"activation": "eval"}, "activation: found 'eval'"),
        ({"activation": ["relu"]}, "activation"),
        ({"loss": "cross-entropy"}, "loss: found 'cross-entropy'"),
        ({"rate": math.nan}, "rate"),
        ({"rate": "fast"}, "rate"),
        ({"steps": 1.5}, "steps '1.5', no int"),
        ({"classes": 3}, "which cannot be"),
        ({"name": "../../etc"}, "which cannot be"),
        ({"shape": [8]}, "which cannot be"),
        ({"shape": [8, 9]}, "initial.0.weight of shape"),
        ({"shape": [-8, -8]}, "which cannot be"),
        ({"unit_norm": 0}, "unit_norm"),
    ],
)
def test_hostile_records(stored, edits, fragment):
    refuse(stored(**edits), fragment)


@pytest.mark.parametrize(
    "text",
    [
        *("", "{", "[]", "null", '{"format": 2}', '{"format": 1}', '{"format": 1, "config": {}}'),
        *("[" * 100_000, '{"format": 1, "config": ' + "9" * 5000 + "}"),
    ],
    ids=range(9),
)
def test_hostile_metadata(stored, text):
    refuse(stored(text=text))


def test_hostile_files(tmp_path, stored, victim):
    path = stored()
    content = path.read_bytes()
    for damaged in (b"", content[:-1], content[:9], b"\xff" * 99, content[100:]):
        path.write_bytes(damaged)
        refuse(path, "damaged")
    safetensors.torch.save_file({"w": torch.ones(2)}, path)
    refuse(path, "no metadata 'attack-victim'")
    torch.save({"w": torch.ones(2)}, tmp_path / "v.pt")
    refuse(tmp_path / "v.pt", "extension")
    refuse(tmp_path / "nowhere.safetensors", "no such file")
    refuse(tmp_path, "no such file")
    os.mkfifo(tmp_path / "pipe.safetensors")
    refuse(tmp_path / "pipe.safetensors", "no such file")


def test_files_beyond_the_limit(stored, monkeypatch):
    monkeypatch.setattr(victim_files, "MAX_BYTES", 100)
    refuse(stored(), "more than 100 bytes")


# ---- command line ------------------------------------------------------------------------------

TRAIN = ["train", "--samples", "10", "--widths", "6", "5", "--steps", "30", "--rate", "0.1"]


def test_train(tmp_path, capsys):
    path = tmp_path / "v.safetensors"
    assert main([*TRAIN, "--init", "he", "--seed", "3", "--unit-norm", "--out", str(path)]) == 0
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
    assert main([*TRAIN, *options, "--activation", "softplus:10", "--out", str(path)]) == 0
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
    assert main(arguments) == 2
    printed, errors = capsys.readouterr()
    assert not printed
    assert len(errors.splitlines()) == 1
    assert errors.startswith("attack: ")
    assert fragment in errors
    assert not list(tmp_path.iterdir())
