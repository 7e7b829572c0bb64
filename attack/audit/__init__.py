"""Both halves on one stored network: verdict, recovery, reconstruction, agreement, witness.

A two-layer network with a power or polynomial and known initialisation goes through
``identify.verify_identifiability``, and its recovery is held against a warm and a cold start of the
optimiser. Of a relu network the question is asked at its own training samples: do the equations pin
them, and which other samples satisfy them as well?
"""

from __future__ import annotations

from collections.abc import Callable

from attack.audit.polynomial import audit_polynomial
from attack.audit.relu import audit_relu
from attack.audit.result import AuditResult
from attack.data.dataset import Dataset
from attack.network.activations import PolynomialActivation, ReLU
from attack.victims.training import Victim

__all__ = ["AuditResult", "audit"]


def audit(
    victim: Victim, truth: Dataset, *, seed: int = 0, say: Callable[[str], None] | None = None
) -> AuditResult:
    """Find out what a network gives away, by both halves.

    Args:
        victim: The network.
        truth: Its training samples. Verdict and recovery do not use them; they are the candidate
            where there is no recovery.
        seed: Of all that is random.
        say: Told what is being done.

    Returns:
        The audit.

    Raises:
        ValueError: If there is no route for the network.
    """
    say = say or (lambda _: None)
    sigma = victim.activation
    plain = len(victim.trained) == 2 and not any(victim.biases)
    if isinstance(sigma, PolynomialActivation) and plain and len(victim.trained[-1].weight) == 1:
        return audit_polynomial(victim, sigma, seed, say)
    if isinstance(sigma, ReLU) and victim.config.loss in {"logistic", "exponential"}:
        return audit_relu(victim, truth, seed, say)
    raise ValueError(
        f"victim: found {victim.config.activation} with biases {victim.config.biases} and loss "
        f"{victim.config.loss}; pass a two-layer network of one output without biases and a power "
        "or polynomial, or a relu network trained with logistic or exponential loss"
    )
