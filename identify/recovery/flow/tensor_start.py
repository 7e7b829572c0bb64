"""A first guess that nobody drew: samples decomposed from a polynomial whose flow fits."""

from __future__ import annotations

import numpy as np

from identify.arrays import Float64, FloatArray
from identify.recovery.flow.flow import Drive
from identify.recovery.flow.tensor_fit import TensorFit
from identify.recovery.pencil import filled, fit_weights, pencil_directions, pick
from identify.recovery.starts import norms_from_degrees
from identify.tensor.form import Form

_PAIRS = 30
"""Pairs of slices whose directions are pooled."""

_LONGEST = 4.0
"""Lengths read off the lower degrees are taken to lie within this factor of their median."""


def first_drive(fit: TensorFit, functions: int, rng: np.random.Generator) -> Drive:
    """Return n = r samples and residual functions that explain the highest degree of P best."""
    sigma, forms = fit.flow.ends.activation, fit.flow.forms(fit.x)
    alpha, r = sigma.degree, fit.flow.ends.U.shape[1]
    mean, change = (_over(form, fit.flow.ends.at(0.5).coefficients) for form in forms)
    pools = [pencil_directions(mean[alpha], 1, rng) for _ in range(_PAIRS)]
    choices = [filled(pool, r, rng)[:r] for pool in pools]
    choices.append(pick(mean[alpha], filled(np.concatenate(pools), r, rng), r)[0])
    z = max(choices, key=lambda x: _explained(mean[alpha], x))
    c = np.zeros((r, functions))
    c[:, 0], c[:, 1] = (fit_weights(form[alpha], z) for form in (mean, change))
    if sigma.is_power:
        return Drive(z, c)
    norms, flips = norms_from_degrees(mean, z, c[:, 0])
    middle = float(np.median(norms))
    lengths = flips * np.clip(norms, middle / _LONGEST, middle * _LONGEST)
    return Drive(z * lengths[:, None], c / lengths[:, None] ** alpha)


def _over(forms: dict[int, Form], coefficients: tuple[float, ...]) -> dict[int, Form]:
    """Return sum_i b_i (x_i.w)^k by degree: the forms over those of sigma."""
    return {k: Form(k, form.variables, form.q / coefficients[k]) for k, form in forms.items()}


def _explained(form: Form, x: Float64[FloatArray, "n r"]) -> float:
    """Return by how much the best weights of given directions lower |T|^2."""
    return float(fit_weights(form, x) @ form.p(x))
