"""The leading part of a large matrix: what the whole decomposition says, or nothing."""

from __future__ import annotations

import numpy as np
import pytest

from identify.checkpoints import leading as module
from identify.checkpoints import spectrum as judging
from identify.checkpoints.decomposition import taken_apart
from identify.checkpoints.leading import leading
from identify.checkpoints.spectrum import CLEAR, spectrum

EPS = 2.0**-52


@pytest.fixture(autouse=True)
def small_matrices_are_large(monkeypatch):
    monkeypatch.setattr(judging, "SMALLEST", 50)
    monkeypatch.setattr(module, "_FIRST", 16)


def change(values, noise, h=300, d=150, seed=0):
    """A matrix with given singular values beside even noise; and its right singular space."""
    rng = np.random.default_rng(seed)
    left = np.linalg.qr(rng.standard_normal((h, len(values))))[0]
    right = np.linalg.qr(rng.standard_normal((d, len(values))))[0]
    return (left * values) @ right.T + noise * rng.standard_normal((h, d)), right


CASES = {
    "wide gap": (np.geomspace(1, 0.1, 12), 1e-9),
    "gap of ten": (np.linspace(3, 2, 6), 2.0 / 10 / (np.sqrt(300) + np.sqrt(150))),
    "two gaps": (np.concatenate([np.linspace(3, 2, 5), np.linspace(2e-4, 1e-4, 4)]), 1e-8),
    "more than tried first": (np.linspace(2, 1, 22), 1e-7),
    "nothing beside": (np.linspace(2, 1, 5), 0.0),
}


@pytest.mark.parametrize("records", [True, False])
@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("name", CASES)
def test_head_and_whole_agree(name, turned, records):
    matrix, _ = change(*CASES[name])
    matrix = matrix.T if turned else matrix
    whole = spectrum(matrix, 1.0, EPS, of_records=records)
    head = spectrum(matrix, 1.0, EPS, of_records=records, head=True)
    assert head.rank == whole.rank
    assert head.moved == whole.moved
    if whole.rank is None:
        return
    n = whole.rank
    np.testing.assert_allclose(head.values[:n], whole.values[:n], rtol=1e-12)
    np.testing.assert_allclose(head.noise, whole.noise, rtol=0.01, atol=1e-17)
    np.testing.assert_allclose(head.edge, whole.edge, rtol=0.06, atol=1e-15)
    inside = whole.right[:n].T @ (whole.right[:n] @ head.right[:n].T)
    rounding = 20 * EPS * whole.values[0] / whole.values[n - 1]  # of either (Wedin)
    assert np.linalg.norm(head.right[:n].T - inside) <= rounding + 1e-6 * whole.values[n]
    assert len(head.values) == n + 1 or name == "nothing beside"  # not the whole


def test_what_lies_below_the_gap_is_judged_as_before():
    """Five faint records under the gap that few directions show are no noise."""
    strong, faint = np.linspace(3, 2, 4), np.geomspace(2e-3, 1e-5, 12)
    matrix, _ = change(np.concatenate([strong, faint]), 1e-6)
    for records in (True, False):
        whole = spectrum(matrix, 1.0, EPS, of_records=records)
        head = spectrum(matrix, 1.0, EPS, of_records=records, head=True)
        assert head.rank == whole.rank
        np.testing.assert_array_equal(head.values, whole.values)


@pytest.mark.parametrize("full", [True, False])
def test_without_a_gap_nothing_is_returned(full):
    rng = np.random.default_rng(1)
    matrix = rng.standard_normal((200, 120))
    if not full:  # 60 of 120 directions: more than are looked for
        half = np.linalg.qr(rng.standard_normal((120, 60)))[0]
        matrix = matrix @ half @ rng.standard_normal((60, 120))
    assert leading(matrix, CLEAR) is None


def test_the_part_left_out_is_orthogonal_and_measured():
    matrix, _ = change(np.linspace(2, 1, 7), 1e-4)
    part = leading(matrix, CLEAR)
    rest = matrix - (part.left * part.values) @ part.right
    assert np.abs(part.left.T @ rest).max() < 1e-14
    assert part.square == pytest.approx(np.linalg.norm(rest) ** 2, rel=1e-9)
    assert 1.0 <= part.top / np.linalg.norm(rest, 2) <= 1.06


@pytest.mark.parametrize("rho", [1.0, 0.7])
def test_decay_is_found_alike(rho):
    X, _ = change(np.linspace(2, 1, 6), 0.0)
    initial = np.random.default_rng(3).standard_normal(X.shape)
    trained = rho * initial + X
    found = [taken_apart(trained - initial, initial, 1.0, EPS, head=head) for head in (True, False)]
    assert found[0].decay == pytest.approx(rho, abs=1e-13)
    assert found[0].decay == pytest.approx(found[1].decay, abs=1e-14)
    assert found[0].spectrum.rank == found[1].spectrum.rank == 6
