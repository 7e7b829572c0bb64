"""Reconstruction maps: what each published attack says the weights are a sum of.

Every attack minimises ||target - sum_i lambda_i f(theta; x_i)||^2 (arXiv 2602.08723, section 5.1):

    kkt              f = y grad Phi              target = theta            Haim et al. 2022
    multiclass       f = grad (Phi_y - max Phi)  target = theta            Buzaglo et al. 2023
    signed           f = grad Phi, any lambda    target = theta            Buzaglo et al. 2023
    ntk              f = grad Phi at theta_0     target = theta - theta_0  Loo et al. 2024
    random features  f = last hidden layer       target = a - a_0          Tansley, Iurada et al.

A map never forms k x P gradients. It offers the four things the attack needs of them: their
weighted sum, their inner products with one vector and with each other, and the target.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from attack.network.activations import Activation
from attack.network.checks import check_count, check_labels, check_layers, check_same_shapes
from attack.network.mlp import Factors, Layer, Parameters, backward, forward

Tensors: TypeAlias = list[Tensor]
"""A vector in parameter space, in the pieces of the network."""

Outputs: TypeAlias = Callable[[Tensor], Tensor]
"""From Phi(x), (k, C), to the derivative at the output, (k, C)."""


class Map(Protocol):
    """f(theta; .) of one attack, with its target."""

    @property
    def target(self) -> Tensors:
        """What the weighted sum has to equal."""
        ...

    def combine(self, x: Tensor, weights: Tensor) -> Tensors:
        """sum_i weights_i f(x_i), for x (k, d) and weights (k,)."""
        ...

    def inner(self, x: Tensor, direction: Tensors) -> Tensor:
        """<direction, f(x_i)>, (k,)."""
        ...

    def gram(self, x: Tensor) -> Tensor:
        """<f(x_i), f(x_j)>, (k, k)."""
        ...


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A point in parameter space at which gradients are taken, and their target.

    Attributes:
        theta: Where.
        target: Layers of the same shapes, from ``first`` on.
        first: Layers before this one are left out.
    """

    theta: Parameters
    target: Parameters
    first: int = 0


@dataclass(frozen=True, slots=True)
class MLPMap:
    """Gradients of a fully connected network, written out.

    Attributes:
        evaluations: One or more points; their equations are stacked and share lambda.
        activation: sigma with the slope that stands for its derivative.
        outputs: The derivative at the output, given Phi(x).
    """

    evaluations: Sequence[Evaluation]
    activation: Activation
    outputs: Outputs

    @property
    def target(self) -> Tensors:
        """All targets, layer by layer."""
        return [t for e in self.evaluations for layer in e.target for t in layer.tensors()]

    def combine(self, x: Tensor, weights: Tensor) -> Tensors:
        """sum_i weights_i f(x_i), one matrix product per layer."""
        return [t for f in self._all(x, weights) for t in f.total().tensors()]

    def inner(self, x: Tensor, direction: Tensors) -> Tensor:
        """<direction, f(x_i)>, (k,), one matrix product per layer."""
        factors = self._all(x)
        pieces = iter(direction)
        parts = [f.inner(Layer(next(pieces), next(pieces) if f.bias else None)) for f in factors]
        return torch.stack(parts).sum(0)

    def gram(self, x: Tensor) -> Tensor:
        """The tangent kernel of the candidates, (k, k)."""
        return torch.stack([f.gram(f) for f in self._all(x)]).sum(0)

    def _all(self, x: Tensor, weights: Tensor | None = None) -> list[Factors]:
        """Factors of f(x_i), or of weights_i f(x_i): at the output, where that costs least."""
        found = []
        for e in self.evaluations:
            trace = forward(e.theta, self.activation, x)
            delta = self.outputs(trace.z[-1])
            delta = delta if weights is None else weights[:, None] * delta
            found += backward(e.theta, self.activation, trace, delta, e.first)
        return found


