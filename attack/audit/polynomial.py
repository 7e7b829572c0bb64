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
from attack.maps.mlp_map import MLPMap
from attack.maps.objectives import ntk
from attack.network.activations import PolynomialActivation
from attack.networks import KernelEquations
from attack.reconstruction import reconstruct
from attack.victims.training import Victim
from identify import verify_identifiability
from identify.arrays import FloatArray
from identify.rendering.gallery import Chapter

Where: TypeAlias = Literal["initial", "midpoint"]


def audit_polynomial(
    victim: Victim, sigma: PolynomialActivation, seed: int, say: Callable[[str], None]
) -> AuditResult:
    """Verify, reconstruct twice and compare, for two layers without biases and one output."""
    (W0, a0), (W, a) = (
        [layer.weight.cpu().double() for layer in net] for net in (victim.initial, victim.trained)
    )
    say("verification")
    report = verify_identifiability(
        a[0], W, activation=sigma.coefficients, init=(a0[0], W0), seed=seed
    )
    recovery = report.recovery
    if recovery is None or not len(recovery.x):
        return AuditResult(report, {}, None, ())
    x, b = torch.as_tensor(recovery.x), torch.as_tensor(recovery.b)
    at, equations = _equations(victim, sigma, x, b)
    degree = len(sigma.coefficients) - 1
    symmetry = None if sigma.coefficients == (0.0,) * degree + (1.0,) else "none"
    found: dict[str, tuple[Reconstruction, CrossCheck]] = {}
    for name, start in (("warm start", recovery), ("cold start", None)):
        say(f"reconstruction, {name}")
        d = recovery.x.shape[1]
        chosen = {"candidates": len(recovery.x), "init": d**-0.5, "seed": seed}
        config = replace(ReconstructionConfig.EXACT, **chosen)
        result = reconstruct(victim, "ntk", config, equations=KernelEquations(at=at), start=start)
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
    victim: Victim, sigma: PolynomialActivation, x: Tensor, b: Tensor
) -> tuple[Where, MLPMap]:
    """Where gradients are taken: one step is exact at its start, training best at its middle."""
    places: tuple[Where, ...] = ("initial", "midpoint")
    maps = [ntk(victim.initial, victim.trained, sigma, at=place) for place in places]
    losses = [float(loss(f, x, b)) for f in maps]
    best = losses.index(min(losses))
    return places[best], maps[best]


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
