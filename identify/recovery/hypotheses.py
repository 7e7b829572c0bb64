"""What verdict and bounds rest on, as full sentences with numbers."""

from __future__ import annotations

import numpy as np

from identify.equations.bias import bias_rate
from identify.equations.pose import Problem
from identify.findings import Assumed
from identify.options import Options


def of_setting(problem: Problem, *, path_end: float | None = None) -> str:
    """Return how the weights are taken to have come about.

    ``path_end`` is the relative distance at which a computed training path ends from the weights,
    where the samples rest on one.
    """
    sigma = f"with activation {problem.evaluations.activation}{_decayed(problem)}"
    if problem.setting == "kkt":
        return (
            "The weights are a stationary point W_j = a_j grad P(W_j) (a max-margin direction, or "
            f"a minimum with weight decay) of a network {sigma}."
        )
    if problem.setting == "random-features":
        return f"The first layer stayed as it is, a0 is the initial output layer, {sigma}."
    if path_end is not None:
        return (
            "The network was trained by full-batch gradient descent on the squared loss, to the "
            f"fit, from (a0, W0), {sigma}: the path computed from the samples ends within "
            f"{path_end:.1e} of the change of the weights."
        )
    where = {
        "initial": "the initial weights (exact for one gradient step)",
        "midpoint": "the midpoints between initial and trained weights (of second order in a "
        "short training)",
    }
    return (
        "The weights left (a0, W0) along gradients taken at "
        f"{where.get(problem.evaluations.base, problem.evaluations.base)}, {sigma}."
    )


def of_flow(problem: Problem, path_end: float, used: int) -> str:
    """Return what samples rest on whose flow leads to the weights, ``used`` of the neurons."""
    sigma = f"with activation {problem.evaluations.activation}{_decayed(problem)}"
    return (
        f"The network was trained from (a0, W0), {sigma}, by an optimiser that is linear in the "
        "gradients, on any loss whose residuals change smoothly in time: the flow computed from "
        f"the samples ends within {path_end:.1e} of the change of {used} neurons, and at most "
        "three times the share that an error without preferred direction has lies along the "
        "samples."
    )


def _decayed(problem: Problem) -> str:
    """Return which weight decay, and which rates, are taken to have acted; empty without any."""
    said = ""
    if problem.decay != 1:
        layers = "both layers" if np.any(problem.evaluations.values) else "the first layer"
        said = f", and with a weight decay that shrank {layers} by the factor {problem.decay:.6g}"
    if problem.layers.rate != 1:
        said += f", the output layer at {problem.layers.rate:.3g} times the rate of the first"
    return said


def of_samples(problem: Problem, options: Options, assumed: Assumed, error: float) -> list[str]:
    """Return what is taken for granted of the samples and the relative error of the equations."""
    n = assumed.samples
    many = (
        f"Exactly {n} training samples enter, as stated (n_samples={n})"
        if assumed.stated
        else f"At most {n} training samples enter (n_samples= settles it)"
    )
    where = " in the span of the neurons" if problem.setting == "kkt" else ""
    if problem.weights.bias:
        where = ", with the 1 that the bias multiplies,"
    sentences = [
        (
            f"{many}, linearly independent{where}: scaled to norm 1, none is nearer than "
            f"{assumed.independence:.1e} to the span of the others, and none contributes less than "
            f"{assumed.faintest:.1e} of the equations; what is nearer or fainter leaves no trace "
            "above the noise."
        )
    ]
    if not assumed.stated:
        sentences.append(
            "Two samples nearer to each other than a bound can pass for one; the bounds cover both "
            f"while their contributions differ by less than a factor {assumed.contrast:g} and do "
            "not cancel. A sample fainter than another by a larger factor c is farther from it "
            f"than sqrt(c / {assumed.contrast:g}) times the bound of the brighter one."
        )
    sentences.append(
        f"The error of the equations is at most {error:.1e} of the right-hand sides and does not "
        "single out one sample."
    )
    return [*sentences, *_of_norms(problem, options)]


def _of_norms(problem: Problem, options: Options) -> list[str]:
    if problem.weights.bias:
        return [_of_bias(problem)]
    if options.unit_norm:
        return ["The samples have norm 1, as stated (unit_norm=True)."]
    if problem.setting != "kkt":
        return []
    if options.margin is not None:
        return [
            (
                f"All active samples have the same margin {options.margin:g}, as stated (margin=), "
                "and no neuron of the network is missing or counted twice."
            )
        ]
    return [
        (
            "The margins of the active samples are not assumed to be equal, so each sample has a "
            "scale of its own (margin= states that they are)."
        )
    ]


def _of_bias(problem: Problem) -> str:
    """Return what the norms rest on where the first layer has a bias."""
    found = bias_rate(problem.weights, problem.evaluations.activation)
    shown = (
        "which nothing tests here"
        if found is None
        else f"as it shows to {abs(found[0] - 1) + 3 * found[1]:.1e}"
    )
    return (
        "The bias of the first layer was trained like its weights, at the same rate and with the "
        f"same decay, {shown}: it multiplies an input that is 1 for every sample."
    )
