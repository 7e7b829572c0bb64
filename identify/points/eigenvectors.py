"""Real eigenvectors of T = sum_i b_i x_i^{⊗alpha}, followed from orthonormal to given samples.

Every non-zero neuron of a KKT point of Phi(x) = sum_j a_j c (W_j.x)^alpha is an eigenvector of T
(paper, eq. 4.1: alpha c a_j f(W_j) = W_j, where f(w) = sum_i b_i (x_i.w)^{alpha-1} x_i).

=========  ==============================================================================
``C``      Gram matrix of the samples scaled to unit norm, (n, n); independent samples
``z``      z_i = x_i.w, the eigenvector in sample coordinates; w = eps X^T (b z^{alpha-1})
``eps``    sign of the eigenvalue: f(w) = eps w fixes the norm of w (alpha >= 3)
``R``      |w|^2 = eps sum_i b_i z_i^alpha
``q``      how many neurons lie on each direction
``kappa``  Phi(x_i) = sum_k q_k eps_k kappa R_k^{-1/(alpha-1)} z_ki^alpha (see ``synthesis``)
=========  ==============================================================================

In these letters f(w) = eps w reads E(z) = C (b z^{alpha-1}) - eps z = 0. For C = 1 it is solved by
z_i^{alpha-2} = eps / b_i on any support; independent samples have no eigenvector of eigenvalue 0 in
their span, so a path in C can only end where dE/dz is singular: two eigenvectors meet and vanish.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace

import numpy as np

from identify.arrays import BoolArray, FloatArray, IntArray

MAX_DIRECTIONS = 4096
"""Directions accepted: their number grows like 2^n or 3^n."""
SMALLEST_STEP = 1e-6
"""A path that cannot be followed by this fraction of a segment is stuck."""
LARGEST_CORRECTION = 0.1
"""Relative Newton correction above which a step is halved: it keeps paths from being exchanged."""
FOLD = 0.1
"""A stuck eigenvector whose dE/dz has a singular value below this is at a fold (1 for C = 1)."""
DISTINCT = 1e-6
"""Eigenvectors closer than this, in units in which they are sign patterns for C = 1, are one."""


def enumerate_patterns(labels: IntArray, alpha: int) -> IntArray:
    """List the eigenvectors that T has for orthonormal samples, as the signs of z.

    Args:
        labels: (n,) in {-1, +1}, the signs of b.
        alpha: Degree, at least 3.

    Returns:
        (K, n) in {-1, 0, +1}, small supports first. alpha odd: one row per support, K = 2^n - 1,
        with the signs of the labels. alpha even: one row per sign vector on a support within one
        class, up to a global sign, K = sum over the two classes of (3^q - 1)/2.

    Raises:
        ValueError: If there are more than ``MAX_DIRECTIONS``.
    """
    n = len(labels)
    classes = [range(n)] if alpha % 2 else [np.flatnonzero(labels == y).tolist() for y in (1, -1)]
    count = sum(2 ** len(c) - 1 if alpha % 2 else (3 ** len(c) - 1) // 2 for c in classes)
    if count > MAX_DIRECTIONS:
        raise ValueError(
            f"directions: {n} samples have {count} eigenvectors at alpha = {alpha}, more than "
            f"{MAX_DIRECTIONS}; pass those wanted, as in directions=np.eye({n}, dtype=int)"
        )
    rows = []
    for members in classes:
        for size in range(1, len(members) + 1):
            for support in itertools.combinations(members, size):
                signs = (
                    [tuple(labels[list(support)])]
                    if alpha % 2
                    else itertools.product((1,), *[(1, -1)] * (size - 1))
                )
                for sign in signs:
                    row = np.zeros(n, dtype=np.int64)
                    row[list(support)] = sign
                    rows.append(row)
    return np.array(rows)


@dataclass(frozen=True, slots=True)
class Bundle:
    """Eigenvectors of one tensor with their multiplicities, and the margins they produce.

    Attributes:
        z: (K, n), row k is the k-th eigenvector in the coordinates of the samples.
        b: (n,) signed weights of the unit samples.
        eps: (K,) sign of each eigenvalue.
        q: (K,) multiplicities, positive.
        index: (K,) position of each row in the list of patterns it started from.
        alpha: Degree, at least 3.
        kappa: Constant of the margins, see above.
    """

    z: FloatArray
    b: FloatArray
    eps: FloatArray
    q: FloatArray
    index: IntArray
    alpha: int
    kappa: float

    @property
    def squared_norms(self) -> FloatArray:
        """R (K,), the squared norms of the eigenvectors w."""
        return self.eps * (self.z**self.alpha @ self.b)

    def outputs(self) -> FloatArray:
        """Return Phi at the unit samples, (n,)."""
        weights = self.kappa * self.q * self.eps * self.squared_norms ** (-1 / (self.alpha - 1))
        return weights @ self.z**self.alpha

    def defect(self, C: FloatArray) -> FloatArray:
        """Return E (K, n), zero at eigenvectors."""
        return (self.b * self.z ** (self.alpha - 1)) @ C - self.eps[:, None] * self.z

    def jacobian(self, C: FloatArray) -> FloatArray:
        """Return dE/dz (K, n, n)."""
        slices = C * (self.b * self.z ** (self.alpha - 2))[:, None, :]
        return (self.alpha - 1) * slices - self.eps[:, None, None] * np.eye(len(C))

    def distinct(self) -> bool:
        """Return whether no two rows are the same eigenvector.

        Returns:
            False if two rows have run into one.
        """
        from scipy.spatial import KDTree

        scaled = self.z * np.abs(self.b) ** (1 / (self.alpha - 2))
        # alpha odd: -w belongs to the eigenvalue of the other sign; alpha even: w and -w are one
        near = KDTree(scaled).query_pairs(DISTINCT, p=np.inf)
        if self.alpha % 2 == 0 and not near:
            found = KDTree(-scaled).query(scaled, p=np.inf)[0]
            return bool(found.min() > DISTINCT)
        return not near

    def keep(self, rows: BoolArray) -> Bundle:
        """Return the bundle of the chosen rows only."""
        parts = {name: getattr(self, name)[rows] for name in ("z", "eps", "q", "index")}
        return replace(self, **parts)

    def solve(self, C: FloatArray, e: FloatArray, g: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Solve the linearised system: d(defect) = -e and d(outputs) = -g, for dz and db.

        Args:
            C: (n, n) Gram matrix.
            e: (K, n) right-hand side for the eigenvectors.
            g: (n,) right-hand side for the outputs.

        Returns:
            dz (K, n) and db (n,). Raises ``numpy.linalg.LinAlgError`` where the system is singular.
        """
        alpha, z, eps, R = self.alpha, self.z, self.eps, self.squared_norms
        gamma = 1 / (alpha - 1)
        powers = z ** (alpha - 1)
        # dz_k = first_k + response_k db
        right = np.concatenate([e[:, :, None], C * powers[:, None, :]], axis=2)
        solved = -np.linalg.solve(self.jacobian(C), right)
        first, response = solved[:, :, 0], solved[:, :, 1:]
        # outputs_i = sum_k weight_k z_ki^alpha, weight_k ~ R_k^-gamma, slope = eps dweight/dR
        weight = self.kappa * self.q * eps * R**-gamma
        slope = -gamma * weight * eps / R
        by_z = alpha * self.b * powers
        direct = (alpha * weight)[:, None] * powers
        along = slope * np.einsum("kj,kj->k", by_z, first)
        constant = along @ z**alpha + np.einsum("ki,ki->i", direct, first)
        dR = z**alpha + np.einsum("kj,kjl->kl", by_z, response)
        linear = (slope[:, None] * z**alpha).T @ dR + np.einsum("ki,kil->il", direct, response)
        db = np.linalg.solve(linear, -g - constant)
        return first + response @ db, db

    def moved(self, dz: FloatArray, db: FloatArray) -> Bundle:
        """Return the bundle at z + dz, b + db."""
        return replace(self, z=self.z + dz, b=self.b + db)


