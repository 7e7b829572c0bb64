"""Cubic networks trained by plain torch, as people train them, and what is claimed of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch


@dataclass(frozen=True)
class Net:
    """Weights before and after, and the samples they were trained on."""

    a: np.ndarray
    W: np.ndarray
    init: tuple[np.ndarray, np.ndarray]
    x: np.ndarray


def records(seed, n=6, d=30, length=3.0):
    x = np.random.default_rng(seed).standard_normal((n, d))
    return length * x / np.linalg.norm(x, axis=1, keepdims=True)


def trained(
    x,
    *,
    seed=0,
    steps=400,
    batch=None,
    kind=torch.float64,
    frozen=False,
    sigma=None,
    adam=False,
    **sgd,
) -> Net:
    """Train 150 neurons from the initialisation of ``nn.Linear`` on labels of either sign."""
    draw, m = torch.Generator().manual_seed(seed), 150
    n, d = x.shape
    labels = np.where(np.arange(n) % 2, 1.0, -1.0)
    X, y = torch.tensor(x, dtype=kind), torch.tensor(labels, dtype=kind)
    W = (2 * torch.rand(m, d, generator=draw, dtype=torch.float64) - 1) / d**0.5
    a = (2 * torch.rand(m, generator=draw, dtype=torch.float64) - 1) / m**0.5
    W, a = W.to(kind).requires_grad_(), a.to(kind).requires_grad_(not frozen)
    init = a.detach().clone().numpy(), W.detach().clone().numpy()
    parts = [W] if frozen else [a, W]
    optimiser = torch.optim.Adam(parts, lr=1e-3) if adam else torch.optim.SGD(parts, **sgd)
    activation = sigma or (lambda t: t**3)
    for _ in range(steps):
        rows = torch.randperm(n, generator=draw)[:batch] if batch else slice(None)
        optimiser.zero_grad()
        (activation(X[rows] @ W.T) @ a - y[rows]).square().mean().backward()
        optimiser.step()
    return Net(a.detach().numpy(), W.detach().numpy(), init, x)


def turned(report, x):
    """Angle of every sample shown to the nearest true one, modulo sign, and its bound as one."""
    shown = report.recovery
    length = np.linalg.norm(shown.x, axis=1)
    one = shown.x / length[:, None]
    truth = x / np.linalg.norm(x, axis=1, keepdims=True)
    apart = [np.linalg.norm(one[:, None] - s * truth[None], axis=2) for s in (1, -1)]
    return np.min(apart, axis=0).min(axis=1), shown.error_bound / length


def assert_no_false_claim(report, x):
    if report.recovery is None:
        return
    found, bound = turned(report, x)
    assert np.all(found <= bound), (found, bound)


def claims(report) -> int:
    if report.recovery is None:
        return 0
    return int(
        np.sum(report.recovery.error_bound < 0.1 * np.linalg.norm(report.recovery.x, axis=1))
    )
