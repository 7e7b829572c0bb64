"""attack audit and attack reconstruct on checkpoints that torch.save wrote, end to end."""

import json
import re
from itertools import pairwise

import numpy as np
import pytest
import torch
from planted_relu import planted
from safetensors.torch import load_file, save_file
from torch.nn.functional import normalize, softplus

from attack.__main__ import run_attack
from attack.data.dataset import load
from attack.victims.checkpoints import read_checkpoints
from identify import synthesize_kkt


class Cube(torch.nn.Module):
    def forward(self, z):
        return z**3


def sequential(sigma, *widths, bias):
    layers = []
    for into, out in pairwise(widths):
        layers += [torch.nn.Linear(into, out, bias=bias, dtype=torch.float64), sigma]
    return torch.nn.Sequential(*layers[:-1])


def train(folder, net, data, loss, rate, steps):
    """Plain descent, with state dicts before and after it."""
    torch.save(net.state_dict(), folder / "start.pt")
    theta = list(net.parameters())
    for _ in range(steps):
        gradients = torch.autograd.grad(loss(data.labels, net(data.x)[:, 0]).mean(), theta)
        with torch.no_grad():
            for weight, gradient in zip(theta, gradients, strict=True):
                weight -= rate * gradient
    torch.save({"model": net.state_dict(), "step": steps}, folder / "trained.pt")
    return folder


@pytest.fixture(scope="module")
def cubic(tmp_path_factory):
    """One step on 20 digits."""
    torch.manual_seed(0)
    net = sequential(Cube(), 64, 300, 1, bias=False)
    for weight in net.parameters():
        torch.nn.init.normal_(weight)
    data = load("digits", 20, unit_norm=True)
    folder = tmp_path_factory.mktemp("cubic")
    return train(folder, net, data, lambda y, phi: (y - phi) ** 2, 1e-5, 1)


@pytest.fixture(scope="module")
def relu(tmp_path_factory):
    """Three layers with biases, many steps on two digits."""
    torch.manual_seed(0)
    net = sequential(torch.nn.ReLU(), 64, 30, 20, 1, bias=True)
    folder = tmp_path_factory.mktemp("relu")
    return train(folder, net, load("digits", 2), lambda y, phi: softplus(-y * phi), 0.1, 300)


def files(folder, activation, init=True):
    start = ["--init", str(folder / "start.pt")] if init else []
    return [str(folder / "trained.pt"), *start, "--activation", activation]


def found(x):
    """The worst cosine between the 20 digits and their nearest candidates."""
    true = load("digits", 20, unit_norm=True).x
    return float((normalize(torch.as_tensor(x).double()) @ true.T).abs().amax(0).min())


def test_the_audit_gives_the_digits_back_by_both_halves(cubic, tmp_path, capsys):
    out, page = tmp_path / "a.json", tmp_path / "a.html"
    outputs = ["--json", str(out), "--html", str(page)]
    assert run_attack(["audit", *files(cubic, "power:3"), *outputs]) == 0
    record, shown = json.loads(out.read_text()), capsys.readouterr().out
    assert record["report"]["verdict"] == "GLOBALLY_IDENTIFIABLE"
    assert found(record["report"]["recovery"]["x"]) > 1 - 1e-8
    assert record["reconstructions"]["warm start"]["crosscheck"]["agreement"] == "AGREE"
    assert "Both halves found the same samples." in shown
    first, last = record["changes"]
    assert (first["rank"], first["decay"], last["rank"]) == (20, 1.0, None)
    words = "Layer 1, 300 x 64: 20 linearly independent records stand above the noise; decay 1,"
    assert words in shown
    assert words in page.read_text()


def test_the_descent_gives_the_digits_back_from_a_random_start(cubic, tmp_path):
    out = tmp_path / "r.safetensors"
    options = ["--objective", "ntk", "--settings", "exact", "--candidates", "20", "--subspace"]
    descent = ["--optimizer", "levenberg", "--steps", "50", "--tolerance", "1e-20", "--seed", "1"]
    arguments = [*files(cubic, "power:3"), *options, *descent, "--out", str(out)]
    assert run_attack(["reconstruct", *arguments]) == 0
    assert found(load_file(out)["x"]) > 1 - 1e-8
    assert json.loads(out.with_suffix(".json").read_text())["data"] is None


