"""Change a sign, a constant or a hypothesis in a claim file, and the ledger reports it."""

import importlib.util
import sys
from pathlib import Path

import pytest

from proofs_check import claims
from proofs_check.claims import claims_of
from proofs_check.ledger import check

FOLDER = Path(claims.__file__).parent

MUTANTS = [
    # claim that has to notice, file, text, changed text
    ("linear-aggregate", "linear", "w - ALPHA * a_j * f_k", "w + ALPHA * a_j * f_k"),
    ("linear-aggregate", "linear", "[[1, 3], [1, -3]]", "[[1, 3], [1, 3]]"),
    ("E6", "linear", "len(matrix) == m * (d + 1)", "len(matrix) == (m + 1) * d"),
    ("E6", "linear", "W=((1, 0), (0, 1), (1, 1))", "W=((1, 0, 0), (0, 1, 0), (1, 1, 1))"),
    ("theorem-4.1-exact", "theorem_4_1", "comb(r + alpha - 2, alpha - 1)",
     "comb(r + alpha - 1, alpha)"),
    ("E3", "theorem_4_1", "for n in range(1, d)]", "for n in range(1, d + 1)]"),
    ("theorem-4.1-reduced", "theorem_4_1", "[(1, 0, 0), (0, 1, 0), (1, 1, 0)]",
     "[(1, 0, 0), (0, 1, 0), (1, 1, 1)]"),
    ("theorem-4.1-balls", "theorem_4_1_balls", "weight * t**self.alpha", "-weight * t**self.alpha"),
    ("theorem-4.1-balls", "theorem_4_1_balls", "y_i * b_i > 0", "y_i * b_i < 0"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "file", "old", "new"), MUTANTS)
def test_the_ledger_notices(name, file, old, new, tmp_path, monkeypatch):
    source = (FOLDER / f"{file}.py").read_text()
    assert source.count(old) == 1, "the mutant has to say where it changes the file"
    path = tmp_path / f"{file}_mutant.py"
    path.write_text(source.replace(old, new))
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, path.stem, module)
    spec.loader.exec_module(module)
    found = check(next(one for one in claims_of([module]) if one.id == name))
    assert not found.as_recorded, found.verdict


def test_every_claim_file_has_mutants():
    files = {module.__name__.rpartition(".")[2] for module in claims.MODULES}
    assert {file for _, file, _, _ in MUTANTS} == files
    assert len(MUTANTS) >= 12
