"""identify demo --relu: photographs back from an ordinary training."""

import pytest

from identify.__main__ import run_identify


def test_the_demo_gives_the_photographs_back(tmp_path, capsys):
    command = ["demo", "--relu", "--samples", "4", "--neurons", "200", "--out", str(tmp_path)]
    assert run_identify(command) == 0
    said = capsys.readouterr().out
    assert "GLOBALLY_IDENTIFIABLE" in said
    assert "4 of 4 recovered" in said
    names = ("report.html", "recovered.png", "initial.safetensors", "trained.safetensors")
    assert all((tmp_path / name).stat().st_size > 1000 for name in names)


@pytest.mark.parametrize("option", ["--samples", "--neurons"])
def test_unusable_options_are_refused(option, tmp_path, capsys):
    assert run_identify(["demo", "--relu", option, "0", "--out", str(tmp_path)]) == 2
    assert f"{option}: found 0" in capsys.readouterr().err
