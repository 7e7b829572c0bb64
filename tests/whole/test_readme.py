"""What the README and the pages beside it show is what the code does."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = (
    "README.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    *(f"docs/{p.name}" for p in (ROOT / "docs").glob("*.md")),
)
NUMBER = re.compile(r"\d[\d.]*(e[-+]?\d+)?")  # figures differ in their last digits by machine


def page(name):
    return (ROOT / name).read_text(encoding="utf-8")


def run(*arguments, cwd=ROOT):
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=True).stdout


def words(text):
    return NUMBER.sub("#", text).split()


def test_the_example_prints_what_is_shown():
    text = page("docs/verifying.md")
    code = re.search(r"```python\n(.*?)```", text, re.DOTALL).group(1)
    shown = re.search(r"prints\n\n```\n(.*?)```", text, re.DOTALL).group(1)
    printed = run("-c", code)
    assert words(printed) == words(shown)
    assert printed.splitlines()[0] == shown.splitlines()[0]


@pytest.mark.campaign
def test_the_two_files_of_the_readme_tell_what_is_shown(tmp_path):
    """Lines are compared without their figures; three dots stand for any number of them."""
    code = re.search(r"```python\n(.*?)```", page("README.md"), re.DOTALL).group(1)
    run("-c", code, cwd=tmp_path)
    session = re.search(
        r"```\n(\$ uv run identify spans.*?)```", page("README.md"), re.DOTALL
    ).group(1)
    for part in session.split("$ uv run identify ")[1:]:
        command, *shown = part.strip().splitlines()
        printed = run("-m", "identify", *command.split(), cwd=tmp_path).splitlines()
        lines = iter([words(line) for line in printed])
        for line in shown:
            assert line == "..." or words(line) in lines, line


def test_the_readme_is_short():
    assert len(page("README.md").splitlines()) <= 150


@pytest.mark.parametrize("name", PAGES)
def test_the_pictures_and_the_links_exist(name):
    for target in re.findall(r"\]\(([^)#:]+)\)", page(name)):
        assert (ROOT / name).parent.joinpath(target).exists(), target


def test_the_satisfiability_page_is_that_of_the_recorded_table():
    assert run("benchmarks/satisfiability.py", "--table") == (
        ROOT / "docs" / "satisfiability.md"
    ).read_text(encoding="utf-8")


def test_both_routes_find_the_eigenvectors_that_there_are():
    rows = json.loads((ROOT / "benchmarks" / "results" / "satisfiability.json").read_text())
    found = [row for row in rows if "N" in row]
    assert len(rows) == 120
    counted = [row for row in found if row["counted"] is not None]
    assert len(counted) > 60
    assert all(row["searched"] == row["counted"] for row in counted)
    agree = [row for row in found if row["followed"] == row["searched"]]
    assert len(agree) >= 0.9 * len(found)
