"""attack reconstruct: every objective and descent, and options that would change nothing."""

import json
from dataclasses import fields
from itertools import pairwise
from typing import get_args, get_type_hints

import pytest
from safetensors.torch import load_file

from attack.__main__ import run_attack
from attack.cli.overrides import Overrides, Splitting
from attack.cli.reconstruct import Reconstruct
from attack.descent.config import ReconstructionConfig
from attack.descent.splitting_config import SplittingConfig
from attack.networks import KernelEquations, Objective


def test_train_then_reconstruct_on_the_command_line(tmp_path, capsys):
    victim, out = tmp_path / "v.safetensors", tmp_path / "r.safetensors"
    train = ["train", "--samples", "6", "--widths", "20", "--steps", "200", "--out", str(victim)]
    assert run_attack(train) == 0
    options = ["--steps", "40", "--candidates", "6", "--split", "--every", "20", "--truth"]
    kept = ["--checkpoint", str(tmp_path / "run.pt")]
    assert run_attack(["reconstruct", str(victim), *options, *kept, "--out", str(out)]) == 0
    shown = capsys.readouterr().out
    assert "of 6 found" in shown
    tensors, record = load_file(out), json.loads(out.with_suffix(".json").read_text())
    assert tensors["x"].shape == (len(tensors["weights"]), 64)
    assert record["history"][-1]["step"] == 40
    assert record["config"]["splitting"]["every"] == 20
    assert record["config"]["rate"] == 0.03052
    assert run_attack(["reconstruct", str(tmp_path / "no.safetensors")]) == 2
    assert (
        run_attack(["reconstruct", str(victim), "--objective", "multiclass", "--steps", "2"]) == 2
    )
    assert "1 output" in capsys.readouterr().err


@pytest.fixture(scope="module")
def victims(tmp_path_factory):
    """A relu network, a cubic one, and one of ten classes."""
    folder = tmp_path_factory.mktemp("victims")
    cubic = ["--activation", "power:3", "--loss", "squared", "--biases", "none"]
    for name, options in {
        "relu": ["--samples", "4"],
        "cubic": ["--samples", "4", *cubic, "--scales", "1", "1", "--unit-norm", "--rate", "1e-5"],
        "ten": ["--samples", "10", "--classes", "10", "--loss", "cross-entropy"],
    }.items():
        out = folder / f"{name}.safetensors"
        assert (
            run_attack(["train", "--widths", "12", "--steps", "9", *options, "--out", str(out)])
            == 0
        )
    return folder


NTK = ["--objective", "ntk", "--settings", "exact"]
SHORT = ["--steps", "4", "--candidates", "4", "--block", "2"]


@pytest.mark.parametrize(
    ("victim", "options"),
    [
        ("relu", ["--objective", "kkt", "--momentum", "0"]),
        ("relu", ["--objective", "kkt", "--settings", "haim-cifar", "--relu", "exact"]),
        ("relu", ["--objective", "signed", "--settings", "buzaglo", "--weight-rate", "0.01"]),
        ("relu", ["--objective", "ntk", "--settings", "loo", "--at", "both", "--rate", "0.01"]),
        ("relu", ["--objective", "ntk", "--optimizer", "adam", "--last-layer", "--dtype", "tf32"]),
        ("ten", ["--objective", "multiclass", "--sharpness", "20", "--batch", "2"]),
        ("cubic", [*NTK, "--at", "midpoint", "--subspace"]),
        ("cubic", [*NTK, "--optimizer", "levenberg"]),
        ("cubic", ["--objective", "random-features", "--settings", "exact", "--ridge", "1e-8"]),
        ("cubic", ["--objective", "signed", "--optimizer", "lbfgs", "--deviation", "0.1"]),
        ("cubic", ["--objective", "kkt", "--multipliers", "non-negative", "--tolerance", "1e-9"]),
        ("cubic", [*NTK, "--split", "--merge", "--every", "2", "--limit", "6"]),
        ("cubic", [*NTK, "--split", "--threshold", "-1", "--share", "0.1"]),
    ],
)
def test_every_objective_and_descent_is_within_reach(victims, tmp_path, victim, options):
    out = tmp_path / "r.safetensors"
    path = str(victims / f"{victim}.safetensors")
    assert run_attack(["reconstruct", path, *SHORT, *options, "--out", str(out)]) == 0
    record = json.loads(out.with_suffix(".json").read_text())
    assert 2 <= record["history"][-1]["step"] <= 4
    given = dict(pairwise(options))
    for name, found in (record["config"] | (record["config"]["splitting"] or {})).items():
        option = "deviation" if name == "init" else name.replace("_", "-")
        wanted = given.get("--" + option)
        assert wanted is None or str(found) == wanted or float(wanted) == found


def test_the_options_are_those_of_the_library():
    hints = {part: get_type_hints(part) for part in (Overrides, Splitting, Reconstruct)}
    for part, config in ((Overrides, ReconstructionConfig), (Splitting, SplittingConfig)):
        theirs = get_type_hints(config)
        for name in {one.name for one in fields(part)} - {"settings", "split", "merge"}:
            assert hints[part][name] in (theirs[name], theirs[name] | None)
    assert get_args(hints[Reconstruct]["objective"]) == get_args(Objective)
    assert hints[Reconstruct]["at"] == get_type_hints(KernelEquations)["at"]
    for name in get_args(hints[Overrides]["settings"]):
        assert isinstance(Overrides(settings=name).config(0, None), ReconstructionConfig)


@pytest.mark.parametrize(
    ("options", "fragment"),
    [
        (["--every", "20"], "--every: found '20', which counts only with --split"),
        (["--merge"], "--merge: counts only with --split"),
        (["--folder", "/"], "--folder: found '/', which counts only with --truth"),
        (["--last-layer"], "--last-layer: counts only with --objective ntk"),
        (["--at", "both"], "--at: found 'both', which counts only with --objective ntk"),
        (["--optimizer", "adam", "--momentum", "0.5"], "--momentum: found '0.5', which counts"),
        (["--optimizer", "lbfgs", "--rate", "1"], "--rate: found '1.0', which counts only with"),
        (["--optimizer", "lbfgs", "--weight-rate", "1"], "--weight-rate: found '1.0'"),
        (["--ridge", "1"], "--ridge: found '1.0', which counts only with --multipliers"),
        (["--relu", "exact", "--sharpness", "9"], "--sharpness: found '9.0', which counts"),
        (["--optimizer", "levenberg"], "--optimizer: found 'levenberg' with --settings haim-mnist"),
        (["--rate", "-1"], "rate: found -1.0; pass a positive number"),
        (["--out", "r.npz"], "out: found 'r.npz'"),
        (["--checkpoint", "/nonexistent/c.pt"], "--checkpoint: found no folder"),
        (["--device", "abacus"], "--device: found 'abacus'"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(victims, capsys, options, fragment):
    assert run_attack(["reconstruct", str(victims / "relu.safetensors"), *options]) == 2
    printed, errors = capsys.readouterr()
    assert not printed
    assert len(errors.splitlines()) == 1
    assert fragment in errors


def test_settings_of_relu_do_not_count_for_other_networks(victims, capsys):
    assert run_attack(["reconstruct", str(victims / "cubic.safetensors"), "--relu", "exact"]) == 2
    assert "--relu: found 'exact', which counts only with a relu" in capsys.readouterr().err
