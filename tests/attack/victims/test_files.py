"""attack.victims.files: what is stored comes back, and hostile files are refused."""

import dataclasses
import json
import math
import os

import pytest
import safetensors.torch
import torch
from safetensors import safe_open

from attack.data.dataset import load
from attack.network.activations import ReLU
from attack.victims import files as victim_files
from attack.victims.config import VictimConfig
from attack.victims.files import load_victim, save_victim
from attack.victims.record import VictimRecord
from attack.victims.training import train_victim

SMALL = VictimConfig(widths=(7, 5), steps=40, rate=0.1, init="he")
DIGITS = load("digits", 12)
TEN = load("digits", 20, classes=10)


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
        ({"widths": [10**400]}, "widths: found"),
        ({"widths": 7}, "'config.widths' 7: Input should be a valid array"),
        ({"widths": [True, 5]}, "'config.widths.0' True: Input should be a valid integer"),
        ({"biases": "all"}, "missing or unknown"),
        ({"activation": "eval"}, "activation: found 'eval'"),
        ({"activation": ["relu"]}, "activation"),
        ({"loss": "cross-entropy"}, "loss: found 'cross-entropy'"),
        ({"rate": math.nan}, "rate"),
        ({"rate": "fast"}, "'config.rate' 'fast': Input should be a valid number"),
        ({"steps": 1.5}, "'config.steps' 1.5: Input should be a valid integer"),
        ({"classes": 3}, "which cannot be"),
        ({"name": "../../etc"}, "which cannot be"),
        ({"shape": [8]}, "which cannot be"),
        ({"shape": [8, 9]}, "initial.0.weight of shape"),
        ({"shape": [-8, -8]}, "which cannot be"),
        ({"unit_norm": 0}, "'data.unit_norm' 0: Input should be a valid boolean"),
        ({"seed": True}, "'config.seed' True"),
        ({"shape": [8, 10**30]}, "which cannot be"),
        ({"n": 10**30}, "which cannot be"),
        ({"digest": 7}, "'data.digest' 7: Input should be a valid string"),
    ],
)
def test_hostile_records(stored, edits, fragment):
    refuse(stored(**edits), fragment)


@pytest.mark.parametrize(
    "text",
    [
        *("", "{", "[]", "null", '{"format": 2}', '{"format": 1}', '{"format": 1, "config": {}}'),
        *("[" * 100_000, '{"format": 1, "config": ' + "9" * 5000 + "}"),
        '{"format": 1, "a\\nb": 1}',
    ],
    ids=range(10),
)
def test_hostile_metadata(stored, text):
    refuse(stored(text=text))


def test_entries_missing_or_unknown(stored, victim):
    record = VictimRecord(config=victim.config, data=victim.data, seconds=1.0).model_dump()
    for part, name in (("config", "rate"), ("data", "digest"), ("config", None)):
        edited = {**record, part: dict(record[part])}
        if name is None:
            edited[part]["more"] = 1
        else:
            del edited[part][name]
        refuse(stored(text=json.dumps(edited)), f"{part}")
    del record["format"]
    refuse(stored(text=json.dumps(record)), "'format' without the right entries")


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
