"""What each published attack says the weights are a sum of: f and its target.

    kkt              f = y grad Phi              target = theta            Haim et al. 2022
    multiclass       f = grad (Phi_y - max Phi)  target = theta            Buzaglo et al. 2023
    signed           f = grad Phi, any lambda    target = theta            Buzaglo et al. 2023
    ntk              f = grad Phi at theta_0     target = theta - theta_0  Loo et al. 2024
    random features  f = last hidden layer       target = a - a_0          Tansley, Iurada et al.

Phi is a fully connected network with one output, or with one a class for multiclass.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from attack.maps.mlp_map import Evaluation, MLPMap
from attack.maps.protocol import Outputs
from attack.network.activations import Activation
from attack.network.checks import check_label_count, check_labels, check_layers, check_same_shapes
from attack.network.mlp import Parameters


def kkt(theta: Parameters, activation: Activation, labels: Tensor) -> MLPMap:
    """Take f = y_i grad Phi(x_i), lambda_i >= 0, labels y (k,) in {-1, 1} (Haim et al. 2022)."""
    check_layers("theta", theta, one_output=True)
    return MLPMap([Evaluation(theta, theta)], activation, label_outputs(labels))


def label_outputs(labels: Tensor) -> Outputs:
    """The derivative of y_i Phi(x_i): Phi(x), (k, 1), to y, (k, 1)."""
    check_labels("labels", labels, range(-1, 2, 2))

    def sign(phi: Tensor) -> Tensor:
        check_label_count("labels", labels, phi)
        return labels.to(phi)[:, None]

    return sign


def multiclass(theta: Parameters, activation: Activation, classes: Tensor) -> MLPMap:
    """Take f = grad (Phi_y - max_{j != y} Phi_j), classes y (k,) in 0..C-1 (Buzaglo et al.)."""
    check_layers("theta", theta)
    outputs = margin_outputs(classes, len(theta[-1].weight))
    return MLPMap([Evaluation(theta, theta)], activation, outputs)


def margin_outputs(classes: Tensor, C: int) -> Outputs:
    """The derivative of Phi_y - max_{j != y} Phi_j: 1 at y, -1 at the first of the best rivals."""
    if C < 2:
        raise ValueError("theta: found 1 output; pass a network with one output a class, or kkt")
    check_labels("classes", classes, range(C))

    def margin(phi: Tensor) -> Tensor:
        check_label_count("classes", classes, phi)
        own = one_hot(classes.to(phi.device, torch.int64), phi.shape[1])
        rival = one_hot(phi.masked_fill(own.bool(), -torch.inf).argmax(1), phi.shape[1])
        return (own - rival).to(phi.dtype)

    return margin


def signed(theta: Parameters, activation: Activation) -> MLPMap:
    """Take f = grad Phi(x_i), any lambda_i: weight decay, regression (Buzaglo et al. 2023)."""
    check_layers("theta", theta, one_output=True)
    return MLPMap([Evaluation(theta, theta)], activation, torch.ones_like)


def ntk(
    initial: Parameters,
    trained: Parameters,
    activation: Activation,
    *,
    at: str = "initial",
    last_layer: bool = False,
) -> MLPMap:
    """Take f = grad Phi(x_i) in the kernel regime, target theta - theta_0 (Loo et al. 2024).

    Args:
        initial: theta_0, one output.
        trained: theta.
        activation: sigma.
        at: Where gradients are taken: "initial", "trained", "midpoint" of the two, which is exact
            to second order in the change, or "both" ends, which stacks the equations.
        last_layer: Use the equations of the last layer only (Tansley et al.).

    Returns:
        The map.

    Raises:
        ValueError: If ``at`` is none of the four, or the layers do not fit.
    """
    check_layers("initial", initial, one_output=True)
    check_layers("trained", trained, one_output=True)
    check_same_shapes(initial, trained)
    middle = [old.towards(new, 0.5) for old, new in zip(initial, trained, strict=True)]
    points = {
        "initial": [initial],
        "trained": [trained],
        "midpoint": [middle],
        "both": [initial, trained],
    }.get(at)
    if points is None:
        raise ValueError(f"at: found {at!r}; pass 'initial', 'trained', 'midpoint' or 'both'")
    first = len(initial) - 1 if last_layer else 0
    change = [new.minus(old) for new, old in zip(trained, initial, strict=True)][first:]
    evaluations = [Evaluation(theta, change, first) for theta in points]
    return MLPMap(evaluations, activation, torch.ones_like)


def random_features(initial: Parameters, trained: Parameters, activation: Activation) -> MLPMap:
    """Take f = the last hidden layer, the layers below it frozen (Iurada et al. 2025)."""
    return ntk(initial, trained, activation, last_layer=True)
