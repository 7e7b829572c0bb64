"""What must not change the answer, and what must be refused."""

from __future__ import annotations

from dataclasses import replace

import cases
import numpy as np
import pytest
import torch
from cases import Case, false_claims

from identify import Verdict, synthesize_kkt, verify_identifiability

GLOBALLY = Verdict.GLOBALLY_IDENTIFIABLE
FRONTS = {"kkt": cases.kkt, "step": cases.step, "features": cases.features}


def verify(case: Case):
    return verify_identifiability(case.a, case.W, **case.options)


def assert_same(case: Case) -> None:
    """The verdict is as without the change, and the samples are those of the case."""
    report = verify(case)
    assert report.verdict == GLOBALLY, report.reasons
    assert len(report.recovery.x) == len(case.x)
    assert not false_claims(case, report)[0]


def map_initial(case: Case, of_a, of_W) -> Case:
    options = dict(case.options)
    if "init" in options:
        a0, W0 = options["init"]
        options["init"] = (of_a(a0), None if W0 is None else of_W(W0))
    return replace(case, a=of_a(case.a), W=of_W(case.W), options=options)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("front", FRONTS)
@pytest.mark.parametrize("change", ["rotation", "order", "signs", "zero"])
def test_the_answer_moves_with_the_weights(front, change, seed):
    rng = np.random.default_rng(seed)
    case = FRONTS[front](rng)
    m, d = case.W.shape
    if change == "rotation":
        Q = np.linalg.qr(rng.standard_normal((d, d)))[0]
        case = replace(map_initial(case, lambda a: a, lambda W: W @ Q), x=case.x @ Q)
    elif change == "order":
        order = rng.permutation(m)
        case = map_initial(case, lambda a: a[order], lambda W: W[order])
    elif change == "signs":
        flip = rng.choice([-1, 1], m)
        of_a = flip if case.options["activation"] % 2 else np.ones(m)
        case = map_initial(case, lambda a: a * of_a, lambda W: W * flip[:, None])
    else:
        case = map_initial(case, lambda a: np.append(a, 0), lambda W: np.vstack([W, np.zeros(d)]))
    assert_same(case)


@pytest.mark.parametrize("seed", range(4))
def test_a_copied_neuron_keeps_every_equation(seed):
    rng = np.random.default_rng(seed)
    case = cases.kkt(rng)
    twice = np.append(np.arange(len(case.a)), rng.integers(len(case.a), size=3))
    case.options.pop("margin", None)  # copies change the outputs, so the margins differ
    report = verify_identifiability(
        case.a[twice], case.W[twice], **case.options | {"unit_norm": True}
    )
    unit = case.x / np.linalg.norm(case.x, axis=1, keepdims=True)
    assert report.verdict == GLOBALLY
    assert not false_claims(replace(case, x=unit), report)[0]


@pytest.mark.parametrize("alpha", [3, 4])
@pytest.mark.parametrize("factor", [1e-150, 1e-75, 1e-3, 1e3, 1e75, 1e150])
def test_a_common_factor_only_moves_b(factor, alpha):
    case = cases.kkt(np.random.default_rng(1), alpha)
    case = replace(case, options={"activation": alpha, "unit_norm": True})
    case = replace(case, x=case.x / np.linalg.norm(case.x, axis=1, keepdims=True))
    first = verify(case)
    scaled = replace(case, a=factor * case.a, W=factor * case.W)
    if abs((1 - alpha) * np.log10(factor)) > 300:
        with pytest.raises(ValueError, match=r"^W: "):
            verify(scaled)
        return
    assert_same(scaled)
    second = verify(scaled)
    overlap = first.recovery.x @ second.recovery.x.T  # s W = alpha s a b (s W.x)^(alpha-1) x
    match = np.abs(overlap).argmax(axis=1)
    b = second.recovery.b[match] / factor ** (1 - alpha)
    np.testing.assert_allclose(np.abs(b), np.abs(first.recovery.b), rtol=1e-9)


FORMATS = {
    "float32": lambda v: v.astype(np.float32),
    "lists": lambda v: v.tolist(),
    "torch": torch.tensor,
    "torch float32": lambda v: torch.tensor(v, dtype=torch.float32, requires_grad=True),
    "bfloat16": lambda v: torch.tensor(v).bfloat16(),
    "float16": lambda v: v.astype(np.float16),
    "fortran": np.asfortranarray,
    "column": lambda v: v.reshape(len(v), -1),
}


