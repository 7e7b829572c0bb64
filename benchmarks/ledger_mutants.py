"""How many small changes to the claim files does the ledger notice?

    uv run python benchmarks/ledger_mutants.py [--sample 60] [--seed 0] [MODULE ...]

Each mutant changes one number, operator or comparison inside a claim file, and the claims of that
file are examined again. A mutant is noticed when a finding is not the recorded one, or the file
does not load. Survivors are printed: each is a check too weak, or a change without effect (another
seed, one more random instance). Writes ``benchmarks/results/ledger_mutants.json``.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import copy
import json
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np

from proofs_check.claims import claims_of, modules
from proofs_check.ledger import check

RESULTS = Path(__file__).parent / "results" / "ledger_mutants.json"
LIMIT = 120
"""Seconds after which a mutant counts as noticed: the ledger would not end."""
OPERATORS: dict[type[ast.AST], type[ast.AST]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Add,
    ast.Div: ast.Mult,
    ast.Pow: ast.Mult,
    ast.And: ast.Or,
    ast.Or: ast.And,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Lt: ast.GtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.LtE,
    ast.GtE: ast.Gt,
    ast.USub: ast.UAdd,
}


def changes(node: ast.AST) -> list[tuple[str, object]]:
    """Attributes of a node with the values a mutant gives them."""
    if isinstance(node, ast.Constant) and type(node.value) is int:
        return [("value", node.value + 1), ("value", -node.value - (node.value == 0))]
    if isinstance(node, ast.BinOp | ast.BoolOp | ast.UnaryOp) and type(node.op) in OPERATORS:
        return [("op", OPERATORS[type(node.op)]())]
    if isinstance(node, ast.Compare) and type(node.ops[0]) in OPERATORS:
        return [("ops", [OPERATORS[type(node.ops[0])](), *node.ops[1:]])]
    return []


def mutants(tree: ast.Module) -> Iterator[tuple[int, str, str, ast.Module]]:
    """Line, text before, text after, and the mutated tree."""
    for index, node in enumerate(ast.walk(tree)):
        for name, value in changes(node):
            mutated = copy.deepcopy(tree)
            target = list(ast.walk(mutated))[index]
            setattr(target, name, value)
            line = getattr(node, "lineno", 0)
            yield line, ast.unparse(node), ast.unparse(target), mutated


def noticed(name: str, tree: ast.Module) -> bool:
    """Whether some claim of the mutated file does not get its recorded verdict in time."""
    module = ModuleType(f"{name}_mutant")
    sys.modules[module.__name__] = module
    signal.signal(signal.SIGALRM, _stop)
    signal.alarm(LIMIT)
    try:
        with contextlib.suppress(Exception):
            code = compile(ast.fix_missing_locations(tree), f"<mutant of {name}>", "exec")
            exec(code, vars(module))
            return not all(check(claim).as_recorded for claim in claims_of([module]))
        return True
    finally:
        signal.alarm(0)
        del sys.modules[module.__name__]


def _stop(*_: object) -> None:
    raise TimeoutError


def main() -> None:
    """Mutate, examine, print the survivors and record the counts."""
    parser = argparse.ArgumentParser()
    parser.add_argument("modules", nargs="*", help="claim files, all if none is named")
    parser.add_argument("--sample", type=int, default=60, help="mutants per file")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    recorded = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    for module in modules():
        name = module.__name__.rpartition(".")[2]
        if options.modules and name not in options.modules:
            continue
        tree = ast.parse(Path(str(module.__file__)).read_text())
        found = list(mutants(tree))
        rng = np.random.default_rng(options.seed)
        chosen = sorted(rng.permutation(len(found))[: options.sample].tolist())
        survivors = [found[i][:3] for i in chosen if not noticed(name, found[i][3])]
        for line, before, after in survivors:
            print(f"{name}:{line}: {before}  ->  {after}")
        killed = len(chosen) - len(survivors)
        print(f"{name}: {killed} of {len(chosen)} noticed ({len(found)} possible)", flush=True)
        recorded[name] = {"noticed": killed, "tried": len(chosen), "possible": len(found)}
    RESULTS.write_text(json.dumps(recorded, indent=1) + "\n")


if __name__ == "__main__":
    main()
