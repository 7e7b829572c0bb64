"""Change a sign, a constant or a hypothesis in a claim file, and the ledger reports it."""

import importlib.util
import sys
from pathlib import Path

import pytest

from proofs_check import claims
from proofs_check.claims import claims_of
from proofs_check.ledger import check

FOLDER = Path(claims.__file__).parent
EXACT = FOLDER.parent / "exact"


def claim_file(name):
    (path,) = FOLDER.rglob(f"{name}.py")
    return path


MUTANTS = [
    # claim that has to notice, file, text, changed text
    ("E14", "setup", '"dual feasibility": (((1, 0), (1, 2), (1, -2)), (1, 1, 1), (2,',
     '"dual feasibility": (((1, 0), (1, 2), (1, -2)), (1, 1, 1), (1,'),
    ("E14", "setup", "len(theta) > 1", "len(theta) > 3"),
    ("active-set", "setup", "pair = [*x, (HALF, t)]", "pair = [*x, (1, t)]"),
    ("active-set", "setup", "any(on and t == 0 for", "any(on and t >= 0 for"),
    ("E13", "candidates", "len(candidates) >= 2 * len(x)", "len(candidates) > 2 * len(x)"),
    ("E13", "candidates", "rank(candidates) == d < rank(both)",
     "rank(candidates) == d == rank(both)"),
    ("E13", "candidates", "comb(d + alpha - 1, alpha), d)", "comb(d + alpha - 2, alpha), d)"),
    ("E11", "counting", "self.m * (self.d + 1)", "self.m * self.d"),
    ("E11", "counting", "- alpha * b[0] * sympy.diff", "+ alpha * b[0] * sympy.diff"),
    ("E11", "counting", "b_other=(8, HALF)", "b_other=(4, HALF)"),
    ("under-determined", "counting", "x=((0, 1), (Fraction(4, 5), Fraction(-3, 5)))",
     "x=((0, 1), (Fraction(4, 5), Fraction(3, 5)))"),
    ("linear-aggregate", "linear", "ALPHA = 1", "ALPHA = 2"),
    ("linear-aggregate", "linear", "[[1, 3], [1, -3]]", "[[1, 3], [1, 3]]"),
    ("E6", "linear", "len(matrix) == m * (d + 1)", "len(matrix) == (m + 1) * d"),
    ("E6", "linear", "W=((1, 0), (0, 1), (1, 1))", "W=((1, 0, 0), (0, 1, 0), (1, 1, 1))"),
    ("quadratic-moment", "quadratic", "w - 2 * a_j * t", "w - a_j * t"),
    ("quadratic-moment", "quadratic", "Fraction(3, 4), Fraction(5, 4)))",
     "Fraction(-3, 4), Fraction(5, 4)))"),
    ("quadratic-identified", "quadratic", "comb(d - r + 1, 2)", "comb(d - r, 2)"),
    ("quadratic-identified", "quadratic", "((2, 1, 2), (1, 2, -2))", "((2, 1, 2), (1, 2, 2))"),
    ("eq-4.1", "evaluations", "stationarity(*point, alpha, c)",
     "stationarity(*point, alpha + 1, c)"),
    ("E12", "evaluations", "sign * s ** (alpha + 1)", "sign * s**alpha"),
    ("E12", "evaluations", "sign * b_i / s**2", "sign * b_i / s"),
    ("dimension", "evaluations", "comb(d + alpha - 2, alpha - 1)",
     "comb(d + alpha - 1, alpha - 1)"),
    ("balancedness", "evaluations", "(s**2 * norm - alpha * a**2)", "(s**2 * norm - a**2)"),
    ("theorem-4.1-exact", "theorem_4_1", "comb(r + alpha - 2, alpha - 1)",
     "comb(r + alpha - 1, alpha)"),
    ("E3", "theorem_4_1", "for n in range(1, d)]", "for n in range(1, d + 1)]"),
    ("theorem-4.1-reduced", "theorem_4_1", "[(1, 0, 0), (0, 1, 0), (1, 1, 0)]",
     "[(1, 0, 0), (0, 1, 0), (1, 1, 1)]"),
    ("theorem-4.1-balls", "theorem_4_1_balls", "weight * t**self.alpha", "-weight * t**self.alpha"),
    ("theorem-4.1-balls", "theorem_4_1_balls", "y_i * b_i > 0", "y_i * b_i < 0"),
    ("sketch-whitening", "sketch", "det(x) ** 2 * prod(gammas", "det(x) * prod(gammas"),
    ("orthogonal-decomposition", "sketch", "(g_1 * h_2 - g_2 * h_1) * dot(*x)",
     "(g_1 * h_2 + g_2 * h_1) * dot(*x)"),
    ("overcomplete", "sketch", "b, x = (14, 14, 35)", "b, x = (14, 15, 35)"),
    ("E2", "symmetries", "[(-1) ** alpha * b[0], b[1]]", "[-b[0], b[1]]"),
    ("scale-symmetry", "symmetries", "[c**-alpha * b[0], b[1]]", "[c ** (1 - alpha) * b[0], b[1]]"),
    ("homogeneity-scaling", "symmetries", "c ** (1 - alpha) * t for t in b",
     "c ** (2 - alpha) * t for t in b"),
    ("split-orthogonal", "symmetries", "c = [Fraction(5, 4) ** alpha * t",
     "c = [Fraction(5, 4) ** (alpha - 1) * t"),
    ("E5", "interpolation_of_f", "[True, d == 1 or alpha == 2]", "[True, d == 1]"),
    ("pseudo-inverse", "interpolation_of_f", "multiply(D, written) == left_inverse(V)",
     "written == left_inverse(V)"),
    ("kernel-interpolant", "interpolation_of_f", "** (alpha - 1) for W_p", "** alpha for W_p"),
    ("uniqueness-of-f", "uniqueness", "[unit[k], *spread(index)]", "[unit[0], *spread(index)]"),
    ("full-rank-precisely", "uniqueness", "(3, 4, 6)", "(3, 4, 5)"),
    ("p-from-f", "uniqueness", "[alpha * f_k for f_k in f]", "[f_k for f_k in f]"),
    ("polarization", "uniqueness", "factorial(alpha) * 2**alpha", "factorial(alpha)"),
    ("T-unique", "uniqueness", "multinomial(index) * tensor(", "tensor("),
    ("slice-factorisation", "slices", "contracted[j][k] * (alpha - 1) - sympy.diff",
     "contracted[j][k] * alpha - sympy.diff"),
    ("A.7", "slices", "combine([-dot(*x), dot(x[0], x[0])], x)",
     "combine([dot(*x), dot(x[0], x[0])], x)"),
    ("A.8", "slices", "and rank(deficient) < r", "and rank(deficient) == r"),
    ("A.9", "pencil", "sorted(t / s for s, t in", "sorted(s / t for s, t in"),
    ("A.9", "pencil", "([4, 2], [4, -8])", "([4, 2], [4, -7])"),
    ("E1", "pencil", "power = [[t**case.alpha for t in row] for row in G]", "power = G"),
    ("relu-split", "relu", "SINGLE.split(0, (0, 1), F(3, 2))", "SINGLE.split(0, (0, 1), F(1, 2))"),
    ("relu-merge", "relu", "lam=(F(1, 4), F(3, 4))", "lam=(F(3, 4), F(1, 4))"),
    ("relu-unbounded", "relu", "(abs(t) < F(3, 4))", "(abs(t) <= F(3, 4))"),
    ("gradient-and-hessian", "splitting", "- shares[n] * shares[m] * T[i, j]",
     "- shares[n] * T[i, j]"),
    ("E15", "splitting", "own == S + 2 * weights[i] ** 2", "own == S + 2 * weights[i]"),
    ("preserves-value", "splitting", "rest = [weight - sum(part)", "rest = [weight + sum(part)"),
    ("lemma-b1", "splitting", "after[2,] == second_order / 2", "after[2,] == second_order"),
    ("theorem-b1", "splitting_optimal", "limit = fmpq(min(values), 2)",
     "limit = fmpq(min(values), 3)"),
    ("theorem-b1-stable", "splitting_optimal", "3 * S / (2 * abs(weight * third))",
     "3 * S / abs(weight * third)"),
    ("lemma-b2", "splitting_optimal", "2 * J.T * J - blocks", "J.T * J - blocks"),
    ("beyond-hessian", "splitting_optimal", "PolynomialMap((x, x**2 / 4), 1)",
     "PolynomialMap((x, x**2 / 2), 1)"),
    ("assumption-5.1", "splitting_remainder", "factor = 2 * problem.weights[0]",
     "factor = problem.weights[0]"),
    ("E9", "splitting_remainder", "bound * isqrt(n) ** 3 / 4", "bound * isqrt(n) ** 2 / 4"),
    ("E9", "splitting_remainder", "        rho=Fraction(7, 4),", "        rho=Fraction(5, 3),"),
    ("E7", "splitting_decrease", "change * (4 * theta - change)",
     "change * (2 * theta - change)"),
    ("split-decrease", "splitting_decrease", "2 * sympy.sqrt(2), 3 / (4 * sympy.sqrt(2)))",
     "2 * sympy.sqrt(2), sympy.Rational(3, 2))"),
    ("split-all", "splitting_decrease", "(2 * s) ** sympy.Rational(3, 2)", "2 * s"),
    ("descent-lemma", "convergence", "return before - step / 2 * square",
     "return before - step * square"),
    ("iterations", "convergence", "L_0 / (eps_H * eta**2 / 4)", "L_0 / (eps_H * eta / 4)"),
    ("E8", "convergence", "eps_H = -lower_bound(", "eps_H = lower_bound("),
    ("copies", "stationary_points", "m * dot(g_m, g_m) == dot(g, g)",
     "m**2 * dot(g_m, g_m) == dot(g, g)"),
    ("splits-within-bound", "convergence_runs", "record.before - record.after for",
     "record.after - record.before for"),
    ("stationary-on-exit", "convergence_runs", "formula = 2 * J.T @ J", "formula = J.T @ J"),
    ("orthonormal-directions", "satisfiability", "b = [fmpq(t * (i + 1)) for i, t in enumerate(y)]",
     "b = [fmpq(i + 1) for i, t in enumerate(y)]"),
    ("satisfiability-orthonormal", "satisfiability", "for s in range(1, alpha))",
     "for s in range(1, alpha + 1))"),
    ("E4", "satisfiability", "        m=10**4,", "        m=10**3,"),
    ("two-samples", "coherence", "** (alpha - 1) - b_1 * t + g * b_1",
     "** (alpha - 1) + b_1 * t + g * b_1"),
    ("coherence-threshold", "coherence", "(1 - g) ** 2 > 4 * g**2 * k * (n - k)",
     "(1 - g) ** 2 > 2 * g**2 * k * (n - k)"),
    ("random-directions", "coherent_points", "1 - acos(1 / 3) / pi", "acos(1 / 3) / pi"),
    ("beyond-orthonormal", "coherent_points", "(5, (1,) * 9, 0.05)", "(5, (1,) * 8, 0.05)"),
    ("symmetric-reaches-further", "symmetric_rank", "return alpha in {3, 5}",
     "return alpha in {3, 7}"),
    ("symmetric-reaches-further", "symmetric_rank", "(s - labels[1] * t) ** 2",
     "(s + labels[1] * t) ** 2"),
    ("homogenization", "homogenization", "p.degree() == alpha + 1", "p.degree() == alpha"),
    ("euler-defect", "homogenization", "-sum((alpha - k) * c[k]", "-sum((alpha - k + 1) * c[k]"),
    ("near-homogeneity-bound", "near_homogeneity", "max(k, alpha - k) * abs(c_k)",
     "k * abs(c_k)"),
    ("near-homogeneity-bound", "near_homogeneity", "square_W + k**2 * square_a",
     "square_W + k * square_a"),
    ("A.11", "near_homogeneity", "Fraction(r) ** (k - alpha)", "Fraction(r) ** (k - alpha + 1)"),
    ("E10", "separability", "Fraction(1, M - i)", "Fraction(1, M)"),
    ("A.12", "separability", "alpha * a**2 > w**2", "a**2 > w**2"),
    ("satisfiability-orthonormal", "satisfiability", "(-1,) * negative", "(1,) * negative"),
    ("two-samples", "coherence", "return 4 if product_of_labels > 0 else 2",
     "return 2 if product_of_labels > 0 else 4"),
    ("coherence-threshold", "coherence", "== (size <= 8)", "== (size <= 9)"),
    ("satisfiability-coherent", "coherent_points", "(cell.expected - cell.found) % 2 == 0",
     "(cell.expected - cell.found) % 2 == 1"),
    ("E10", "separability", "p=(0, 1, 0, 0, 1)", "p=(0, 1, 0, 1, 0)"),
]  # fmt: skip

