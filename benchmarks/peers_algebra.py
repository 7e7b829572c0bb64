"""The theorem taken literally, and TensorLy, against the verifier."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from peers_turns import in_turn

from identify import verify_identifiability
from identify.arrays import FloatArray
from identify.demo.training import Trained, train
from identify.tensor.features import form_dimension, monomial_features
from identify.tensor.polarization import polarize

FEW = ((6, 24), (9, 36), (14, 56), (19, 76))
MANY = ((12, 24), (18, 36), (28, 56), (38, 76))
LARGE = ((22, 90), (25, 100))
"""Samples and dimensions, a quarter and a half of them, and what takes minutes; neurons are 5 for 4
of the N(d) = d (d + 1) / 2 monomials of all d dimensions, whose matrix the pipeline decomposes."""

AT_ONCE = 4096


def network(n: int, d: int, m: int, seed: int) -> tuple[FloatArray, Trained]:
    """Random unit samples and one exact gradient step on them."""
    x = np.random.default_rng(seed).standard_normal((n, d))
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    return x, train(x, np.where(np.arange(n) % 2, 1.0, -1.0), m, 3, max_steps=1, seed=seed)


def literal(net: Trained, n: int, seed: int) -> FloatArray:
    """Dense plain monomials, their SVD, the tensor by polarization, one pencil of its slices."""
    d, scale = net.W.shape[1], 3 * net.a0[:, None]
    V = scale * monomial_features(net.W0, 2, weighted=False)
    U, values, right = np.linalg.svd(V, full_matrices=False)
    A = right.T @ ((U.T @ (net.W - net.W0)) / values[:, None])

    def p(w: FloatArray) -> FloatArray:
        parts = [w[start : start + AT_ONCE] for start in range(0, len(w), AT_ONCE)]
        features = (monomial_features(part, 2, weighted=False) @ A for part in parts)
        return np.concatenate([
            np.sum(f * part, axis=1) for f, part in zip(features, parts, strict=True)
        ])

    return pencil_of(polarize(p, d, 3), n, seed)


def pencil_of(T: FloatArray, n: int, seed: int) -> FloatArray:
    """Unit directions of the n components of a symmetric tensor."""
    basis = np.linalg.svd(T.reshape(len(T), -1), full_matrices=False)[0][:, :n]
    v = np.random.default_rng(seed).standard_normal((2, len(T)))
    slices = [basis.T @ (T @ one) @ basis for one in v]
    vectors = np.real(np.linalg.eig(np.linalg.solve(*slices))[1])
    x = np.linalg.inv(vectors) @ basis.T
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def worst(found: FloatArray | None, x: FloatArray) -> float:
    """1 - the cosine of the sample that was found worst, signs left open."""
    if found is None or not len(found):
        return 1.0
    found = found / np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-300)
    cosines = np.abs(found @ (x / np.linalg.norm(x, axis=1, keepdims=True)).T)
    return float(max(0.0, 1 - cosines.max(axis=0).min()))


def verified(net: Trained, seed: int) -> FloatArray | None:
    """What the verifier recovers."""
    report = verify_identifiability(net.a, net.W, init=(net.a0, net.W0), seed=seed)
    return None if report.recovery is None else report.recovery.x


def pipeline(seed: int, sizes: tuple[tuple[int, int], ...]) -> list[dict[str, Any]]:
    """Both on growing sizes."""
    rows = []
    for n, d in sizes:
        m = 5 * form_dimension(d, 2) // 4
        x, net = network(n, d, m, seed)
        figures, ours, theirs = in_turn(
            lambda net=net: verified(net, seed),
            lambda net=net, n=n: literal(net, n, seed),
            3 if d < 50 else 2 if d < 90 else 1,
        )
        errors = {"one_minus_cosine": worst(ours, x), "peer_one_minus_cosine": worst(theirs, x)}
        assert max(errors.values()) < 1e-8, errors
        rows.append({"n": n, "d": d, "m": m} | figures | errors)
        print(rows[-1], flush=True)
    return rows


def tensors(seed: int) -> list[dict[str, Any]]:
    """TensorLy on the exact tensor, ours on the weights that hide it."""
    import tensorly
    from tensorly.decomposition import parafac, symmetric_parafac_power_iteration

    rows = []
    for n in (5, 10, 20):
        x, net = network(n, n, 2 * form_dimension(n, 2), seed)
        b = np.random.default_rng(seed + 1).uniform(0.5, 1.5, n)
        T = np.einsum("i,ia,ib,ic->abc", b, x, x, x)

        def power(T: FloatArray = T, n: int = n) -> FloatArray:
            return symmetric_parafac_power_iteration(tensorly.tensor(T), rank=n)[1].T

        def cp(T: FloatArray = T, n: int = n) -> FloatArray:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                found = parafac(
                    tensorly.tensor(T), n, n_iter_max=1000, tol=1e-12, random_state=seed
                )
            return np.asarray(found[1][0]).T

        for name, peer in (("symmetric power iteration", power), ("parafac", cp)):
            figures, ours, theirs = in_turn(lambda net=net: verified(net, seed), peer, 3)
            rows.append(
                {"peer": name, "n": n}
                | figures
                | {"one_minus_cosine": worst(ours, x), "peer_one_minus_cosine": worst(theirs, x)}
            )
            print(rows[-1], flush=True)
    return rows
