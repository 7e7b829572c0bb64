"""Steps of the attack against autograd and Lanczos one by one; kernels against matrix products."""

from __future__ import annotations

from statistics import median
from typing import Any

import first_order_step
import numpy as np
import splitting_step
import torch
from attack_twins import seconds
from relu_victims import ReluRecipe, train_relu

from identify import verify_network
from identify.relu.recovery import search
from identify.tensor.features import monomial_features
from identify.tensor.normal import Normal, RowBlocks


def haim(_seed: int) -> dict[str, Any]:
    """A first-order step of the Haim objective, 500 candidates."""
    return first_order_step.measure(500, "cpu", 3)


def lanczos(_seed: int) -> dict[str, Any]:
    """A splitting step on 1000 candidates against Lanczos one by one."""
    return splitting_step.measure(1000, 12, "cpu", 2)


def rate(dtype: type, size: int = 1500) -> float:
    """The machine's own matrix-product rate, flops a second."""
    A = np.random.default_rng(0).standard_normal((size, size)).astype(dtype)
    return 2 * size**3 / median(seconds(lambda: A @ A, "cpu") for _ in range(5))


def kernels(seed: int) -> dict[str, Any]:
    """Share of the matrix-product rate in what rules the verifier and the ReLU search."""
    verify, relu = normal_equations(100, seed), gates(50, seed)
    return {"verify, n = 100": verify, "relu search, n = 50": relu}


def normal_equations(n: int, seed: int, m: int = 6000) -> dict[str, Any]:
    """The normal matrix of the features, and products with them."""
    rng = np.random.default_rng(seed)
    points, scale = rng.standard_normal((m, n)), rng.standard_normal((m, 1))
    N = n * (n + 1) // 2
    X = RowBlocks((m, N), lambda rows: monomial_features(points[rows], 2) * scale[rows])
    A, units = rng.standard_normal((N, n)), X.lengths()
    single, double = rate(np.float32), rate(np.float64)
    built = seconds(lambda: X.normal(units, single=True), "cpu")
    times = seconds(lambda: X.normal_times(A), "cpu")
    whole = seconds(lambda: Normal(X).solve(A), "cpu")
    return {
        "m": m,
        "N": N,
        "single_gflops": single / 1e9,
        "double_gflops": double / 1e9,
        "normal_matrix_seconds": built,
        "normal_matrix_share": m * N**2 / built / single,  # half of it is computed: 2 m N^2 / 2
        "products_seconds": times,
        "products_share": 4 * m * N * n / times / double,
        "factored_and_solved_seconds": whole,
    }


def gates(n: int, seed: int) -> dict[str, Any]:
    """The search for gates, all of its products: those with F_j F_j^T, the gates and F."""
    victim = train_relu(ReluRecipe(n=n, width=500, depth=2, seed=100 + seed))
    calls: list[tuple[float, float]] = []
    plain = search.soft_gate_search

    def timed(soft: Any, duals: Any, **options: Any) -> Any:
        found: list[Any] = []
        spent = seconds(lambda: found.append(plain(soft, duals, **options)), "cpu")
        (h, r), count = soft.F.shape, options["count"]
        k = r - len(duals)  # gates twice, sums of products, q F^T, gradients twice; Cholesky
        held = 2 * len(duals) * (h + r * (r + 1) / 2)
        a_start = 8 * h * k + h * r * (r + 1) + 2 * h * r + r**3 / 3 + held
        calls.append((spent, options.get("steps", 60) * count * a_start))
        return found[0]

    modules = _users(plain)
    for module in modules:
        module.soft_gate_search = timed
    try:
        total = seconds(lambda: verify_network(victim.trained, victim.initial, seed=seed), "cpu")
    finally:
        for module in modules:
            module.soft_gate_search = plain
    double, spent = rate(np.float64), sum(t for t, _ in calls)
    flops = sum(f for _, f in calls)
    return {
        "seconds": total,
        "search_seconds": spent,
        "calls": len(calls),
        "double_gflops": double / 1e9,
        "share": flops / spent / double if spent else None,
        "threads": torch.get_num_threads(),
    }


def _users(function: Any) -> list[Any]:
    import sys

    name = function.__name__
    return [m for m in list(sys.modules.values()) if getattr(m, name, None) is function]
