"""From weights to equations: the front door, its data-free test, the row space and the scale."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from identify.arrays import FloatArray
from identify.equations.activation import Polynomial
from identify.equations.evaluations import (
    Evaluations,
    kkt_evaluations,
    known_init_evaluations,
    random_features_evaluations,
)
from identify.equations.row_space import RowSpace, row_space
from identify.equations.system import Equations
from identify.equations.weights import Weights


@dataclass(frozen=True, slots=True)
class Problem:
    """The equations to be solved and what was learnt without solving them.

    Attributes:
        weights: The weights, scaled by ``exponents``.
        evaluations: What they tell about P.
        space: The row space.
        equations: The equations in its coordinates.
        data_free: Relative residual of the equations that hold whatever the data, or None where
            there are none.
        log_b: Natural logarithm of the factor that turns b of the scaled weights into b.
        scaled: Whether the weights were scaled.
    """

    weights: Weights
    evaluations: Evaluations
    space: RowSpace
    equations: Equations
    data_free: float | None
    log_b: float
    scaled: bool

    @property
    def setting(self) -> str:
        """The setting, "kkt", "known-init" or "random-features"."""
        return self.evaluations.setting


def pose(weights: Weights, activation: Polynomial, base: float | None = None) -> Problem:
    """Choose the front door and write down its equations.

    Args:
        weights: Validated weights.
        activation: sigma.
        base: known-init: 0 takes the points at the initial weights, 1/2 at the midpoint; None
            takes the one that satisfies the data-free equations better, the midpoint where there
            are none.

    Returns:
        The problem.

    Raises:
        ValueError: If the weights do not differ from the initial ones, or are out of the range in
            which the activation can be evaluated.
    """
    weights, log_b, scaled = _scaled(weights, activation)
    if weights.a0 is None:
        evaluations, data_free = kkt_evaluations(weights, activation), balance(weights, activation)
    elif weights.W0 is None or np.array_equal(weights.W, weights.W0):
        if np.array_equal(weights.a, weights.a0):
            raise ValueError(
                "init: found weights equal to their initial values, so they tell nothing; pass the "
                "weights before and after training"
            )
        evaluations, data_free = random_features_evaluations(weights, activation), None
    else:
        evaluations, data_free = _known_init(weights, activation, base)
    _check_range(evaluations, activation)
    space = _space(evaluations)
    return Problem(
        weights, evaluations, space, equations_in(evaluations, space), data_free, log_b, scaled
    )


def equations_in(evaluations: Evaluations, space: RowSpace) -> Equations:
    """Write the equations in the coordinates of the row space.

    Args:
        evaluations: The evaluations.
        space: The row space.

    Returns:
        The equations.
    """
    by_value = evaluations.gradients is None
    right = evaluations.right_side
    return Equations(
        activation=evaluations.activation,
        points=evaluations.points @ space.basis,
        scale=evaluations.scale,
        right_side=right if by_value else right @ space.basis,
        by_value=by_value,
        free_b=not evaluations.activation.is_power,
    )


def balance(weights: Weights, activation: Polynomial) -> float:
    """Return the data-free residual of a KKT point: a_j^2 = |W_j|^2 / alpha, whatever the data.

    Both sides of W_j = alpha c a_j f(W_j) are multiplied by W_j and a_j = c W_j . f(W_j) is put in.

    Args:
        weights: Trained weights.
        activation: sigma, of degree alpha.

    Returns:
        The norm of alpha a_j^2 - |W_j|^2 over all neurons, relative to that of the larger side.
    """
    left, right = activation.degree * weights.a**2, np.sum(weights.W**2, axis=1)
    size = float(max(np.linalg.norm(left), np.linalg.norm(right)))
    return float(np.linalg.norm(left - right)) / size if size > 0 else 1.0


def _known_init(
    weights: Weights, activation: Polynomial, base: float | None
) -> tuple[Evaluations, float | None]:
    """Take the gradients at a base point.

    For a power activation and gradients taken at w, <w, W_j - W0_j> = alpha a (a_j - a0_j) whatever
    the data: at the initial weights exactly for one gradient step, at the midpoint exactly for
    gradient flow.

    Returns:
        The evaluations and the relative residual of that identity, None where it does not apply.
    """
    bases = (0.5, 0.0) if base is None else (base,)
    options = [known_init_evaluations(weights, activation, option) for option in bases]
    if not activation.is_power or not np.any(options[0].values):
        return options[0], None
    residuals = [_work(option, activation.degree) for option in options]
    best = int(np.argmin(residuals))
    return options[best], residuals[best]


def _work(evaluations: Evaluations, alpha: int) -> float:
    assert evaluations.gradients is not None
    assert evaluations.values is not None
    left = np.sum(evaluations.points * evaluations.gradients, axis=1)
    right = alpha * evaluations.scale * evaluations.values
    size = float(max(np.linalg.norm(left), np.linalg.norm(right)))
    return float(np.linalg.norm(left - right)) / size if size > 0 else 1.0


def _space(evaluations: Evaluations) -> RowSpace:
    d = evaluations.points.shape[1]
    if evaluations.gradients is None:
        return RowSpace(np.eye(d), np.empty(0), 0.0, noisy=False, floor=0.0)
    return row_space(evaluations.gradients, evaluations.rounding)


def _check_range(evaluations: Evaluations, activation: Polynomial) -> None:
    largest = float(np.abs(evaluations.points).max()) * np.sqrt(evaluations.points.shape[1])
    with np.errstate(over="ignore"):
        value = np.abs(activation(np.array([largest]))) ** 2
    if not np.all(value < 1e290):
        raise ValueError(
            f"W: found entries up to {np.abs(evaluations.points).max():.3g}, at which "
            f"the activation {activation} leaves the range of float64; pass weights in the units "
            "they were trained in"
        )


def _scaled(weights: Weights, activation: Polynomial) -> tuple[Weights, float, bool]:
    """Bring weights of extreme size to order 1 by powers of two, for a power activation.

    With W = s W', a = t a' the equations keep their form, and b = b' times a power of s and t.

    Returns:
        The weights, the logarithm of that power, and whether anything was scaled.

    Raises:
        ValueError: If b leaves the range of float64.
    """
    if not activation.is_power:
        return weights, 0.0, False
    hidden = _exponent(weights.W, weights.W0)
    output = hidden if weights.a0 is None else _exponent(weights.a, weights.a0)
    if 4 * activation.degree * max(abs(hidden), abs(output)) < 600:
        return weights, 0.0, False
    alpha = activation.degree
    scaled = replace(
        weights,
        a=np.ldexp(weights.a, -output),
        W=np.ldexp(weights.W, -hidden),
        a0=None if weights.a0 is None else np.ldexp(weights.a0, -output),
        W0=None if weights.W0 is None else np.ldexp(weights.W0, -hidden),
    )
    # s W' = alpha c t a' b (s W'.x)^{alpha-1} x; values t a' = c b (s W'.x)^alpha
    by_gradient = hidden - output - (alpha - 1) * hidden
    by_value = output - alpha * hidden
    power = by_value if weights.a0 is not None and weights.W0 is None else by_gradient
    if abs(power) > 1010:
        raise ValueError(
            f"W: found entries of size 2^{hidden} (and a of size 2^{output}), for which the signed "
            "weights b of the samples leave the range of float64; pass the weights in other units "
            "(kkt: any common factor of a and W serves)"
        )
    return scaled, power * float(np.log(2)), True


def _exponent(*arrays: FloatArray | None) -> int:
    largest = max(float(np.abs(x).max()) for x in arrays if x is not None)
    return 0 if largest == 0 else int(np.frexp(largest)[1])
