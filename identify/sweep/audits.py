"""One pair of checkpoints: what training added, what the front door says, who was a member."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from identify.sweep.cells import Row, key_of

if TYPE_CHECKING:
    from identify.checkpoints.layer_change import LayerChange
    from identify.report import IdentifiabilityReport


@dataclass(frozen=True, slots=True)
class Questions:
    """What is asked of every network.

    Attributes:
        activation: "relu", or the coefficients c_0, ..., c_alpha; empty to read the spans alone.
        candidates: Records, of which the members are to be named; "" for none.
        seed: Of the starts and slices.
    """

    activation: tuple[float, ...] | str = ()
    candidates: str = ""
    seed: int = 0


@dataclass(frozen=True, slots=True)
class PairCell:
    """Two checkpoints of one network, to be audited.

    Attributes:
        name: The network.
        trained: Checkpoint after training, relative to the folder.
        initial: Checkpoint before training, likewise.
        stamps: Size and time of change of each file that is read, so that a new file is new work.
        questions: What is asked.
        problem: Why there is no pair, or "".
        folder: Where the checkpoints are; it may move.
        pages: Folder for the page of the network.
    """

    name: str
    trained: str
    initial: str
    stamps: tuple[tuple[int, int], ...]
    questions: Questions
    problem: str
    folder: str
    pages: str

    @property
    def key(self) -> str:
        """Names the cell in the log."""
        values = asdict(self)
        del values["folder"], values["pages"]
        return key_of("pair", values)

    @property
    def page(self) -> str:
        """Name of the network's page."""
        plain = re.sub(r"[^A-Za-z0-9]+", "-", self.name).strip("-")[:60]
        return f"{plain}-{self.key[:8]}.html"

    def measure(self) -> Row:
        """Audit the network and write its page; ValueError says why that cannot be done."""
        if self.problem:
            raise ValueError(self.problem)
        try:
            return audit_pair(self)
        except ValueError as error:  # the table is the same wherever the folder is
            raise ValueError(str(error).replace(self.folder, "").replace("'/", "'")) from error


def audit_pair(cell: PairCell) -> Row:
    """Audit one network, and write its page.

    Returns:
        ``records``, the rank of the first layer that reads the inputs, its ``gap``, ``decay`` and
        ``noise``; with an activation ``verdict``, samples ``shown`` and ``claimed``, or why there
        is none under ``unanswered``; with candidates how many are ``members``, ``excluded`` and
        ``open``; ``page``.
    """
    from identify.checkpoints.changes import read_changes

    trained, initial = (Path(cell.folder, name) for name in (cell.trained, cell.initial))
    changes = read_changes(trained, initial)
    report, row = None, _first_layer(changes)
    if cell.questions.activation:
        try:
            report = _report(trained, initial, cell.questions)
            row |= _answer(report)
        except ValueError as error:
            row["unanswered"] = str(error)
    if cell.questions.candidates:
        row |= _members(trained, initial, Path(cell.questions.candidates))
    _write_page(Path(cell.pages, cell.page), changes, report)
    return row | {"name": cell.name, "page": cell.page}


def _first_layer(changes: Sequence[LayerChange]) -> Row:
    read = next((change for change in changes if change.kind == "inputs"), changes[0])
    return {
        "layers": len(changes),
        "records": read.rank,
        "gap": read.gap,
        "decay": read.decay,
        "noise": read.noise,
        "reasons": list(read.reasons),
    }


def _report(trained: Path, initial: Path, asked: Questions) -> IdentifiabilityReport:
    from identify.equations.activation import Polynomial
    from identify.equations.weights import read_states
    from identify.network import verify_network
    from identify.options import Options, check_options
    from identify.verify import verify_weights

    if isinstance(asked.activation, str):
        return verify_network(trained, initial, seed=asked.seed)
    sigma = Polynomial(asked.activation)
    weights = read_states(trained, initial)
    return verify_weights(weights, sigma, check_options(Options(seed=asked.seed), weights.setting))


def _answer(report: IdentifiabilityReport) -> Row:
    from identify.rendering.words import claimed

    recovery = report.recovery
    shown = 0 if recovery is None else len(recovery.x)
    sure = 0 if recovery is None else int(claimed(recovery).sum())
    return {"verdict": report.verdict.value, "shown": shown, "claimed": sure}


def _members(trained: Path, initial: Path, candidates: Path) -> Row:
    from identify.checkpoints.candidates import Preprocessing, read_candidates
    from identify.checkpoints.membership import membership

    found = membership(read_candidates(candidates, Preprocessing()).x, trained, initial)
    counts = {"MEMBER": "members", "NOT_A_MEMBER": "excluded", "CANNOT_TELL": "open"}
    answers = list(found.answers)
    return {word: answers.count(answer) for answer, word in counts.items()}


def _write_page(
    path: Path, changes: Sequence[LayerChange], report: IdentifiabilityReport | None
) -> None:
    from identify.rendering.gallery import Chapter
    from identify.rendering.html import write_html
    from identify.rendering.spans import write_spans_page

    path.parent.mkdir(parents=True, exist_ok=True)
    if report is None:
        write_spans_page(changes, path)
        return
    sentences = [f"{change.name}: {reason}" for change in changes for reason in change.reasons]
    write_html(report, path, chapters=[Chapter("What training added to each layer", sentences)])
