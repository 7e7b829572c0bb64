"""Fine-tuning of what fits already: singular values that fade into rounding are named as such."""

import numpy as np
import pytest
from planted_relu import planted

from identify import Verdict, verify_network

H, D, N = 240, 24, 12


def fine_tuned(spread, dtype=np.float32, seed=0):
    """Plant samples whose shares of the change fall geometrically to ``spread``."""
    X, initial, _, C = planted(n=N, d=D, h=H, seed=seed)
    shares = spread ** (np.arange(N) / (N - 1))
    initial = {name: value.astype(dtype) for name, value in initial.items()}
    W = initial["0.weight"].astype(float) + 30 * (C * shares) @ X
    noise = np.random.default_rng(1).standard_normal(W.shape)
    W = W + 5 * np.finfo(np.float32).eps * np.sqrt(np.mean(W**2)) * noise  # of many steps
    return initial, initial | {"0.weight": W.astype(dtype)}


def test_samples_that_sink_into_rounding_are_named_as_the_cause():
    initial, trained = fine_tuned(1e-9)
    report = verify_network(trained, initial)
    assert report.verdict is Verdict.UNDECIDED
    assert "already fits some of its samples" in report.reasons[-1]
    values = np.linalg.svd(trained["0.weight"].astype(float) - initial["0.weight"])[1]
    clear = int(report.reasons[-1].split("; ")[1].split()[0])
    assert clear == np.sum(values > 10 * np.median(values[-6:]))
    assert 3 < clear < N


@pytest.mark.parametrize("case", ["all above rounding", "wrong start"])
def test_other_changes_are_not_put_down_to_it(case):
    initial, trained = fine_tuned(0.5)
    if case == "wrong start":
        initial = planted(n=N, d=D, h=H, seed=7)[1]
    report = verify_network(trained, initial)
    assert not any("already fits" in reason for reason in report.reasons)