def test_without_the_start_a_cubic_network_is_read_as_a_kkt_point(cubic, capsys):
    assert run_attack(["audit", *files(cubic, "polynomial:0,0,0,1", init=False)]) == 0
    shown = capsys.readouterr().out
    assert "MODEL_REJECTED (setting: kkt" in shown  # one step does not end in one
    assert "What training added" not in shown


def test_a_kkt_point_gives_its_samples_back_without_the_start(tmp_path):
    x = np.linalg.qr(np.random.default_rng(0).standard_normal((8, 4)))[0].T
    point, out = synthesize_kkt(x, [1, -1, 1, -1], 3), tmp_path / "a.json"
    np.savez(tmp_path / "kkt.npz", **{"0.weight": point.W, "2.weight": point.a[None]})
    options = ["--activation", "power:3", "--json", str(out)]
    assert run_attack(["audit", str(tmp_path / "kkt.npz"), *options]) == 0
    record = json.loads(out.read_text())
    assert (record["report"]["setting"], "changes" in record) == ("kkt", False)
    assert np.allclose(np.abs(x @ np.transpose(record["report"]["recovery"]["x"])).max(0), 1)
    for run in record["reconstructions"].values():
        assert run["crosscheck"]["agreement"] == "AGREE"


def test_a_relu_network_of_any_depth_without_its_samples(relu, tmp_path, capsys):
    out, page = tmp_path / "a.json", tmp_path / "a.html"
    assert run_attack(["audit", *files(relu, "relu"), "--json", str(out), "--html", str(page)]) == 0
    shown, record = " ".join(capsys.readouterr().out.split()), json.loads(out.read_text())
    assert record["report"]["verdict"] == "UNDECIDED"
    balance = re.search(r"Along every gradient path .* hold to ([0-9.e-]+)", shown)
    assert float(balance[1].rstrip(".")) < 0.05  # steps being finite
    assert record["changes"][0]["rank"] == 2
    assert "2 samples" in shown, shown
    assert "Layer 3, 1 x 20" in page.read_text()
    assert run_attack(["audit", *files(relu, "relu", init=False)]) == 0
    assert "MODEL_REJECTED (setting: kkt" in capsys.readouterr().out


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_biases_are_read_in_the_type_of_their_weights(dtype, tmp_path):
    net, path = sequential(torch.nn.ReLU(), 4, 6, 1, bias=True).to(dtype), tmp_path / "net.pt"
    torch.save(net.state_dict(), path)
    network = read_checkpoints(str(path), None, "relu")
    for layer, linear in zip(network.trained, (net[0], net[2]), strict=True):
        assert layer.weight.dtype == layer.bias.dtype == dtype
        assert torch.equal(layer.bias, linear.bias)


