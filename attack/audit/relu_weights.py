"""ReLU networks without their samples: what has to hold of the weights alone.

Scaling what enters a hidden neuron by s and what leaves it by 1/s changes no output, hence

    <in_j, grad_in_j Phi> = <out_j, grad_out_j Phi>    for every neuron j and every input.

At a KKT point theta = sum_i b_i grad Phi(x_i), so |in_j|^2 = |out_j|^2; along every gradient path
|in_j|^2 - |out_j|^2 stays what it was. Biases belong to what enters.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from attack.audit.result import AuditResult, first_layer
from attack.network.mlp import Parameters
from attack.networks import LayeredNetwork
from identify.arrays import FloatArray
from identify.findings import Verdict
from identify.report import IdentifiabilityReport
from identify.verify import REJECT_KKT


def audit_relu_weights(network: LayeredNetwork, seed: int) -> AuditResult:
    """Say of a ReLU network of any depth what needs no samples, and what cannot be examined."""
    entering, leaving = squares(network.trained)
    kkt = network.initial is None
    if network.initial is not None:
        before = squares(network.initial)
        entering, leaving = entering - before[0], leaving - before[1]
    size = max(np.linalg.norm(entering), np.linalg.norm(leaving))
    residual = float(np.linalg.norm(entering - leaving) / size) if size else 1.0
    rejected = kkt and residual > REJECT_KKT
    state = f"fail by {residual:.2g}, more than {REJECT_KKT:g}" if rejected else _HOLD % residual
    report = IdentifiabilityReport(
        verdict=Verdict.MODEL_REJECTED if rejected else Verdict.UNDECIDED,
        evidence="numerical",
        setting="kkt" if kkt else "known-init",
        reasons=(f"{_KKT if kkt else _PATH} {state}.", _SAFE if rejected else _ASK, _UNSEEN),
        rank=None,
        residual=residual,
        recovery=None,
        witness=None,
        neurons=first_layer(network.trained),
        activation="relu",
        n_neurons=len(entering),
        seed=seed,
    )
    return AuditResult(report, {}, None, ())


def squares(theta: Parameters) -> tuple[FloatArray, FloatArray]:
    """|in_j|^2 and |out_j|^2 of the hidden neurons of all layers, (h,) each."""
    entering, leaving = [], []
    for layer, following in pairwise(theta):
        bias = 0 if layer.bias is None else layer.bias.double().square()
        entering.append((layer.weight.double().square().sum(1) + bias).cpu().numpy())
        leaving.append(following.weight.double().square().sum(0).cpu().numpy())
    return np.concatenate(entering), np.concatenate(leaving)


_KKT = (
    "The weights are read as a KKT point, where what enters a hidden neuron has the same norm as "
    "what leaves it, whatever the samples; these equations"
)
_PATH = (
    "Along every gradient path the squared norm of what enters a hidden neuron changes as that of "
    "what leaves it, whatever the samples; these equations"
)
_HOLD = "hold to %.2g"
_ASK = "That is necessary only: it does not say which samples the network was trained on."
_SAFE = (
    "Under this model nothing follows from the weights. This is no evidence that the training "
    "samples are safe: other routes do without the max-margin equations, above all a known or "
    "guessed initialisation."
)
_UNSEEN = (
    "Without the training samples it cannot be examined whether the equations pin them and which "
    "other samples satisfy them as well; attack reconstruct looks for candidates."
)
