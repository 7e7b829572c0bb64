"""The claims, one file per theorem or section, in the order of the paper."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from types import ModuleType

from proofs_check.claims import (
    candidates,
    coherence,
    coherent_points,
    convergence,
    convergence_runs,
    counting,
    evaluations,
    homogenization,
    interpolation,
    linear,
    near_homogeneity,
    pencil,
    quadratic,
    relu,
    satisfiability,
    separability,
    setup,
    sketch,
    slices,
    splitting,
    splitting_decrease,
    splitting_optimal,
    splitting_remainder,
    symmetric_rank,
    symmetries,
    theorem_4_1,
    theorem_4_1_balls,
    uniqueness,
)
from proofs_check.ledger import CheckedClaim, Claim, check

MODULES = (
    setup,
    candidates,
    counting,
    linear,
    quadratic,
    evaluations,
    satisfiability,
    coherence,
    coherent_points,
    symmetric_rank,
    theorem_4_1,
    theorem_4_1_balls,
    sketch,
    symmetries,
    homogenization,
    near_homogeneity,
    separability,
    splitting,
    splitting_optimal,
    splitting_remainder,
    splitting_decrease,
    convergence,
    convergence_runs,
    interpolation,
    uniqueness,
    slices,
    pencil,
    relu,
)


def claims_of(modules: Iterable[ModuleType]) -> tuple[Claim, ...]:
    """Collect the claims that modules define, in the order of their definition.

    Args:
        modules: Modules with claims at their top level.

    Returns:
        The claims.

    Raises:
        ValueError: If two claims have the same id.
    """
    found = [value for module in modules for value in vars(module).values()]
    claims = tuple(value for value in found if isinstance(value, Claim))
    ids = [claim.id for claim in claims]
    twice = {name for name in ids if ids.count(name) > 1}
    if twice:
        raise ValueError(
            f"claims: found the ids {sorted(twice)} more than once; rename one of each"
        )
    return claims


def all_claims(section: str | None = None, only: Sequence[str] = ()) -> tuple[Claim, ...]:
    """The claims of the ledger, or some of them.

    Args:
        section: A section of the paper: "A" takes A.1, A.2 and A.3, "A.2" itself only.
        only: Ids of single claims; all if empty.

    Returns:
        The claims in the order of the paper.

    Raises:
        ValueError: If there is no such section or claim; the message lists those there are.
    """
    claims = sorted(claims_of(MODULES), key=lambda claim: claim.section)
    unknown = sorted(set(only) - {claim.id for claim in claims})
    if unknown:
        known = ", ".join(claim.id for claim in claims)
        raise ValueError(f"only: found {', '.join(unknown)}; pass some of {known}")
    if section is not None:
        sections = sorted({claim.section for claim in claims})
        claims = [c for c in claims if f"{c.section}.".startswith(f"{section}.")]
        if not claims:
            raise ValueError(f"section: found {section!r}; pass one of {', '.join(sections)}")
    return tuple(claim for claim in claims if not only or claim.id in only)


def check_all(
    section: str | None = None,
    *,
    only: Sequence[str] = (),
    progress: Callable[[Claim], None] = lambda _: None,
) -> list[CheckedClaim]:
    """Examine the claims of the ledger.

    Args:
        section: A section of the paper, as in "A.2"; None for the whole ledger.
        only: Ids of single claims; all if empty.
        progress: Called with each claim before it is examined.

    Returns:
        What was found for each claim, in the order of the paper.

    Raises:
        ValueError: If there is no such section or claim; the message lists those there are.
    """
    checked = []
    for claim in all_claims(section, only):
        progress(claim)
        checked.append(check(claim))
    return checked
