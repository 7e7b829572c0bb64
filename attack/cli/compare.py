"""``attack compare``."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from rich.console import Console

from attack.cli.console import (
    check_outputs,
    check_unused,
    open_device,
    option,
    say,
    table,
    threads,
)
from identify.cli.progress import progress_bar
from identify.files import write_atomic


@dataclass(frozen=True)
class Compare:
    """Run an attack with and without splitting from the same start."""

    preset: Literal["undersized", "loo", "haim", "buzaglo"] = "undersized"
    """undersized: fewer candidates than samples, exact targets; the others are the paper's."""
    scale: Literal["small", "full"] = "small"
    """small: digits, for two cores; full: the paper's size, for a GPU. Not for undersized."""
    seeds: int = 3
    """Seeds 0, 1, ..., each with its own data, network and start."""
    json: Path | None = None
    """Record to write; an undersized comparison goes on from it."""
    html: Path | None = None
    """Report to write. Not for undersized."""
    data: str | None = None
    """digits, photographs, mnist or cifar10 in place of the preset's. Not for undersized."""
    folder: Path | None = None
    """Local files of MNIST or CIFAR-10. Not for undersized."""
    checkpoints: Path | None = None
    """Folder from which an interrupted comparison goes on. Not for undersized."""
    device: str = "cpu"
    """Where to run: cpu, cuda or cuda:N. Not for undersized."""
    threads: int = 1
    """Threads on a CPU; layers of width 200 gain nothing from more. Not for undersized."""
    jobs: int = 2
    """Processes of an undersized comparison."""

    def run(self) -> None:
        """Run the comparison for all seeds, and write what came out."""
        for name in ("seeds", "jobs", "threads"):
            if getattr(self, name) < 1:
                raise ValueError(f"{option(name)}: found {getattr(self, name)}; pass 1 or more")
        undersized = self.preset == "undersized"
        networks_only = ("scale", "html", "data", "folder", "checkpoints", "device", "threads")
        check_unused(self, networks_only, not undersized, "--preset loo, haim or buzaglo")
        check_unused(self, ("jobs",), undersized, "--preset undersized")
        check_outputs(self, "json", "html")
        if undersized:
            _compare_undersized(self)
        else:
            with threads(self.threads):
                _compare_networks(self)


def _compare_networks(command: Compare) -> None:
    """Run a preset seed by seed; the record is written again after every seed."""
    from attack.experiments.presets import preset
    from attack.experiments.records import record_of
    from attack.experiments.report import write_report
    from attack.experiments.settings import settings_of
    from attack.experiments.summary import against_truth, summarise
    from attack.experiments.trial import Place, run_trial

    assert command.preset != "undersized"
    chosen = preset(command.preset, command.scale)
    chosen = chosen if command.data is None else replace(chosen, data=command.data)
    place = Place(open_device(command.device), command.folder, command.checkpoints)
    if place.checkpoints is not None:
        place.checkpoints.mkdir(parents=True, exist_ok=True)
    settings, trials, sentences = settings_of(chosen), [], []
    with progress_bar() as announce:
        for seed in range(command.seeds):

            def told(text: str, part: float, seed: int = seed) -> None:
                announce(f"seed {seed}: {text}", part)

            trials.append(run_trial(chosen, seed, place, told))
            sentences = [*summarise(trials), against_truth(trials)]
            record = {
                "title": chosen.title,
                "metric": trials[0].metric.definition,
                "settings": {one.name: f"{one.value} ({one.source})" for one in settings},
                "summary": sentences,
                "runs": [record_of(trial) for trial in trials],
            }
            _write(command.json, record)
    _print_networks([record_of(trial) for trial in trials])
    say("\n".join(sentences))
    if command.html is not None:
        write_report(command.html, title=chosen.title, settings=settings, comparisons=trials)


def _print_networks(runs: list[dict[str, Any]]) -> None:
    shown = table("seed", "wins", "losses", "ties", "mean before", "mean after", "k", "s")
    for run in runs:
        before, after = run["without"], run["with"]
        cells = [str(run[name]) for name in ("seed", "wins", "losses", "ties")]
        means = [
            "none" if side["mean"] is None else f"{side['mean']:.4f}" for side in (before, after)
        ]
        k = f"{before['k_final']} / {after['k_final']}"
        shown.add_row(*cells, *means, k, f"{before['seconds'] + after['seconds']:.0f}")
    Console().print(shown)


def _compare_undersized(command: Compare) -> None:
    """Run the undersized comparison; what the record holds already is not run again."""
    from attack.experiments.undersized import compare_undersized

    known = _known(command.json)
    runs: list[dict[str, Any]] = []
    with progress_bar() as announce:
        total = 4 * command.seeds
        announce("undersized", 0.0)
        for record in compare_undersized(range(command.seeds), command.jobs, known):
            runs.append(record)
            _write(command.json, {"preset": "undersized", "runs": runs})
            announce(f"{record['map']}, n = {record['n']}", len(runs) / total)
    _print_undersized(runs)
    solved = sum(run["with"]["found"] == run["n"] for run in runs)
    say(f"All samples found in {solved} of {len(runs)} runs with splitting and merging.")
    again = sum((run["map"], run["n"], run["seed"]) in known for run in runs)
    if again:
        say(f"{again} of them were taken from {command.json}; delete it to run them again.")


def _print_undersized(runs: list[dict[str, Any]]) -> None:
    shown = table("map", "n", "seed", "found without", "found", "k", "loss ratio", "s")
    for run in runs:
        side, alone = run["with"], run["without"]
        shown.add_row(
            run["map"],
            str(run["n"]),
            str(run["seed"]),
            f"{alone['found']} (loss {alone['loss_ratio']:.1e})",
            str(side["found"]),
            f"{run['k_start']} to {side['k_final']}",
            f"{side['loss_ratio']:.0e}",
            f"{side['seconds']:.1f}",
        )
    Console().print(shown)


def _known(path: Path | None) -> dict[tuple[str, int, int], Any]:
    """The runs of an earlier record, by map, n and seed."""
    if path is None or not path.exists():
        return {}
    try:
        runs = json.loads(path.read_text())["runs"]
        return {(run["map"], run["n"], run["seed"]): run for run in runs if run["with"]}
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"--json: found {path}, which is no record of this comparison ({error!r}); pass "
            "another path or delete it"
        ) from error


def _write(path: Path | None, record: dict[str, Any]) -> None:
    if path is not None:
        write_atomic(path, json.dumps(record, indent=1) + "\n")
