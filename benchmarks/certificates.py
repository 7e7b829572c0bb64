"""Certified balls against the truth: 1,000 networks, awkward ones among them.

    uv run python benchmarks/certificates.py --limit 240      # resumes where it stopped

Every network is verified with ``certify=True``, its certificate is written, read and proved anew by
the checker, and two false ones (other weights, a radius a thousandth as large) have to be refused.
Where the true samples meet what a statement supposes (they miss the equations by at most its error;
for a neighbourhood, they lie in it), each has to lie in its ball.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from certificate_cases import FAMILIES, Instance, instance

from identify import IdentifiabilityReport, verify_identifiability, verify_network
from identify.arrays import FloatArray
from identify.certificate import Certificate
from identify.checker.check import check_certificate
from identify.checker.file_format import certificate_text
from identify.files import write_atomic

RECORD = Path(__file__).parent / "results" / "certificates.json"
COUNT = 1000


def judged(case: Instance) -> dict[str, Any]:
    """Verify one network and hold its certificate against the truth."""
    start = time.process_time()
    report = _report(case)
    seconds = time.process_time() - start
    certificate = report.certificate
    assert certificate is not None
    found: dict[str, Any] = {
        "family": case.family,
        "verdict": report.verdict.value,
        "evidence": report.evidence,
        "seconds": round(seconds, 3),
        "balls": int(np.isfinite(certificate.radius).sum()),
        "everywhere": certificate.everywhere,
    }
    if certificate.content:
        found["checker"] = _checked(certificate, case)
    if found["balls"]:
        found |= _held_against(certificate, case)
    return found


def _report(case: Instance) -> IdentifiabilityReport:
    if case.family.startswith("relu"):
        weights = case.weights
        after = {"0.weight": weights["trained"], "2.weight": case.output}
        before = {"0.weight": weights["initial"], "2.weight": case.output}
        return verify_network(after, before, certify=True)
    weights = case.weights
    init = None if "a0" not in weights else (weights["a0"], weights.get("W0"))
    return verify_identifiability(
        weights["a"], weights["W"], init=init, activation=case.activation, certify=True
    )


def _checked(certificate: Certificate, case: Instance) -> str:
    """Prove the certificate anew, and have two false ones refused."""
    content = json.loads(certificate_text(certificate.content))
    weights = {name: np.asarray(w, dtype=np.float64) for name, w in case.weights.items()}
    try:
        check_certificate(content, weights)
    except ValueError as error:
        return f"refused: {error}"
    name = sorted(weights)[0]
    changed = weights | {name: np.nextafter(weights[name], np.inf)}
    if not _refused(content, changed):
        return "accepted other weights"
    part = content if content["kind"] == "relu" else content.get("samples")
    if part is not None:
        small = [r and (float.fromhex(r) * 1e-3).hex() for r in part["radius"]]
        false = content | (
            {"radius": small} if part is content else {"samples": part | {"radius": small}}
        )
        if not _refused(false, weights):
            return "accepted a smaller radius"
    return "right"


def _refused(content: dict[str, Any], weights: dict[str, FloatArray]) -> bool:
    try:
        check_certificate(content, weights)
    except ValueError:
        return True
    return False


def _held_against(certificate: Certificate, case: Instance) -> dict[str, Any]:
    if case.family.startswith("relu"):
        if len(case.x) != len(certificate.centres):
            return {"judged": "outside: more samples"}
        unit = case.x / np.linalg.norm(case.x, axis=1, keepdims=True)
        partner = _distances(certificate.centres, unit).argmin(axis=1)
        listed = certificate.content["silent"]
        if any(case.active[rows, k].any() for rows, k in zip(listed, partner, strict=True)):
            return {"judged": "outside: a listed row was on"}
        return _inside(certificate.centres, certificate.radius, unit, "every set")
    claims = certificate.content["samples"]
    error, share = float.fromhex(claims["error"]), float.fromhex(claims["share"])
    base, decay = float.fromhex(claims["base"]), float.fromhex(claims["decay"])
    miss = case.miss(base, decay)
    lengths = np.linalg.norm(certificate.centres, axis=1)
    truth = case.scaled()
    if miss > error:
        return {"judged": "outside: the equations miss by more"}
    supposed = "every set" if certificate.everywhere else "neighbourhood"
    if not certificate.everywhere:
        near = _distances(certificate.centres, truth).min(axis=1)
        if len(truth) != len(lengths) or np.any(near > share * lengths):
            return {"judged": "outside: not in the neighbourhood"}
    elif len(truth) > len(lengths):
        return {"judged": "outside: more samples"}
    return _inside(certificate.centres, certificate.radius * lengths, truth, supposed)


def _inside(
    centres: FloatArray, radius: FloatArray, truth: FloatArray, supposed: str
) -> dict[str, Any]:
    distance = _distances(centres, truth)
    claimed = np.isfinite(radius)
    partner = np.argmin(distance, axis=1)
    ratio = distance.min(axis=1)[claimed] / radius[claimed]
    distinct = len({*partner[claimed].tolist()}) == int(claimed.sum())
    inside = bool(np.all(ratio <= 1)) and distinct
    return {
        "judged": f"{supposed}: {'inside' if inside else 'OUTSIDE'}",
        "ratio": float(ratio.max()),
    }


def _distances(centres: FloatArray, truth: FloatArray) -> FloatArray:
    both = [np.linalg.norm(centres[:, None] - s * truth[None], axis=2) for s in (1, -1)]
    return np.minimum(*both)


def main() -> None:
    """Judge what is not on record yet, and record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--limit", type=float, default=1e9, help="seconds")
    parser.add_argument("--count", type=int, default=COUNT)
    parser.add_argument("--backwards", action="store_true", help="beside another one")
    options = parser.parse_args()
    start, done = time.monotonic(), _recorded()
    seeds = [seed for seed in range(options.count) if str(seed) not in done]
    for k, seed in enumerate(reversed(seeds) if options.backwards else seeds):
        if time.monotonic() - start > options.limit:
            break
        done[str(seed)] = judged(instance(seed))
        if k % 20 == 19:
            done = _save(done)
    print(json.dumps(_summary(_save(done)), indent=1))