def test_a_relu_network_gives_its_samples_back_beside_the_attack(tmp_path, capsys):
    X, initial, trained, _ = planted()
    for name, state in (("initial", initial), ("trained", trained)):
        np.savez(tmp_path / f"{name}.npz", **state)
    page, network = tmp_path / "a.html", [str(tmp_path / "trained.npz"), "--activation", "relu"]
    options = ["--init", str(tmp_path / "initial.npz"), "--html", str(page)]
    assert run_attack(["audit", *network, *options]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert f"{len(X)} of them are claimed" in shown
    assert "16 candidates" in shown
    assert "as long as the recovery took" in shown
    assert "What the published attack makes of the same weights" in page.read_text()


@pytest.mark.parametrize(
    ("init", "options"),
    [(True, ["--objective", "ntk", "--at", "both"]), (False, ["--objective", "kkt"]),
     (True, ["--objective", "kkt", "--subspace"]), (False, ["--objective", "signed"])],
)  # fmt: skip
def test_reconstruction_of_a_relu_network(relu, tmp_path, capsys, init, options):
    out = tmp_path / "r.safetensors"
    short = ["--steps", "4", "--candidates", "4", "--block", "2", "--deviation", "0.1"]
    arguments = [*files(relu, "relu", init), *options, *short, "--out", str(out)]
    assert run_attack(["reconstruct", *arguments]) == 0
    assert load_file(out)["x"].shape == (4, 64)
    assert "truth" not in capsys.readouterr().out


def test_safetensors_in_single_precision(cubic, tmp_path):
    names = []
    for name in ("start", "trained"):
        state = torch.load(cubic / f"{name}.pt", weights_only=True)
        tensors = {key: t.float() for key, t in state.get("model", state).items()}
        names.append(str(tmp_path / f"{name}.safetensors"))
        save_file(tensors, names[-1])
    network = read_checkpoints(names[1], names[0], "power:3")
    assert network.initial is not None
    for layer, key in zip(network.trained, ("0.weight", "2.weight"), strict=True):
        assert torch.equal(layer.weight, tensors[key])  # in the type in which it is stored
    out = tmp_path / "r.safetensors"
    options = ["--objective", "ntk", "--settings", "exact", "--candidates", "4", "--steps", "4"]
    arguments = [names[1], "--init", names[0], "--activation", "power:3", *options]
    assert run_attack(["reconstruct", *arguments, "--out", str(out)]) == 0
    assert load_file(out)["x"].shape == (4, 64)


@pytest.mark.parametrize(
    ("command", "name", "activation", "options", "fragment"),
    [
        ("audit", "relu", None, [], "activation: found None, and"),
        ("audit", "relu", "tanh", [], "activation: found 'tanh'; pass relu, softplus:BETA"),
        ("audit", "relu", "softplus:5", [], "network: found Softplus(beta=5.0), biases (True,"),
        ("audit", "relu", "power:3", [], "and 1 outputs; pass a two-layer network of one"),
        ("audit", "relu", "relu", ["--folder", "/"], "--folder: found '/', which counts only with"),
        ("reconstruct", "relu", "relu", ["--truth"], "--truth: counts only with a file that"),
        ("reconstruct", "relu", "relu", ["--objective", "ntk"], "--init: found none; pass the"),
        ("reconstruct", "relu", "relu", ["--subspace"], "--init: found none; pass the network"),
        ("reconstruct", "relu", "relu", ["--init", "no.pt"], "--init: found 'no.pt', which counts"),
        ("reconstruct", "cubic", "power:3", ["--relu", "exact"], "counts only with a relu network"),
        ("reconstruct", "relu", "relu", ["--deviation", "-1"], "--deviation: found -1; pass a pos"),
        ("audit", "missing", "relu", [], "no such file"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(
    cubic, relu, tmp_path, capsys, command, name, activation, options, fragment
):
    folder = {"cubic": cubic, "relu": relu, "missing": tmp_path}[name]
    given = [] if activation is None else ["--activation", activation]
    assert run_attack([command, str(folder / "trained.pt"), *given, *options]) == 2
    printed, errors = capsys.readouterr()
    assert not printed
    assert len(errors.splitlines()) == 1
    assert fragment in errors


def test_starts_of_other_networks_are_refused(cubic, relu, capsys):
    for start, fragment in (
        (relu / "start.pt", "trained: found shapes [[300, 64], [1, 300]] where initial has [[30,"),
        (cubic / "trained.pt", "found the weights of the trained network; pass those before"),
        (cubic / "no.pt", "init: "),
    ):
        arguments = [str(cubic / "trained.pt"), "--init", str(start), "--activation", "power:3"]
        assert run_attack(["audit", *arguments]) == 2
        errors = capsys.readouterr().err
        assert len(errors.splitlines()) == 1
        assert fragment in errors


@pytest.mark.parametrize("option", ["--init", "--activation"])
def test_a_stored_victim_holds_its_start_and_its_activation(tmp_path, capsys, option):
    path = str(tmp_path / "v.safetensors")
    assert (
        run_attack(["train", "--samples", "4", "--widths", "6", "--steps", "3", "--out", path]) == 0
    )
    arguments = [path, option, "relu", "--objective", "ntk"]
    assert run_attack(["reconstruct", *arguments]) == 2
    assert (
        f"{option}: found 'relu' beside a file that attack train wrote" in capsys.readouterr().err
    )
