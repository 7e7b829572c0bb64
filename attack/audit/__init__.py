"""Both halves on one stored network: verdict, recovery, reconstruction, agreement, witness.

A two-layer network with a power or polynomial goes through ``identify.verify_identifiability``, and
its recovery is held against a warm and a cold start of the optimiser. Of a relu network the
question is asked at its own training samples, where they are known: do the equations pin them, and
which other samples satisfy them as well? Without them its weights alone are examined; checkpoints
before and after training go through ``identify.verify_network``, beside the published attack in as
much time. Such checkpoints also tell what training added to each layer.
"""

from __future__ import annotations

from collections.abc import Callable

from attack.audit.changes import with_changes
from attack.audit.polynomial import audit_polynomial
from attack.audit.relu import audit_relu
from attack.audit.relu_change import audit_relu_change
from attack.audit.relu_weights import audit_relu_weights
from attack.audit.result import AuditResult
from attack.data.dataset import Dataset
from attack.network.activations import PolynomialActivation, ReLU
from attack.networks import LayeredNetwork
from attack.victims.training import Victim

__all__ = ["AuditResult", "audit"]


def audit(
    network: Victim | LayeredNetwork,
    truth: Dataset | None = None,
    *,
    seed: int = 0,
    say: Callable[[str], None] | None = None,
) -> AuditResult:
    """Find out what a network gives away, by both halves.

    Args:
        network: The network, with its initialisation where that is known.
        truth: The training samples of a victim. Verdict and recovery do not use them; they are the
            candidate where there is no recovery.
        seed: Of all that is random.
        say: Told what is being done.

    Returns:
        The audit.

    Raises:
        ValueError: If there is no route for the network.
    """
    say = say or (lambda _: None)
    found = _by_activation(network, truth, seed, say)
    if isinstance(network, Victim) or network.initial is None:
        return found
    say("changes of the layers")
    return with_changes(found, network.trained, network.initial)


def _by_activation(
    network: Victim | LayeredNetwork, truth: Dataset | None, seed: int, say: Callable[[str], None]
) -> AuditResult:
    """The route of a polynomial or of a relu network, or a ValueError."""
    sigma, layers = network.activation, network.trained
    weights = LayeredNetwork(layers, network.initial, sigma)
    biases = tuple(layer.bias is not None for layer in layers)
    plain = len(layers) == 2 and len(layers[1].weight) == 1 and not any(biases)
    if isinstance(sigma, PolynomialActivation) and plain:
        return audit_polynomial(weights, sigma, seed, say)
    if isinstance(sigma, ReLU) and len(layers) > 1:
        if isinstance(network, LayeredNetwork) and network.initial is not None:
            return audit_relu_change(network, seed, say)
        if not isinstance(network, Victim) or truth is None:
            return audit_relu_weights(weights, seed)
        if network.config.loss in {"logistic", "exponential"}:
            return audit_relu(network, truth, seed, say)
    how, outputs = f"{sigma}", sum(len(layer.weight) for layer in layers[-1:])
    if isinstance(network, Victim):
        how = f"{network.config.activation} with loss {network.config.loss}"
    raise ValueError(
        f"network: found {how}, biases {biases} and {outputs} outputs; pass a "
        "two-layer network of one output without biases and a power or polynomial, or a relu "
        "network, of attack train one with logistic or exponential loss"
    )
