"""Change a sign, a constant or a hypothesis in a claim file, and the ledger reports it."""

import importlib.util
import sys
from inspect import getfile
from pathlib import Path

import pytest
from widened_mutants import PREDICATES, PROSE, RANGES

import proofs_check
from proofs_check import all_claims
from proofs_check.claims import MODULES, claims_of
from proofs_check.ledger import check

ROOT = Path(proofs_check.__file__).parent
FILES = {claim.id: Path(getfile(claim.examine)) for claim in all_claims()}

MUTANTS = [
    # claim that has to notice, text in its file, changed text
    ("E14", '"dual feasibility": (((1, 0), (1, 2), (1, -2)), (1, 1, 1), (2,',
     '"dual feasibility": (((1, 0), (1, 2), (1, -2)), (1, 1, 1), (1,'),
    ("E14", "len(theta) > 1", "len(theta) > 3"),
    ("active-set", "pair = [*x, (HALF, t)]", "pair = [*x, (1, t)]"),
    ("active-set", "any(on and t == 0 for", "any(on and t >= 0 for"),
    ("E13", "len(candidates) >= 2 * len(x)", "len(candidates) > 2 * len(x)"),
    ("E13", "rank(candidates) == d < rank(both)",
     "rank(candidates) == d == rank(both)"),
    ("E13", "comb(d + alpha - 1, alpha), d)", "comb(d + alpha - 2, alpha), d)"),
    ("E11", "self.m * (self.d + 1)", "self.m * self.d"),
    ("E11", "- alpha * b[0] * sympy.diff", "+ alpha * b[0] * sympy.diff"),
    ("E11", "b_other=(8, HALF)", "b_other=(4, HALF)"),
    ("under-determined", "and min(b) > 0", "and min(b) < 0"),
    ("linear-aggregate", "ALPHA = 1", "ALPHA = 2"),
    ("linear-aggregate", "[[1, 3], [1, -3]]", "[[1, 3], [1, 3]]"),
    ("E6", "len(matrix) == m * (d + 1)", "len(matrix) == (m + 1) * d"),
    ("E6", "W=((1, 0), (0, 1), (1, 1))", "W=((1, 0, 0), (0, 1, 0), (1, 1, 1))"),
    ("quadratic-moment", "w - 2 * a_j * t", "w - a_j * t"),
    ("quadratic-moment", "Fraction(3, 4), Fraction(5, 4)))",
     "Fraction(-3, 4), Fraction(5, 4)))"),
    ("quadratic-identified", "comb(d - r + 1, 2)", "comb(d - r, 2)"),
    ("quadratic-identified", "((2, 1, 2), (1, 2, -2))", "((2, 1, 2), (1, 2, 2))"),
    ("eq-4.1", "stationarity(*point, alpha, c)",
     "stationarity(*point, alpha + 1, c)"),
    ("E12", "sign * s ** (alpha + 1)", "sign * s**alpha"),
    ("E12", "sign * b_i / s**2", "sign * b_i / s"),
    ("dimension", "comb(d + alpha - 2, alpha - 1)",
     "comb(d + alpha - 1, alpha - 1)"),
    ("balancedness", "(s**2 * norm - alpha * a**2)", "(s**2 * norm - a**2)"),
    ("theorem-4.1-exact", "comb(r + alpha - 2, alpha - 1)",
     "comb(r + alpha - 1, alpha)"),
    ("E3", "for n in range(1, d)]", "for n in range(1, d + 1)]"),
    ("theorem-4.1-reduced", "[(1, 0, 0), (0, 1, 0), (1, 1, 0)]",
     "[(1, 0, 0), (0, 1, 0), (1, 1, 1)]"),
    ("theorem-4.1-balls", "weight * t**self.alpha", "-weight * t**self.alpha"),
    ("theorem-4.1-balls", "y_i * b_i > 0", "y_i * b_i < 0"),
    ("sketch-whitening", "det(x) ** 2 * prod(gammas", "det(x) * prod(gammas"),
    ("orthogonal-decomposition", "(g_1 * h_2 - g_2 * h_1) * dot(*x)",
     "(g_1 * h_2 + g_2 * h_1) * dot(*x)"),
    ("overcomplete", "b, x = (14, 14, 35)", "b, x = (14, 15, 35)"),
    ("E2", "[(-1) ** alpha * b[0], b[1]]", "[-b[0], b[1]]"),
    ("scale-symmetry", "[c**-alpha * b[0], b[1]]", "[c ** (1 - alpha) * b[0], b[1]]"),
    ("homogeneity-scaling", "c ** (1 - alpha) * t for t in b",
     "c ** (2 - alpha) * t for t in b"),
    ("split-orthogonal", "c = [Fraction(5, 4) ** alpha * t",
     "c = [Fraction(5, 4) ** (alpha - 1) * t"),
    ("E5", "[True, d == 1 or alpha == 2]", "[True, d == 1]"),
    ("pseudo-inverse", "multiply(D, written) == left_inverse(V)",
     "written == left_inverse(V)"),
    ("kernel-interpolant", "** (alpha - 1) for W_p", "** alpha for W_p"),
    ("uniqueness-of-f", "[unit[k], *spread(index)]", "[unit[0], *spread(index)]"),
    ("full-rank-precisely", "(3, 4, 6)", "(3, 4, 5)"),
    ("p-from-f", "[alpha * f_k for f_k in f]", "[f_k for f_k in f]"),
    ("polarization", "factorial(alpha) * 2**alpha", "factorial(alpha)"),
    ("T-unique", "alpha)) == comb(d + alpha - 1, alpha)", "alpha)) == comb(d + alpha - 2, alpha)"),
    ("slice-factorisation", "contracted[j][k] * (alpha - 1) - sympy.diff",
     "contracted[j][k] * alpha - sympy.diff"),
    ("A.7", "combine([-dot(*x), dot(x[0], x[0])], x)",
     "combine([dot(*x), dot(x[0], x[0])], x)"),
    ("A.8", "and rank(deficient) < r", "and rank(deficient) == r"),
    ("A.9", "sorted(t / s for s, t in", "sorted(s / t for s, t in"),
    ("A.9", "([4, 2], [4, -8])", "([4, 2], [4, -7])"),
    ("E1", "power = [[t**case.alpha for t in row] for row in G]", "power = G"),
    ("relu-split", "SINGLE.split(0, (0, 1), F(3, 2))", "SINGLE.split(0, (0, 1), F(1, 2))"),
    ("relu-merge", "lam=(F(1, 4), F(3, 4))", "lam=(F(3, 4), F(1, 4))"),
    ("relu-unbounded", "(abs(t) < F(3, 4))", "(abs(t) <= F(3, 4))"),
    ("gradient-and-hessian", "- shares[n] * shares[m] * T[i, j]",
     "- shares[n] * T[i, j]"),
    ("E15", "own == S + 2 * weights[i] ** 2", "own == S + 2 * weights[i]"),
    ("preserves-value", "rest = [weight - sum(part)", "rest = [weight + sum(part)"),
    ("lemma-b1", "after[2,] == second_order / 2", "after[2,] == second_order"),
    ("theorem-b1", "limit = fmpq(min(values), 2)",
     "limit = fmpq(min(values), 3)"),
    ("theorem-b1-stable", "3 * S / (2 * abs(weight * third))",
     "3 * S / abs(weight * third)"),
    ("lemma-b2", "2 * J.T * J - blocks", "J.T * J - blocks"),
    ("beyond-hessian", "    f = PolynomialMap((x, x**2 / 4), 1)",
     "    f = PolynomialMap((x, x**2 / 2), 1)"),
    ("assumption-5.1", "found - 2 * first * second", "found - first * second"),
    ("E9", "/ 4 * papers", "/ 3 * papers"),
    ("E9", "        rho=Fraction(3, 2),", "        rho=Fraction(5, 3),"),
    ("E9", "rho = 12 * theta * share", "rho = 11 * theta * share"),
    ("E7", "- change**2) == 0", "- change) == 0"),
    ("split-decrease", "offspring_cubed(2), cap())", "offspring_cubed(2), PAPERS_CAP)"),
    ("split-all", "offspring_cubed(2 * s), cap(s))", "2 * s, cap(s))"),
    ("implicit-bias", "same(degree * a * sympy.diff(phi, a)", "same(a * sympy.diff(phi, a)"),
    ("zero-by-construction", "p[j] * x[k]", "p[j] + x[k]"),
    ("linear-displays", "== b * (w * x + rest)", "== b * (w * x - rest)"),
    ("ntk-target", "theta_0=(0, 1),", "theta_0=(2, 0),"),
    ("multiclass-max", "multiplier = 1 / ((q + 1) * x**2)", "multiplier = 1 / (q * x**2)"),
    ("relu-curvature", "back * (base + s * step)", "back * (base + s**2 * step)"),
    ("line-search", "== [4 * L_0 / (eps_H * lowest**2)]", "== [2 * L_0 / (eps_H * lowest**2)]"),
    ("half-rule", "SHARE = Fraction(1, 2)", "SHARE = Fraction(1, 1)"),
    ("number-of-unknowns", "        alpha=3,", "        alpha=5,"),
    ("b3-citation", "quartic=7,", "quartic=0,"),
    ("A.12-small-loss", "by_w + by_v", "by_w - by_v"),
    ("reliable-proxy", "        theta=(0, 1),", "        theta=(0, -1),"),
    ("descent-lemma", "return before - step / 2 * square",
     "return before - step * square"),
    ("iterations", "L_0 / (eps_H * eta**2 / 4)", "L_0 / (eps_H * eta / 4)"),
    ("E8", "eps_H = -lower_bound(", "eps_H = lower_bound("),
    ("copies", "m * dot(g_m, g_m) == dot(g, g)",
     "m**2 * dot(g_m, g_m) == dot(g, g)"),
    ("splits-within-bound", "record.before - record.after for",
     "record.after - record.before for"),
    ("stationary-on-exit", "formula = 2 * J.T @ J", "formula = J.T @ J"),
    ("orthonormal-directions", "b = [fmpq(t * (i + 1)) for i, t in enumerate(y)]",
     "b = [fmpq(i + 1) for i, t in enumerate(y)]"),
    ("satisfiability-orthonormal", "for s in range(1, alpha))",
     "for s in range(1, alpha + 1))"),
    ("E4", "        m=10**4,", "        m=10**3,"),
    ("two-samples", "** (alpha - 1) - b_1 * t + g * b_1",
     "** (alpha - 1) + b_1 * t + g * b_1"),
    ("coherence-threshold", "(1 - g) ** 2 > 4 * g**2 * k * (n - k)",
     "(1 - g) ** 2 > 2 * g**2 * k * (n - k)"),
    ("random-directions", "1 - acos(1 / 3) / pi", "acos(1 / 3) / pi"),
    ("beyond-orthonormal", "(5, (1,) * 9, 0.05)", "(5, (1,) * 8, 0.05)"),
    ("symmetric-reaches-further", "return alpha in {3, 5}",
     "return alpha in {3, 7}"),
    ("symmetric-reaches-further", "(s - labels[1] * t) ** 2",
     "(s + labels[1] * t) ** 2"),
    ("homogenization", "p.degree() == alpha + 1", "p.degree() == alpha"),
    ("euler-defect", "-sum((alpha - k) * c[k]", "-sum((alpha - k + 1) * c[k]"),
    ("near-homogeneity-bound", "max(k, alpha - k) * abs(c_k)",
     "k * abs(c_k)"),
    ("near-homogeneity-bound", "square_W + k**2 * square_a",
     "square_W + k * square_a"),
    ("A.11", "Fraction(r) ** (k - alpha)", "Fraction(r) ** (k - alpha + 1)"),
    ("E10", "Fraction(1, M - i)", "Fraction(1, M)"),
    ("A.12", "alpha * a**2 > w**2", "a**2 > w**2"),
    ("two-samples", "return 4 if product_of_labels > 0 else 2",
     "return 2 if product_of_labels > 0 else 4"),
    ("coherence-threshold", "== (size <= 8)", "== (size <= 9)"),
    ("satisfiability-coherent", "(cell.expected - cell.found) % 2 == 0",
     "(cell.expected - cell.found) % 2 == 1"),
    ("E10", "p=(0, 1, 0, 0, 1)", "p=(0, 1, 0, 1, 0)"),
]  # fmt: skip

