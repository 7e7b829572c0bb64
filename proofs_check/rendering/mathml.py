"""Statements as MathML: formulas are found in the running text, and everything else is escaped.

The ledger writes formulas in one line, as in λ_min(S(x_i)) >= -√(ρε) or sum_{k<α} c_k t^k. A word
with a sign, a script or a Greek letter belongs to a formula, and so do numbers and single letters
next to one. Inside a formula "_" and "^" set scripts, and words of several letters stay words.
"""

from __future__ import annotations

import re
from html import escape

from proofs_check.rendering.alphabet import one_alphabet

FUNCTIONS = re.compile("min|max|rank|span|range|det|diag|log|exp|lim|cos|sin|arccos|tr|Hess")
"""Words that are set upright as functions."""
LARGE = {"sum": "∑", "prod": "∏"}
"""Words that are signs."""

_FORMULA = re.compile("[_^=<>≤≥≠±√∇∈∘∑|α-ωΑ-Ω\u0300-\u036f]")
_LETTER = re.compile(r"[b-zB-HJ-Z]'?|[A-Za-z]\([a-z]\)")
_LOOSE = re.compile(r"[-+*/<>=≤≥±~]|[\d/.]+|[b-zB-HJ-Z]'?|->|→")
_TOKEN = re.compile("\\s+|\\d+(?:\\.\\d+)*|[A-Za-z]+[\u0300-\u036f]?'*|\\.\\.\\.|->|.", re.DOTALL)
_CLOSING = {"(": ")", "[": "]", "{": "}"}


def mathml(text: str) -> str:
    """The text as HTML, its formulas as MathML; nothing in it is left unescaped."""
    words = re.split(r"(\s+)", one_alphabet(text))
    parts: list[str] = []
    formula: list[str] = []
    for word in [*words, ""]:
        loose = bool(_LOOSE.fullmatch(word.rstrip(",.;:")))
        if word and (
            _FORMULA.search(word) or loose or _alone(word) or (word.isspace() and formula)
        ):
            formula.append(word)
            continue
        parts += [_close(formula), escape(word)]
        formula = []
    return "".join(parts)


def argument_html(text: str) -> str:
    """An argument as paragraphs; indented lines are displays."""
    paragraphs = []
    for block in re.split(r"\n\s*\n", text):
        if block.startswith("    "):
            lines = "<br>".join(mathml(line.strip()) for line in block.splitlines())
            paragraphs.append(f'<p class="display">{lines}</p>')
        else:
            paragraphs.append(f"<p>{mathml(' '.join(block.split()))}</p>")
    return "".join(paragraphs)


def _alone(word: str) -> bool:
    """Whether a word is a variable or a function of one, which need no sign beside them."""
    return bool(_LETTER.fullmatch(word.rstrip(",.;:")))


def _close(words: list[str]) -> str:
    """A run of words as formulas, one for each word, between which a line may break."""
    whole = "".join(words)
    if not any(_FORMULA.search(word) or _alone(word) for word in words):
        return escape(whole)
    return "".join(piece if piece.isspace() else _formula(piece) for piece in _pieces(words))


def _pieces(words: list[str]) -> list[str]:
    """The words and spaces, those within braces or under a root joined."""
    pieces: list[str] = []
    depth = 0
    for word in words:
        if depth:
            pieces[-1] += word
        else:
            pieces.append(word)
        depth = _open_brackets(pieces[-1])
    return pieces


def _open_brackets(text: str) -> int:
    """How many brackets are open at the end, counted from the first brace or root on."""
    start = re.search(r"[{]|√[(]", text)
    if start is None:
        return 0
    rest = text[start.start() :]
    return max(0, sum(rest.count(mark) for mark in "({") - sum(rest.count(mark) for mark in ")}"))


def _formula(word: str) -> str:
    """One formula, with punctuation at its end outside of it."""
    body = word.rstrip(",.;:")
    shown = f"<math>{_row(_TOKEN.findall(body))}</math>" if body else ""
    return shown + escape(word[len(body) :])


def _row(signs: list[str]) -> str:
    """Atoms with their scripts, one after the other."""
    done, position = [], 0
    while position < len(signs):
        base, position = _atom(signs, position)
        scripts: dict[str, str] = {}
        while position < len(signs) - 1 and signs[position] in "_^" and base:
            mark = signs[position]
            script, position = _atom(signs, position + 1, signed=True)
            scripts[mark] = scripts.get(mark, "") + script
        done.append(_scripted(base, scripts))
    return "".join(done)


def _scripted(base: str, scripts: dict[str, str]) -> str:
    rows = {mark: f"<mrow>{script}</mrow>" for mark, script in scripts.items()}
    if len(rows) == 2:
        return f"<msubsup>{base}{rows['_']}{rows['^']}</msubsup>"
    if "_" in rows:
        return f"<msub>{base}{rows['_']}</msub>"
    return f"<msup>{base}{rows['^']}</msup>" if rows else base


def _atom(signs: list[str], position: int, *, signed: bool = False) -> tuple[str, int]:
    """One atom and the position after it: a group in brackets is one where it is a script."""
    sign = signs[position]
    if signed and sign == "-" and position + 1 < len(signs):
        inner, after = _atom(signs, position + 1, signed=True)
        return f"<mo>-</mo>{inner}", after
    if sign == "√" and position + 1 < len(signs) and signs[position + 1] == "(":
        end = _matching(signs, position + 1)
        return f"<msqrt>{_row(signs[position + 2 : end])}</msqrt>", end + 1
    if sign in _CLOSING and (signed or sign == "{"):
        end = _matching(signs, position)
        inner = _row(signs[position + 1 : end])
        shown = inner if sign == "{" else f"{_leaf(sign)}{inner}{_leaf(_CLOSING[sign])}"
        return f"<mrow>{shown}</mrow>", end + 1
    return _leaf(sign), position + 1


def _matching(signs: list[str], opening: int) -> int:
    """The position of the bracket that closes one, or the end where none does."""
    depth, pair = 0, (signs[opening], _CLOSING[signs[opening]])
    for position in range(opening, len(signs)):
        depth += (signs[position] == pair[0]) - (signs[position] == pair[1])
        if depth == 0:
            return position
    return len(signs)


def _leaf(sign: str) -> str:
    if sign.isspace():
        return '<mspace width="0.25em"></mspace>'
    if sign in LARGE:
        return f"<mo>{LARGE[sign]}</mo>"
    if sign[0].isdigit():
        return f"<mn>{sign}</mn>"
    if sign.isalpha() and (len(sign) == 1 or FUNCTIONS.fullmatch(sign)):
        return f"<mi>{sign}</mi>"
    if sign[0].isalpha():
        letters = re.sub("[\u0300-\u036f']", "", sign)
        tag = "mi" if len(letters) == 1 else "mtext"
        return f"<{tag}>{escape(sign)}</{tag}>"
    fence = ' stretchy="false"' if sign in "|()[]" else ""
    return f"<mo{fence}>{escape(sign)}</mo>"
