"""What is refused by the ReLU functions, in which words."""

from __future__ import annotations

import numpy as np
import pytest

from identify.relu.ambiguity import relu_witness
from identify.relu.merging import relu_merge
from identify.relu.points import synthesize_relu_kkt

POINT = synthesize_relu_kkt((4, 6), 3, seed=0)
L, X, B = POINT.layers, POINT.x, POINT.b
NAN = float("nan")


@pytest.mark.parametrize(
    ("name", "arguments", "options"),
    [
        ("layers", ([], X, B), {}),
        ("layers", (None, X, B), {}),
        (r"layers\[0\]", ([L[0][0], L[1]], X, B), {}),
        (r"layers\[1\]\[0\]", ([L[0], (np.ones((1, 5)), None)], X, B), {}),
        (r"layers\[0\]\[0\]", ([(L[0][0] * NAN, None), L[1]], X, B), {}),
        (r"layers\[0\]\[0\]", ([(L[0][0] + 1j, None), L[1]], X, B), {}),
        (r"layers\[0\]\[1\]", ([(L[0][0], np.ones(5)), L[1]], X, B), {}),
        ("layers: found 6 outputs", ([L[0]], X, B), {}),
        ("layers: found weights", ([(0 * W, c) for W, c in L], X, B), {}),
        ("x", (L, X[:, :3], B), {}),
        ("x", (L, X[0], B), {}),
        ("x", (L, X[:0], B[:0]), {}),
        ("x", (L, np.full((3, 4), NAN), B), {}),
        ("x", (L, [[1, 2], [3]], B), {}),
        ("x", (L, np.full((3, 4), "a"), B), {}),
        ("x", (L, 1e200 * X, B), {}),
        ("b", (L, X, B[:2]), {}),
        ("b", (L, X, 0 * B), {}),
        ("b", (L, X, B * NAN), {}),
        ("index", (L, X, B), {"index": 3}),
        ("index", (L, X, B), {"index": -1}),
        ("index", (L, X, B), {"index": True}),
        ("index", (L, X, B), {"index": "all"}),
        ("direction", (L, X, B), {"direction": np.zeros(4)}),
        ("direction", (L, X, B), {"direction": np.ones(3)}),
        ("direction", (L, X, B), {"direction": [1, 2, 3, NAN]}),
        ("distance", (L, X, B), {"distance": 0}),
        ("distance", (L, X, B), {"distance": -1.0}),
        ("distance", (L, X, B), {"distance": 1e300}),
        ("distance", (L, X, B), {"distance": NAN}),
        ("distance", (L, X, B), {"distance": "far"}),
        ("distance", (L, X, B), {"distance": True}),
        ("margin", (L, X, B), {"margin": 0.0}),
        ("margin", (L, X, B), {"margin": None}),
        ("seed", (L, X, B), {"seed": -1}),
        ("seed", (L, X, B), {"seed": 1.5}),
    ],
)
def test_malformed_arguments(name, arguments, options):
    with pytest.raises(ValueError, match=rf"^{name}.*pass "):
        relu_witness(*arguments, **options)


@pytest.mark.parametrize("pair", [(0,), (0, 0), (0, 3), (0, 1.0), "01", 3, (0, -1)])
def test_malformed_pairs(pair):
    with pytest.raises(ValueError, match=r"^pair: found .*pass "):
        relu_merge(L, X, B, pair=pair)
