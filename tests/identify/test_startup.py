"""Start-up: what ``import identify`` leaves unimported until it is used."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = (
    "flint",
    "jinja2",
    "matplotlib",
    "rich",
    "scipy.optimize",
    "scipy.sparse",
    "scipy.spatial",
    "scipy.stats",
    "sklearn",
    "sympy",
    "tensorly",
    "torch",
    "tyro",
)


@pytest.mark.parametrize("line", ["import identify", "import identify.rendering.text"])
def test_heavy_libraries_wait_until_they_are_used(line):
    code = f"import sys; {line}; print(*sorted(set(sys.modules) & set({HEAVY!r})))"
    command = [sys.executable, "-W", "error", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_printing_a_report_draws_nothing():
    code = (
        "import sys, numpy, identify\n"
        "point = identify.synthesize_kkt(numpy.eye(6)[:4], [1, -1, 1, 1], 3)\n"
        "str(identify.verify_identifiability(point.a, point.W))\n"
        "print(*sorted(set(sys.modules) & {'matplotlib', 'jinja2', 'torch', 'sympy', 'tensorly'}))"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
