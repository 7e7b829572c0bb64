"""The claims, one file per theorem or section, in the order of the paper."""

from __future__ import annotations

from collections.abc import Iterable
from types import ModuleType

from proofs_check.claims import linear
from proofs_check.ledger import Claim

MODULES = (linear,)


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
    for name in ids:
        if ids.count(name) > 1:
            raise ValueError(f"claims: found two with the id {name}; rename one")
    return claims


def all_claims() -> tuple[Claim, ...]:
    """Every claim of the ledger."""
    return claims_of(MODULES)