SHARED = [
    # claim that has to notice, its file, module of proofs_check, text, changed text
    ("eq-4.1", "evaluations", "conditions", "a_j - c * form(", "a_j + c * form("),
    ("E12", "evaluations", "conditions", "w - alpha * c * a_j * f_k", "w - alpha * a_j * f_k"),
    ("E14", "setup", "conditions", "sum(b_i * network(", "sum(b_i**2 * network("),
    ("E14", "setup", "conditions", "all(t >= 0 for t in lam)", "all(t < 9 for t in lam)"),
    ("E13", "candidates", "conditions", "comb(len(W[0]) + alpha - 2, alpha - 1)",
     "comb(len(W[0]) + alpha - 1, alpha - 1)"),
    ("E13", "candidates", "conditions", "labels = [1 if t > 0 else -1 for t in b]",
     "labels = [-1 if t > 0 else 1 for t in b]"),
    ("E1", "pencil", "conditions", "dot(x_i, x_i) == 1 for x_i in x",
     "dot(x_i, x_i) > 1 for x_i in x"),
    ("pseudo-inverse", "interpolation_of_f", "feature_matrix", "multinomial(index) for", "1 for"),
    ("uniqueness-of-f", "uniqueness", "feature_matrix", "2 * exponents(d, alpha - 1)[1:]",
     "exponents(d, alpha - 1)[2:]"),
    ("slice-factorisation", "slices", "tensor_pencil", "dot(x_i, v) ** (alpha - 2)",
     "dot(x_i, v) ** (alpha - 1)"),
    ("A.9", "pencil", "tensor_pencil", "eigenpairs(solve(A, B))", "eigenpairs(solve(B, A))"),
    ("E1", "pencil", "tensor_pencil", "solve(multiply(x, transpose(x)), x)", "x"),
    ("relu-split", "relu", "relu_network", "[max(t, 0) for t in found[-1]]",
     "[abs(t) for t in found[-1]]"),
    ("relu-merge", "relu", "relu_network", "combine([self.lam[i] / total, self.lam[j] / total]",
     "combine([F(1, 2), F(1, 2)]"),
]  # fmt: skip


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


@pytest.mark.parametrize(("name", "file", "old", "new"), MUTANTS)
def test_the_ledger_notices(name, file, old, new, tmp_path, monkeypatch):
    mutant = mutate(claim_file(file), old, new, tmp_path)
    found = examined(name, load(mutant.stem, mutant, monkeypatch))
    assert not found.as_recorded, found.verdict


@pytest.mark.parametrize(("name", "file", "shared", "old", "new"), SHARED)
def test_the_ledger_notices_what_claims_share(name, file, shared, old, new, tmp_path, monkeypatch):
    mutant = mutate(EXACT / f"{shared}.py", old, new, tmp_path)
    load(f"proofs_check.exact.{shared}", mutant, monkeypatch)
    found = examined(name, load(f"{file}_mutant", claim_file(file), monkeypatch))
    assert not found.as_recorded, found.verdict


def test_every_claim_file_has_mutants():
    files = {name.rpartition(".")[2] for name in claims.MODULES}
    assert {file for _, file, _, _ in MUTANTS} == files
    assert len(MUTANTS) >= 12
