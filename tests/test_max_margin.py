"""Networks trained to the max margin: few directions survive, so the samples must not be
claimed.
"""

import numpy as np
import pytest

from identify import Verdict, verify_identifiability


def train_exponential(x, y, neurons, seed, steps=6000):
    """Follow normalised gradient descent on the exponential loss, which keeps the gradient flow's
    path.
    """
    rng = np.random.default_rng(seed)
    W, a = 0.3 * rng.standard_normal((neurons, x.shape[1])), 0.3 * rng.standard_normal(neurons)
    for _ in range(steps):
        t = W @ x.T
        margins = y * (a @ t**3)
        share = np.exp(margins.min() - margins)
        share *= y / share.sum()
        by_a, by_w = t**3 @ share, (3 * a[:, None] * t**2 * share) @ x
        size = np.sqrt(np.sum(by_a**2) + np.sum(by_w**2))
        norm = np.sqrt(np.sum(a**2) + np.sum(W**2))
        a, W = a + 0.02 * norm * by_a / size, W + 0.02 * norm * by_w / size
        if norm > 1e3:
            a, W = a / norm, W / norm
    norm = np.sqrt(np.sum(a**2) + np.sum(W**2))
    return a / norm, W / norm


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("n", [3, 4, 5])
def test_never_globally_identifiable(n, seed):
    rng = np.random.default_rng(100 * n + seed)
    x = rng.standard_normal((n, 10))
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    y = np.where(np.arange(n) % 2, 1.0, -1.0)
    a, W = train_exponential(x, y, 50, seed)
    assert np.all(y * (a @ (W @ x.T) ** 3) > 0), "the network must separate its data"
    norms = np.linalg.norm(W, axis=1)
    assert np.sum(norms > 0.01 * norms.max()) < 25, "winner takes all"
    for known in (None, n):
        report = verify_identifiability(a, W, n_samples=known)
        assert report.verdict is not Verdict.GLOBALLY_IDENTIFIABLE


def test_standard_training_is_no_kkt_point():
    rng = np.random.default_rng(0)
    W, a = rng.standard_normal((40, 6)), rng.standard_normal(40)
    report = verify_identifiability(a, W)
    assert report.verdict is Verdict.MODEL_REJECTED
    assert "alpha a_j^2" in " ".join(report.reasons)


def test_balanced_weights_without_a_tensor_are_no_kkt_point():
    """alpha a_j^2 = |W_j|^2 holds, so only the misfit of every polynomial can tell."""
    rng = np.random.default_rng(0)
    W = rng.standard_normal((40, 4))
    a = rng.choice([-1.0, 1.0], 40) * np.linalg.norm(W, axis=1) / np.sqrt(3)
    report = verify_identifiability(a, W)
    assert report.verdict is Verdict.MODEL_REJECTED
    assert "best polynomial" in report.reasons[-1]