def orthonormal_bundle(
    patterns: IntArray,
    labels: IntArray,
    q: FloatArray,
    alpha: int,
    kappa: float,
    target: FloatArray,
) -> Bundle:
    """Solve for b when the samples are orthonormal; exactly one b exists.

    With t_i = |b_i|^{-2/(alpha-2)} the margins are y_i Phi(x_i) = kappa t_i^{alpha/2} s_i(t),
    s_i(t) = sum_{S∋i} q_S (sum_{k∈S} t_k)^{-1/(alpha-1)}. Solved for the first t_i this is a
    fixed-point map that contracts log t by 2/(alpha(alpha-1)) <= 1/3 in the maximum norm: there is
    exactly one solution.

    Args:
        patterns: (K, n) rows of :func:`enumerate_patterns`, each sample in one row at least.
        labels: (n,) in {-1, +1}.
        q: (K,) multiplicities, positive.
        alpha: Degree, at least 3.
        kappa: Constant of the margins.
        target: (n,) margins y_i Phi(x_i) to be met, positive.

    Returns:
        The eigenvectors and b.
    """
    support = np.abs(patterns).astype(np.float64)
    t = np.ones(len(labels))
    for _ in range(80):
        shares = (q * (support @ t) ** (-1 / (alpha - 1))) @ support
        t = (target / (kappa * shares)) ** (2 / alpha)
    b = labels * t ** (-(alpha - 2) / 2)
    eps = np.ones(len(q)) if alpha % 2 else np.sign(support @ labels)
    index = np.arange(len(q))
    return Bundle(patterns.astype(np.float64) * np.sqrt(t), b, eps, q, index, alpha, kappa)


