"""The figures of a report, and the pictures that samples are."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import report_cases
from matplotlib.backends.backend_agg import FigureCanvasAgg

from identify.findings import Neurons
from identify.rendering.figures import course_figure, neurons_figure, spectrum_figure
from identify.rendering.sample_figures import recovery_figure
from identify.rendering.shapes import choose_shape, picture_shape


@pytest.mark.parametrize(
    ("d", "shape"),
    [
        (64, (8, 8)),
        (784, (28, 28)),
        (768, (16, 16, 3)),
        (3072, (32, 32, 3)),
        (20, None),
        (2, None),
        (27, (3, 3, 3)),
    ],
)
def test_picture_shape(d, shape):
    assert picture_shape(d) == shape


def test_a_wrong_image_shape_is_named():
    with pytest.raises(ValueError, match="image_shape"):
        choose_shape(64, (7, 9))
    assert choose_shape(60, (6, 10)) == (6, 10)


def test_the_recovery_figure_shows_each_truth_above_its_own_recovery():
    report, truth = report_cases.digits()
    figure = recovery_figure(report, truth)
    pictures = [np.asarray(axes.images[0].get_array()) for axes in figure.axes]
    assert len(pictures) == 24
    for above, below in zip(pictures[::2], pictures[1::2], strict=True):
        assert np.abs(above - below).max() < 0.05
    tops = {above.tobytes() for above in pictures[::2]}
    assert len(tops) == 12
    assert len(recovery_figure(report_cases.ambiguous(20)).axes) == 2
    with pytest.raises(ValueError, match="recovery"):
        recovery_figure(report_cases.undecided())
    with pytest.raises(ValueError, match="truth"):
        recovery_figure(report, np.empty((0, 64)))


def test_the_course_figure_shows_the_size_of_every_residual():
    course = report_cases.course()
    axes = course_figure(course).axes[0]
    lines = axes.lines[:12]
    shown = np.array([line.get_ydata() for line in lines])
    np.testing.assert_allclose(shown, np.abs(course.residuals.T) / 2)
    for line in lines:
        np.testing.assert_array_equal(line.get_xdata(), course.times)
    assert len({str(line.get_color()) for line in lines[:-1]}) == 1
    assert lines[-1].get_color() != lines[0].get_color()


def test_a_course_without_residuals_is_drawn():
    course = report_cases.course()
    still = replace(course, residuals=np.zeros_like(course.residuals))
    none = replace(course, residuals=np.empty((11, 0)), confirmed=np.empty(0, bool))
    for odd in (still, none):
        FigureCanvasAgg(course_figure(odd)).draw()


def test_degenerate_numbers_are_drawn():
    rank, lost = report_cases.ranks(), np.array([1.0, np.nan, np.inf])
    figures = [
        neurons_figure(Neurons(np.empty(0), np.empty(0), np.empty((0, 2))), 0),
        neurons_figure(Neurons(lost, lost, np.full((3, 2), np.nan)), 0),
        spectrum_figure(replace(rank, singular_values=np.zeros(5), tolerance=0.0, rank=0)),
        spectrum_figure(replace(rank, singular_values=np.empty(0), N=10**12)),
    ]
    for figure in figures:
        FigureCanvasAgg(figure).draw()
