"""Validates weights, given as arrays or read from a file (``identify.checkpoints``).

Torch is imported only to read a ``.pt`` file or to stack torch tensors that the caller passed.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from identify.arrays import FloatArray
from identify.checkpoints.limits import quoted
from identify.checkpoints.linear_layers import LinearLayer, as_network
from identify.checkpoints.names import choose
from identify.checkpoints.narrow import held_roundoff
from identify.checkpoints.readers import load_tensors, open_tensors
from identify.checkpoints.stored import ROUNDOFF, to_numpy

_EXPECTED = {
    "a": "the output weights, shape (m,), (1, m) or (m, 1)",
    "W": "the hidden weights, shape (m, d), one row per neuron",
    "a0": "the initial output weights, shape (m,), (1, m) or (m, 1)",
    "W0": "the initial hidden weights, shape (m, d)",
}


@dataclass(frozen=True, slots=True, eq=False)
class Weights:
    """The weights of Phi(x) = sum_j a_j sigma(<w_j, x>), in float64.

    Attributes:
        a: Output weights, shape (m,).
        W: Hidden weights, shape (m, d), one row per neuron.
        a0: Output weights at initialization, shape (m,), if known.
        W0: Hidden weights at initialization, shape (m, d), if known and not frozen.
        precision: Unit roundoff of the coarsest dtype among the inputs, or of the narrower type
            whose numbers the trained layer holds: nothing is known more closely.
        bias: Whether the last column of W is the bias of the layer, an input that is always 1.
        output_bias: Whether the output had a bias that was trained. It enters the residuals alone.
    """

    a: FloatArray
    W: FloatArray
    a0: FloatArray | None = None
    W0: FloatArray | None = None
    precision: float = 2.0**-53
    bias: bool = False
    output_bias: bool = False

    @property
    def setting(self) -> str:
        """The front door: "kkt", "known-init" or "random-features"."""
        if self.a0 is None:
            return "kkt"
        return "random-features" if self.W0 is None else "known-init"

    @property
    def frozen(self) -> bool:
        """Whether the initial weights are known and only the output layer moved."""
        if self.a0 is None:
            return False
        return self.W0 is None or np.array_equal(self.W, self.W0)

    @property
    def size(self) -> float:
        """Root mean square of the entries of W, or of W0 if they are larger."""
        return max(root_mean_square(W) for W in (self.W, self.W0) if W is not None)


def root_mean_square(x: FloatArray) -> float:
    """Return the root mean square of the entries."""
    return float(np.linalg.norm(x.ravel()) / np.sqrt(x.size))


def as_weights(a: object, W: object, init: tuple[object, object] | None = None) -> Weights:
    """Return weights given as numpy arrays, torch tensors or nested lists, copied to float64.

    a has the shape (m,), (1, m) or (m, 1), W (m, d); ``init`` is None, (a0, W0) for the weights at
    initialization, or (a0, None) where W was frozen.

    Raises:
        ValueError: If an argument is no such thing; names it, what was found and what to pass.
    """
    values = {"a": a, "W": W}
    labels = {"a": "a", "W": "W", "a0": "init: a0", "W0": "init: W0"}
    if init is not None:
        expected = "pass None, (a0, W0), or (a0, None) where W was frozen"
        if not isinstance(init, tuple):
            raise ValueError(f"init: found a {type(init).__name__}; {expected}")
        if len(init) != 2:
            raise ValueError(f"init: found a tuple of length {len(init)}; {expected}")
        if init[0] is None:
            raise ValueError(f"init: found None in place of a0; {expected}")
        values["a0"] = init[0]
        if init[1] is not None:
            values["W0"] = init[1]
    return _assemble(values, labels)


def with_bias(weights: Weights, *, bias: bool) -> Weights:
    """Return the weights, their last column taken for the bias of the first layer where it is.

    Raises:
        ValueError: If ``bias`` is no bool, or the setting or the number of columns does not fit it.
    """
    if not isinstance(bias, bool | np.bool_):
        raise ValueError(f"bias: found {bias!r}; pass True or False")
    if bias and (weights.setting != "known-init" or weights.W.shape[1] < 2):
        raise ValueError(
            f"bias: found True in the {weights.setting} setting with W of shape {weights.W.shape}; "
            "pass it with init=(a0, W0) and the bias as the last of two columns or more"
        )
    return replace(weights, bias=bool(bias))


def read_weights(
    path: str | os.PathLike[str],
    *,
    a: str | None = None,
    w: str | None = None,
    a0: str | None = None,
    w0: str | None = None,
) -> Weights:
    """Return the weights in a .npz, .safetensors, .pt or .pth file, executing nothing in it.

    ``a``, ``w``, ``a0`` and ``w0`` name the tensors. Those not named are found under the names "a",
    "W" or "w", "a0", "W0" or "w0"; a and W otherwise by their shapes, where only one choice fits.

    Raises:
        ValueError: If the file cannot be read, or holds no such weights; names what was found.
    """
    contents = open_tensors(path)
    names = choose(contents, {"a": a, "W": w, "a0": a0, "W0": w0}, f"path: {os.fspath(path)!r}")
    contents = load_tensors(contents, path)
    labels = {key: f"{key} (tensor {quoted(name)})" for key, name in names.items()}
    return _assemble({key: contents[name] for key, name in names.items()}, labels)


def read_states(trained: object, initial: object) -> Weights:
    """Read a two-layer network before and after training, each in a checkpoint of its own.

    Each is a path, a state dict or a torch module of two linear layers, one output. A bias of the
    first layer becomes the last column of W and W0.

    Returns:
        The weights, with the unit roundoff of the coarsest type they are stored in.

    Raises:
        ValueError: If one cannot be read or is no such network; names what was found.
    """
    after, before = (_two(*pair) for pair in ((trained, "trained"), (initial, "init")))
    for k, which in enumerate(("first", "second")):
        has, had = (layers[k].bias is not None for layers in (after, before))
        if has != had:
            raise ValueError(
                f"init: found {'a' if had else 'no'} bias of the {which} layer, where the trained "
                f"network has {'one' if has else 'none'}; pass two states of one network"
            )
    bias = any(_biased(layers[0]) for layers in (after, before))
    values = {
        name: _with_bias(layer) if bias and name.startswith("W") else layer.weight
        for layers, names in ((after, ("W", "a")), (before, ("W0", "a0")))
        for name, layer in zip(names, layers, strict=True)
    }
    weights = _assemble(
        values, {"a": "trained: a", "W": "trained: W", "a0": "init: a", "W0": "init: W"}
    )
    precision = max(layer.precision / 2 for layer in (*after, *before))
    moved = not _same(after[1].bias, before[1].bias)
    return replace(
        weights, precision=max(precision, weights.precision), bias=bias, output_bias=moved
    )


def _two(source: object, argument: str) -> tuple[LinearLayer, LinearLayer]:
    # The two layers of a network with one output.
    layers = as_network(source, argument)
    shapes = [layer.weight.shape for layer in layers]
    if len(layers) != 2 or shapes[1][0] != 1:
        raise ValueError(
            f"{argument}: found layers of shapes {shapes}; pass a network of two linear layers and "
            "with one output; only ReLU networks may have more (activation relu)"
        )
    return layers[0], layers[1]


def _biased(layer: LinearLayer) -> bool:
    return layer.bias is not None and bool(layer.bias.any())


def _same(after: FloatArray | None, before: FloatArray | None) -> bool:
    return after is None or before is None or np.array_equal(after, before)


def _with_bias(layer: LinearLayer) -> FloatArray:
    assert layer.bias is not None
    return np.hstack([layer.weight, layer.bias[:, None]])


def _assemble(values: Mapping[str, object], labels: Mapping[str, str]) -> Weights:
    # Check the given weights one by one, then against each other.
    arrays: dict[str, FloatArray] = {}
    precision = 2.0**-53
    for key, value in values.items():
        arrays[key], roundoff = _numbers(labels[key], value, _EXPECTED[key])
        precision = max(precision, roundoff)
        shape = arrays[key].shape
        vector = key in {"a", "a0"}
        fits = len(shape) == 2 and (not vector or 1 in shape)
        if not (fits or (vector and len(shape) == 1)):
            raise ValueError(f"{labels[key]}: found shape {shape}; pass {_EXPECTED[key]}")
        if not arrays[key].size:
            raise ValueError(f"{labels[key]}: found the empty shape {shape}; pass {_EXPECTED[key]}")
        _check_finite(labels[key], arrays[key])
        if vector:
            arrays[key] = arrays[key].reshape(-1)
    a, W = arrays["a"], arrays["W"]
    if len(a) != len(W):
        turned = " (W looks transposed: pass W.T)" if len(a) == W.shape[1] else ""
        raise ValueError(
            f"{labels['a']}: found {len(a)} output weights, but W of shape {W.shape}; "
            f"pass one output weight per row of W{turned}"
        )
    for key, trained in (("a0", a), ("W0", W)):
        if key in arrays and arrays[key].shape != trained.shape:
            raise ValueError(
                f"{labels[key]}: found shape {arrays[key].shape}; "
                f"pass the shape of {key[0]}, which is {trained.shape}"
            )
    if not a.any() and not W.any():
        raise ValueError("a, W: found every weight 0; pass the weights of a trained network")
    weights = Weights(a, W, arrays.get("a0"), arrays.get("W0"), precision)
    held = held_roundoff(a if weights.frozen else W)
    return replace(weights, precision=max(precision, held))


def _numbers(label: str, value: object, expected: str) -> tuple[FloatArray, float]:
    # Copy a value to a float64 array; also its unit roundoff.
    kind = type(value).__name__
    try:
        array, dtype = to_numpy(value)
    except Exception as error:
        hint = " (rows of different lengths?)" if isinstance(value, list | tuple) else ""
        raise ValueError(
            f"{label}: found a {kind} that does not convert to an array{hint}; pass {expected}"
        ) from error
    if dtype not in ROUNDOFF:
        raise ValueError(
            f"{label}: found dtype {dtype} ({kind}); pass {expected}, as real numbers "
            "in float16, bfloat16, float32, float64 or integers"
        )
    if isinstance(array, np.ma.MaskedArray) and np.ma.is_masked(array):
        raise ValueError(f"{label}: found masked entries; pass {expected}, with every entry known")
    with np.errstate(all="ignore"):
        return np.array(array, dtype=np.float64, order="C", subok=False), ROUNDOFF[dtype]


def _check_finite(label: str, array: FloatArray) -> None:
    # Refuse nan, inf and what overflows float64.
    wrong = np.argwhere(~np.isfinite(array))
    if len(wrong):
        where = ", ".join(map(str, wrong[0]))
        raise ValueError(
            f"{label}: found {len(wrong)} of {array.size} values nan or infinite in float64, "
            f"the first at index [{where}]; pass finite numbers"
        )
