"""Checkpoints before and after training, found by their names in a folder."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

BEFORE = ("before", "init", "initial", "base", "start", "step0", "untrained")
AFTER = ("after", "trained", "final", "tuned", "finetuned", "end")
_SUFFIXES = frozenset({".npz", ".safetensors", ".pt", ".pth"})
_INDEX = ".safetensors.index.json"
_WORD = re.compile(
    rf"(?:^|[._-])(?:(?P<before>{'|'.join(BEFORE)})|(?P<after>{'|'.join(AFTER)}))$", re.IGNORECASE
)
NAMING = (
    f"name the two NAME.before and NAME.after, or put them into folders of these names (before: "
    f"{', '.join(BEFORE)}; after: {', '.join(AFTER)})"
)


@dataclass(frozen=True, slots=True)
class FoundPair:
    """Two checkpoints of one network, or what is missing.

    Attributes:
        name: The network.
        trained: File after training, relative to the folder.
        initial: File before training, likewise.
        problem: Why there is no pair, as a sentence; empty where there is one.
    """

    name: str
    trained: str = ""
    initial: str = ""
    problem: str = ""


def find_pairs(folder: Path) -> tuple[list[FoundPair], list[str]]:
    """Pair the checkpoints in a folder and the folders below it.

    A file belongs to the state that its name, or the name of its folder, ends with; what is left of
    the path names the network.

    Args:
        folder: Where the checkpoints are.

    Returns:
        The networks in the order of their names, broken ones among them, and the checkpoints whose
        names say neither.

    Raises:
        ValueError: If there is no such folder, or no checkpoint in it.
    """
    if not folder.is_dir():
        raise ValueError(f"--pairs: found no folder {str(folder)!r}; pass one of checkpoints")
    networks: dict[str, dict[str, list[str]]] = {}
    unnamed = []
    for file in _checkpoints(folder):
        known = _state_of(file)
        if known is None:
            unnamed.append(file.as_posix())
            continue
        name, state = known
        files = networks.setdefault(name, {"before": [], "after": []})
        files[state].append(file.as_posix())
    if not networks:
        raise ValueError(
            f"--pairs: found no checkpoint before or after training among {len(unnamed)} in "
            f"{str(folder)!r}; {NAMING}"
        )
    return [_pair(name, files) for name, files in sorted(networks.items())], unnamed


def _checkpoints(folder: Path) -> Iterator[Path]:
    """Paths relative to the folder; of a network in shards the list of the shards."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    sharded = {path.parent for path in files if path.name.endswith(_INDEX)}
    for path in files:
        shard = path.suffix == ".safetensors" and path.parent in sharded
        if path.name.endswith(_INDEX) or (path.suffix.lower() in _SUFFIXES and not shard):
            yield path.relative_to(folder)


def _state_of(file: Path) -> tuple[str, str] | None:
    """The network and the state that the innermost name with a word for one says."""
    stem = file.name.removesuffix(_INDEX)
    stem = stem if stem != file.name else file.stem
    parts = [*file.parent.parts, stem]
    for k in range(len(parts) - 1, -1, -1):
        said = _WORD.search(parts[k])
        if said:
            left = [*parts[:k], parts[k][: said.start()], *parts[k + 1 :]]
            name = "/".join(part for part in left if part) or "network"
            return name, "before" if said["before"] else "after"
    return None


def _pair(name: str, files: dict[str, list[str]]) -> FoundPair:
    for state, found in files.items():
        if len(found) != 1:
            others = [file for kept in files.values() for file in kept]
            seen = ", ".join(found) or f"none beside {', '.join(others)}"
            problem = f"found {seen} from {state} training; keep one checkpoint of each state"
            return FoundPair(name, problem=problem)
    return FoundPair(name, files["after"][0], files["before"][0])
