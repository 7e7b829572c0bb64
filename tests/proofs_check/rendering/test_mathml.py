"""Formulas in running text: one alphabet, scripts, and nothing that is left unescaped."""

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proofs_check import all_claims
from proofs_check.rendering.alphabet import one_alphabet
from proofs_check.rendering.mathml import argument_html, mathml


@pytest.mark.parametrize(("text", "shown"), [
    ("lambda_min(S) >= -eps_H", "λ_min(S) ≥ -ε_H"), ("rho eta^3", "ρ η^3"), ("grad p", "∇p"),
    ("the gradient, betas and pieces", "the gradient, betas and pieces"), ("a != b", "a ≠ b"),
    ("sqrt(rho eps)", "√(ρ ε)"), ("alpha-1", "α-1"), ("alphabet", "alphabet"),
])  # fmt: skip
def test_one_alphabet(text, shown):
    assert one_alphabet(text) == shown


SPACE = '<mspace width="0.25em"></mspace>'
LESS_B = "<math><mo>&lt;</mo><mi>b</mi><mo>&gt;</mo></math>"
SCRIPTS = "<mrow><mi>i</mi></mrow><mrow><mi>T</mi></mrow>"
MINUS_2 = "<mrow><mrow><mo>-</mo><mn>2</mn></mrow></mrow>"
BELOW = f"<mrow><mrow><mi>k</mi>{SPACE}<mo>&lt;</mo>{SPACE}<mi>α</mi></mrow></mrow>"


@pytest.mark.parametrize(("text", "shown"), [
    ("x_i^T", f"<math><msubsup><mi>x</mi>{SCRIPTS}</msubsup></math>"),
    ("ε^{-2}.", f"<math><msup><mi>ε</mi>{MINUS_2}</msup></math>."),
    ("√(ρε)", "<math><msqrt><mi>ρ</mi><mi>ε</mi></msqrt></math>"),
    ("no formula, <b> & 3 words", f"no formula, {LESS_B} &amp; 3 words"),
    ("sum_{k < α} c", f"<math><msub><mo>∑</mo>{BELOW}</msub></math> <math><mi>c</mi></math>"),
])  # fmt: skip
def test_formulas(text, shown):
    assert mathml(text) == shown


class Reader(HTMLParser):
    """Collects the text, and fails where a tag is closed that is not the last one opened."""

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.open, self.text = [], []

    def handle_starttag(self, tag, attrs):
        if tag == "br":
            self.text.append(" ")
            return
        self.open.append(tag)
        self.text += [" "] * (tag == "mspace")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def words_of(html):
    reader = Reader()
    reader.feed(html)
    reader.close()
    assert reader.open == []
    return "".join(reader.text).split()


def test_no_letter_of_the_ledger_is_lost():
    for claim in all_claims():
        for text in (claim.statement, claim.corrected or "", claim.gist, *claim.hypotheses):
            found = "".join(words_of(mathml(text)))
            plain = one_alphabet(text).replace("sum", "∑").replace("prod", "∏")
            gone = "_^{}√() \n"
            squeeze = str.maketrans("", "", gone)
            assert sorted(found.translate(squeeze).replace("sum", "∑").replace("prod", "∏")) == (
                sorted(plain.translate(squeeze))
            ), claim.id


def test_every_argument_is_well_formed():
    for claim in all_claims():
        assert words_of(argument_html(claim.argument)), claim.id


@given(st.text(alphabet="ab_^{}()[]√<>&= ,x1λ'\"|", max_size=40))
def test_any_text_gives_well_formed_markup(text):
    words_of(mathml(text))
    words_of(argument_html(text))