@pytest.mark.parametrize("name", FORMATS)
def test_every_kind_of_array_is_read(name):
    case = cases.kkt(np.random.default_rng(5), 3)
    convert = FORMATS[name]
    changed = replace(case, a=convert(case.a), W=convert(case.W))
    report = verify(changed)
    assert not false_claims(changed, report)[0]
    if "16" not in name:
        assert report.verdict == GLOBALLY


def test_integers_are_read():
    rng = np.random.default_rng(0)
    W, a0 = rng.integers(-9, 9, (40, 3)), rng.integers(-9, 9, 40)
    x, b = np.array([[1, 2, 0], [0, 1, -1], [1, 0, 3]]), np.array([1, -2, 3])
    case = Case(a0 + (W @ x.T) ** 3 @ b, W, {"init": (a0, None)}, x, b, "integers")
    assert_same(case)


def point():
    return synthesize_kkt(np.eye(3, 4), [1, -1, 1], 3)


def bad_inputs():
    p = point()
    a, W = p.a, p.W
    nan, inf = a.copy(), W.copy()
    nan[0], inf[0, 0] = np.nan, np.inf
    good = {"a": a, "W": W}
    return {
        "short a": ("a", {"a": a[:-1]}),
        "W of rank 1": ("W", {"W": W[0]}),
        "W of rank 3": ("W", {"W": W[None]}),
        "transposed": ("a", {"W": W.T}),
        "nan": ("a", {"a": nan}),
        "inf": ("W", {"W": inf}),
        "complex": ("W", {"W": W + 0j}),
        "strings": ("W", {"W": [["x"]]}),
        "empty a": ("a", {"a": [], "W": np.empty((0, 3))}),
        "no columns": ("W", {"W": np.empty((len(a), 0))}),
        "all zero": ("a", {"a": 0 * a, "W": 0 * W}),
        "ragged": ("W", {"W": [[1.0], [1.0, 2.0]]}),
        "init unchanged": ("init", {"init": (a, W)}),
        "init of the wrong shape": ("init", {"init": (a, W[:, :-1])}),
        "init of one": ("init", {"init": (a,)}),
        "init no tuple": ("init", {"init": a}),
        "init without a0": ("init", {"init": (None, W)}),
        "margin with init": ("margin", {"init": (a + 1, None), "margin": 1.0}),
        **{f"n_samples {n!r}": ("n_samples", {"n_samples": n})
           for n in (0, -1, 1.5, True, "3", np.nan, [3], np.array([3, 4]))},
        **{f"margin {v!r}": ("margin", {"margin": v})
           for v in (0, -1.0, np.nan, np.inf, True, "1", [1.0], 10**400)},
        **{f"unit_norm {v!r}": ("unit_norm", {"unit_norm": v})
           for v in ("yes", 2, [True], np.array([True, False]))},
        **{f"seed {v!r}": ("seed", {"seed": v})
           for v in (-1, 1.5, True, "1", None, np.array([1, 2]))},
        **{f"activation {v!r}": ("activation", {"activation": v})
           for v in (0, -3, True, "relu", "cubic", [], [1], [0, 1, 0], [0, np.nan], [0, 1j], 10**9,
                     1.5, None, np.array(1.5), [[0, 1]])},
    }, good  # fmt: skip


BAD, GOOD = bad_inputs()


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_refused_by_name(name):
    argument, changes = BAD[name]
    given = GOOD | changes
    with pytest.raises(ValueError, match=rf"^{argument}\b"):
        verify_identifiability(given.pop("a"), given.pop("W"), **given)


@pytest.mark.parametrize("activation", [1, 2, 3, 4])
@pytest.mark.parametrize("shape", [(1, 1), (1, 4), (5, 1), (2, 3)])
@pytest.mark.parametrize("init", ["kkt", "known-init", "random-features"])
def test_tiny_networks_get_an_answer(activation, shape, init):
    rng = np.random.default_rng(0)
    W, a = rng.standard_normal(shape), rng.standard_normal(shape[0])
    starts = {"kkt": None, "known-init": (a + 1, W + 1), "random-features": (a + 1, None)}
    report = verify_identifiability(a, W, activation=activation, init=starts[init])
    assert report.verdict != GLOBALLY


@pytest.mark.parametrize("change", ["a zero", "W zero", "a_j zero", "one alive", "same rows"])
def test_degenerate_weights_are_never_identifiable(change):
    p = point()
    a, W = p.a.copy(), p.W.copy()
    if change == "a zero":
        a[:] = 0
    elif change == "W zero":
        W[:] = 0
    elif change == "a_j zero":
        a[-1] = 0
    elif change == "one alive":
        a[1:], W[1:] = 0, 0
    else:
        a[:], W[:] = a[0], W[0]
    report = verify_identifiability(a, W)
    assert report.verdict != GLOBALLY
