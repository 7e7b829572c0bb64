"""identify spans and identify members: from two files to answers, tables and pages."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from matplotlib.image import imsave
from training_runs import Recipe, train

from identify.checkpoints.candidates import Preprocessing, read_candidates
from identify.cli.members import Members
from identify.cli.spans import Spans


@pytest.fixture(scope="module")
def run():
    return train(Recipe(seed=12))


@pytest.fixture
def files(run, tmp_path):
    torch.save(run.trained, tmp_path / "trained.pt")
    torch.save(run.initial, tmp_path / "initial.pt")
    np.save(tmp_path / "records.npy", run.records[:100])
    return tmp_path


def test_spans(files, capsys):
    page, data = files / "spans.html", files / "spans.json"
    Spans(files / "trained.pt", files / "initial.pt", html=page, json=data).run()
    printed = capsys.readouterr().out
    assert "0.weight" in printed
    assert "differ by a factor" in printed
    first, second = json.loads(data.read_text())
    assert (first["rank"], second["rank"]) == (20, None)
    assert page.read_text().count("<svg") == 2


def test_members(files, capsys):
    page, data = files / "members.html", files / "members.json"
    Members(
        files / "trained.pt", files / "records.npy", files / "initial.pt", html=page, json=data
    ).run()
    assert "Of 100 records, 20 were used, 80 were not" in capsys.readouterr().out
    records = json.loads(data.read_text())["records"]
    assert [r["answer"] for r in records[:21]] == ["MEMBER"] * 20 + ["NOT_A_MEMBER"]
    assert "20 of 100 records were used" in page.read_text()


def test_members_where_nothing_can_be_told(files, capsys):
    other = train(Recipe(seed=13, steps=0)).initial
    torch.save(other, files / "initial.pt")
    page, data = files / "members.html", files / "members.json"
    Members(
        files / "trained.pt", files / "records.npy", files / "initial.pt", html=page, json=data
    ).run()
    assert "of 100 it cannot be told" in capsys.readouterr().out
    assert json.loads(data.read_text())["records"][0]["distance"] is None


def test_pictures_and_a_seed(run, files, capsys, monkeypatch):
    folder = files / "pictures"
    folder.mkdir()
    for k in range(40):
        grey = np.round(run.records[k].reshape(8, 8) * 240).astype(np.uint8)
        imsave(folder / f"{k:02}.png", np.dstack([grey] * 3))
    (files / "networks_of_test.py").write_text(
        "import torch\n"
        "def build():\n"
        "    return torch.nn.Sequential(\n"
        "        torch.nn.Linear(64, 200), torch.nn.ReLU(), torch.nn.Linear(200, 1))\n"
    )
    monkeypatch.chdir(files)
    monkeypatch.syspath_prepend(files)
    Members(
        files / "trained.pt",
        folder,
        model="networks_of_test:build",
        init_seeds="0:20",
        grey=True,
        scale=1 / 240,
    ).run()
    printed = capsys.readouterr()
    assert "Of 40 records, 20 were used, 20 were not" in printed.out
    assert "your own code" in printed.err
    assert "seed 12" in printed.err


def test_bad_options_are_one_line(files):
    trained, records = files / "trained.pt", files / "records.npy"
    for command, said in (
        (Spans(trained), "--init: found none"),
        (Spans(trained, trained, model="a:b"), "pass one of the two"),
        (Spans(trained, trained, json=files / "no" / "where.json"), "--json"),
        (Members(trained, files, trained), "no picture"),
        (Members(trained, trained, trained), "pass a .npy"),
        (Members(trained, records, trained, html=files), "--html"),
    ):
        with pytest.raises(ValueError, match=said) as caught:
            command.run()
        assert "\n" not in str(caught.value)


def test_candidates(tmp_path):
    np.savez(tmp_path / "two.npz", a=np.ones(2), b=np.ones(2))
    np.savez(tmp_path / "one.npz", x=np.ones((2, 3, 4)))
    np.save(tmp_path / "objects.npy", np.array([{}]))  # pickled
    assert read_candidates(tmp_path / "one.npz", Preprocessing()).x.shape == (2, 12)
    for name in ("two.npz", "objects.npy"):
        with pytest.raises(ValueError, match="candidates"):
            read_candidates(tmp_path / name, Preprocessing())
    rgb = np.zeros((2, 2, 3), np.uint8)
    rgb[..., 1] = 51
    folder = tmp_path / "pictures"
    folder.mkdir()
    imsave(folder / "a.png", rgb)
    mean = Preprocessing(mean=(0.0, 0.1, 0.0), std=(1.0, 2.0, 1.0))
    x = read_candidates(folder, mean).x
    assert x[0] == pytest.approx([0, 0, 0, 0, 0.05, 0.05, 0.05, 0.05, 0, 0, 0, 0])
    last = read_candidates(folder, Preprocessing(channels_last=True)).x
    assert last[0, :3] == pytest.approx([0, 0.2, 0])
    with pytest.raises(ValueError, match="--mean"):
        read_candidates(folder, Preprocessing(mean=(0.0, 0.0)))
    imsave(folder / "b.png", np.zeros((3, 3, 3), np.uint8))
    with pytest.raises(ValueError, match="one size"):
        read_candidates(folder, Preprocessing())
