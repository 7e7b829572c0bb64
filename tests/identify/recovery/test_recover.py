"""Recovery and the errors it reckons with, on equations whose answer is known."""

from __future__ import annotations

from dataclasses import replace

import cases
import numpy as np
import pytest
from truth import posed

from identify import verify_identifiability
from identify.demo.training import train
from identify.findings import Verdict
from identify.options import Options
from identify.recovery import static
from identify.recovery.bounds import equation_error, output_error, sample_bounds
from identify.recovery.fit import Fit
from identify.recovery.levenberg import refine
from identify.recovery.recover import recover
from identify.recovery.sensitivity import dense_jacobian
from identify.recovery.verdict import chance_of_fit
from identify.tensor.interpolation import interpolate

GLOBALLY = Verdict.GLOBALLY_IDENTIFIABLE


def problem_of(n=4, d=6, m=80, activation=3, seed=0):
    rng = np.random.default_rng(seed)
    case = cases.gradient_step(rng, cases.samples(rng, n, d), cases.signed(rng, n), activation, m)
    return posed(case, "initial"), case


def fit_of(problem, case):
    """The fit from the true samples."""
    x, b, alpha = case.x @ problem.space.basis, case.b, problem.evaluations.activation.degree
    if not problem.equations.free_b:
        x, b = np.cbrt(b)[:, None] * x, np.ones(len(b))
        assert alpha == 3
    return refine(problem.equations, x, b)


def nearest(x, y):
    """Of every row of y to the rows of x, modulo sign."""
    return np.min([np.linalg.norm(y[:, None] - s * x[None], axis=2) for s in (1, -1)], axis=0).min(
        1
    )


@pytest.mark.parametrize("activation", [3, 4, 5, [0, 1, 0, 1], [0.2, -1, 0.5, 1]])
@pytest.mark.parametrize("stated", [None, 4])
def test_the_samples_of_one_step(activation, stated):
    problem, case = problem_of(m=200, activation=activation)
    found = recover(
        problem, interpolate(problem.equations, 1e-16), Options(n_samples=stated, unit_norm=True)
    )
    assert found.verdict is GLOBALLY
    assert np.all(nearest(case.x, found.recovery.x) <= found.recovery.error_bound)
    assert np.all(nearest(found.recovery.x, case.x) <= found.recovery.error_bound.max())
    assert found.assumed.stated == (stated is not None)
    assert found.recovery.residual < 1e-12


@pytest.mark.parametrize(("stated", "words"), [(3, "more samples than stated"), (5, "only 4")])
def test_a_number_that_the_weights_contradict(stated, words):
    problem, _ = problem_of()
    found = recover(problem, interpolate(problem.equations, 1e-16), Options(n_samples=stated))
    assert found.verdict is Verdict.UNDECIDED
    assert found.recovery is None
    assert words in found.sentences[0]


def test_a_number_that_cannot_be_inferred():
    """Binary cubics: as many coefficients as two samples have unknowns."""
    problem, _ = problem_of(n=2, d=2)
    interpolation = interpolate(problem.equations, 1e-16)
    found = recover(problem, interpolation, Options())
    assert found.verdict is Verdict.UNDECIDED
    assert "cannot be inferred" in found.sentences[-1]
    assert np.all(np.isinf(found.recovery.error_bound))
    assert recover(problem, interpolation, Options(n_samples=2)).verdict is GLOBALLY


def test_the_chance_of_a_fit_counts_dimensions():
    problem, case = problem_of()
    interpolation, fit = interpolate(problem.equations, 1e-16), fit_of(problem, case)
    # forms of degree 3 in 4 variables have 20 coefficients, 4 samples of R^4 16 unknowns
    assert chance_of_fit(interpolation, fit, 1e-2) == pytest.approx(1e-8)
    wide = replace(fit, unit=np.ones((4, 5)))
    assert chance_of_fit(interpolation, wide, 1e-2) == 1.0


@pytest.mark.parametrize("size", [1e-9, 1e-6, 1e-3])
@pytest.mark.parametrize("seed", range(4))
def test_the_error_of_the_equations_covers_random_noise(size, seed):
    problem, case = problem_of(seed=seed)
    rng, equations = np.random.default_rng(seed), problem.equations
    noise = size * rng.standard_normal(equations.right_side.shape)
    silent = replace(problem.evaluations, values=None)
    noisy = replace(
        problem,
        evaluations=silent,
        equations=equations.with_right_side(equations.right_side + noise),
    )
    error = equation_error(noisy, fit_of(noisy, case), along_path=False)
    assert np.linalg.norm(noise) <= error <= 2 * np.linalg.norm(noise)


