"""attack.victims.training against torch's own."""

from __future__ import annotations

import dataclasses
import math

import pytest
import torch
from torch import nn

from attack.data.dataset import load
from attack.descent.objective import least_squares, loss, squared_norm
from attack.maps.objectives import signed
from attack.network.mlp import outputs
from attack.victims.config import VictimConfig
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
