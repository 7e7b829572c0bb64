"""A.2: the eigenvectors of T for orthonormal samples.

arXiv 2602.08723, A.2. By (4.1) every neuron of a KKT point that is not 0 is a real eigenvector
f(w) = mu w of T = sum_i b_i x_i^{⊗alpha}, mu = 1 / (alpha a_j).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations, product

from flint import fmpq, fmpq_mat, fmpz_mat

from proofs_check.docket import Docket
from proofs_check.exact.eigenvector_count import count_directions, count_in_plane
from proofs_check.exact.exact_kkt import orthonormal_point
from proofs_check.exact.formulas import Matrix, Vector, contraction
from proofs_check.exact.ranks import expected_directions
from proofs_check.exact.rational import identity, to_flint
from proofs_check.ledger import ClaimVerdict, Origin, claim

Labels = tuple[int, ...]


def labellings(alphas: Sequence[int], sizes: Sequence[int]) -> Iterator[tuple[int, Labels]]:
    """Every degree with every number of samples and of negative labels among them."""
    for alpha, r in product(alphas, sizes):
        for negative in range(r // 2 + 1):
            yield alpha, (1,) * (r - negative) + (-1,) * negative


def one_class(labels: Labels) -> bool:
    """Whether all labels are equal."""
    return len(set(labels)) == 1


def patterns(labels: Labels, alpha: int) -> list[list[int]]:
    """The eigenvectors of sum_i y_i x_i^{⊗alpha} for orthonormal x_i, in these coordinates."""
    point = orthonormal_point(identity(len(labels)), labels, alpha)
    return [[int(t) for t in u] for u in point.u]


def integer_rank(rows: Matrix) -> int:
    """Rank of an integer matrix."""
    return fmpz_mat([list(row) for row in rows]).rank()


def parallel(u: Vector, v: Vector) -> bool:
    """Whether all 2 x 2 minors of two vectors vanish."""
    return all(u[j] * v[k] == u[k] * v[j] for j, k in combinations(range(len(u)), 2))


@claim(
    "orthonormal-directions",
    where="A.2, eq. (A.2)",
    statement="W_j = α a_j f(W_j): every neuron is an eigenvector of T. For r orthonormal samples "
    "these are the w for which b_i (x_i.w)^{α-2} is the same for all i in a support: 2^r - 1 "
    "directions for α odd, (3^q - 1)/2 summed over the two classes, of q samples each, for α even.",
    gist="the neurons of orthonormal samples, counted",
    origin=Origin.OURS,
    recorded=ClaimVerdict.PROVED,
    hypotheses=("α >= 3", "x_1, ..., x_r orthonormal, all b_i other than 0"),
)
def directions(docket: Docket) -> None:
    """With z_i = x_i.w the equation f(w) = mu w reads b_i z_i^(alpha-1) = mu z_i, mu != 0.

    On the support of z, z_i^(alpha-2) = mu / b_i. For alpha odd the root is unique and mu scales
    the vector: one direction per support. For alpha even all b_i of the support have the sign of
    mu, and each root has two signs: 3^q - 1 vectors per class, w and -w being one direction.
    """
    for alpha, most in ((3, 5), (4, 3), (5, 3), (6, 2)):
        outcomes = []
        for _, y in labellings((alpha,), range(1, most + 1)):
            b = [fmpq(t * (i + 1)) for i, t in enumerate(y)]
            found = count_directions(to_flint(identity(len(y))), b, alpha)
            outcomes.append(found == expected_directions(y, alpha))
        docket.exact(
            f"solutions of f(w) = ±w counted by the signature of Hermite's form, α = {alpha}, "
            f"r = 1..{most}, all sizes of the classes, |b_i| = 1, ..., r",
            outcomes,
        )
    docket.exact(
        "real roots of det[w, f(w)] counted by Sturm's theorem, α = 3..10, b = (1, 3) and (2, -5)",
        [
            count_in_plane(identity(2), b, alpha) == expected_directions(y, alpha)
            for alpha in range(3, 11)
            for b, y in (((1, 3), (1, 1)), ((2, -5), (1, -1)))
        ],
    )
    for alpha in range(3, 7):
        outcomes = []
        for _, y in labellings((alpha,), range(1, 6)):
            found = patterns(y, alpha)
            values = [contraction(y, identity(len(y)), u, alpha) for u in found]
            outcomes += [parallel(u, f) and any(f) for u, f in zip(found, values, strict=True)]
            outcomes += [not any(parallel(u, v) for u, v in combinations(found, 2))]
            outcomes += [len(found) == expected_directions(y, alpha)]
        docket.exact(
            f"b_i = ±1, α = {alpha}, r = 1..5: so many vectors in {{-1, 0, 1}}^r are eigenvectors, "
            "no two of them parallel",
            outcomes,
        )
    docket.exact(
        "samples at 60° with b = (1, 1), α = 3 have one direction, not three; orthonormal ones at "
        "α = 2 have w = (1, t) for every t: both hypotheses are needed",
        [
            count_directions(fmpq_mat([[2, 1], [1, 2]]) / 2, [fmpq(1)] * 2, 3) == 1,
            *(parallel([1, t], contraction([1, 1], identity(2), [1, t], 2)) for t in range(20)),
        ],
    )
