"""The house: sizes of files, names that mean one thing, and what public calls promise."""

from __future__ import annotations

import ast
import inspect
from collections import Counter
from importlib import import_module
from pathlib import Path
from statistics import median

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("identify", "attack", "proofs_check")
SOURCES = {path: path.read_text() for name in PACKAGES for path in (ROOT / name).rglob("*.py")}
EXPORTED = [(name, export) for name in PACKAGES for export in import_module(name).__all__]


@pytest.mark.parametrize("package", PACKAGES)
def test_files_are_short(package):
    lines = {
        str(path.relative_to(ROOT)): text.count("\n")
        for path, text in SOURCES.items()
        if path.is_relative_to(ROOT / package) and path.name != "__init__.py"
    }
    assert {path: count for path, count in lines.items() if count > 300} == {}
    assert median(lines.values()) <= 130


def test_no_two_public_things_have_one_name():
    names = [
        node.name
        for text in SOURCES.values()
        for node in ast.parse(text).body
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and not node.name.startswith("_")
    ]
    assert len(names) > 500
    assert {name for name, count in Counter(names).items() if count > 1} == set()


def test_no_module_is_hidden_by_a_name_of_its_package():
    hidden = []
    for path, text in SOURCES.items():
        if path.name == "__init__.py":
            own = {item.stem for item in path.parent.iterdir() if item.stem != "__init__"}
            for node in ast.walk(ast.parse(text)):
                if isinstance(node, ast.ImportFrom):
                    names = {alias.asname or alias.name for alias in node.names}
                    here = node.module == ".".join(path.relative_to(ROOT).parent.parts)
                    hidden += [] if here else sorted(own & names)
                elif isinstance(node, ast.ClassDef | ast.FunctionDef):
                    hidden += [node.name] * (node.name in own)
    assert hidden == []


@pytest.mark.parametrize(("package", "name"), EXPORTED)
def test_public_calls_say_what_they_take_and_return(package, name):
    value = getattr(import_module(package), name)
    documentation = inspect.getdoc(value) or ""
    assert documentation.partition("\n")[0].endswith((".", ":")), f"{name}: no first sentence"
    if not inspect.isfunction(value):
        return
    function = ast.parse(inspect.getsource(value)).body[0]
    raises = any(isinstance(node, ast.Raise) for node in ast.walk(function))
    due = {"Args:": bool(inspect.signature(value).parameters), "Returns:": True, "Raises:": raises}
    assert [part for part, wanted in due.items() if wanted and part not in documentation] == []
    _, _, listed = documentation.partition("Args:\n")
    for parameter in inspect.signature(value).parameters:
        assert f"    {parameter}:" in listed, f"{name}: nothing on {parameter}"
