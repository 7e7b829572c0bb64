"""attack audit: both routes end to end on trained networks, and the page in a browser."""

from dataclasses import replace

import numpy as np
import pytest
import scipy
import torch

from attack.audit import audit
from attack.data.dataset import load
from attack.descent.objective import residual, squared_norm
from attack.maps.objectives import kkt
from attack.victims.config import VictimConfig
from attack.victims.training import train_victim
from identify import Verdict
from identify.verify import REJECT_KKT

CUBIC = VictimConfig(
    widths=(150,),
    activation="power:3",
    loss="squared",
    biases="none",
    scales=(1.0, 1.0),
    rate=1e-5,
    steps=1,
)
RELU = VictimConfig(
    widths=(30,), loss="exponential", biases="none", rate=0.01, steps=2000, normalise=True
)


@pytest.fixture(scope="module")
def cubic():
    data = load("digits", 6, unit_norm=True)
    victim = train_victim(data, CUBIC)
    return data, victim, audit(victim, data)


@pytest.fixture(scope="module")
def relu():
    """Two samples: max-margin training ends near a KKT point."""
    data = load("digits", 2)
    victim = train_victim(data, RELU)
    return data, victim, audit(victim, data)


def test_one_step_is_recovered_and_the_halves_agree(cubic):
    data, _, found = cubic
    assert found.report.verdict is Verdict.GLOBALLY_IDENTIFIABLE
    warm, check = found.reconstructions["warm start"]
    assert check.agreement == "AGREE"
    assert check.distances.max() < 1e-8
    cosines = torch.nn.functional.normalize(warm.x) @ data.x.T
    assert cosines.abs().amax(0).min() > 1 - 1e-8
    assert "cold start" in found.reconstructions
    assert found.local.rank == found.local.columns == 6 * 64  # norms held, multipliers free
    assert bool(found.local.pinned.all())


def test_a_relu_network_gets_a_partial_verdict_with_a_witness(relu):
    data, victim, found = relu
    report, x = found.report, torch.as_tensor(found.report.witness.x)
    b = torch.as_tensor(report.witness.b)
    f = kkt(victim.trained, victim.activation, torch.sign(b))
    miss = (squared_norm(residual(f, x, b.abs())) / squared_norm(f.target)).sqrt()
    assert float(miss) == pytest.approx(report.residual, abs=1e-8)  # no worse than the truth
    assert report.witness.distance > 0.1
    assert report.verdict is Verdict.PARTIALLY_IDENTIFIABLE
    assert 1e-6 < report.residual < REJECT_KKT
    active = len(x) - 1
    assert any(f"{active} of the 2 training samples" in reason for reason in report.reasons)
    words = " ".join(report.reasons)
    number = int(words.split("Taking training sample ")[1].split()[0]) - 1
    parts = x[:2]
    middle = (b[:2, None] * parts).sum(0) / b[:2].sum()
    assert torch.allclose(middle, data.x[number], atol=1e-8)


@pytest.mark.parametrize("steps", [20, 2000])
def test_weights_that_miss_the_equations_are_not_decided_by_them(steps):
    """Eight samples: after 20 steps far from the max margin, after 2000 on kinks of the relu."""
    data = load("digits", 8)
    victim = train_victim(data, replace(RELU, steps=steps))
    report = audit(victim, data).report
    W, a = (layer.weight.detach().double().numpy() for layer in victim.trained)
    x, labels = data.x.double().numpy(), data.labels.numpy()
    on = x @ W.T > 0
    first = ((on * a)[:, :, None] * x[:, None]).reshape(8, -1)
    gradients = labels[:, None] * np.concatenate([first, on * (x @ W.T)], axis=1)
    theta = np.concatenate([W.ravel(), a.ravel()])
    miss = scipy.optimize.nnls(gradients.T, theta)[1] / np.linalg.norm(theta)
    assert report.residual == pytest.approx(miss, rel=1e-4)
    assert report.residual > 3 * REJECT_KKT  # how far depends on the last bits of training
    assert report.verdict is Verdict.MODEL_REJECTED
    assert report.witness is None
    words = " ".join(report.reasons)
    assert "no evidence that the training samples are safe" in words
    assert "initialisation" in words
    for comfort in ("are determined", "pinned", "free to move"):
        assert comfort not in words.split("more than 0.05")[1]


def test_the_page_shows_both_halves(browser, cubic, relu, tmp_path):
    for (data, _, found), needed in (
        (cubic, ["Recovered samples", "warm start", "cold start", "Both halves found the same"]),
        (relu, ["A second data set", "The sample that was taken apart", "Local identifiability"]),
    ):
        path = tmp_path / "page.html"
        found.to_html(path, data)
        context = browser.new_context(offline=True, viewport={"width": 390, "height": 800})
        page, faults = context.new_page(), []
        page.on("console", lambda message, to=faults: to.append(message.text))
        page.goto(path.as_uri(), wait_until="load")
        assert faults == []
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        text = page.inner_text("main")
        for words in needed:
            assert words in text
        assert page.eval_on_selector_all("img", "all => all.every(i => i.naturalWidth > 0)")
        context.close()


def test_networks_without_a_route_are_refused(tmp_path):
    data = load("digits", 4)
    victim = train_victim(data, replace(RELU, activation="softplus:5", steps=3, normalise=False))
    with pytest.raises(ValueError, match="network: found softplus:5"):
        audit(victim, data)
