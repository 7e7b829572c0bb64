"""What the commands do: train, reconstruct, compare."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from safetensors.torch import save

from attack.audit import audit
from attack.data.dataset import load, load_again
from attack.descent.checkpoint import Checkpoint
from attack.descent.config import ReconstructionConfig, plain
from attack.descent.state import Record
from attack.experiments.compare import (
    Announce,
    Place,
    Trial,
    against_truth,
    compare_preset,
    compare_undersized,
    settings_of,
    trial_record,
)
from attack.experiments.presets import Preset
from attack.experiments.report import write_report
from attack.experiments.summary import summarise
from attack.metrics.matching import evaluate
from attack.metrics.metrics import l2
from attack.metrics.truth import Truth
from attack.networks import Objective
from attack.reconstruct import reconstruct
from attack.victims.config import VictimConfig, check_config
from attack.victims.files import check_path, load_victim, save_victim
from attack.victims.training import train_victim
from identify.files import write_atomic

SETTINGS = {
    "haim-mnist": ReconstructionConfig.HAIM_MNIST,
    "haim-cifar": ReconstructionConfig.HAIM_CIFAR,
    "buzaglo": ReconstructionConfig.BUZAGLO,
    "loo": ReconstructionConfig.LOO,
}
"""The published settings by name."""


def train(
    config: VictimConfig,
    out: Path,
    data: str,
    samples: int,
    *,
    folder: Path | None,
    classes: int,
    unit_norm: bool,
    device: str,
    precision: str,
) -> None:
    """Train a victim and store it."""
    check_path(out)
    check_config(config, classes)
    place, dtype = open_device(device), open_precision(precision)
    dataset = load(
        data, samples, classes=classes, seed=config.seed, folder=folder, unit_norm=unit_norm
    )
    with progress_bar() as announce:
        victim = train_victim(
            dataset.to(place, dtype),
            config,
            lambda step, loss: announce(f"training, loss {loss:.1e}", step, config.steps),
        )
    save_victim(victim, out)
    step, loss = victim.losses[-1].tolist()
    margins = victim.margins
    say(
        f"loss     {loss:.3e} after {step:.0f} steps\n"
        f"margins  {margins.min():.3e} to {margins.max():.3e}, median {margins.median():.3e}, "
        f"{int((margins <= 0).sum())} of {len(margins)} wrong\n"
        f"seconds  {victim.seconds:.1f}\n"
        f"seed     {config.seed}\n"
        f"written  {out}"
    )


def attack_victim(
    path: Path,
    objective: Objective,
    config: ReconstructionConfig,
    out: Path,
    *,
    truth: bool,
    folder: Path | None,
    checkpoint: Path | None,
    device: str,
) -> None:
    """Reconstruct from a stored victim and store the candidates."""
    check_path(out)
    victim = load_victim(path).to(open_device(device))
    known = None
    if truth:
        dataset = load_again(victim.data, folder)
        known = Truth(dataset.x)
    with progress_bar() as announce:

        def tell(record: Record) -> None:
            metric = "" if record.mean_metric is None else f", cosine {record.mean_metric:.3f}"
            text = f"loss {record.loss:.2e}, k {record.k}{metric}"
            announce(text, record.step, config.steps)

        result = reconstruct(
            victim,
            objective,
            config,
            truth=known,
            progress=tell,
            checkpoint=Checkpoint(checkpoint) if checkpoint else None,
        )
    record = {
        "objective": objective,
        "config": plain(config),
        "data": asdict(victim.data),
        "history": [asdict(one) for one in result.history],
        "events": [asdict(one) for one in result.events],
        "seconds": result.seconds,
    }
    tensors = {"x": result.x, "weights": result.weights, "labels": result.labels}
    stored = {name: t.cpu().contiguous() for name, t in tensors.items()}
    write_atomic(out, save(stored, {"attack-reconstruction": json.dumps(record)}))
    write_atomic(out.with_suffix(".json"), json.dumps(record) + "\n")
    first, last = result.history[0], result.history[-1]
    lines = [
        f"loss     {first.loss:.3e} to {last.loss:.3e} in {result.steps} steps",
    ]
    changes = f"{last.splits} splits, {last.merges} merges and removals"
    lines.append(f"samples  {first.k} candidates at the start, {last.k} at the end, {changes}")
    if known is not None:
        matched = evaluate(known.samples, result.x, known.metric)
        distance = evaluate(known.samples, result.x, l2()).values.mean()
        lines.append(
            f"truth    {matched.found} of {len(known.samples)} found (cosine of 0.99 or more), "
            f"mean cosine {matched.values.mean():.3f}, mean L2 {distance:.3f}, nearest candidate"
        )
    seconds = [f"seconds  {result.seconds:.1f}", f"seed     {config.seed}", f"written  {out}"]
    say("\n".join(lines + seconds))


def compare_networks(
    preset: Preset, seeds: range, place: Place, *, json_path: Path | None, html: Path | None
) -> None:
    """Run a preset for several seeds, and write what came out."""
    if place.checkpoints is not None:
        place.checkpoints.mkdir(parents=True, exist_ok=True)
    trials: list[Trial] = []
    sentences: list[str] = []
    with progress_bar() as announce:
        for seed in seeds:
            told = _prefixed(announce, f"seed {seed}: ")
            trials.append(compare_preset(preset, seed, place, told))
            comparisons = [trial.pair.comparison for trial in trials]
            sentences = [*summarise(comparisons), against_truth(trials)]
            if json_path is not None:
                record = {
                    "title": preset.title,
                    "metric": comparisons[0].metric.definition,
                    "settings": {s.name: f"{s.value} ({s.source})" for s in settings_of(preset)},
                    "summary": sentences,
                    "runs": [trial_record(trial) for trial in trials],
                }
                write_atomic(json_path, json.dumps(record, indent=1) + "\n")
    table = _table("seed", "wins", "losses", "ties", "mean before", "mean after", "k", "s")
    for trial in trials:
        found = trial_record(trial)
        before, after = found["without"], found["with"]
        cells = [found[name] for name in ("seed", "wins", "losses", "ties")]
        means = [f"{before['mean']:.4f}", f"{after['mean']:.4f}"]
        k = f"{before['k_final']} / {after['k_final']}"
        table.add_row(*map(str, cells), *means, k, f"{before['seconds'] + after['seconds']:.0f}")
    Console().print(table)
    say("\n".join(sentences))
    if html is not None:
        pairs = [trial.pair for trial in trials]
        write_report(html, title=preset.title, settings=settings_of(preset), pairs=pairs)


def compare_candidates(seeds: range, jobs: int, json_path: Path | None) -> None:
    """Run the undersized comparison for several seeds, and write what came out."""
    known: dict[tuple[str, int, int], Any] = {}
    if json_path is not None and json_path.exists():
        known = _known(json_path)
    runs: list[dict[str, Any]] = []
    total = 4 * len(seeds)
    with progress_bar() as announce:
        announce("undersized", 0, total)
        for record in compare_undersized(seeds, jobs, known):
            runs.append(record)
            if json_path is not None:
                body = {"preset": "undersized", "runs": runs}
                write_atomic(json_path, json.dumps(body, indent=1) + "\n")
            announce(f"{record['map']}, n = {record['n']}", len(runs), total)
    table = _table("map", "n", "seed", "found without", "found", "k", "loss ratio", "s")
    for run in runs:
        side, alone = run["with"], run["without"]
        table.add_row(
            run["map"],
            str(run["n"]),
            str(run["seed"]),
            f"{alone['found']} (loss {alone['loss_ratio']:.1e})",
            str(side["found"]),
            f"{run['k_start']} to {side['k_final']}",
            f"{side['loss_ratio']:.0e}",
            f"{side['seconds']:.1f}",
        )
    Console().print(table)
    solved = sum(run["with"]["found"] == run["n"] for run in runs)
    say(f"All samples found in {solved} of {len(runs)} runs with splitting and merging.")
    again = sum((run["map"], run["n"], run["seed"]) in known for run in runs)
    if again:
        say(f"{again} of them were taken from {json_path}; delete it to run them again.")


def audit_victim(
    path: Path, *, folder: Path | None, json_path: Path | None, html: Path | None, seed: int
) -> None:
    """Audit a stored victim, print the verdict, and write page and record."""
    victim = load_victim(path)
    truth = load_again(victim.data, folder)
    with Console(stderr=True).status("audit") as status:
        found = audit(victim, truth, seed=seed, say=status.update)
    say(str(found.report))
    for chapter in found.chapters:
        say("\n".join(["", chapter.title, *(f"  {line}" for line in chapter.sentences)]))
    if json_path is not None:
        write_atomic(json_path, json.dumps(found.to_dict(), indent=1) + "\n")
    if html is not None:
        found.to_html(html, truth)


def open_device(name: str) -> torch.device:
    """The device of a name, tried out.

    Args:
        name: cpu, cuda or cuda:N.

    Returns:
        The device.

    Raises:
        ValueError: If it cannot be used.
    """
    try:
        place = torch.device(name)
        usable = place.type in {"cpu", "cuda"} and torch.empty(0, device=place).numel() == 0
    except (RuntimeError, AssertionError):  # torch built without cuda asserts
        usable = False
    if not usable:
        raise ValueError(
            f"device: found {name!r}, which cannot be used here; pass cpu, or cuda or cuda:N where "
            "there is such a GPU"
        )
    return torch.device(name)


def open_precision(name: str) -> torch.dtype:
    """The type of a name, float64 or float32."""
    types = {"float64": torch.float64, "float32": torch.float32}
    if name not in types:
        raise ValueError(f"precision: found {name!r}; pass {' or '.join(types)}")
    return types[name]


def say(text: str) -> None:
    """Print lines as they are."""
    Console().print(text, markup=False, highlight=False, soft_wrap=True)


@contextmanager
def threads(number: int) -> Iterator[None]:
    """So many threads for torch, and as many as before afterwards."""
    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def progress_bar() -> Iterator[Announce]:
    """One line that tells where a long run is; nothing where there is no terminal."""
    errors = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=errors, transient=True, disable=not errors.is_terminal) as bar:
        task = bar.add_task("")
        yield lambda text, done, total: bar.update(
            task, description=text, completed=done, total=total
        )


def _prefixed(announce: Announce, prefix: str) -> Announce:
    return lambda text, done, total: announce(prefix + text, done, total)


def _known(path: Path) -> dict[tuple[str, int, int], Any]:
    try:
        runs = json.loads(path.read_text())["runs"]
        return {(run["map"], run["n"], run["seed"]): run for run in runs if run["with"]}
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"json: found {path}, which is no record of this comparison ({error!r}); pass another "
            "path or delete it"
        ) from error


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False)
    for number, column in enumerate(columns):
        table.add_column(column, justify="left" if number == 0 else "right")
    return table
