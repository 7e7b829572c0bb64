"""identify verify on files of ReLU networks: what is read, and what is refused in which words."""

import json

import numpy as np
import pytest
from planted_relu import planted

from identify.__main__ import run_identify


@pytest.fixture
def files(tmp_path):
    """Checkpoints of a network before and after training, and one file with both."""
    X, initial, trained, _ = planted()
    paths = {}
    for name, state in (("trained", trained), ("initial", initial)):
        paths[name] = str(tmp_path / f"{name}.npz")
        np.savez(paths[name], **state)
    named = {"a": trained, "a0": initial}
    whole = {name: state["2.weight"][0] for name, state in named.items()}
    whole |= {"W": trained["0.weight"], "W0": initial["0.weight"]}
    np.savez(tmp_path / "whole.npz", **whole)
    return X, paths["trained"], paths["initial"], str(tmp_path / "whole.npz")


@pytest.mark.parametrize("one_file", [True, False])
def test_checkpoints_and_one_file_are_read(files, one_file, tmp_path):
    X, trained, initial, whole = files
    record = tmp_path / "report.json"
    command = [whole] if one_file else [trained, "--init", initial]
    options = ["--activation", "relu", "--n-samples", "8", "--json", str(record)]
    assert run_identify(["verify", *command, *options]) == 0
    report = json.loads(record.read_text())
    assert report["verdict"] == "GLOBALLY_IDENTIFIABLE"
    unit = X / np.linalg.norm(X, axis=1, keepdims=True)
    assert np.min(np.max(np.array(report["recovery"]["x"]) @ unit.T, axis=1)) > 1 - 1e-12


def test_rank_conditions_are_not_spoken_of(files, tmp_path, capsys):
    _, trained, _, _ = files
    page = tmp_path / "page.html"
    command = ["verify", trained, "--init", trained, "--activation", "relu", "--html", str(page)]
    assert run_identify(command) == 0
    said = capsys.readouterr().out
    assert "nothing was trained" in said
    assert "Rank conditions" not in said + page.read_text()


REFUSED = {
    "no start": (["{0}", "--activation", "relu"],
                 "--activation: found relu without initial weights; pass --init"),
    "no start, three layers": (["{3}", "--activation", "relu"],
                 "--init: found none beside a checkpoint of 3 layers; pass the network before"),
    "no file": (["{0}x", "--activation", "relu"], "found no such file"),
    "no start in the file": (["{2}"], "--activation: found relu without initial weights"),
    "a depth that polynomials lack": (["{3}", "--init", "{3}"], "(activation relu)"),
    "margin": (["{0}", "--init", "{1}", "--activation", "relu", "--margin", "1"],
               "--margin: found with --activation relu"),
    "n": (["{0}", "--init", "{1}", "--activation", "relu", "--n-samples", "0"],
          "n_samples: found 0"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_refusals_say_what_to_pass(case, files, tmp_path, capsys):
    _, trained, initial, _ = files
    bare, deep = tmp_path / "bare.npz", tmp_path / "deep.npz"
    np.savez(bare, a=np.ones(5), W=np.ones((5, 3)))
    np.savez(deep, **{"0.weight": np.ones((5, 3)), "2.weight": np.ones((5, 5)),
                      "4.weight": np.ones((1, 5))})  # fmt: skip
    command, words = REFUSED[case]
    given = [part.format(trained, initial, bare, deep) for part in command]
    if case == "no start in the file":
        given += ["--activation", "relu"]
    assert run_identify(["verify", *given]) == 2
    assert words in capsys.readouterr().err
