"""Weights given as arrays: what is accepted, and what is refused in which words."""

from __future__ import annotations

import re
import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from weight_cases import BRAIN, DOUBLE, HALF, SINGLE, A, W, refuse

from identify.equations.weights import as_weights


@pytest.mark.parametrize("shape", [(3,), (1, 3), (3, 1)])
@pytest.mark.parametrize("kind", ["numpy", "torch", "list", "fortran", "reversed"])
def test_accepts_every_kind_of_array(shape, kind):
    convert = {
        "numpy": np.array,
        "torch": lambda x: torch.tensor(x, requires_grad=True),
        "list": lambda x: x.tolist(),
        "fortran": np.asfortranarray,
        "reversed": lambda x: x[::-1].copy()[::-1],
    }[kind]
    found = as_weights(convert(A.reshape(shape)), convert(W), (convert(A + 1), convert(W + 1)))
    assert found.setting == "known-init"
    assert found.precision == DOUBLE
    for array, expected in zip(
        (found.a, found.W, found.a0, found.W0), (A, W, A + 1, W + 1), strict=True
    ):
        np.testing.assert_array_equal(array, expected)
        assert type(array) is np.ndarray
        assert array.dtype == np.float64
        assert array.flags.c_contiguous


def test_is_a_copy():
    a, hidden = A.copy(), torch.tensor(W)
    found = as_weights(a, hidden)
    a[0], hidden[0, 0] = 99, 99
    np.testing.assert_array_equal(found.a, A)
    np.testing.assert_array_equal(found.W, W)


@pytest.mark.parametrize(
    ("init", "setting"), [(None, "kkt"), ((A, W), "known-init"), ((A, None), "random-features")]
)
def test_setting(init, setting):
    assert as_weights(A, W, init).setting == setting


@pytest.mark.parametrize(
    ("a", "w", "precision"),
    [
        (A, W, DOUBLE),
        (A.astype(np.float32), W, SINGLE),
        (A, W.astype(">f4"), SINGLE),
        (A.astype(np.float16), W.astype(np.float32), HALF),
        (A.astype(np.longdouble), W, DOUBLE),
        (np.array([1, 2, 3], dtype=np.uint8), W.astype(int), DOUBLE),
        ([1, 2, 3], W.astype(np.float32), SINGLE),
        (torch.tensor(A, dtype=torch.float64), torch.tensor(W), DOUBLE),
        (torch.tensor(A, dtype=torch.bfloat16), torch.tensor(W, dtype=torch.float16), BRAIN),
        (torch.tensor([1, 2, 3], dtype=torch.int16), torch.tensor(W, dtype=torch.float16), HALF),
        (list(torch.tensor(A, dtype=torch.bfloat16, requires_grad=True)), W, BRAIN),
        (torch.nn.Parameter(torch.ones(1, 3)), W, SINGLE),
        (torch.ones(3, dtype=torch.complex64).conj().imag, W, SINGLE),
    ],
)
def test_precision_is_that_of_the_coarsest_input(a, w, precision):
    assert as_weights(a, w).precision == precision


@pytest.mark.parametrize(
    ("init", "precision"),
    [
        ((A.astype(np.float16), W), HALF),
        ((A, torch.tensor(W, dtype=torch.bfloat16)), BRAIN),
        ((A.astype(np.float32), None), SINGLE),
    ],
)
def test_precision_counts_the_initialization(init, precision):
    assert as_weights(A, W, init).precision == precision


@pytest.mark.parametrize("scale", [1e150, 1e-150, 5e-324])
def test_accepts_extreme_scales(scale):
    found = as_weights(np.full(3, scale), np.full((3, 2), scale))
    assert {*found.a.flat, *found.W.flat} == {scale}


def test_accepts_zeros_that_are_not_everything():
    as_weights(np.zeros(3), W, (np.zeros(3), np.zeros((3, 2))))
    as_weights(A, np.zeros((3, 2)))
    as_weights(np.ma.masked_array(A, False), W)


def with_entry(array, index, value):
    changed = array.copy()
    changed[index] = value
    return changed


class Explosive:
    def __array__(self, dtype=None, copy=None):
        raise KeyError("no")


