"""Audits of folders: which files are a pair, and what is said of whole and broken ones."""

import csv

import numpy as np
import pytest
import torch

from identify.__main__ import run_identify
from identify.sweep.audits import Questions
from identify.sweep.cells import PhaseCell
from identify.sweep.pairs_in_folders import find_pairs
from identify.sweep.phase import plant
from identify.sweep.running import audit_folder, pair_cells


def touch(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"")


def store(folder, name, **fields):
    """A network of known samples, before and after training."""
    network = plant(PhaseCell(4, 60, 20, **fields))
    for state, (a, W) in {"before": network.before, "after": network.after}.items():
        tensors = {"0.weight": torch.as_tensor(W), "2.weight": torch.as_tensor(a)[None]}
        torch.save(tensors, folder / f"{name}.{state}.pt")
    return network


def test_files_are_paired_by_their_names_or_those_of_their_folders(tmp_path):
    touch(
        tmp_path, "a.before.pt", "a.after.pt", "b/init.safetensors", "b/trained.safetensors",
        "before/c.npz", "after/c.npz", "Net_INITIAL.pth", "Net_final.pth", "notes.txt", "odd.pt",
        "d/base/model.safetensors.index.json", "d/base/model-1.safetensors",
        "d/tuned/model.safetensors.index.json", "d/tuned/model-1.safetensors",
    )  # fmt: skip
    pairs, unnamed = find_pairs(tmp_path)
    assert {(p.name, p.initial, p.trained) for p in pairs} == {
        ("Net", "Net_INITIAL.pth", "Net_final.pth"),
        ("a", "a.before.pt", "a.after.pt"),
        ("b", "b/init.safetensors", "b/trained.safetensors"),
        ("c", "before/c.npz", "after/c.npz"),
        ("d/model", "d/base/model.safetensors.index.json", "d/tuned/model.safetensors.index.json"),
    }
    assert [p.problem for p in pairs] == [""] * 5
    assert unnamed == ["odd.pt"]


def test_incomplete_and_doubled_pairs_say_what_there_is(tmp_path):
    touch(tmp_path, "a.before.pt", "b.before.pt", "b.init.pt", "b.after.pt")
    one, two = find_pairs(tmp_path)[0]
    assert "none beside a.before.pt from after training" in one.problem
    assert "b.before.pt, b.init.pt from before training" in two.problem
    (tmp_path / "empty").mkdir()
    for folder, message in (("empty", "no checkpoint before or after"), ("none", "no folder")):
        with pytest.raises(ValueError, match=message):
            find_pairs(tmp_path / folder)


def test_an_audit_names_counts_members_and_broken_pairs(tmp_path):
    pairs, out = tmp_path / "pairs", tmp_path / "out"
    pairs.mkdir()
    network = store(pairs, "one")
    store(pairs, "adam", optimiser="adam")
    (pairs / "hurt.before.pt").write_bytes(b"no checkpoint")
    (pairs / "hurt.after.pt").write_bytes(b"no checkpoint")
    touch(pairs, "<b>lonely.before.pt")
    others = np.random.default_rng(0).standard_normal((20, 20))
    np.save(tmp_path / "records.npy", np.vstack([network.x, others]))
    questions = Questions((0.0, 0.0, 0.0, 1.0), str(tmp_path / "records.npy"))
    sentences = audit_folder(pairs, out, questions, jobs=2)
    assert sentences[0] == "4 networks, of which 2 could not be read."
    lines = (out / "table.csv").read_text().splitlines()
    rows = {row["network"]: row for row in csv.DictReader(lines)}
    whole = rows["one"]
    assert (whole["records"], whole["verdict"], whole["claimed"]) == (
        "4", "GLOBALLY_IDENTIFIABLE", "4",
    )  # fmt: skip
    assert (whole["members"], whole["excluded"], whole["open"]) == ("4", "20", "0")
    assert rows["adam"]["verdict"] == "MODEL_REJECTED"
    assert rows["adam"]["members"] == "0"
    assert "found no tensors" in rows["hurt"]["error"]
    assert str(tmp_path) not in rows["hurt"]["error"]
    assert "none beside" in rows["<b>lonely"]["error"]
    page = (out / "index.html").read_text()
    assert "1 of 4 networks do" in page
    assert "&lt;b&gt;lonely" in page
    assert "<b>lonely" not in page
    pages = {path.name for path in (out / "pages").iterdir()}
    assert len(pages) == 2
    assert all(f"pages/{name}" in page for name in pages)


def test_only_a_checkpoint_that_changed_is_audited_again(tmp_path):
    store(tmp_path, "one")
    store(tmp_path, "two")
    before = {c.name: c.key for c in pair_cells(tmp_path, tmp_path, Questions())[0]}
    store(tmp_path, "two", repeat=1)
    after = {c.name: c.key for c in pair_cells(tmp_path, tmp_path, Questions())[0]}
    assert before["one"] == after["one"]
    assert before["two"] != after["two"]
    asked = {c.name: c.key for c in pair_cells(tmp_path, tmp_path, Questions(seed=1))[0]}
    assert asked["one"] != after["one"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--activation", "3"], "--activation: found without --pairs"),
        (["--pairs", ".", "--n", "9"], "--n: found with --pairs"),
        (["--pairs", "nowhere"], "--pairs: found no folder"),
        (["--pairs", ".", "--activation", "gelu"], "--activation: found gelu"),
        (["--jobs", "-1"], "--jobs: found -1"),
        (["--n", "0"], "n: found"),
    ],
)
def test_what_cannot_be_asked_is_one_line(tmp_path, monkeypatch, capsys, options, message):
    monkeypatch.chdir(tmp_path)
    assert run_identify(["sweep", "out", *options]) == 2
    said = capsys.readouterr().err
    assert message in said
    assert len(said.strip().splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_the_page_of_a_diagram_in_a_browser(tmp_path, browser, capsys):
    grid = ["--n", "2", "3", "--m", "2", "20", "--repeats", "1", "--jobs", "1"]
    assert run_identify(["sweep", str(tmp_path), *grid]) == 0
    assert "4 networks at 4 points" in capsys.readouterr().out
    context = browser.new_context(offline=True, viewport={"width": 390, "height": 800})
    page, faults = context.new_page(), []
    page.on("console", lambda message: faults.append(message.text))
    page.goto((tmp_path / "index.html").as_uri(), wait_until="load")
    assert faults == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.locator("table.points tbody tr").count() == 4
    assert page.locator("svg").count() == 1
    context.close()
