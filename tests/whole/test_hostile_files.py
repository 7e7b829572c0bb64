"""A sample of what benchmarks/hostile_files.py runs in full: one line, exit code 2, at once."""

from __future__ import annotations

import numpy as np
import pytest
from hostile_cases import built_certificates, built_weights, valid_files

from identify.__main__ import run_identify


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return valid_files(tmp_path_factory.mktemp("hostile"))


def refused(capsys, *arguments) -> None:
    assert run_identify(["check", *map(str, arguments)]) == 2
    captured = capsys.readouterr()
    assert not captured.out
    assert captured.err.startswith("identify: ")
    assert captured.err.count("\n") == 1
    assert captured.err.strip().isprintable()
    assert len(captured.err) < 2000


def test_the_files_that_are_damaged_are_good_ones(files, capsys):
    for name in ("net.npz", "net.safetensors", "net.pt", "old.pth"):
        assert run_identify(["check", str(files["certificate.json"]), str(files[name])]) == 0
    assert "Proved anew" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["net.npz", "net.safetensors", "certificate.json"])
def test_truncated_and_built_files(files, name, tmp_path, capsys):
    path = files[name]
    certificate = name.endswith(".json")
    content, target = path.read_bytes(), tmp_path / f"hostile{path.suffix}"
    cuts = np.random.default_rng(0).integers(0, len(content), 12)
    built = list((built_certificates if certificate else built_weights)(path.suffix))
    for bad in [*(content[:cut] for cut in cuts), *built[::9]]:
        target.write_bytes(bad)
        pair = (target, files["net.npz"]) if certificate else (files["certificate.json"], target)
        refused(capsys, *pair)


def test_no_field_can_be_left_out_or_be_of_another_type(files, tmp_path, capsys):
    import json

    content = json.loads(files["certificate.json"].read_text(encoding="utf-8"))
    target = tmp_path / "c.json"
    for part in (None, "rank", "samples"):
        fields = content if part is None else content[part]
        for name in fields:
            if part is None and name in {"rank", "samples"}:
                continue
            for value in (None, "x", 8, [], {}, [[]], "0x1.0000000000000p+1000", True):
                if value == fields[name] or (name == "basis" and value is None):
                    continue
                changed = fields | {name: value}
                whole = changed if part is None else content | {part: changed}
                target.write_text(json.dumps(whole), encoding="utf-8")
                refused(capsys, target, files["net.npz"])