def test_no_spare_equation_tells_no_error():
    problem, case = problem_of()
    fit = fit_of(problem, case)
    full = Fit(fit.x, fit.b, 0.0, None, np.ones((len(fit.x), 80)), True)
    assert equation_error(problem, full, along_path=False) == np.inf


@pytest.mark.parametrize("seed", range(4))
def test_output_weights_show_an_error_of_the_gradients(seed):
    """An error of s grad P along w, of size e, is one of s P of |w| e / alpha (Euler)."""
    problem, case = problem_of(seed=seed)
    fit, said = fit_of(problem, case), problem.evaluations
    e = np.random.default_rng(seed).standard_normal(len(said.points))
    shown = np.linalg.norm(said.points, axis=1) * e / (3 * said.scale)
    off = replace(problem, evaluations=replace(said, values=said.values + shown))
    assert output_error(off, fit) == pytest.approx(np.linalg.norm(e), rel=1e-8)
    assert output_error(problem, fit) < 1e-10
    assert output_error(replace(problem, evaluations=replace(said, values=None)), fit) == 0.0


@pytest.mark.parametrize("size", [1e-9, 1e-6])
@pytest.mark.parametrize("seed", range(4))
def test_bounds_cover_the_worst_error_in_the_row_space(size, seed):
    """The worst disturbance of each sample is a singular vector of its block of J^+."""
    problem, case = problem_of(seed=seed)
    fit, equations = fit_of(problem, case), problem.equations
    inverse = np.linalg.pinv(dense_jacobian(equations, fit.x, fit.b)).reshape(*fit.x.shape, -1)
    rng = np.random.default_rng(0)
    bounds = sample_bounds(problem, fit, size, rng, tensor=None, counted=True)
    for i in range(len(fit.x)):
        worst = np.linalg.svd(inverse[i], full_matrices=False)[2][0]
        right = equations.right_side + size * worst.reshape(equations.right_side.shape)
        moved = np.linalg.norm(
            refine(equations.with_right_side(right), fit.x, fit.b).x[i] - fit.x[i]
        )
        assert 0.5 * bounds[i] <= moved <= (1 + 1e-5) * bounds[i]


@pytest.mark.parametrize("seed", range(4))
def test_bounds_cover_what_leaves_the_row_space(seed):
    """Noise of the whole matrix turns its row space; what it hides is in the bounds."""
    _, case = problem_of(n=3, d=30, m=100, seed=seed)
    _, W0 = case.options["init"]
    noise = 1e-5 * np.random.default_rng(seed).standard_normal(W0.shape)
    noisy = posed(replace(case, W=case.W + noise))
    x = np.cbrt(case.b)[:, None] * case.x
    fit = refine(noisy.equations, x @ noisy.space.basis, np.ones(3))
    error = equation_error(noisy, fit, along_path=False)
    bounds = sample_bounds(noisy, fit, error, np.random.default_rng(0), tensor=None, counted=True)
    away = np.linalg.norm(fit.x @ noisy.space.basis.T - x, axis=1)
    outside = np.linalg.norm(x - x @ noisy.space.basis @ noisy.space.basis.T, axis=1)
    assert np.all(away <= bounds)
    assert np.all(outside > 0)
    inside = sample_bounds(
        replace(noisy, space=replace(noisy.space, tail=0.0), evaluations=replace(
            noisy.evaluations, rounding=0.0)), fit, error, np.random.default_rng(0), tensor=None,
        counted=True)  # fmt: skip
    assert np.all(inside < bounds)


def test_a_training_of_too_many_unknowns_is_not_followed(monkeypatch):
    """As at 100 samples: no path and no flow, and the bounds of one point still hold."""
    rng = np.random.default_rng(3)
    x = cases.samples(rng, 6, 30)
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    net = train(x, np.array([1.0, -1] * 3), 120, 3, max_steps=30, centred=True)
    monkeypatch.setattr(static, "PATH_LIMIT", 0)
    reports = []
    for large in (5000, 35):
        monkeypatch.setattr("identify.recovery.recover.LARGE", large)
        reports.append(verify_identifiability(net.a, net.W, init=(net.a0, net.W0)))
    followed, not_followed = reports
    assert followed.course is not None
    assert not_followed.course is None
    assert sum("not followed in time" in reason for reason in not_followed.reasons) == 1
    assert not any("not followed in time" in reason for reason in followed.reasons)
    for report in reports:
        found = report.recovery
        unit = found.x / np.linalg.norm(found.x, axis=1, keepdims=True)
        assert np.all(nearest(unit, x) < 0.02)
        assert np.all(nearest(x, found.x) <= found.error_bound)
    assert not_followed.recovery.residual > 1e-6