SHARED = [
    # claim that has to notice, module of proofs_check, text, changed text
    ("eq-4.1", "exact.conditions", "a_j - c * form(", "a_j + c * form("),
    ("E12", "exact.conditions", "w - alpha * c * a_j * f_k", "w - alpha * a_j * f_k"),
    ("E14", "exact.conditions", "sum(b_i * network(", "sum(b_i**2 * network("),
    ("E14", "exact.conditions", "all(t >= 0 for t in lam)", "all(t < 9 for t in lam)"),
    ("E13", "exact.conditions", "comb(len(W[0]) + alpha - 2, alpha - 1)",
     "comb(len(W[0]) + alpha - 1, alpha - 1)"),
    ("E13", "exact.conditions", "labels = [1 if t > 0 else -1 for t in b]",
     "labels = [-1 if t > 0 else 1 for t in b]"),
    ("E1", "exact.conditions", "dot(x_i, x_i) == 1 for x_i in x",
     "dot(x_i, x_i) > 1 for x_i in x"),
    ("pseudo-inverse", "exact.feature_matrix", "multinomial(index) for", "1 for"),
    ("uniqueness-of-f", "exact.feature_matrix", "2 * exponents(d, alpha - 1)[1:]",
     "exponents(d, alpha - 1)[2:]"),
    ("slice-factorisation", "exact.tensor_pencil", "dot(x_i, v) ** (alpha - 2)",
     "dot(x_i, v) ** (alpha - 1)"),
    ("A.9", "exact.tensor_pencil", "eigenpairs(solve(A, B))", "eigenpairs(solve(B, A))"),
    ("E1", "exact.tensor_pencil", "solve(multiply(x, transpose(x)), x)", "x"),
    ("T-unique", "claims.appendix_a.uniqueness_of_f", "multinomial(index) * tensor(", "tensor("),
    ("satisfiability-orthonormal", "claims.appendix_a.orthonormal_directions", "(-1,) * negative",
     "(1,) * negative"),
    ("relu-split", "exact.relu_network", "[max(t, 0) for t in found[-1]]",
     "[abs(t) for t in found[-1]]"),
    ("relu-merge", "exact.relu_network", "combine([self.lam[i] / total, self.lam[j] / total]",
     "combine([F(1, 2), F(1, 2)]"),
    ("splits-within-bound", "exact.algorithm_1", "eta = 3 / (4 * sqrt(2 * s))", "eta = 3 / 2"),
    ("lemma-b2", "exact.line", "found - 2 * g(t).diff(t) ** 2", "found - g(t).diff(t) ** 2"),
    ("lemma-b1", "exact.line", "found + 2 * weight * residual", "found + weight * residual"),
    ("E9", "exact.line", "(eta - t) ** (power - 1) / 2", "(eta - t) ** (power - 1)"),
    ("balancedness", "exact.one_term", "degree * a * by_a", "a * by_a"),
    ("E2", "exact.one_term", "mirrored = sign**integer * b", "mirrored = sign * b"),
    ("scale-symmetry", "exact.one_term", "b * scale**-degree", "b * scale ** (1 - degree)"),
    ("split-decrease", "exact.circle_map", "s.diff(t, 2).subs(t, 0)", "s.diff(t).subs(t, 0)"),
    ("E10", "claims.appendix_a.euler_defect", "-sum((alpha - k) * c[k]", "-sum(alpha * c[k]"),
    ("A.9", "exact.conditions", "return all(sympy.expand(t) == 0 for", "return not all(t for"),
]  # fmt: skip


