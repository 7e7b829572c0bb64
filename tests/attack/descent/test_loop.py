"""The two-phase loop: optimisers against torch, memory, checkpoints, kills, stopping rules."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from attack.descent.checkpoint import Checkpoint
from attack.descent.config import ReconstructionConfig
from attack.descent.iterate import Iterate
from attack.descent.loop import reconstruct_map
from attack.descent.objective import Priors, loss
from attack.descent.optimisers import descend_block
from attack.descent.result import Reconstruction
from attack.descent.splitting_config import MergingConfig, SplittingConfig
from attack.descent.state import Record, begin, initial_candidates, pack, unpack
from attack.experiments import undersized
from attack.experiments.planted import planted
from attack.maps.mlp_map import MLPMap
from attack.maps.sphere import SphereMap
from attack.metrics.truth import Truth
from attack.network.activations import softplus_schedule

SMALL = ReconstructionConfig(
    optimizer="adam",
    rate=0.02,
    weight_rate=0.02,
    steps=120,
    candidates=3,
    mean=False,
    priors=Priors(),
    block=10,
    splitting=SplittingConfig(every=40, eta_max=0.1, merging=MergingConfig(steps=5)),
)

KILLED = """
import os, signal, sys
from pathlib import Path
from tests.attack.descent.test_loop import small_run
def stop(record):
    if record.step == 90:
        os.kill(os.getpid(), signal.SIGKILL)
