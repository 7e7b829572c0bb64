"""Dictionary learning on a ReLU layer, and a shadow-model attack, against what is read off."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import torch
from peers_turns import in_turn
from relu_victims import FOUND, ReluRecipe, train_relu
from training_runs import Recipe, model, records
from training_runs import train as train_run

from identify import verify_network
from identify.arrays import BoolArray, FloatArray
from identify.checkpoints.judging import MEMBER, NOT_A_MEMBER
from identify.checkpoints.membership import membership

SHADOWS = 16


def dictionaries(seed: int) -> list[dict[str, Any]]:
    """The change of the first layer is C X, C sparse: what do ICA and sparse coding find?"""
    from sklearn.decomposition import DictionaryLearning, FastICA

    rows = []
    for n in (10, 20):
        victim = train_relu(ReluRecipe(n=n, width=500, depth=2, seed=100 + seed))
        change = (victim.trained["0.weight"] - victim.initial["0.weight"]).double().numpy()

        def ours(victim: Any = victim) -> FloatArray:
            found = verify_network(victim.trained, victim.initial, seed=seed).recovery
            return np.zeros((0, victim.x.shape[1])) if found is None else found.x

        def ica(change: FloatArray = change, n: int = n) -> FloatArray:
            fit = FastICA(n, max_iter=2000, tol=1e-8, random_state=seed, whiten="unit-variance")
            return np.asarray(fit.fit(change).mixing_).T

        def coding(change: FloatArray = change, n: int = n) -> FloatArray:
            size = float(np.sqrt(np.mean(change**2)))
            fit = DictionaryLearning(n, max_iter=100, fit_algorithm="cd", random_state=seed)
            return fit.fit(10 * change / size).components_  # as a penalty of .1

        for name, peer in (("FastICA", ica), ("DictionaryLearning", coding)):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                figures, mine, theirs = in_turn(ours, peer, 2)
            found = {"found": recovered(mine, victim.x), "peer_found": recovered(theirs, victim.x)}
            rows.append({"peer": name, "n": n} | figures | found)
            print(rows[-1], flush=True)
    return rows


def recovered(found: FloatArray, x: FloatArray) -> dict[str, float]:
    """How many samples are met, and the median of the best cosines."""
    if not len(found):
        return {"samples": 0, "median_cosine": 0.0}
    unit = [a / np.maximum(np.linalg.norm(a, axis=1, keepdims=True), 1e-300) for a in (found, x)]
    best = np.abs(unit[0] @ unit[1].T).max(axis=0)
    return {"samples": int(np.sum(best >= FOUND)), "median_cosine": float(np.median(best))}


RECIPE = Recipe(loss="entropy", outputs=10, batch=8, rate=0.1, n=40)


def shadows(seed: int) -> dict[str, Any]:
    """LiRA (Carlini et al. 2022) with few shadow models, on 40 members and 40 others."""
    run = train_run(RECIPE)
    x, y = (part[:80] for part in records(RECIPE.data, RECIPE.seed))
    member = run.members[:80]
    figures, ours, theirs = in_turn(
        lambda: np.array(membership(run.records[:80], run.trained, run.initial).answers),
        lambda: lira(run.trained, x, y, seed),
        2,
    )
    return figures | {
        "members": int(member.sum()),
        "found": int(np.sum(member & (ours == MEMBER))),
        "false": int(np.sum((~member & (ours == MEMBER)) | (member & (ours == NOT_A_MEMBER)))),
        "open": int(np.sum(~np.isin(ours, (MEMBER, NOT_A_MEMBER)))),
        "shadows": SHADOWS,
        "peer_found_without_a_false_one": int(np.sum(theirs[member] > theirs[~member].max())),
        "peer_auc": float(np.mean(theirs[member][:, None] > theirs[~member])),
    }


def lira(trained: Any, x: FloatArray, y: FloatArray, seed: int) -> FloatArray:
    """Likelihood ratios of the target's confidence between shadows trained with and without."""
    rng, scores, used = np.random.default_rng(seed), [], []
    for k in range(SHADOWS):
        chosen = np.zeros(len(x), bool)
        chosen[rng.choice(len(x), len(x) // 2, replace=False)] = True
        used.append(chosen)
        scores.append(confidence(_shadow(x, y, chosen, 1000 + k), x, y))
    table, inside = np.array(scores), np.array(used)
    spread = np.sqrt(np.mean((table - _means(table, inside)) ** 2)) + 1e-9
    at = confidence(trained, x, y)
    means = [
        np.array([table[chosen[:, i], i].mean() for i in range(len(x))])
        for chosen in (inside, ~inside)
    ]
    return ((at - means[1]) ** 2 - (at - means[0]) ** 2) / (2 * spread**2)


def _means(table: FloatArray, inside: BoolArray) -> FloatArray:
    own = np.where(inside, table, np.nan), np.where(inside, np.nan, table)
    return np.where(inside, np.nanmean(own[0], axis=0), np.nanmean(own[1], axis=0))


def _shadow(x: FloatArray, y: FloatArray, chosen: BoolArray, seed: int) -> dict[str, torch.Tensor]:
    network = model(Recipe(**{**_fields(), "seed": seed}), x.shape[1])
    data, classes = torch.tensor(x[chosen], dtype=torch.float32), torch.tensor(y[chosen]).long()
    optimiser = torch.optim.SGD(network.parameters(), RECIPE.rate)
    order = torch.Generator().manual_seed(seed)
    for _ in range(RECIPE.steps):
        batch = torch.randperm(len(data), generator=order)[: RECIPE.batch]
        optimiser.zero_grad()
        torch.nn.functional.cross_entropy(network(data[batch]), classes[batch]).backward()
        optimiser.step()
    return network.state_dict()


def _fields() -> dict[str, Any]:
    return {name: getattr(RECIPE, name) for name in RECIPE.__dataclass_fields__}


def confidence(state: Any, x: FloatArray, y: FloatArray) -> FloatArray:
    """Return log p - log (1 - p) of the label."""
    network = model(RECIPE, x.shape[1])
    network.load_state_dict(state)
    with torch.no_grad():
        out = network(torch.tensor(x, dtype=torch.float32)).double()
    own = out.gather(1, torch.tensor(y).long()[:, None])
    rest = out.scatter(1, torch.tensor(y).long()[:, None], -torch.inf).logsumexp(1)
    return (own[:, 0] - rest).numpy()
