"""Power and polynomial activations: recovery by algebra against reconstruction by descent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Literal, TypeAlias

import torch
from torch import Tensor

from attack.agreement import CrossCheck, crosscheck
from attack.audit.result import AuditResult, local_chapter
from attack.descent.config import ReconstructionConfig
from attack.descent.objective import loss
from attack.descent.result import Reconstruction
from attack.local.identifiability import local_identifiability
from attack.local.unknowns import Constraints
from attack.maps.objectives import ntk, signed
from attack.maps.protocol import Map
from attack.network.activations import PolynomialActivation
from attack.networks import KernelEquations, LayeredNetwork, Objective
from attack.reconstruction import reconstruct
from identify import verify_identifiability
from identify.arrays import FloatArray
from identify.rendering.gallery import Chapter

Where: TypeAlias = Literal["initial", "midpoint"]


def audit_polynomial(
    network: LayeredNetwork, sigma: PolynomialActivation, seed: int, say: Callable[[str], None]
) -> AuditResult:
    """Verify, reconstruct twice and compare, for two layers without biases and one output."""
    say("verification")
    W, a = (layer.weight for layer in network.trained)
    init = None
    if network.initial is not None:
        before, after = network.initial
        init = (after.weight, before.weight)
    report = verify_identifiability(a, W, activation=sigma.coefficients, init=init, seed=seed)
    recovery = report.recovery
    if recovery is None or not len(recovery.x):
        return AuditResult(report, {}, None, ())
    x, b = torch.as_tensor(recovery.x), torch.as_tensor(recovery.b)
    network = network.to(torch.float64)
    objective, at, equations = _equations(network, sigma, x, b)
    degree = len(sigma.coefficients) - 1
    symmetry = None if sigma.coefficients == (0.0,) * degree + (1.0,) else "none"
    found: dict[str, tuple[Reconstruction, CrossCheck]] = {}
    for name, start in (("warm start", recovery), ("cold start", None)):
        say(f"reconstruction, {name}")
        d = recovery.x.shape[1]
        chosen = {"candidates": len(recovery.x), "init": d**-0.5, "seed": seed}
        config = replace(ReconstructionConfig.EXACT, **chosen)
        kernel = KernelEquations(at=at)
        result = reconstruct(network, objective, config, equations=kernel, start=start)
        check = crosscheck(recovery, result, equations=equations, alpha=degree, symmetry=symmetry)
        found[name] = result, check
    say("local identifiability")
    fixed = Constraints(unit_norm=not recovery.norm_known)
    local = local_identifiability(equations, x, b, constraints=fixed, seed=seed)
    chapters = [_reconstructed(name, *pair, recovery.x) for name, pair in found.items()]
    return AuditResult(
        report, found, local, (*chapters, local_chapter("the recovered samples", local))
    )


def _equations(
    network: LayeredNetwork, sigma: PolynomialActivation, x: Tensor, b: Tensor
) -> tuple[Objective, Where, Map]:
    """Where gradients are taken: one step is exact at its start, training best at its middle."""
    if network.initial is None:  # theta itself is their sum, with multipliers of either sign
        return "signed", "initial", signed(network.trained, sigma)
    places: tuple[Where, ...] = ("initial", "midpoint")
    maps = [ntk(network.initial, network.trained, sigma, at=place) for place in places]
    losses = [float(loss(f, x, b)) for f in maps]
    best = losses.index(min(losses))
    return "ntk", places[best], maps[best]


def _reconstructed(
    name: str, result: Reconstruction, check: CrossCheck, recovered: FloatArray
) -> Chapter:
    first = result.history[0].loss
    sentences = [
        (
            f"L-BFGS, {result.steps} steps from a {name} with {len(result.x)} candidates: the loss "
            f"went from {first:.2e} to {result.history[-1].loss:.2e} in {result.seconds:.1f} s."
        ),
        *check.reasons,
    ]
    x = result.x.detach().cpu().double().numpy()
    return Chapter(
        f"Reconstructed by optimisation, {name}",
        sentences,
        x,
        "Reconstructed",
        tuple(f"candidate {i + 1}" for i in range(len(x))),
        ("Recovered", recovered),
    )