def correct(bundle: Bundle, C: FloatArray, target: FloatArray) -> Bundle | None:
    """Run Newton's method on eigenvectors and margins together.

    Args:
        bundle: Start, close to a solution.
        C: (n, n) Gram matrix.
        target: (n,) outputs Phi at the unit samples to be met.

    Returns:
        The solution, or None if the start was not close: a large first correction, or corrections
        that do not fall by half each time.
    """
    allowed = LARGEST_CORRECTION
    for _ in range(12):
        if not (bundle.squared_norms > 0).all():
            return None
        try:
            dz, db = bundle.solve(C, bundle.defect(C), bundle.outputs() - target)
        except np.linalg.LinAlgError:
            return None
        size = np.linalg.norm(dz, axis=1) / np.linalg.norm(bundle.z, axis=1)
        correction = max(size.max(), np.abs(db / bundle.b).max())
        if not correction <= allowed:
            return None
        bundle = bundle.moved(dz, db)
        if correction < 1e-9:
            return bundle
        allowed = correction / 2
    return None


def follow(bundle: Bundle, C: FloatArray, target: FloatArray) -> Bundle:
    """Follow all eigenvectors and b from orthonormal samples to the Gram matrix C.

    Euler predictor, Newton corrector on C_t = (1 - t) C_0 + t C, the outputs moving to ``target``.
    Eigenvectors that meet a fold are dropped; a new segment starts from the outputs of the rest.

    Args:
        bundle: Solution at C = 1.
        C: (n, n) Gram matrix of the unit samples.
        target: (n,) outputs Phi at the unit samples to be met at the end.

    Returns:
        The solution at C; ``index`` tells which eigenvectors survived.

    Raises:
        ValueError: If the margins cannot be kept, or no eigenvector survives.
    """
    here = np.eye(len(C))
    while len(bundle.z):
        start, outputs = here, bundle.outputs()
        t, step = 0.0, 0.25
        while t < 1 and step >= SMALLEST_STEP:
            step = min(step, 1 - t)
            turn = (bundle.b * bundle.z ** (bundle.alpha - 1)) @ (C - start)
            trial = None
            with np.errstate(all="ignore"):
                try:
                    dz, db = bundle.solve(here, turn, outputs - target)
                except np.linalg.LinAlgError:
                    break
                goal = t + step if t + step < 1 else 1.0
                there = (1 - goal) * start + goal * C
                aim = (1 - goal) * outputs + goal * target
                trial = correct(bundle.moved(step * dz, step * db), there, aim)
            if trial is None or (trial.b * bundle.b <= 0).any() or not trial.distinct():
                step /= 2
            else:
                bundle, here, t, step = trial, there, goal, 2 * step
        if t >= 1:
            return bundle
        sigma = np.linalg.svd(bundle.jacobian(here), compute_uv=False)[:, -1]
        if sigma.min() > FOLD:
            coherence = np.abs(here - np.eye(len(C))).max()
            raise ValueError(
                "multiplicities: no b with all margins 1 was followed beyond pairwise "
                f"coherence {coherence:.3g}; change the multiplicities, pass fewer directions, "
                "or pass X less coherent or of more equal norms"
            )
        bundle = bundle.keep(sigma > 2 * sigma.min())
    raise ValueError(
        "X: no eigenvector survives on the way from orthonormal samples; pass less coherent X"
    )
