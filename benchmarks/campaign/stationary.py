"""Exact stationary points with weights b_i, hence margins, of our own choice."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from identify.arrays import FloatArray
from identify.points.patterns import enumerate_patterns

from .instances import IDENTIFIABLE, NEARLY, Case, Rng, log_uniform, orthonormal, signed, told, unit


def eigenvectors(
    q: FloatArray, x: FloatArray, b: FloatArray, alpha: int, patterns: FloatArray
) -> FloatArray:
    """Return solutions of f(w) = eps w, f(w) = sum_i b_i (x_i.w)^(alpha-1) x_i, eps = +-1.

    At orthonormal samples q they are known in closed form, and are followed from there to x.

    Returns:
        Rows w, (K', d).
    """
    size = np.abs(b) ** (-1 / (alpha - 2))
    direction = patterns * np.sign(b) if alpha % 2 else patterns
    eps = np.ones(len(patterns)) if alpha % 2 else np.sign(np.abs(patterns) @ b)
    return followed((direction * size) @ q, eps, q, x, b, alpha)


def followed(
    w: FloatArray, eps: FloatArray, q: FloatArray, x: FloatArray, b: FloatArray, alpha: int
) -> FloatArray:
    """Follow solutions along the straight lines from samples q to x by Newton's method.

    Those that are lost on the way, or run into another, are left out.
    """
    k = alpha - 1
    for t in np.linspace(0, 1, 1 if np.array_equal(q, x) else 9):
        at = (1 - t) * q + t * x
        for _ in range(5):
            z = w @ at.T
            miss = (b * z**k) @ at - eps[:, None] * w
            J = np.einsum("ki,id,ie->kde", k * b * z ** (k - 1), at, at)
            J -= eps[:, None, None] * np.eye(w.shape[1])
            w = w - np.linalg.solve(J, miss[..., None])[..., 0]
    z = w @ x.T
    size = np.linalg.norm(w, axis=1)
    miss = np.linalg.norm((b * z**k) @ x - eps[:, None] * w, axis=1)
    kept = (miss <= 1e-12 * size) & (size > 1e-3)
    lines = unit(w) @ unit(w).T
    doubled = (np.triu(np.abs(lines), 1) > 1 - 1e-8).any(axis=0)
    return w[kept & ~doubled]


def neurons(
    w: FloatArray, x: FloatArray, b: FloatArray, alpha: int
) -> tuple[FloatArray, FloatArray]:
    """Scale eigenvectors to neurons: W_j = a_j grad P(W_j) and a_j = P(W_j)."""
    # W = s w, f(W) = eps s^(alpha-1) w: s^(alpha-2) alpha a eps = 1 and a = eps s^alpha |w|^2
    norms = np.linalg.norm(w, axis=1)
    s = (alpha * norms**2) ** (-1 / (2 * alpha - 2))
    eps = np.sign((w @ x.T) ** alpha @ b)
    return eps * s**alpha * norms**2, s[:, None] * w


def stationary_point(rng: Rng, alpha: int, *, coherent: bool) -> Case:
    """A point of squared loss plus weight decay: any weights b_i, so margins are unequal."""
    n = int(rng.integers(3, 5 if alpha == 4 else 6))
    d = int(rng.integers(n, 11))
    q = orthonormal(rng, n, d)
    x = unit(q + 0.08 * rng.standard_normal(q.shape) / np.sqrt(d)) if coherent else q
    b = rng.uniform(0.5, 2, n) if alpha == 4 else signed(rng, n)
    if not coherent and rng.random() < 0.3:
        b *= 10 ** rng.uniform(-2, 0, n)
    patterns = np.abs(enumerate_patterns(np.ones(n, int), alpha)).astype(float)
    if alpha == 4:
        patterns = enumerate_patterns(np.ones(n, int), alpha).astype(float)
    w = eigenvectors(q, x, b, alpha, patterns)
    a, W = neurons(w, x, b, alpha)
    flip = rng.choice([-1.0, 1.0], len(a))
    a, W = (a * flip if alpha % 2 else a), W * flip[:, None]
    norms = rng.uniform(0.7, 1.4, n) if rng.random() < 0.5 else np.ones(n)
    options: dict[str, Any] = {"activation": alpha}
    kind = IDENTIFIABLE if len(w) == len(patterns) else NEARLY
    words = f"{len(w)} of {len(patterns)} directions, weights b_i of any size"
    return Case(a, W, options, norms[:, None] * x, b / norms**alpha, kind, words=words)


def at_margin(case: Case, margin: float) -> Case:
    """State a common margin that does not hold; replace the truth by the set for which it does.

    Scaling sample i by c and b_i by c^-alpha changes no equation of the weights and multiplies its
    margin by c^alpha, so no method tells the two sets apart.
    """
    alpha = len(case.coefficients) - 1
    outputs = np.sign(case.b) * ((case.x @ case.W.T) ** alpha @ case.a)
    if outputs.min() <= 0:
        return replace(case, options=case.options | {"margin": margin}, kind=NEARLY)
    factor = (margin / outputs) ** (1 / alpha)
    told_so = f"margin = {margin:g}, where margins are {outputs.min():.3g} to {outputs.max():.3g}"
    return replace(
        case, x=factor[:, None] * case.x, b=case.b / factor**alpha,
        options=case.options | {"margin": margin}, adjusted=told_so,
    )  # fmt: skip


def unequal(rng: Rng) -> Case:
    """Unequal margins, orthogonal samples or nearly so, no margin stated."""
    alpha = int(rng.choice([3, 3, 3, 4]))
    return told(rng, stationary_point(rng, alpha, coherent=bool(rng.random() < 0.5)))


def unequal_with_margin(rng: Rng) -> Case:
    """The same, with a common margin stated."""
    case = stationary_point(rng, 3, coherent=bool(rng.random() < 0.5))
    return told(rng, at_margin(case, float(rng.choice([1.0, 1.0, 0.3]))))


def copies_and_gaps(rng: Rng) -> Case:
    """Neurons doubled and dropped at random; at times a margin is stated."""
    case = stationary_point(rng, 3, coherent=bool(rng.random() < 0.5))
    often = rng.choice([0, 1, 1, 1, 2, 3], len(case.a))
    keep = np.repeat(np.arange(len(case.a)), often)
    if not len(keep):
        keep = np.arange(len(case.a))
    kind = NEARLY if (often == 0).any() else case.kind
    words = f"{case.words}; {int((often == 0).sum())} of {len(often)} neurons dropped"
    case = replace(case, a=case.a[keep], W=case.W[keep], kind=kind, words=words)
    return told(rng, at_margin(case, 1.0) if rng.random() < 0.4 else case)


def unbalanced(rng: Rng) -> Case:
    """A KKT point with margin 1 whose a, or W, is off by a factor 1 + 1e-8 to 1.02."""
    case = at_margin(stationary_point(rng, 3, coherent=bool(rng.random() < 0.5)), 1.0)
    size = log_uniform(rng, -8, np.log10(0.02))
    factor = 1 + size * rng.choice([-1, 1])
    which = str(rng.choice(["a", "W", "one a"]))
    a, W = case.a.copy(), case.W.copy()
    if which == "a":
        a *= factor
    elif which == "W":
        W *= factor
    else:
        a[rng.integers(len(a))] *= factor
    options = {k: v for k, v in case.options.items() if k != "margin" or rng.random() < 0.7}
    words = f"{case.words}; {which} multiplied by 1 {factor - 1:+.1e}"
    return told(rng, replace(case, a=a, W=W, options=options, kind=NEARLY, words=words))


def rescaled_network(rng: Rng) -> Case:
    """Both layers multiplied by one factor, which is another stationary point exactly."""
    case = stationary_point(rng, 3, coherent=bool(rng.random() < 0.5))
    s = log_uniform(rng, -3, 3)  # s W = 3 s a f(s W), so f is divided by s^2: b is
    case = replace(case, a=s * case.a, W=s * case.W, b=case.b / s**2, words=f"scaled by {s:.1e}")
    return told(rng, at_margin(case, 1.0) if rng.random() < 0.3 else case)


def homogenised(rng: Rng) -> Case:
    """The same weights under a polynomial, of which the top degree alone enters."""
    case = stationary_point(rng, 3, coherent=False)
    c = [*rng.uniform(-1, 1, 3), 1.0]
    return told(rng, replace(case, options=case.options | {"activation": c}))


def near_duplicates(rng: Rng) -> Case:
    """Two near-parallel samples: directions of the merged set, which the pair keeps exactly."""
    n = int(rng.integers(4, 6))
    q, angle = orthonormal(rng, n - 1, int(rng.integers(n, 9))), log_uniform(rng, -7, -1)
    b = np.append(signed(rng, n - 1), 0)
    b[-1] = rng.choice([-0.4, 0.7, 1.0]) * b[0]
    out = unit(rng.standard_normal((1, q.shape[1])))[0]
    near = np.cos(angle) * q[0] + np.sin(angle) * unit((out - (out @ q[0]) * q[0])[None])[0]
    merged = b[:-1].copy()
    merged[0] += b[-1]
    patterns = np.abs(enumerate_patterns(np.ones(n - 1, int), 3)).astype(float)
    w = (patterns / merged) @ q
    x = np.vstack([q, near])
    a, W = neurons(followed(w, np.ones(len(w)), np.vstack([q, q[:1]]), x, b, 3), x, b, 3)
    words = f"samples 0 and {n - 1} are {angle:.1e} apart; {len(a)} directions"
    return told(rng, Case(a, W, {}, x, b, NEARLY, words=words))


def coplanar(rng: Rng) -> Case:
    """Orthogonal samples, two of which stand for three others of their plane, exactly.

    Any three vectors of a plane whose binary cubic is a sum of two real cubes would do; one of the
    three is drawn, and the rest of the cubic written as two cubes (Sylvester).
    """
    n = int(rng.integers(3, 6))
    q, b = orthonormal(rng, n, int(rng.integers(n, 9))), signed(rng, n)
    form = np.array([b[0], 0, 0, b[1]])
    while True:
        phi, weight = rng.uniform(0, np.pi), float(signed(rng, 1)[0])
        line = np.array([np.cos(phi), np.sin(phi)])
        c = form - weight * line[0] ** np.arange(3, -1, -1) * line[1] ** np.arange(4)
        minors = (c[0] * c[2] - c[1] ** 2, c[0] * c[3] - c[1] * c[2], c[1] * c[3] - c[2] ** 2)
        roots = np.roots(minors)
        if len(roots) == 2 and np.isreal(roots).all() and abs(roots[0] - roots[1]) > 0.1:
            break
    lines = unit(np.column_stack([np.ones(2), -roots.real]).astype(np.float64))
    matrix = np.array([lines[:, 0] ** (3 - k) * lines[:, 1] ** k for k in range(4)])
    rest = np.linalg.lstsq(matrix, c, rcond=None)[0]
    x = np.vstack([np.vstack([line, lines]) @ q[:2], q[2:]])
    weights = np.concatenate([[weight], rest, b[2:]])
    patterns = np.abs(enumerate_patterns(np.ones(n, int), 3)).astype(float)
    a, W = neurons(eigenvectors(q, q, b, 3, patterns), q, b, 3)
    words = f"three samples of one plane, as good as two others; {len(a)} directions"
    return told(rng, Case(a, W, {}, x, weights, NEARLY, words=words))


def mixed_quartic(rng: Rng) -> Case:
    """Degree 4 and labels of both signs: directions within each class, so the rank falls short."""
    n = int(rng.integers(3, 5))
    x, b = orthonormal(rng, n, int(rng.integers(n, 9))), signed(rng, n)
    b[0], b[1] = abs(b[0]), -abs(b[1])
    patterns = enumerate_patterns(np.sign(b).astype(int), 4).astype(float)
    a, W = neurons(eigenvectors(x, x, b, 4, patterns), x, b, 4)
    words = "both classes at degree 4"
    return told(rng, Case(a, W, {"activation": 4}, x, b, NEARLY, words=words))
