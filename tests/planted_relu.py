"""First layers whose change is planted: W_T = W_0 + C X with the zeros of C where gates are off."""

from __future__ import annotations

import numpy as np

from identify.relu.recovery.problem import pose_first_layer


def planted(n=8, d=24, h=240, seed=0, x=None, always_on=(), size=1e-3):
    """Return samples, both states of a two-layer network, and C."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, d)) if x is None else x
    W0 = rng.standard_normal((h, X.shape[1])) / np.sqrt(X.shape[1])
    on = W0 @ X.T > 0
    on[:, list(always_on)] = True
    C = size * on * rng.standard_normal((h, len(X)))
    a = rng.standard_normal((1, h))
    initial = {"0.weight": W0, "2.weight": a}
    return X, initial, {"0.weight": W0 + C @ X, "2.weight": a}, C


def posed(X, initial, trained, noise=1e-17):
    """Return the first layer in the coordinates of the true row space, with the true duals."""
    basis = np.linalg.qr(X.T)[0]
    layer = pose_first_layer(
        trained["0.weight"], initial["0.weight"], 1.0, basis, noise, has_bias=False
    )
    V = np.linalg.inv(X @ basis)
    return layer, (V / np.linalg.norm(V, axis=0)).T
