"""What is said of sets that satisfy the equations, in full sentences."""

from __future__ import annotations

import numpy as np

from identify.undetermined.candidates import Candidate
from identify.undetermined.local import LocalView
from identify.undetermined.others import CLEAR
from identify.undetermined.search import Search

ALONE = "No other set was found from random starts, and none is excluded."

LARGER_ALONE = (
    "No other set of that size was found from random starts; none is excluded, nor are sets of "
    "more samples: three of a plane can be read as two, and one fainter than rounding as none."
)

SQUARE = (
    "There are as many unknowns as equations, so several isolated sets are the rule: this one need "
    "not be the true one."
)

WRONG_SIGNS = (
    "Some of their margins have the sign against their weight. No max-margin problem has such "
    "samples, so as far as the weights come from one the two sets prove nothing."
)

LARGER_SETS = (
    "The tensor is determined, and sets of more samples than it needs are never unique: these two "
    "prove nothing unless their number is known. Pass n_samples if it is."
)


def first_order(search: Search, found: Candidate, view: LocalView, free: int) -> list[str]:
    """Say how many samples fit, and how many directions are free there."""
    size = "the number stated" if search.options.n_samples is not None else "none fewer was found"
    words = [f"A set of {len(found.X)} samples ({size}) satisfies the equations to rounding."]
    if free:
        words.append(
            f"The Jacobian of the equations there leaves {free} of {view.values.size} "
            "directions free."
        )
    elif (smallest := float(view.values[-1])) >= CLEAR:
        words.append(
            f"The Jacobian of the equations there has full column rank {view.values.size} "
            f"(smallest singular value {smallest:.1e}): it is an isolated solution."
        )
    return words


def own_error(search: Search, level: float) -> str:
    """Say how closely the weights themselves keep to the equations."""
    if not np.isfinite(level):
        return "Nothing tests how closely training kept to the equations, as none is spare."
    name = "KKT point" if search.problem.setting == "kkt" else "point of a gradient path"
    return (
        f"The weights are a {name} only to {level:.2g}, whatever the data, so the true samples "
        "satisfy the equations no better."
    )
