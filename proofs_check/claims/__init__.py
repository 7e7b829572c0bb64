"""The claims, one file per theorem or section, in the order of the paper."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cache
from importlib import import_module
from types import ModuleType

from proofs_check.ledger import CheckedClaim, Claim, check

MODULES = (
    "section_3.implicit_bias",
    "section_3.setup",
    "section_3.number_of_candidates",
    "section_3.candidates",
    "section_3.counting",
    "section_3.fewer_parameters",
    "section_3.length_of_theta",
    "section_4.linear",
    "section_4.quadratic",
    "section_4.evaluations",
    "section_4.satisfiability",
    "section_4.coherence",
    "section_4.coherent_points",
    "section_4.random_directions",
    "section_4.symmetric_rank",
    "section_4.theorem_4_1",
    "section_4.theorem_4_1_balls",
    "section_4.sketch",
    "section_4.symmetries",
    "section_4.homogenization",
    "section_5.objectives",
    "section_5.sample_splitting",
    "section_5.relu_curvature",
    "section_5.algorithm_rules",
    "section_5.beyond_hessian",
    "section_5.assumption_5_1",
    "section_5.strict_decrease",
    "section_5.stationary_points",
    "section_5.convergence_runs",
    "section_7.unknowns",
    "appendix_a.orthonormal_directions",
    "appendix_a.length_of_samples",
    "appendix_a.interpolation_of_f",
    "appendix_a.uniqueness_of_f",
    "appendix_a.tensor_from_f",
    "appendix_a.slices",
    "appendix_a.pencil",
    "appendix_a.leading_coefficient",
    "appendix_a.euler_defect",
    "appendix_a.near_homogeneity",
    "appendix_a.separability",
    "appendix_a.small_loss",
    "appendix_b.lemma_b1",
    "appendix_b.slips",
    "appendix_b.theorem_b1",
    "appendix_b.remainder",
    "appendix_b.lemma_b2",
    "appendix_b.phase_2",
    "appendix_b.convergence",
    "companions.relu",
)
"""The files in the paper's order; the claims of one section of the paper keep it."""


@cache
def modules() -> tuple[ModuleType, ...]:
    """The claim files, imported when they are first asked for."""
    return tuple(import_module(f"{__name__}.{name}") for name in MODULES)


def claims_of(modules: Iterable[ModuleType]) -> tuple[Claim, ...]:
    """The claims at the top level of modules, in this order; ValueError if two have one id."""
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
    claims = sorted(claims_of(modules()), key=lambda claim: claim.section)
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