def kkt(theta: Parameters, activation: Activation, labels: Tensor) -> MLPMap:
    """Take f = y_i grad Phi(x_i), lambda_i >= 0 (Haim et al. 2022).

    Args:
        theta: Trained layers, one output.
        activation: Activation.
        labels: (k,) in {-1, +1}, those of the candidates.

    Returns:
        The map; its target is theta.

    Raises:
        ValueError: If the layers do not fit together or have several outputs, or labels differ.
    """
    check_layers("theta", theta, one_output=True)
    return MLPMap([Evaluation(theta, theta)], activation, label_outputs(labels))


def label_outputs(labels: Tensor) -> Outputs:
    """The derivative of y_i Phi(x_i).

    Args:
        labels: (k,) in {-1, +1}.

    Returns:
        Phi(x), (k, 1), to y, (k, 1).

    Raises:
        ValueError: If there are other labels.
    """
    check_labels("labels", labels, range(-1, 2, 2))

    def sign(phi: Tensor) -> Tensor:
        check_count("labels", labels, phi)
        return labels.to(phi)[:, None]

    return sign


def multiclass(theta: Parameters, activation: Activation, classes: Tensor) -> MLPMap:
    """Take f = grad (Phi_y - max_{j != y} Phi_j), lambda_i >= 0 (Buzaglo et al. 2023).

    Args:
        theta: Trained layers, C outputs.
        activation: Activation.
        classes: (k,) in 0..C-1, those of the candidates.

    Returns:
        The map; its target is theta. Of rivals that tie, the first is taken.

    Raises:
        ValueError: If the layers do not fit together or have one output, or classes differ.
    """
    check_layers("theta", theta)
    outputs = margin_outputs(classes, len(theta[-1].weight))
    return MLPMap([Evaluation(theta, theta)], activation, outputs)


def margin_outputs(classes: Tensor, C: int) -> Outputs:
    """The derivative of Phi_y - max_{j != y} Phi_j.

    Args:
        classes: (k,) in 0..C-1.
        C: Number of outputs.

    Returns:
        Phi(x), (k, C), to 1 at the own class and -1 at the first of the best rivals, (k, C).

    Raises:
        ValueError: If there is one output, or classes are others.
    """
    if C < 2:
        raise ValueError("theta: found 1 output; pass a network with one output a class, or kkt")
    check_labels("classes", classes, range(C))

    def margin(phi: Tensor) -> Tensor:
        check_count("classes", classes, phi)
        own = one_hot(classes.to(phi.device, torch.int64), phi.shape[1])
        rival = one_hot(phi.masked_fill(own.bool(), -torch.inf).argmax(1), phi.shape[1])
        return (own - rival).to(phi.dtype)

    return margin


def signed(theta: Parameters, activation: Activation) -> MLPMap:
    """Take f = grad Phi(x_i), lambda_i of any sign: weight decay, regression (Buzaglo et al. 2023).

    Args:
        theta: Trained layers, one output.
        activation: Activation.

    Returns:
        The map; its target is theta.

    Raises:
        ValueError: If the layers do not fit together or have several outputs.
    """
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
        initial: theta_0.
        trained: theta.
        activation: Activation.
        at: Where gradients are taken: "initial", "trained", "midpoint" of the two, which is exact
            to second order in the change, or "both" ends, which stacks the equations.
        last_layer: Use the equations of the last layer only (Tansley et al.).

    Returns:
        The map, for one output.

    Raises:
        ValueError: If ``at`` is none of the three, layers do not fit together or have several
            outputs, or the two networks differ in shape.
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
    """Take f = the last hidden layer, whose weights below it stayed frozen (Iurada et al. 2025).

    Args:
        initial: theta_0.
        trained: theta, equal to theta_0 but for the last layer.
        activation: Activation.

    Returns:
        The map; its target is the change of the last layer.
    """
    return ntk(initial, trained, activation, last_layer=True)
