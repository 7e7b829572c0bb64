"""Two states of a network, layer beside layer, and the first that changed."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from weight_cases import refuse

from identify import Verdict, verify_network
from identify.checkpoints.network_pairs import pair_networks


def state(*widths, seed=0, names="{}.weight", bias=True):
    rng = np.random.default_rng(seed)
    found = {}
    for k, (size, out) in enumerate(pairwise(widths)):
        found[names.format(2 * k)] = rng.standard_normal((out, size))
        if bias:
            found[names.format(2 * k).replace("weight", "bias")] = rng.standard_normal(out)
    return found


def changed(before, *names):
    return {k: v + (1e-3 if k in names else 0.0) for k, v in before.items()}


@pytest.mark.parametrize("k", [0, 1])
def test_the_first_layer_that_changed_is_found(k):
    before = state(6, 8, 9, 3)
    after = changed(before, f"{2 * k}.weight", "4.weight")
    found = pair_networks(after, before)
    assert (found.frozen, found.refusal, found.notes) == (k, "", ())
    assert found.changed.name == f"{2 * k}.weight"
    assert found.changed.kind == ("features" if k else "inputs")
    np.testing.assert_array_equal(
        found.changed.trained(slice(None)),
        np.column_stack([after[f"{2 * k}.weight"], after[f"{2 * k}.bias"]]),
    )
    np.testing.assert_array_equal(found.changed.initial()[:, :-1], before[f"{2 * k}.weight"])


def test_a_moved_bias_in_front_is_a_change():
    before = state(6, 8, 9, 3)
    found = pair_networks(changed(before, "0.bias", "2.weight"), before)
    assert found.frozen == 0
    assert "'0.weight' only the bias changed" in found.refusal


REFUSED = {
    "the same": ((), "nothing was trained"),
    "the head": (("4.weight",), "Only the last layer, '4.weight', changed"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_read_is_undecided_in_words(case):
    names, words = REFUSED[case]
    before = state(6, 8, 9, 3)
    report = verify_network(changed(before, *names), before)
    assert report.verdict is Verdict.UNDECIDED
    assert report.recovery is None
    assert words in report.reasons[-1]


def test_the_first_trained_layer_has_to_be_known_at_the_start():
    before = state(6, 8, 9, 3)
    after = before | state(6, 8, 7, 4, seed=1)
    after["0.weight"], after["0.bias"] = before["0.weight"], before["0.bias"]
    for initial in (before, {k: before[k] for k in ("0.weight", "0.bias")}):
        report = verify_network(after, initial)
        assert report.verdict is Verdict.UNDECIDED
        assert "what '2.weight' was before training is not known" in report.reasons[-1]


@pytest.mark.parametrize("names", ["{}.weight", "encoder.{}.weight"])
@pytest.mark.parametrize("head", [(9, 4), (), (9, 5, 2)])
def test_another_head_and_other_names_do_not_matter(names, head):
    before = state(6, 8, *head, seed=1, names=names) if head else state(6, 8, names=names)
    after = state(6, 8, 9, 3)
    for part in ("weight", "bias"):
        after[f"0.{part}"] = before[names.format(0).replace("weight", part)] + 1e-3
    found = pair_networks(after, before)
    assert found.frozen == 0
    assert not found.refusal
    said = " ".join(found.notes)
    assert ("as names differ: '0.weight' with 'encoder.0.weight'" in said) == ("enc" in names)
    assert "differ in number or shape" in said


def test_first_layers_that_do_not_fit_are_refused():
    refuse(
        lambda: pair_networks(state(6, 8, 3), state(7, 8, 3)),
        "initial: '0.weight': found of shape (8, 7), where the trained network has (8, 6)",
    )
    refuse(
        lambda: pair_networks(state(6, 8, 3), state(6, 8, 3, seed=1, bias=False)),
        "initial: '0.weight': found a bias of shape None",
    )
    refuse(lambda: pair_networks(state(6, 8), state(6, 8)), "trained: found 1 linear layer")


def test_modules_and_storage_the_other_way_round_are_read():
    network = torch.nn.Sequential(torch.nn.Linear(5, 7), torch.nn.ReLU(), torch.nn.Linear(7, 2))
    before = {k: v.clone() for k, v in network.state_dict().items()}
    with torch.no_grad():
        network[0].weight += 1e-3
    assert pair_networks(network, before).changed.shape == (7, 5)
    turned = [
        {name: value.T if value.ndim == 2 else value for name, value in one.items()}
        for one in ({k: v.numpy() for k, v in s.items()} for s in (network.state_dict(), before))
    ]
    assert pair_networks(*turned).changed.shape == (7, 5)
