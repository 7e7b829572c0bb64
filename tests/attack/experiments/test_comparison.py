"""What two runs come to, sample by sample and in words."""

import numpy as np
import pytest
import torch
from run_cases import a_run

from attack.experiments.comparison import compare_runs, top_samples
from attack.experiments.summary import HELPED, MIXED, SAME, WORSE, summarise
from attack.metrics.vectors import cosine, l2


def gaussian(n, d):
    return torch.as_tensor(np.random.default_rng(0).normal(size=(n, d)))


@pytest.mark.parametrize("metric", [l2(), cosine()])
def test_a_comparison_counts_both_ways(metric):
    truth = torch.eye(8).double()[:4]
    noise = torch.tensor([0.1, 0.2, 0.3, 0.4]).double()[:, None] * torch.eye(8).double()[4:]
    worse = torch.tensor([3.0, 1.0, 0.5, 0.5]).double()[:, None]
    result = compare_runs(truth, a_run(truth + noise), a_run(truth + worse * noise), metric)
    assert (result.wins, result.losses, result.ties) == (2, 1, 1)
    assert result.share_improved == 0.5
    expected = np.mean(result.after.values - result.before.values)
    assert result.mean_change == pytest.approx(expected)
    reverse = compare_runs(truth, a_run(truth + worse * noise), a_run(truth + noise), metric)
    assert (reverse.wins, reverse.losses) == (1, 2)
    assert reverse.mean_change == pytest.approx(-expected)
    assert summarise([reverse, result])[0] == MIXED
    assert top_samples(result) in ([3, 2, 1, 0], [2, 3, 1, 0])
    assert top_samples(result, 2) == [2, 0]  # 0.15 after and 0.1 before
    same = compare_runs(truth, a_run(truth), a_run(truth + 1e-9), l2(), tolerance=1e-6)
    assert summarise([same])[0] == SAME


def test_the_summary_says_which_way_it_went():
    truth = gaussian(6, 10)
    far, near = a_run(truth + 0.2), a_run(truth + 0.1)
    helped = summarise([compare_runs(truth, far, near, l2())])
    assert helped[0] == HELPED
    assert helped[1].startswith("Splitting improved 6 of 6 true samples (100%), made 0 worse")
    assert "from 0.632 to 0.316, a change of -0.316; lower is better" in helped[2]
    hurt = summarise([compare_runs(truth, near, far, l2())] * 3)
    assert hurt[0] == WORSE
    assert hurt[1].startswith("Splitting improved 0 of 18 true samples (0%), made 18 worse")
    assert hurt[1].endswith("for 0 of 3 seeds.")
    assert len(hurt) == 4
    many = a_run(torch.cat([truth + 0.2, truth + 0.3]))
    assert "6 candidates without splitting and 12 with" in summarise(
        [compare_runs(truth, far, many, l2())]
    )[-1]  # fmt: skip


def test_a_partner_on_one_side_only():
    truth = gaussian(3, 10)
    result = compare_runs(truth, a_run(truth[:1]), a_run(truth), l2(), matching="one-to-one")
    assert (result.wins, result.losses, result.ties) == (2, 0, 1)
    assert result.mean_change == 0
    assert any(s.startswith("2 of these samples") for s in summarise([result]))


def test_runs_from_different_starts_are_not_compared():
    x = gaussian(3, 6)
    with pytest.raises(ValueError, match="found seeds 0 and 1; pass runs"):
        compare_runs(x, a_run(x), a_run(x, 1), l2())
