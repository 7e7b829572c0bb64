"""Recovery against reconstruction on digits behind a cubic network whose start is known, n = 20.

Two networks of 300 neurons: after one gradient step, where the attack's equations are exact, and
after training to a loss of 1e-16, where those at the midpoint hold to about 1e-2. From each, the
recovery by ``identify`` and four reconstructions of one budget: started at the recovery, at the
recovery with 1 % noise, and cold, once with L-BFGS and once with Levenberg-Marquardt.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from time import perf_counter
from typing import Any

import torch

from attack import KernelEquations, ReconstructionConfig, crosscheck, reconstruct
from attack.data.dataset import load
from attack.maps.objectives import ntk
from attack.metrics.matching import found_count
from attack.victims.config import VictimConfig
from attack.victims.training import train_victim
from identify import verify_identifiability

RESULTS = Path(__file__).parent / "results" / "crosscheck.json"
N = 20
VICTIM = VictimConfig(
    widths=(300,),
    activation="power:3",
    loss="squared",
    biases="none",
    scales=(1.0, 1.0),
    rate=6e-5,
    steps=20_000,
    stop_loss=1e-16,
)
CONFIG = replace(
    ReconstructionConfig.EXACT,
    optimizer="levenberg",
    steps=30,
    block=10,
    candidates=N,
    init=0.125,
    tolerance=1e-22,
)


def case(name: str, victim_config: VictimConfig, at: Any) -> dict[str, Any]:
    """All reconstructions from one network, against its recovery."""
    data = load("digits", N, unit_norm=True)
    victim = train_victim(data, victim_config)
    (W0, a0), (W, a) = ([layer.weight for layer in net] for net in (victim.initial, victim.trained))
    began = perf_counter()
    report = verify_identifiability(a[0], W, init=(a0[0], W0))
    seconds = perf_counter() - began
    recovery = report.recovery
    assert recovery is not None
    f = ntk(victim.initial, victim.trained, victim.activation, at=at)
    x, b = torch.as_tensor(recovery.x), torch.as_tensor(recovery.b)
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(x.shape, generator=generator, dtype=x.dtype)
    noise = 0.01 * noise / noise.norm(dim=1, keepdim=True)
    found: dict[str, Any] = {
        "verdict": str(report.verdict),
        "seconds": seconds,
        "found": found_count(data.x, x, symmetry="line"),
    }
    starts = {
        "warm": (CONFIG, (x, b)),
        "warm, 1 % noise": (CONFIG, (x + noise, b)),
        "cold": (CONFIG, None),
        "cold, L-BFGS": (replace(CONFIG, optimizer="lbfgs", steps=300, block=100), None),
    }
    for start, (config, given) in starts.items():
        result = reconstruct(victim, "ntk", config, equations=KernelEquations(at=at), start=given)
        check = crosscheck(recovery, result, equations=f, tolerance=1e-8)
        found[start] = {
            "agreement": str(check.agreement),
            "farthest_pair": float(check.distances.max()),
            "median_pair": float(sorted(check.distances)[len(check.distances) // 2]),
            "tensor_distance": check.tensor_distance,
            "residuals": list(check.residuals),
            "found": found_count(data.x, result.x, symmetry="line"),
            "steps": result.steps,
            "seconds": result.seconds,
        }
        print(f"{name}, {start}: {json.dumps(found[start])}", flush=True)
    return found


def main() -> None:
    """Measure, print and record."""
    record = {
        "one step": case("one step", replace(VICTIM, steps=1), "initial"),
        "trained": case("trained", VICTIM, "midpoint"),
    }
    RESULTS.write_text(json.dumps(record, indent=1) + "\n")
    for name, found in record.items():
        warm = found["warm, 1 % noise"]
        print(f"{name}: {found['verdict']}, {found['found']} of {N} found by the recovery")
        print(f"  warm with noise: {warm['agreement']}, farthest pair {warm['farthest_pair']:.1e}")


if __name__ == "__main__":
    main()
