"""Networks trained to the max margin: few directions survive, so the samples must not be
claimed.
"""

import numpy as np
import pytest
from truth import train_exponential

from identify import Verdict, verify_identifiability


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
