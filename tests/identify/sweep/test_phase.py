"""Cells of a phase diagram: their keys, what they are planted with, what their figures say."""

from dataclasses import replace
from hashlib import blake2b

import numpy as np
import pytest

from identify.findings import Recovery
from identify.sweep.cells import AXES, PhaseCell, PhaseGrid
from identify.sweep.diagrams import plane_of
from identify.sweep.phase import compared, counts_needed, measure_phase, plant
from identify.sweep.tables import grid_points, phase_table

CELL = PhaseCell(3, 30, 6)


def test_every_field_is_in_the_key_and_the_key_is_that_of_every_machine():
    others = {
        "n": 4, "m": 31, "d": 7, "alpha": 4, "noise": 0.1, "target": 0.2, "precision": "float32",
        "optimiser": "adam", "repeat": 1, "seed": 1,
    }  # fmt: skip
    cells = [CELL, *(replace(CELL, **{name: value}) for name, value in others.items())]
    assert len({cell.key for cell in cells}) == len(cells) == 11
    assert len({cell.draw for cell in cells}) == len(cells)
    text = (
        '["phase", {"alpha": 3, "d": 6, "m": 30, "n": 3, "noise": 0.0, "optimiser": "step", '
        '"precision": "float64", "repeat": 0, "seed": 0, "target": 0.1}]'
    )
    assert CELL.key == blake2b(text.encode(), digest_size=12).hexdigest()


def test_the_grid_is_the_product_of_its_axes():
    grid = PhaseGrid(n=(2, 3), m=(5, 6, 7), noise=(0.0, 0.1), repeats=2)
    cells = list(grid)
    assert len(cells) == len(grid) == 24 == len({cell.key for cell in cells})
    assert grid.varied == ("n", "m", "noise")
    assert plane_of(grid) == ("n", "m")
    assert plane_of(PhaseGrid(noise=(0.0, 0.1))) == ("noise", "n")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"n": (0,)}, "n: found"),
        ({"m": ()}, "m: found"),
        ({"alpha": (1,)}, "alpha: found"),
        ({"noise": (float("nan"),)}, "noise: found"),
        ({"d": (4, 4)}, "each value once"),
        ({"optimiser": ("rprop",)}, "pass step, descent"),
        ({"repeats": 0}, "repeats: found 0"),
    ],
)
def test_grids_of_no_network_are_refused(values, message):
    with pytest.raises(ValueError, match=message):
        PhaseGrid(**values)


def test_one_step_is_the_gradient_of_the_loss():
    """Against central differences of 1/2 sum_i (Phi(x_i) - Phi_0(x_i) - y_i)^2 at the start."""
    cell = replace(CELL, target=1.0)
    network = plant(cell)
    (a0, W0), x = network.before, network.x

    def outputs(a, W):
        return (W @ x.T).T ** 3 @ a

    moved = np.concatenate([(network.after[0] - a0), (network.after[1] - W0).ravel()])
    theta, h = np.concatenate([a0, W0.ravel()]), 1e-5
    slopes = np.array([
        (outputs(*_parts(theta + h * e)) - outputs(*_parts(theta - h * e))) / (2 * h)
        for e in np.eye(len(theta))
    ])  # (parameters, n)
    y = np.linalg.lstsq(slopes, moved)[0]  # the step is sum_i y_i grad Phi(x_i)
    assert np.linalg.norm(slopes @ y - moved) < 1e-6 * np.linalg.norm(moved)
    assert np.all((np.abs(y) >= 0.5) & (np.abs(y) <= 1))


def _parts(theta):
    return theta[:30], theta[30:].reshape(30, 6)


@pytest.mark.parametrize("optimiser", ["momentum", "batches", "adam", "descent"])
def test_training_fits_the_targets(optimiser):
    network = plant(
        replace(CELL, optimiser=optimiser, target=1e-3 if optimiser != "adam" else 0.05)
    )
    (a, W), (a0, W0), x = network.after, network.before, network.x
    change = (W @ x.T).T ** 3 @ a - (W0 @ x.T).T ** 3 @ a0
    size = 1e-3 if optimiser != "adam" else 0.05
    assert np.all(np.abs(change) > 0.4 * size)
    assert np.all(np.abs(change) < 1.1 * size)


def test_noise_and_precision_are_what_is_asked_for():
    exact = plant(replace(CELL, m=400))
    loud = plant(replace(CELL, m=400, noise=0.5))
    rounded = plant(replace(CELL, precision="float16"))
    assert {w.dtype for w in (*rounded.after, *rounded.before)} == {np.dtype("float16")}
    for network in (exact, loud):
        change = network.after[1] - network.before[1]
        outside = change - change @ np.linalg.pinv(network.x) @ network.x
        rms = np.sqrt(np.mean(outside**2) * 6 / 3)  # noise in 6 dimensions, less the 3 of the span
        size = np.sqrt(np.mean(change**2))
        assert rms < 1e-9 * size if network is exact else 0.35 * size < rms < 0.55 * size


def test_the_figures_of_a_determined_point_and_of_one_that_is_not():
    assert measure_phase(CELL) == {
        "verdict": "GLOBALLY_IDENTIFIABLE", "gram": True, "symmetric": True,
        "found": 3, "claimed": 3, "exceeded": 0,
    }  # fmt: skip
    few = measure_phase(replace(CELL, n=5, m=3))
    assert (few["gram"], few["symmetric"], few["claimed"]) == (False, False, 0)
    assert measure_phase(replace(CELL, optimiser="adam"))["verdict"] == "MODEL_REJECTED"


def test_claims_outside_their_bound_are_counted():
    x = np.eye(3, 6)
    y = np.array([[0, 0, 1.0, 0.001], [-1, 0, 0, 0], [0.6, 0.8, 0, 0]])
    recovery = Recovery(
        np.hstack([y, np.zeros((3, 2))]), np.ones(3), np.array([2e-3, 1e-9, 0.05]), True, 0.0, ()
    )
    found = compared(x, recovery)
    assert found == {"found": 2, "claimed": 3, "exceeded": 1}  # a flipped sign is no other sample


def test_the_counts_are_those_of_the_theorem():
    assert counts_needed(3, 10, 3) == (6, 10 / 3)  # C(4, 2) features; C(5, 3) coefficients
    assert counts_needed(20, 64, 3) == (210, 1540 / 20)
    assert counts_needed(9, 4, 2) == (4, 10 / 4)


def test_the_table_depends_on_the_rows_alone():
    cells = list(PhaseGrid(n=(2, 3), repeats=2))
    figures = {"verdict": "UNDECIDED", "gram": True, "symmetric": True, "found": 2, "claimed": 0,
               "exceeded": 0}  # fmt: skip
    rows = {c.key: {"key": c.key, "state": "done", "seconds": 1.0} | figures for c in cells}
    rows[cells[3].key] = {"key": cells[3].key, "state": "refused", "seconds": 0, "error": "why"}
    shuffled = {key: rows[key] | {"seconds": 9.0, "version": "x"} for key in sorted(rows)}
    assert phase_table(cells, rows) == phase_table(cells, shuffled)
    first, second = grid_points(cells, rows)
    assert first.values["n"] == 2
    assert (first.recovered, first.found, first.determined, first.errors) == (1, 1, 1, 0)
    assert (second.recovered, second.found, second.errors, second.cells) == (0, 2 / 6, 1, 2)
    assert len(phase_table(cells, {}).splitlines()) == 5
    assert phase_table(cells, {}).startswith(",".join(AXES))
