"""attack audit: verdict, record and page from a stored network."""

import json

import numpy as np
import pytest

from attack.__main__ import run_attack
from attack.data.dataset import load
from attack.victims.config import VictimConfig
from attack.victims.files import save_victim
from attack.victims.training import train_victim


@pytest.fixture
def stored(tmp_path):
    """One step of gradient descent on six digits."""
    config = VictimConfig(
        (150,), "power:3", "squared", "none", scales=(1.0, 1.0), rate=1e-5, steps=1
    )
    save_victim(train_victim(load("digits", 6, unit_norm=True), config), tmp_path / "v.safetensors")
    return tmp_path / "v.safetensors"


def test_audit_writes_what_it_prints(stored, tmp_path, capsys):
    out, page = tmp_path / "a.json", tmp_path / "a.html"
    assert run_attack(["audit", str(stored), "--json", str(out), "--html", str(page)]) == 0
    record = json.loads(out.read_text())
    assert record["report"]["verdict"] == "GLOBALLY_IDENTIFIABLE"
    assert record["reconstructions"]["warm start"]["crosscheck"]["agreement"] == "AGREE"
    assert np.shape(record["report"]["recovery"]["x"]) == (6, 64)
    assert "Local identifiability" in capsys.readouterr().out
    assert page.exists()


@pytest.mark.parametrize(
    ("options", "fragment"),
    [
        (["--json", "/nonexistent/a.json"], "--json: found no folder '/nonexistent'"),
        (["--html", "/"], "--html: found the folder '/'"),
        (["--folder", "/"], "folder: found '/' for digits"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(stored, capsys, options, fragment):
    assert run_attack(["audit", str(stored), *options]) == 2
    printed, errors = capsys.readouterr()
    assert not printed
    assert len(errors.splitlines()) == 1
    assert fragment in errors