def _recorded() -> dict[str, Any]:
    return json.loads(RECORD.read_text())["instances"] if RECORD.exists() else {}


def _save(done: dict[str, Any]) -> dict[str, Any]:
    """Write them with what others recorded meanwhile."""
    done = dict(sorted((_recorded() | done).items(), key=lambda item: int(item[0])))
    record = {"families": list(FAMILIES), "summary": _summary(done), "instances": done}
    lines = [f'  "{seed}": {json.dumps(one)}' for seed, one in done.items()]
    head = json.dumps({k: v for k, v in record.items() if k != "instances"}, indent=1)[:-2]
    write_atomic(RECORD, head + ',\n "instances": {\n' + ",\n".join(lines) + "\n}}\n")
    return done


def _summary(done: dict[str, Any]) -> dict[str, Any]:
    rows = list(done.values())
    return {
        "networks": len(rows),
        "with_balls": sum(row["balls"] > 0 for row in rows),
        "balls": sum(row["balls"] for row in rows),
        "everywhere": sum(row["everywhere"] for row in rows),
        "proved_verdicts": sum(row["evidence"] == "proved-ball" for row in rows),
        "judged": dict(Counter(row.get("judged", "no ball") for row in rows)),
        "largest_distance_over_radius": max((row.get("ratio", 0.0) for row in rows), default=0.0),
        "checker": dict(Counter(row.get("checker", "no certificate") for row in rows)),
        "slowest_s": max((row["seconds"] for row in rows), default=0.0),
    }


if __name__ == "__main__":
    main()
