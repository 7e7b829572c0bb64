"""The public Hypothesis strategies draw what they promise, and shrink to the smallest case."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import HealthCheck, find, given, settings

from identify import Verdict, verify_identifiability
from proofs_check import strategies
from proofs_check.exact.formulas import dot
from proofs_check.exact.rational import identity, multiply, rank, transpose

SETTINGS = settings(derandomize=True, deadline=None, max_examples=60,
                    suppress_health_check=[HealthCheck.too_slow])  # fmt: skip


@SETTINGS
@given(strategies.rational_orthogonal_matrices(4))
def test_orthogonal_matrices_are_orthogonal(Q):
    assert multiply(Q, transpose(Q)) == identity(4)


@pytest.mark.parametrize("geometry", ["orthonormal", "nearly orthonormal", "independent"])
def test_sample_sets_lie_as_promised(geometry):
    @SETTINGS
    @given(strategies.sample_sets(max_samples=3, max_dimension=5, geometry=geometry))
    def lies(x):
        n = len(x)
        assert rank(x) == n <= 3
        assert n <= len(x[0]) <= 5
        products = [dot(x[i], x[j]) for i in range(n) for j in range(i)]
        if geometry != "independent":
            assert all(dot(row, row) == 1 for row in x)
            bound = 0 if geometry == "orthonormal" else strategies.COHERENCE
            assert all(abs(t) <= bound for t in products)

    lies()


def test_nearly_orthonormal_sets_are_not_all_orthonormal():
    sets = strategies.sample_sets(geometry="nearly orthonormal")
    x = find(sets, lambda x: len(x) > 1 and dot(x[0], x[1]) != 0)
    assert dot(x[0], x[1]) != 0


@SETTINGS
@given(strategies.exact_kkt_points())
def test_exact_points_satisfy_all_kkt_conditions(point):
    assert point.kkt()


@pytest.mark.parametrize("degree", [1, 2, 3, 4, 5, None])
def test_points_satisfy_all_kkt_conditions(degree):
    @SETTINGS
    @given(strategies.kkt_points(degree=degree, max_samples=3))
    def satisfies(point):
        alpha = point.alpha
        f = (point.b * (point.W @ point.x.T) ** (alpha - 1)) @ point.x
        np.testing.assert_allclose(alpha * point.a[:, None] * f, point.W, atol=1e-10)
        outputs = (point.x @ point.W.T) ** alpha @ point.a
        np.testing.assert_allclose(outputs, point.labels, atol=1e-10)
        assert (point.b * point.labels > 0).all()

    satisfies()


@settings(SETTINGS, max_examples=25)
@given(strategies.kkt_points(degree=3, max_samples=4))
def test_the_example_of_the_documentation(point):
    report = verify_identifiability(point.a, point.W, activation=point.alpha)
    assert report.residual < 1e-9
    if report.verdict is Verdict.GLOBALLY_IDENTIFIABLE and report.recovery is not None:
        assert len(report.recovery.x) == len(point.x)


def test_points_shrink_to_one_sample_on_a_unit_vector():
    point = find(strategies.kkt_points(), lambda point: True)
    assert (point.alpha, point.x.tolist(), point.labels.tolist()) == (3, [[1.0]], [1])
    two = find(strategies.kkt_points(), lambda point: len(point.x) == 2)
    assert two.x.tolist() == [[1.0, 0.0], [0.0, 1.0]]
    assert len(two.a) == 3


def test_bounds_that_fit_nothing_are_named():
    with pytest.raises(ValueError, match="max_samples, max_dimension: found 3, 2"):
        find(strategies.sample_sets(max_samples=3, max_dimension=2), lambda x: True)


def test_the_example_in_the_docstring_runs(tmp_path):
    text = strategies.__doc__
    lines = text[text.index("    from hypothesis") : text.index("Failing")].splitlines()
    file = tmp_path / "test_example.py"
    file.write_text("\n".join(line.removeprefix("    ") for line in lines))
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=300)
    assert "1 passed" in done.stdout, done.stdout + done.stderr
