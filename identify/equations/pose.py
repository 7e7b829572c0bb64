"""From weights to equations: the front door, the row space and the scale."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from identify.arrays import Float64, FloatArray
from identify.checkpoints.spectrum import Spectrum, spectrum
from identify.equations.activation import Polynomial
from identify.equations.evaluations import Evaluations, evaluate
from identify.equations.layers_apart import ALIKE, LayersApart, at_one_rate
from identify.equations.row_space import RowSpace, row_space
from identify.equations.system import Equations
from identify.equations.undecayed import undecayed
from identify.equations.weights import Weights


@dataclass(frozen=True, slots=True)
class Problem:
    """The equations to be solved and what was learnt without solving them.

    Attributes:
        stored: The weights, scaled to order 1 where ``scaled``.
        weights: The same, the trained ones over ``decay``.
        evaluations: What they tell about P.
        alternative: known-init: the same at the other base point; None elsewhere.
        space: The row space.
        equations: The equations in its coordinates.
        log_b: Natural logarithm of the factor that turns b of the scaled weights into b.
        scaled: Whether the weights were scaled.
        decay: known-init: factor rho by which the initial weights decayed; 1 without decay.
        layers: known-init: how the output layer was trained beside the first one.
    """

    stored: Weights
    weights: Weights
    evaluations: Evaluations
    alternative: Evaluations | None
    space: RowSpace
    equations: Equations
    log_b: float
    scaled: bool
    decay: float
    layers: LayersApart = ALIKE

    @property
    def setting(self) -> str:
        """The setting, "kkt", "known-init" or "random-features"."""
        return self.evaluations.setting

    @property
    def data_free(self) -> float | None:
        """Relative residual of the equations that hold whatever the data, None without any."""
        return self.evaluations.data_free

    def other(self) -> Problem | None:
        """Return the same weights' equations at the other base point, None where there is none."""
        if self.alternative is None:
            return None
        _check_range(self.alternative, self.alternative.activation)
        # both have the same right side
        equations = equations_in(self.alternative, self.space.basis)
        return replace(
            self,
            evaluations=self.alternative,
            alternative=self.evaluations,
            equations=equations,
        )


def pose(weights: Weights, activation: Polynomial) -> Problem:
    """Return the problem, in known-init at the base point that the data-free equations prefer.

    Raises:
        ValueError: If the weights do not differ from the initial ones, or are out of the range in
            which the activation can be evaluated.
    """
    weights, log_b, scaled = _scaled(weights, activation)
    _check_range(evaluate(weights, activation)[0], activation)
    stored = weights
    weights, decay, found = _seen(weights, activation)
    weights, layers = at_one_rate(weights, activation, decay)
    evaluations = evaluate(weights, activation)
    space = _space(evaluations[0], found)
    first, *others = (replace(e, rounding=max(e.rounding, space.noise)) for e in evaluations)
    return Problem(
        stored=stored,
        weights=weights,
        evaluations=first,
        alternative=others[0] if others else None,
        space=space,
        equations=equations_in(first, space.basis),
        # W - rho W0 = rho (W / rho - W0); a' = a / sqrt(rate) moves with b' = sqrt(rate) b
        log_b=log_b + float(np.log(decay) - np.log(layers.rate) / 2),
        scaled=scaled,
        decay=decay,
        layers=layers,
    )


def equations_in(evaluations: Evaluations, basis: Float64[FloatArray, "d r"]) -> Equations:
    """Write the equations in the coordinates of an orthonormal basis."""
    by_value = evaluations.gradients is None
    right = evaluations.right_side
    return Equations(
        activation=evaluations.activation,
        points=evaluations.points @ basis,
        scale=evaluations.scale,
        right_side=right if by_value else right @ basis,
        by_value=by_value,
        free_b=not evaluations.activation.is_power,
    )


def _seen(weights: Weights, activation: Polynomial) -> tuple[Weights, float, Spectrum | None]:
    """Return the weights without decay, its factor, and the spectrum of what spans the samples."""
    if weights.frozen:
        return weights, 1.0, None  # values span nothing
    if weights.a0 is not None:
        return undecayed(weights, activation)
    size, precision = weights.size, 2 * weights.precision
    found = spectrum(weights.W, size, precision, of_records=False, head=True)
    return weights, 1.0, found


def _space(evaluations: Evaluations, found: Spectrum | None) -> RowSpace:
    if found is None:
        every, rounding = np.eye(evaluations.points.shape[1]), evaluations.rounding
        return RowSpace(every, np.empty(0), 0.0, noisy=False, floor=0.0, noise=rounding)
    return row_space(found, evaluations.rounding)


def _check_range(evaluations: Evaluations, activation: Polynomial) -> None:
    """Require that sigma at the points stays far from the limits of float64."""
    found = _largest(evaluations.points)
    largest = found * np.sqrt(evaluations.points.shape[1])
    with np.errstate(over="ignore"):
        value = np.abs(activation(np.array([largest]))) ** 2
    if not np.all(value < 1e290):
        raise ValueError(
            f"W: found entries up to {found:.3g}, at which "
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
    largest = max(_largest(x) for x in arrays if x is not None)
    return 0 if largest == 0 else int(np.frexp(largest)[1])


def _largest(x: FloatArray) -> float:
    return max(float(x.max()), -float(x.min()))
