"""What the README shows is what the code does."""

import json
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


def run(*arguments):
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout


def test_the_example_prints_what_is_shown():
    code = re.search(r"```python\n(.*?)```", README, re.DOTALL).group(1)
    shown = re.search(r"prints\n\n```\n(.*?)```", README, re.DOTALL).group(1)
    printed = run("-c", code)
    number = re.compile(r"\d[\d.]*(e-?\d+)?")  # figures differ in their last digits by machine
    words = [number.sub("#", text).split() for text in (printed, shown)]
    assert words[0] == words[1]
    assert printed.splitlines()[0] == shown.splitlines()[0]


def test_the_table_is_that_of_the_recorded_figures():
    assert run("benchmarks/recovery.py", "--table").strip() in README


def test_the_tables_of_the_attack_are_those_of_the_recorded_figures():
    for table in run("benchmarks/comparisons.py").strip().split("\n\n"):
        assert table in README


def test_the_picture_and_the_links_exist():
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert (ROOT / target).exists(), target


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
