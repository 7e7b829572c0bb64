"""No instance is ever declared identifiable falsely, and no claimed sample is wrong."""

from __future__ import annotations

from collections import Counter, defaultdict
from functools import partial

import cases
import numpy as np
import pytest
from cases import AMBIGUOUS, CLOSE, IDENTIFIABLE, NEARLY, NO_KKT, Case
from scipy.optimize import linear_sum_assignment

from identify import Verdict, verify_identifiability

CLAIM = 0.1
GLOBALLY = Verdict.GLOBALLY_IDENTIFIABLE
BUILDERS = {
    "kkt": (cases.kkt, 50),
    "step": (cases.step, 50),
    "step polynomial": (cases.step_polynomial, 30),
    "features": (cases.features, 25),
    "kkt few neurons": (cases.kkt_few_neurons, 15),
    "kkt split": (cases.kkt_split, 30),
    "step few neurons": (cases.step_few_neurons, 20),
    "step overcomplete": (cases.step_overcomplete, 50),
    "step parallel": (cases.step_parallel, 40),
    "step faint": (cases.step_faint, 40),
    "step threshold": (cases.step_threshold, 30),
    "random weights": (cases.random_weights, 40),
    "one neuron off": (cases.one_neuron_off, 20),
    "trained as kkt": (cases.trained, 20),
    "trained, initial weights known": (partial(cases.trained, known=True), 20),
    "noisy kkt": (cases.with_noise(cases.kkt), 30),
    "noisy step": (cases.with_noise(cases.step), 40),
    "noisy step polynomial": (cases.with_noise(cases.step_polynomial), 15),
    "noisy features": (cases.with_noise(cases.features), 20),
    "float32 kkt": (cases.single(cases.kkt), 10),
    "float32 step": (cases.single(cases.step), 20),
}


@pytest.fixture(scope="session")
def tally(request):
    """Count the verdicts by kind and print them at the end."""
    counts, slack = defaultdict(Counter), defaultdict(float)
    yield counts, slack
    plugins = request.config.pluginmanager
    write = plugins.get_plugin("terminalreporter").write_line
    with plugins.get_plugin("capturemanager").global_and_fixture_disabled():
        write("")
        for name, verdicts in counts.items():
            listed = ", ".join(f"{v.value} {k}" for v, k in verdicts.most_common())
            write(f"{name}: {listed}; max distance/bound {slack[name]:.2g}")
        write(f"{sum(sum(v.values()) for v in counts.values())} instances")


def unit(x):
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def distances(case: Case, recovery) -> np.ndarray:
    """Distances of every recovered from every true sample, modulo the equivalences."""
    c, x, y = case.coefficients, case.x, recovery.x
    parity = {k % 2 for k in range(len(c)) if c[k]}
    kkt = "init" not in case.options
    signs = (1, -1) if kkt or len(parity) == 1 else (1,)

    def against(x, y):
        return np.min([np.linalg.norm(y[:, None] - s * x[None], axis=2) for s in signs], axis=0)

    if recovery.norm_known:
        return against(x, y)
    if any("common factor" in words for words in recovery.equivalences):
        match = against(unit(x), unit(y)).argmin(axis=1)
        factor = np.exp(
            np.mean(np.log(np.linalg.norm(x[match], axis=1) / np.linalg.norm(y, axis=1)))
        )
        return against(x / factor, y)
    return against(unit(x), unit(y))


def false_claims(case: Case, report, name="") -> tuple[list[str], float]:
    """Return what is claimed falsely, and the largest ratio of distance to bound."""
    recovery, found, worst = report.recovery, [], 0.0
    if recovery is None or case.x is None:
        return found, worst
    table = distances(case, recovery)
    ratios = table / recovery.error_bound[:, None]
    for i, bound in enumerate(recovery.error_bound):
        if bound < CLAIM * np.linalg.norm(recovery.x[i]):
            worst = max(worst, ratios[i].min())
            if ratios[i].min() > 1:
                found.append(
                    f"sample {i}: {table[i].min():.2g} from the nearest, bound {bound:.2g}"
                )
    if report.verdict == GLOBALLY:
        rows, columns = linear_sum_assignment(np.minimum(ratios, 1e300))
        missing = np.setdiff1d(np.arange(len(case.x)), columns)
        lost = [k for k in missing if ratios[:, k].min() > 1]
        if lost or len(recovery.x) > len(case.x) or ratios[rows, columns].max() > 1:
            found.append(f"false GLOBALLY: {len(recovery.x)} of {len(case.x)} samples, lost {lost}")
    return found, worst


def witness_residual(case: Case, witness) -> float:
    """Relative residual of the weights' equations at the witness, from their definition."""
    a, W = np.asarray(case.a, float), np.asarray(case.W, float)
    c = case.coefficients
    if "init" not in case.options:
        c = np.where(np.arange(len(c)) == len(c) - 1, c, 0)
        value, gradient = cases.power_sum(c, W, witness.x, witness.b)
        pairs = [(a, value), (W, a[:, None] * gradient)]
    elif case.options["init"][1] is None:
        a0 = case.options["init"][0]
        pairs = [(a - a0, cases.power_sum(c, W, witness.x, witness.b)[0])]
    else:
        a0, W0 = case.options["init"]
        value, gradient = cases.power_sum(c, W0, witness.x, witness.b)
        pairs = [(W - W0, a0[:, None] * gradient)]
        if not np.array_equal(a, a0):
            pairs.append((a - a0, value))
    return max(np.linalg.norm(seen - said) / np.linalg.norm(seen) for seen, said in pairs)


def check(case: Case, report) -> tuple[list[str], float]:
    """Return every way in which the report is unsound."""
    found, worst = [], 0.0
    if case.kind != CLOSE:
        found, worst = false_claims(case, report)
    if report.verdict == GLOBALLY and case.kind in {AMBIGUOUS, NO_KKT, CLOSE}:
        found.append(f"GLOBALLY said of {case.kind} ({case.noise:.2g})")
    if report.verdict == Verdict.NOT_IDENTIFIABLE:
        assert report.witness is not None
        miss = witness_residual(case, report.witness)
        if miss > 1e-8 + 10 * case.noise or report.witness.distance <= 1e-3:
            found.append(f"witness misses the equations by {miss:.2g}")
    return found, worst


@pytest.mark.parametrize("name", BUILDERS)
def test_no_claim_is_false(name, tally):
    builder, count = BUILDERS[name]
    counts, slack = tally
    wrong, identifiable = {}, Counter()
    for seed in range(count):
        case = builder(np.random.default_rng(1000 + seed))
        report = verify_identifiability(case.a, case.W, **case.options)
        counts[name][report.verdict] += 1
        found, worst = check(case, report)
        slack[name] = max(slack[name], worst)
        if found:
            wrong[1000 + seed] = found
        if case.kind == IDENTIFIABLE:
            identifiable[report.verdict] += 1
    assert not wrong, f"{len(wrong)} of {count} unsound, by seed: {wrong}; {counts[name]}"
    total = sum(identifiable.values())
    assert identifiable[GLOBALLY] >= 0.95 * total, f"identifiable instances: {identifiable}"


def test_more_than_five_hundred_instances():
    assert sum(count for _, count in BUILDERS.values()) >= 500
    assert {NEARLY, AMBIGUOUS} <= {b(np.random.default_rng(0)).kind for b, _ in BUILDERS.values()}
