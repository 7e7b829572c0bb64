"""ReLU networks before and after training: exact recovery beside the published attack.

``identify.verify_network`` takes the change of the weights apart; the attack descends on the
equations of the kernel regime (Loo et al. 2024) with twice as many candidates as samples were
found, for as many seconds of the processor as the recovery took.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from time import process_time

from attack.audit.relu_weights import audit_relu_weights
from attack.audit.result import AuditResult
from attack.descent.config import ReconstructionConfig
from attack.descent.result import Reconstruction
from attack.network.mlp import Parameters
from attack.networks import KernelEquations, LayeredNetwork
from attack.reconstruction import reconstruct
from identify import verify_network
from identify.rendering.gallery import Chapter

_TIMED = 5
"""Steps from which the time of a step is told."""

_LEAST_SECONDS = 1.0
"""The attack runs so long at least."""


def audit_relu_change(
    network: LayeredNetwork, seed: int, say: Callable[[str], None]
) -> AuditResult:
    """Verify from both checkpoints, and attack them for as long where the samples are in reach."""
    assert network.initial is not None
    say("verification")
    began = process_time()
    report = verify_network(_state(network.trained), _state(network.initial), seed=seed)
    seconds = max(process_time() - began, _LEAST_SECONDS)
    balance = audit_relu_weights(network, seed).report.reasons[0]
    report = replace(report, reasons=(*report.reasons, balance))
    found = report.recovery
    if found is None or not len(found.x) or network.classes != 1:
        return AuditResult(report, {}, None, ())
    say("the published attack, for as long")
    result = attack_for(network, 2 * len(found.x), seconds, seed=seed)
    x = result.x.detach().cpu().double().numpy()
    chapter = Chapter(
        "What the published attack makes of the same weights",
        [
            (
                f"Loo et al. 2024, {len(x)} candidates, {result.steps} steps in {seconds:.1f} s of "
                f"the processor, as long as the recovery took: {result.residual:.2g} of the change "
                "of the weights is left unexplained."
            ),
            "Each candidate stands beside the recovered sample it is nearest to.",
        ],
        x,
        "Attack",
        tuple(f"candidate {i + 1}" for i in range(len(x))),
        ("Recovered", found.x),
    )
    return AuditResult(report, {}, None, (chapter,))


def attack_for(
    network: LayeredNetwork, candidates: int, seconds: float, *, seed: int = 0
) -> Reconstruction:
    """Run the attack of Loo et al. 2024 for so many seconds of the processor.

    Args:
        network: The network before and after training, of one output.
        candidates: Number of candidates.
        seconds: How long; the time of a step is taken from the first few.
        seed: Draws the start.

    Returns:
        The candidates.

    Source: Loo et al. 2024, with their settings, but for the number of steps.
    """
    config = replace(ReconstructionConfig.LOO, candidates=candidates, seed=seed)

    def steps(count: int) -> Reconstruction:
        chosen = replace(config, steps=count, block=min(count, config.block))
        return reconstruct(network, "ntk", chosen, equations=KernelEquations(at="both"))

    steps(1)  # what is imported at the first step does not count
    began = process_time()
    steps(_TIMED)
    one = (process_time() - began) / _TIMED
    return steps(max(_TIMED, int(seconds / one)))


def _state(theta: Parameters) -> dict[str, object]:
    """The layers as a state dict."""
    state: dict[str, object] = {}
    for k, layer in enumerate(theta):
        state[f"{2 * k}.weight"] = layer.weight
        if layer.bias is not None:
            state[f"{2 * k}.bias"] = layer.bias
    return state
