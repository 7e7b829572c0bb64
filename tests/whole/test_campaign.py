"""The campaign's instances, its runs and its summary: by number, resumable, complete."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from campaign import families, runner
from campaign.instances import (
    NEARLY,
    NOISY,
    Case,
    frozen_features,
    gradient_step,
    plain,
    samples,
    signed,
    unit,
)
from campaign.matching import residual, stored_rounding
from campaign.summary import summarise

GLOBALLY = "GLOBALLY_IDENTIFIABLE"


def test_an_instance_follows_from_its_number():
    for number in (0, 17, 400):
        (name, one), (again, other) = families.instance(number), families.instance(number)
        assert name == again == families.family(number)
        np.testing.assert_array_equal(plain(one.W), plain(other.W))
        assert one.options.keys() == other.options.keys()
    assert families.numbers(None, 5) == [0, 1, 2, 3, 4]
    round_length = sum(share for _, share in families.FAMILIES.values())
    for name, (_, share) in families.FAMILIES.items():
        chosen = families.numbers(name, share + 1)
        assert {families.family(k) for k in chosen} == {name}
        assert chosen[-1] == chosen[0] + round_length


def test_every_truth_satisfies_its_own_equations():
    exact = ("step", "features", "kkt", "coplanar", "kkt rescaled", "wrong coefficient of two",
             "wrong norm of a power", "kkt unequal margins, margin stated", "extreme scales kkt",
             "kkt split", "low degree", "idle neurons", "kkt copies and gaps",
             "kkt coplanar", "kkt near-duplicates", "parallel", "random polynomials")  # fmt: skip
    for name in exact:
        for number in families.numbers(name, 3):
            _, case = families.instance(number)
            off = residual(case, case.x, case.b)
            assert off < 1e-12 + 20 * stored_rounding(case), (name, number)


def rows_of(folder) -> dict[int, dict]:
    return {row["k"]: row for row in runner.recorded(folder, runner.fingerprint(), 10)}


def test_a_run_goes_on_after_a_row_was_cut(tmp_path):
    numbers, said = families.numbers("random weights", 10), []
    runner.run(numbers, tmp_path, jobs=1, seed=10, show=said.append)
    before = rows_of(tmp_path)
    assert sorted(before) == numbers
    (path,) = tmp_path.glob("*.jsonl")
    text = path.read_bytes()
    path.write_bytes(text[: -len(text.splitlines()[-1]) // 2])
    assert sorted(rows_of(tmp_path)) == numbers[:-1]
    runner.run(numbers, tmp_path, jobs=1, seed=10, show=said.append)
    after = rows_of(tmp_path)
    assert {k: row["verdict"] for k, row in after.items()} == {
        k: row["verdict"] for k, row in before.items()
    }
    assert "9 on record, 1 to run" in said[-2]


def test_a_changed_version_starts_afresh(tmp_path, monkeypatch):
    runner.append(tmp_path / "x.jsonl", [{"version": "old", "seed": 10, "k": 3}])
    assert not list(runner.recorded(tmp_path, "new", 10))
    assert not list(runner.recorded(tmp_path, "old", 11))
    assert len(list(runner.recorded(tmp_path, "old", 10))) == 1


def raising(error):
    def verify(*_, **__):
        raise error

    return verify


def test_a_crash_fails_and_a_refusal_fails_where_none_is_due(monkeypatch):
    (kkt,) = families.numbers("kkt", 1)
    (lazy,) = families.numbers("below one ulp", 1)
    monkeypatch.setattr(runner, "verify_identifiability", raising(IndexError("gone")))
    assert runner.examine(kkt)["failures"][0][0] == "traceback"
    monkeypatch.setattr(runner, "verify_identifiability", raising(ValueError("shapes mismatch")))
    assert runner.examine(lazy)["failures"][0][0] == "traceback"
    monkeypatch.setattr(runner, "verify_identifiability", raising(ValueError("W: found 0; no")))
    assert runner.examine(kkt)["failures"][0][0] == "refused"
    assert "failures" not in runner.examine(lazy)


def test_an_instance_that_takes_too_long_is_listed(monkeypatch):
    def forever(*_, **__):
        while True:
            pass

    monkeypatch.setattr(runner, "SLOW", 0.05)
    monkeypatch.setattr(runner, "verify_identifiability", forever)
    row = runner.examine(0)
    assert row["slow"]
    assert summarise([row])["slow"] == [0]


def test_the_summary_counts():
    def row(k, **more):
        base = {"k": k, "family": "step", "kind": NOISY, "clear": False, "noisy": True}
        return base | {"told": False, "adjusted": False, "seconds": 0.1, "claims": 10} | more

    ratios = {"ratios": [10.0, 1000.0]}
    rows = [row(k, verdict=GLOBALLY, **ratios) for k in range(8)]
    rows += [row(8, verdict="UNDECIDED", exceeded=1, clear=True, told=True)]
    rows += [row(9, verdict=GLOBALLY, failures=[["false GLOBALLY", ""], ["phantom", ""]])]
    summary = summarise([*rows, rows[0]])
    step = summary["families"]["step"]
    assert (step["instances"], step["failing"], step["false GLOBALLY"]) == (10, 1, 1)
    assert step["held_with_noise"] == 0.99
    assert step["clear_cut_undecided_share"] == 1.0
    assert step["bound_over_error_n_unknown"]["median"] == 505
    assert step["bound_over_error_n_given"] is None
    assert summary["failing"] == {"step": [9]}
    assert summary["below_coverage"] == []
    rows[0]["exceeded"] = 1
    assert summarise(rows)["below_coverage"] == ["step"]


def cubic(x) -> Case:
    rng = np.random.default_rng(0)
    return gradient_step(rng, x, signed(rng, len(x)), 3, 30)


def test_clear_cut():
    case = cubic(samples(np.random.default_rng(0), 3, 9))
    assert runner.clear_cut(case)
    assert not runner.clear_cut(replace(case, kind=NEARLY))
    assert not runner.clear_cut(replace(case, noise=1e-9))
    x = case.x.copy()
    x[1] = unit((x[0] + 0.2 * x[1])[None])[0]
    assert not runner.clear_cut(cubic(x))
    features = frozen_features(np.random.default_rng(0), case.x, case.b, 3, 30)
    assert features.setting == "random-features"
