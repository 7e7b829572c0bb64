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

from attack.activations import Activation
from attack.mlp import Factors, Layer, Parameters, backward, forward

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
        return [t for f in self._all(x) for t in f.combine(weights).tensors()]

    def inner(self, x: Tensor, direction: Tensors) -> Tensor:
        """<direction, f(x_i)>, (k,), one matrix product per layer."""
        factors = self._all(x)
        pieces = iter(direction)
        parts = [f.inner(Layer(next(pieces), next(pieces) if f.bias else None)) for f in factors]
        return torch.stack(parts).sum(0)

    def gram(self, x: Tensor) -> Tensor:
        """The tangent kernel of the candidates, (k, k)."""
        return torch.stack([f.gram(f) for f in self._all(x)]).sum(0)

    def _all(self, x: Tensor) -> list[Factors]:
        found = []
        for e in self.evaluations:
            trace = forward(e.theta, self.activation, x)
            delta = self.outputs(trace.z[-1])
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
    """
    return MLPMap([Evaluation(theta, theta)], activation, lambda _: labels[:, None])


def multiclass(theta: Parameters, activation: Activation, classes: Tensor) -> MLPMap:
    """Take f = grad (Phi_y - max_{j != y} Phi_j), lambda_i >= 0 (Buzaglo et al. 2023).

    Args:
        theta: Trained layers, C outputs.
        activation: Activation.
        classes: (k,) in 0..C-1, those of the candidates.

    Returns:
        The map; its target is theta.
    """

    def margin(phi: Tensor) -> Tensor:
        own = torch.nn.functional.one_hot(classes, phi.shape[1]).to(phi.dtype)
        rival = (phi - own * torch.inf).nan_to_num(nan=-torch.inf).argmax(1)
        return own - torch.nn.functional.one_hot(rival, phi.shape[1]).to(phi.dtype)

    return MLPMap([Evaluation(theta, theta)], activation, margin)


def signed(theta: Parameters, activation: Activation) -> MLPMap:
    """Take f = grad Phi(x_i), lambda_i of any sign: weight decay, regression (Buzaglo et al. 2023).

    Args:
        theta: Trained layers, one output.
        activation: Activation.

    Returns:
        The map; its target is theta.
    """
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
        at: Where gradients are taken: "initial", "trained", or "both", which stacks the equations.
        last_layer: Use the equations of the last layer only (Tansley et al.).

    Returns:
        The map, for one output.

    Raises:
        ValueError: If ``at`` is none of the three.
    """
    points = {"initial": [initial], "trained": [trained], "both": [initial, trained]}.get(at)
    if points is None:
        raise ValueError(f"at: found {at!r}; pass 'initial', 'trained' or 'both'")
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


@dataclass(frozen=True, slots=True)
class SubspaceMap:
    """A map on samples written in a basis, x_i = basis^T u_i (Tansley et al.).

    Attributes:
        inside: The map on full samples.
        basis: (r, d), orthonormal rows.
    """

    inside: Map
    basis: Tensor

    @property
    def target(self) -> Tensors:
        """That of the map inside."""
        return self.inside.target

    def combine(self, x: Tensor, weights: Tensor) -> Tensors:
        """sum_i weights_i f(basis^T u_i), for u (k, r)."""
        return self.inside.combine(x @ self.basis, weights)

    def inner(self, x: Tensor, direction: Tensors) -> Tensor:
        """<direction, f(basis^T u_i)>, (k,)."""
        return self.inside.inner(x @ self.basis, direction)

    def gram(self, x: Tensor) -> Tensor:
        """<f, f>, (k, k)."""
        return self.inside.gram(x @ self.basis)


def row_space(initial: Parameters, trained: Parameters, *, gap: float = 1e-6) -> Tensor:
    """Orthonormal basis of the span of the samples, read off the change of the first layer.

    The gradient of the first layer is a combination of the samples, so W_1 - W_1(0) has its rows in
    their span for full-batch training of any network (Tansley et al.).

    Args:
        initial: theta_0.
        trained: theta.
        gap: Singular values below this multiple of the largest are not counted.

    Returns:
        (r, d), orthonormal rows.
    """
    change = trained[0].weight - initial[0].weight
    _, s, vt = torch.linalg.svd(change, full_matrices=False)
    return vt[s > gap * s[0]]