LONG = {"random-directions", "satisfiability-coherent", "beyond-orthonormal"}
"""Claims that take many seconds to examine."""


def marked(mutants):
    marks = {True: [pytest.mark.campaign], False: []}
    return [pytest.param(*mutant, marks=marks[mutant[0] in LONG]) for mutant in mutants]


def mutate(path, old, new, folder):
    source = path.read_text()
    assert source.count(old) == 1, "the mutant has to say where it changes the file"
    mutant = folder / f"{path.stem}_mutant.py"
    mutant.write_text(source.replace(old, new))
    return mutant


def load(name, path, monkeypatch):
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, name, module)
    spec.loader.exec_module(module)
    return module


def examined(name, module):
    return check(next(one for one in claims_of([module]) if one.id == name))


@pytest.mark.parametrize(("name", "old", "new"), marked([*MUTANTS, *PREDICATES, *RANGES, *PROSE]))
def test_the_ledger_notices(name, old, new, tmp_path, monkeypatch):
    mutant = mutate(FILES[name], old, new, tmp_path)
    found = examined(name, load(mutant.stem, mutant, monkeypatch))
    assert not found.as_recorded, found.verdict


@pytest.mark.parametrize(("name", "shared", "old", "new"), marked(SHARED))
def test_the_ledger_notices_what_claims_share(name, shared, old, new, tmp_path, monkeypatch):
    path = ROOT.joinpath(*shared.split(".")).with_suffix(".py")
    load(f"proofs_check.{shared}", mutate(path, old, new, tmp_path), monkeypatch)
    found = examined(name, load(f"{FILES[name].stem}_mutant", FILES[name], monkeypatch))
    assert not found.as_recorded, found.verdict


def test_every_claim_file_has_mutants():
    files = {name.rpartition(".")[2] for name in MODULES}
    assert {FILES[name].stem for name, _, _ in MUTANTS} == files
    assert len([*MUTANTS, *SHARED, *PREDICATES, *RANGES, *PROSE]) >= 150
