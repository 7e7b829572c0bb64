"""Full-batch gradient descent on the squared loss: the networks the demo and the benchmarks attack.

Phi(x) = sum_j a_j sigma(w_j.x) with standard normal initial weights; the loss is
1/2 sum_i (y_i - Phi(x_i) + Phi_0(x_i))^2, where Phi_0 is the initial network if training is centred
(Chizat, Oyallon and Bach 2019) and 0 otherwise. Every gradient lies in the span of the samples, so
the steps are taken in its coordinates, which changes nothing but the time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from identify.arrays import FloatArray
from identify.equations.activation import Polynomial, parse_activation


@dataclass(frozen=True, slots=True)
class Trained:
    """A trained network with its initial weights.

    Attributes:
        a: Output weights, (m,).
        W: First layer, (m, d).
        a0: Initial output weights, (m,).
        W0: Initial first layer, (m, d).
        steps: Steps taken.
        fit: Largest error of an output at the end, relative to the largest target.
    """

    a: FloatArray
    W: FloatArray
    a0: FloatArray
    W0: FloatArray
    steps: int
    fit: float


def train(
    x: FloatArray,
    y: FloatArray,
    neurons: int,
    activation: Polynomial | int | Sequence[float] = 3,
    *,
    centred: bool = False,
    train_output: bool = True,
    train_hidden: bool = True,
    rate: float = 0.5,
    goal: float = 1e-9,
    max_steps: int = 100_000,
    scale: float = 1.0,
    seed: int = 0,
    progress: Callable[[int, float], None] | None = None,
) -> Trained:
    """Train a two-layer network by plain gradient descent.

    Args:
        x: Samples, (n, d).
        y: Targets, (n,).
        neurons: m.
        activation: sigma, as for :func:`identify.verify_identifiability`.
        centred: Fit the change of the outputs rather than the outputs.
        train_output: Train a.
        train_hidden: Train W.
        rate: Learning rate in units of the reciprocal of the largest eigenvalue of the tangent
            kernel at the initial weights.
        goal: Relative fit at which training ends.
        max_steps: Largest number of steps.
        scale: Standard deviation of the entries of the initial first layer.
        seed: Draws the initial weights.
        progress: Called with the step and the fit every 50 steps.

    Returns:
        The network.

    Raises:
        FloatingPointError: If training diverges; lower ``rate``.
    """
    if not isinstance(activation, Polynomial):
        activation = parse_activation(activation)
    rng = np.random.default_rng(seed)
    W0, a0 = scale * rng.standard_normal((neurons, x.shape[1])), rng.standard_normal(neurons)
    span = np.linalg.qr(x.T)[0]
    z, u0 = x @ span, W0 @ span
    target = y + (activation(u0 @ z.T).T @ a0 if centred else 0.0)
    t = u0 @ z.T
    by_a, by_u = activation(t), a0[:, None] * activation(t, 1)
    kernel = train_output * (by_a.T @ by_a) + train_hidden * (by_u.T @ by_u) * (z @ z.T)
    eta = rate / float(np.linalg.eigvalsh(kernel)[-1])
    a, u, step, fit = a0, u0, 0, np.inf
    for step in range(max_steps + 1):
        t = u @ z.T
        by_a = activation(t)
        rho = target - by_a.T @ a
        fit = float(np.abs(rho).max() / np.abs(y).max())
        _watch(step, fit, rate, progress)
        if fit <= goal or step == max_steps:
            break
        by_u = a[:, None] * activation(t, 1)
        a = a + train_output * eta * (by_a @ rho)
        u = u + train_hidden * eta * ((by_u * rho) @ z)
    return Trained(a, W0 + (u - u0) @ span.T, a0, W0, step, fit)


def _watch(
    step: int, fit: float, rate: float, progress: Callable[[int, float], None] | None
) -> None:
    if not fit < 1e6:
        raise FloatingPointError(f"training diverged at step {step}; lower rate from {rate:g}")
    if progress is not None and step % 50 == 0:
        progress(step, fit)