@pytest.mark.parametrize(
    ("a", "w", "init", "fragments"),
    [
        # a itself
        (3.0, W, None, ("a: found shape ()", "pass the output weights, shape (m,)")),
        (np.ones((3, 3)), W, None, ("a: found shape (3, 3)", "(m,), (1, m) or (m, 1)")),
        (np.ones((1, 3, 1)), W, None, ("a: found shape (1, 3, 1)",)),
        ([], np.ones((0, 2)), None, ("a: found the empty shape (0,)", "pass the output")),
        (np.ones((1, 0)), np.ones((0, 2)), None, ("a: found the empty shape (1, 0)",)),
        (None, W, None, ("a: found dtype object (NoneType)", "pass the output weights")),
        ({1.0, 2.0}, W, None, ("a: found dtype object (set)",)),
        ("weights", W, None, ("a: found dtype str", "as real numbers")),
        (["1", "2", "3"], W, None, ("a: found dtype str", "(list)")),
        (A.astype(object), W, None, ("a: found dtype object (ndarray)",)),
        ([10**400] * 3, W, None, ("a: found dtype object (list)",)),
        (A.astype(complex), W, None, ("a: found dtype complex128", "as real numbers")),
        (torch.ones(3, dtype=torch.complex64), W, None, ("a: found dtype complex64 (Tensor)",)),
        (A > 0, W, None, ("a: found dtype bool", "float32, float64 or integers")),
        ([True, False, True], W, None, ("a: found dtype bool (list)",)),
        (torch.tensor([True]), W, None, ("a: found dtype bool (Tensor)",)),
        (np.array(["2020"], dtype="M8[Y]"), W, None, ("a: found dtype datetime64",)),
        (torch.ones(3).to(torch.float8_e5m2), W, None, ("a: found dtype float8_e5m2",)),
        (torch.ones(3, device="meta"), W, None, ("a: found a Tensor that does not convert",)),
        (torch.ones(3).to_sparse(), W, None, ("a: found a Tensor that does not convert",)),
        (torch.nn.Linear(3, 1), W, None, ("a: found a Linear that does not convert", "pass the")),
        (Explosive(), W, None, ("a: found a Explosive that does not convert",)),
        ([[1.0], [2.0, 3.0]], W, None, ("a: found a list", "different lengths", "pass the output")),
        (np.ma.masked_array(A, [0, 1, 0]), W, None, ("a: found masked entries", "every entry")),
        (with_entry(A, 1, np.nan), W, None, ("a: found 1 of 3 values nan", "index [1]", "finite")),
        (np.full((1, 3), np.inf), W, None, ("a: found 3 of 3 values", "at index [0, 0]")),
        (np.longdouble("1e4000") * A, W, None, ("a: found 3 of 3 values", "in float64")),
        # W itself, and against a
        (A, A, None, ("W: found shape (3,)", "pass the hidden weights, shape (m, d)")),
        (A, W[None], None, ("W: found shape (1, 3, 2)",)),
        (A, np.ones((3, 0)), None, ("W: found the empty shape (3, 0)", "pass the hidden weights")),
        (A, [[1, 2], [3], [4, 5]], None, ("W: found a list", "different lengths")),
        (A, with_entry(W, (2, 1), -np.inf), None, ("W: found 1 of 6 values", "index [2, 1]")),
        (A, W.astype(complex), None, ("W: found dtype complex128",)),
        (
            A,
            W[:2],
            None,
            ("a: found 3 output weights", "shape (2, 2)", "one output weight per row"),
        ),
        (A, W.T, None, ("a: found 3 output weights", "pass W.T")),
        (0 * A, 0 * W, None, ("a, W: found every weight 0", "trained network")),
        # init
        (A, W, [A, W], ("init: found a list", "pass None, (a0, W0), or (a0, None)")),
        (A, W, A, ("init: found a ndarray", "pass None")),
        (A, W, (A,), ("init: found a tuple of length 1", "pass None")),
        (A, W, (A, W, W), ("init: found a tuple of length 3",)),
        (A, W, (None, W), ("init: found None in place of a0", "pass None")),
        (A, W, (A[:2], W), ("init: a0: found shape (2,)", "pass the shape of a", "(3,)")),
        (A, W, (A, W[:, :1]), ("init: W0: found shape (3, 1)", "pass the shape of W", "(3, 2)")),
        (A, W, (A[:2], None), ("init: a0: found shape (2,)",)),
        (A, W, (A, A), ("init: W0: found shape (3,)", "initial hidden weights")),
        (A, W, (A * np.nan, W), ("init: a0: found 3 of 3 values",)),
        (A, W, (A, W > 0), ("init: W0: found dtype bool",)),
    ],
)
def test_refuses_defects(a, w, init, fragments):
    error = refuse(lambda: as_weights(a, w, init), *fragments)
    assert str(error).startswith(fragments[0])


JUNK = st.one_of(
    arrays(
        st.sampled_from([np.float16, np.float64, np.int8, np.bool_, np.complex64, "S3"]),
        st.lists(st.integers(0, 3), max_size=3).map(tuple),
    ),
    st.recursive(st.none() | st.floats() | st.integers() | st.text(max_size=3), st.lists),
)


@settings(max_examples=60, deadline=None)
@given(JUNK, st.integers(1, 3))
def test_any_object_is_weights_or_one_error(a, m):
    message = ""
    try:
        found = as_weights(a, np.ones((m, 2)))
    except ValueError as error:
        message = str(error)
    else:
        assert found.a.shape == (m,)
        assert np.isfinite(found.a).all()
    assert re.fullmatch(r"(a: found .*; pass .*)?", message, re.DOTALL)


def test_import_leaves_torch_out():
    use = "import identify.equations.weights as w; w.as_weights([1], [[2]])"
    code = f"import sys; {use}; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
