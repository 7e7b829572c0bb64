"""The command line: what it writes, what it says, and its exit codes."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest
import torch

from identify import synthesize_kkt
from identify.__main__ import run_identify


@pytest.fixture
def point():
    return synthesize_kkt(np.eye(6)[:4], [1, -1, 1, 1], 3)


@pytest.fixture
def stored(tmp_path, point):
    path = tmp_path / "weights.npz"
    np.savez(path, a=point.a, W=point.W)
    return path


def one_line(captured, *fragments):
    """Require nothing but one line on stderr, with all of these in it."""
    assert not captured.out
    lines = captured.err.splitlines()
    assert len(lines) == 1, captured.err
    assert lines[0].startswith("identify: ")
    for fragment in fragments:
        assert fragment in lines[0]


def test_verify_writes_its_reports(stored, tmp_path, capsys):
    page, data = tmp_path / "r.html", tmp_path / "r.json"
    code = run_identify([
        "verify",
        str(stored),
        "--json",
        str(data),
        "--html",
        str(page),
        "--certify",
    ])
    captured = capsys.readouterr()
    assert code == 0
    assert not captured.err.strip()
    report = json.loads(data.read_text(encoding="utf-8"))
    assert report["verdict"] == "GLOBALLY_IDENTIFIABLE"
    assert report["verdict"] in captured.out
    assert report["setting"] == "kkt"
    assert report["rank"]["exact_rank"] == 10
    x = np.abs(np.array(report["recovery"]["x"]))
    np.testing.assert_allclose(x[np.argsort(x.argmax(axis=1))], np.eye(6)[:4], atol=1e-8)
    text = page.read_text(encoding="utf-8")
    assert text.lower().startswith("<!doctype html>")
    assert report["verdict"] in text


def test_verify_as_a_process(stored):
    command = [sys.executable, "-W", "error", "-m", "identify", "verify", str(stored)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert "GLOBALLY_IDENTIFIABLE" in done.stdout
    assert not done.stderr.strip()


def test_names_of_the_tensors(tmp_path, point, capsys):
    path = tmp_path / "other.npz"
    np.savez(path, out=point.a, hidden=point.W)
    assert (
        run_identify(["verify", str(path), "--a", "out", "--w", "hidden", "--n-samples", "4"]) == 0
    )
    assert "GLOBALLY_IDENTIFIABLE" in capsys.readouterr().out
    assert run_identify(["verify", str(path), "--a", "out", "--w", "missing"]) == 2
    one_line(capsys.readouterr(), "missing", "hidden")


def test_known_initialisation_names(tmp_path, capsys):
    rng = np.random.default_rng(0)
    W0, a0, x = rng.standard_normal((60, 5)), rng.standard_normal(60), np.eye(5)[:3]
    t = W0 @ x.T
    path = tmp_path / "trained.npz"
    step = 1e-3
    a, W = a0 + step * (t**3).sum(axis=1), W0 + step * 3 * a0[:, None] * t**2 @ x
    np.savez(path, a=a, W=W, first=a0, before=W0)
    data = tmp_path / "r.json"
    names = ["--a0", "first", "--w0", "before", "--json", str(data)]
    assert run_identify(["verify", str(path), *names]) == 0
    assert json.loads(data.read_text(encoding="utf-8"))["setting"] == "known-init"
    assert "GLOBALLY_IDENTIFIABLE" in capsys.readouterr().out


def test_coefficients_of_the_activation(stored, capsys):
    assert run_identify(["verify", str(stored), "--activation", "0", "0.5", "0", "1"]) == 0
    assert "t^3" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "fragments"),
    [
        (["--activation", "2.5"], ("--activation", "2.5", "pass")),
        (["--activation", "relu"], ("--activation", "relu", "pass")),
        (["--activation", "1", "x"], ("--activation", "1 x", "pass")),
        (["--activation", "0"], ("activation", "pass an int alpha")),
        (["--activation", "99"], ("activation", "99", "pass an int alpha")),
        (["--activation", "1", "2", "0"], ("activation", "found leading coefficient 0", "drop")),
        (["--activation", "inf"], ("activation", "inf", "pass")),
        (["--activation", "nan", "1"], ("activation", "nan", "pass")),
        (["--n-samples", "0"], ("n_samples", "0", "pass a positive int")),
        (["--margin", "-1"], ("margin", "-1", "pass a positive number")),
        (["--seed", "-1"], ("seed", "-1", "pass")),
    ],
)
def test_bad_options(stored, options, fragments, capsys):
    assert run_identify(["verify", str(stored), *options]) == 2
    one_line(capsys.readouterr(), *fragments)


@pytest.mark.parametrize("name", ["absent.npz", "broken.npz", "text.txt", "folder.npz"])
def test_bad_file(tmp_path, name, capsys):
    path = tmp_path / name
    if name == "broken.npz":
        path.write_bytes(b"PK\x03\x04 nonsense")
    elif name == "text.txt":
        path.write_text("hello", encoding="utf-8")
    elif name == "folder.npz":
        path.mkdir()
    assert run_identify(["verify", str(path)]) == 2
    one_line(capsys.readouterr(), name, "save" if name == "broken.npz" else "pass")


@pytest.mark.parametrize("option", ["--json", "--html"])
def test_output_that_cannot_be_written_is_named_before_the_work(option, tmp_path, capsys):
    absent = str(tmp_path / "absent.npz")
    missing = tmp_path / "no such folder" / "r"
    assert run_identify(["verify", absent, option, str(missing)]) == 2
    one_line(capsys.readouterr(), option, "no such folder", "create it first")
    assert run_identify(["verify", absent, option, str(tmp_path)]) == 2
    one_line(capsys.readouterr(), option, tmp_path.name, "pass the name of a file")


def test_a_demo_into_a_file_is_refused_before_the_work(tmp_path, capsys):
    taken = tmp_path / "taken"
    taken.write_text("old", encoding="utf-8")
    assert run_identify(["demo", "--out", str(taken)]) == 2
    one_line(capsys.readouterr(), "taken")
    assert taken.read_text(encoding="utf-8") == "old"


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["guess"],
        ["verify"],
        ["verify", "w.npz", "--unknown"],
        ["demo", "--samples", "many"],
    ],
)
def test_usage_errors(arguments, capsys):
    with pytest.raises(SystemExit) as caught:
        run_identify(arguments)
    assert caught.value.code == 2
    captured = capsys.readouterr()
    assert captured.err
    assert "Traceback" not in captured.err


def test_check_proves_a_certificate_anew(stored, tmp_path, capsys):
    certificate = tmp_path / "c.json"
    assert run_identify(["verify", str(stored), "--certificate", str(certificate)]) == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert run_identify(["check", str(certificate), str(stored)]) == 0
    head, *proved = capsys.readouterr().out.splitlines()
    assert head.startswith("Proved anew")
    assert len(proved) == 5
    assert all(sentence in printed for sentence in proved[1:])
    content = json.loads(certificate.read_text(encoding="utf-8"))
    content["samples"]["radius"][0] = "0x1.0000000000000p-80"
    certificate.write_text(json.dumps(content), encoding="utf-8")
    assert run_identify(["check", str(certificate), str(stored)]) == 2
    one_line(capsys.readouterr(), "radius: sample 1 is proved to")
    for text in ("", "{}", "[" * 10**5, '{"format": "identify-certificate 1"}', '{"a": NaN}'):
        certificate.write_text(text, encoding="utf-8")
        assert run_identify(["check", str(certificate), str(stored)]) == 2
        one_line(capsys.readouterr(), "certificate")


def test_help_names_every_option(capsys):
    with pytest.raises(SystemExit) as caught:
        run_identify(["verify", "--help"])
    assert caught.value.code == 0
    out = capsys.readouterr().out
    for option in ("--a0", "--w0", "--activation", "--certify", "--certificate", "--html"):
        assert option in out


def test_demo(tmp_path, capsys):
    out = tmp_path / "new" / "folder"
    assert run_identify(["demo", "--samples", "6", "--neurons", "400", "--out", str(out)]) == 0
    captured = capsys.readouterr()
    assert "6 of 6 recovered" in captured.out
    assert not captured.err.strip()
    files = {path.name: path.read_bytes() for path in out.iterdir()}
    assert set(files) == {"report.html", "recovered.png", "weights.npz"}
    assert files["recovered.png"].startswith(b"\x89PNG")
    for name in files:
        assert f"wrote {out / name}" in captured.out
    # the written weights are those that were verified
    assert run_identify(["verify", str(out / "weights.npz")]) == 0
    assert "GLOBALLY_IDENTIFIABLE" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "fragment"),
    [
        (["--samples", "0"], "--samples: found 0; pass 1 to 60"),
        (["--samples", "61"], "--samples: found 61; pass 1 to 60"),
        (["--neurons", "0"], "--neurons: found 0; pass a positive number"),
    ],
)
def test_demo_refuses(options, fragment, tmp_path, capsys):
    assert run_identify(["demo", "--out", str(tmp_path), *options]) == 2
    one_line(capsys.readouterr(), fragment)
    assert not list(tmp_path.iterdir())


def test_two_checkpoints_of_a_network_trained_by_torch(tmp_path, capsys):
    """One step in float64 from the start of nn.Linear: the equations are exact."""
    torch.manual_seed(0)
    hidden, output = torch.nn.Linear(12, 300, bias=False), torch.nn.Linear(300, 1, bias=False)
    model = torch.nn.Sequential(hidden, output).double()
    before, after = tmp_path / "before.pt", tmp_path / "after.pt"
    torch.save(model.state_dict(), before)
    x = torch.nn.functional.normalize(torch.randn(5, 12, dtype=torch.float64))
    y = torch.tensor([1.0, -1.0, 1.0, -1.0, 1.0], dtype=torch.float64)
    loss = ((output(hidden(x) ** 3)[:, 0] - y) ** 2).mean()
    loss.backward()
    torch.optim.SGD(model.parameters(), lr=0.1).step()
    torch.save({"state_dict": model.state_dict()}, after)
    page = tmp_path / "page.json"
    assert run_identify(["verify", str(after), "--init", str(before), "--json", str(page)]) == 0
    assert "GLOBALLY_IDENTIFIABLE" in capsys.readouterr().out
    found = np.array(json.loads(page.read_text())["recovery"]["x"])
    assert np.abs(found @ x.numpy().T).max(axis=0).min() > 1 - 1e-9
    assert run_identify(["verify", str(after), "--init", str(before), "--a", "0.weight"]) == 2
    assert "leave out --a" in capsys.readouterr().err
    torch.save(
        torch.nn.Sequential(torch.nn.Linear(12, 3), torch.nn.Linear(3, 1)).state_dict(), before
    )
    assert run_identify(["verify", str(after), "--init", str(before)]) == 2
    assert "init: found a bias of the first layer" in capsys.readouterr().err
