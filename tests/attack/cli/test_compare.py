"""attack compare: records, pages, resumption, and options that would change nothing."""

import json

import pytest
from run_cases import TINY

from attack.__main__ import run_attack
from attack.experiments import undersized
from attack.experiments.presets import SMALL


def test_compare_on_the_command_line(monkeypatch, tmp_path, capsys):
    monkeypatch.setitem(SMALL, "loo", TINY)
    out, page = tmp_path / "out.json", tmp_path / "page.html"
    arguments = ["compare", "--preset", "loo", "--seeds", "2", "--json", str(out)]
    assert run_attack([*arguments, "--html", str(page)]) == 0
    record = json.loads(out.read_text())
    assert [run["seed"] for run in record["runs"]] == [0, 1]
    assert "L2" in record["metric"]
    shown = capsys.readouterr().out
    assert record["summary"][0] in shown
    assert page.stat().st_size > 10_000
    assert run_attack(["compare", "--preset", "loo", "--seeds", "0"]) == 2
    assert "seeds: found 0" in capsys.readouterr().err


def test_undersized_on_the_command_line_goes_on_from_its_record(monkeypatch, tmp_path, capsys):
    out = tmp_path / "out.json"
    side = {"found": 8, "k_final": 8, "loss_ratio": 1e-20, "seconds": 1.0}

    def run(seeds, jobs, known):
        for seed in seeds:
            key = ("ntk, cubic", 8, seed)
            yield known.get(key) or {
                "map": key[0], "n": 8, "seed": seed, "k_start": 2, "with": side, "without": side,
                "first": not known,
            }  # fmt: skip

    monkeypatch.setattr(undersized, "compare_undersized", run)
    assert run_attack(["compare", "--seeds", "1", "--json", str(out)]) == 0
    assert run_attack(["compare", "--seeds", "2", "--json", str(out)]) == 0
    assert [one["first"] for one in json.loads(out.read_text())["runs"]] == [True, False]
    shown = capsys.readouterr().out
    assert "2 of 2 runs" in shown
    assert f"1 of them were taken from {out}" in " ".join(shown.split())
    out.write_text("[1]")
    assert run_attack(["compare", "--json", str(out)]) == 2
    assert "is no record of this comparison" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "fragment"),
    [
        (["--scale", "full"], "--scale: found 'full', which counts only with --preset loo"),
        (["--html", "c.html"], "--html: found 'c.html', which counts only"),
        (["--data", "mnist"], "--data: found 'mnist', which counts only"),
        (["--folder", "here"], "--folder: found 'here', which counts only"),
        (["--checkpoints", "here"], "--checkpoints: found 'here', which counts only"),
        (["--device", "cuda"], "--device: found 'cuda', which counts only"),
        (["--threads", "2"], "--threads: found '2', which counts only"),
        (["--preset", "loo", "--jobs", "3"], "--jobs: found '3', which counts only"),
        (["--preset", "loo", "--html", "/nonexistent/c.html"], "--html: found no folder"),
        (["--json", "/nonexistent/c.json"], "--json: found no folder"),
        (["--jobs", "0"], "--jobs: found 0"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(capsys, options, fragment):
    assert run_attack(["compare", *options]) == 2
    printed, errors = capsys.readouterr()
    assert not printed
    assert len(errors.splitlines()) == 1
    assert fragment in errors