small_run(Path(sys.argv[1]), stop)
"""


def small_run(
    path: Path | None = None, progress: Callable[[Record], None] | None = None
) -> Reconstruction:
    torch.set_num_threads(1)
    task = planted(0, 6, "softplus without biases", dimension=5)
    x, weights = initial_candidates(SMALL, 5)
    checkpoint = Checkpoint(path, every=4) if path else None
    return reconstruct_map(
        task.map,
        x,
        weights,
        SMALL,
        truth=Truth(task.samples),
        progress=progress,
        checkpoint=checkpoint,
    )


def bits(result: Reconstruction) -> list[object]:
    tensors = [result.x, result.weights, result.labels, result.origin, result.identity]
    return [*(t.numpy().tobytes() for t in tensors), result.history, result.events, result.steps]


def task_map() -> tuple[MLPMap, Tensor, Tensor]:
    task = planted(1, 4, "softplus without biases", dimension=4)
    assert isinstance(task.map, SphereMap)
    assert isinstance(task.map.inside, MLPMap)
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(3, 4, generator=generator, dtype=torch.float64)
    return task.map.inside, x, torch.tensor([1.0, -0.5, 0.3], dtype=torch.float64)


@pytest.mark.parametrize("name", ["sgd", "adam"])
def test_the_first_order_methods_are_those_of_torch(name: str) -> None:
    f, x, weights = task_map()
    priors = Priors(box=0.5, bound=0.3, multiplier=5.0, lambda_min=0.4)
    rate, weight_rate = (1e-4, 2e-4) if name == "sgd" else (0.02, 0.01)
    config = replace(
        SMALL, optimizer=name, rate=rate, weight_rate=weight_rate, priors=priors, splitting=None
    )
    ours = descend_block(lambda _: f, Iterate(x, weights), config, 0, 12)
    ours = descend_block(lambda _: f, ours, config, 12, 8)
    z, w = x.clone().requires_grad_(), weights.clone().requires_grad_()
    groups = [{"params": [z], "lr": rate}, {"params": [w], "lr": weight_rate}]
    theirs = torch.optim.SGD(groups, momentum=0.9) if name == "sgd" else torch.optim.Adam(groups)
    for _ in range(20):
        theirs.zero_grad()
        (loss(f, z, w) + priors.value(z, w)).backward()
        theirs.step()
    assert torch.allclose(ours.x, z, rtol=1e-11, atol=1e-12)
    assert torch.allclose(ours.weights, w, rtol=1e-11, atol=1e-12)


def test_children_take_over_the_memory_of_their_parent() -> None:
    f, x, weights = task_map()
    before = descend_block(lambda _: f, Iterate(x, weights), SMALL, 0, 3)
    parents = torch.tensor([0, 1, 2, 1])
    after = before.descend_from(before.x[parents], before.weights[parents], parents)
    assert set(after.memory) == {"x.m", "x.v", "x.t", "weights.m", "weights.v", "weights.t"}
    for name, rows in after.memory.items():
        assert torch.equal(rows, before.memory[name][parents])
        assert bool(rows.any())


def test_lbfgs_reaches_the_sample_that_made_the_target() -> None:
    task = planted(2, 1, "softplus", dimension=4)
    config = ReconstructionConfig(
        optimizer="lbfgs",
        multipliers="least squares",
        mean=False,
        priors=Priors(),
        steps=200,
        block=50,
        tolerance=1e-20,
    )
    start = task.samples + 0.2
    result = reconstruct_map(task.map, start, torch.zeros(1).double(), config)
    assert result.history[-1].loss <= 1e-20 * result.history[0].loss
    found = torch.nn.functional.normalize(result.x)
    assert torch.allclose(found, task.samples, atol=1e-8)
    assert torch.allclose(result.weights, task.weights, atol=1e-8)


def test_a_killed_run_resumes_to_the_same_bits(tmp_path: Path) -> None:
    path = tmp_path / "run.pt"
    root = Path(__file__).parents[3]
    killed = subprocess.run([sys.executable, "-c", KILLED, str(path)], cwd=root, check=False)
    assert killed.returncode == -signal.SIGKILL
    seen: list[int] = []
    resumed = small_run(path, lambda record: seen.append(record.step))
    assert seen == [90, 100, 110, 120]  # the last saving was at 80, after two phases II
    whole = small_run()
    assert {event.kind for event in whole.events} >= {"split"}
    assert bits(resumed) == bits(whole)
    again = small_run(path, lambda record: seen.append(record.step))
    assert bits(again) == bits(whole)
    assert len(seen) == 4


def test_a_checkpoint_of_another_run_or_a_broken_one_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "run.pt"
    small_run(path)
    f, x, weights = task_map()
    with pytest.raises(ValueError, match="another target"):
        reconstruct_map(f, x, weights, SMALL, checkpoint=Checkpoint(path))
    with pytest.raises(ValueError, match="another config"):
        reconstruct_map(f, x, weights, replace(SMALL, seed=1), checkpoint=Checkpoint(path))
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(ValueError, match="cannot be read"):
        small_run(path)
    assert list(tmp_path.iterdir()) == [path]


def test_state_survives_packing() -> None:
    _, x, weights = task_map()
    state = begin(x, weights, torch.zeros(3, dtype=torch.long)).renumbered([1])
    back = unpack(pack(state))
    assert torch.equal(back.x, x)
    assert back.identity.tolist() == [0, 3, 2]
    assert back.fresh == 4


def test_divergence_says_what_to_change() -> None:
    f, x, weights = task_map()
    config = replace(SMALL, optimizer="sgd", rate=1e3, weight_rate=1e3)
    with pytest.raises(RuntimeError, match=r"lower rate \(now 1000\) or weight_rate"):
        reconstruct_map(f, x, weights, config)


def test_a_map_may_change_with_the_step_and_is_scaled_for_the_mean() -> None:
    f, x, weights = task_map()
    steps: list[int] = []

    def scheduled(step: int, labels: Tensor) -> MLPMap:
        steps.append(step)
        return MLPMap(f.evaluations, softplus_schedule(step), f.outputs)

    config = replace(SMALL, steps=5, block=5, splitting=None, mean=True)
    result = reconstruct_map(scheduled, x, weights, config)
    assert set(steps) == set(range(6))
    last = MLPMap(f.evaluations, softplus_schedule(5), f.outputs)
    assert result.history[-1].loss == pytest.approx(float(loss(last, result.x, result.weights / 3)))


def test_events_account_for_every_candidate() -> None:
    task = planted(1, 4, "cubic")
    config = undersized.settings(task, 1)
    x, weights = undersized.start(config, 4)
    truth = Truth(task.samples, symmetry="line")
    result = reconstruct_map(task.map, x, weights, config, truth=truth)
    alive = set(range(len(x)))
    for event in result.events:
        assert set(event.parents) <= alive
        alive = (alive - set(event.parents)) | set(event.children)
        assert event.kind != "split" or event.after < event.before
    assert sorted(result.identity.tolist()) == sorted(alive)
    assert set(result.origin.tolist()) <= set(range(len(x)))
    last = result.history[-1]
    assert last.k == len(result.x)
    assert last.mean_metric == pytest.approx(1.0, abs=1e-6)
    assert last.loss == pytest.approx(float(loss(task.map, result.x, result.weights)), rel=1e-6)


def test_published_settings_and_refusals() -> None:
    haim = ReconstructionConfig.HAIM_MNIST
    assert (haim.rate, haim.init, haim.priors.lambda_min) == (0.03052, 0.03498, 0.4471)
    loo = ReconstructionConfig.LOO
    assert (loo.optimizer, loo.rate, loo.steps, loo.priors.box) == ("adam", 0.02, 80_000, 0.1)
    split = SplittingConfig()
    assert (split.threshold, split.share, split.eta_max, split.lanczos) == (-0.1, 0.5, 0.01, 20)
    with pytest.raises(ValueError, match="rate: found -1; pass a positive number"):
        ReconstructionConfig(rate=-1)
    with pytest.raises(ValueError, match="multipliers: found 'joint'"):
        ReconstructionConfig(optimizer="levenberg")
    with pytest.raises(ValueError, match=r"threshold: found 0\.1; pass 0 or less"):
        SplittingConfig(threshold=0.1)
    f, x, weights = task_map()
    with pytest.raises(ValueError, match="start_weights: found shape"):
        reconstruct_map(f, x, weights[:2], SMALL)
