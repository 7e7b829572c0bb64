"""What a flow shows of the training, as full sentences."""

from __future__ import annotations

from identify.findings import Course
from identify.recovery.flow.ordinary import Ordinary


def explained(found: Ordinary) -> tuple[str, ...]:
    """Say how the samples were found, what the flow leaves, and which training it shows."""
    course, n = found.course, len(found.fit.x)
    many = int(course.confirmed.sum())
    who = ", each with neurons of its own," if found.halved else " of starts that share nothing"
    how = f"Two families{who} agree on all {n} samples after {found.starts} descents."
    if many < n:
        how = (
            f"Two families{who} agree on {many} of {n} samples after {found.starts} descents; "
            "of the others nothing is claimed."
        )
    if not found.searched:
        how = "The flow starts from the samples of the tensor."
        if many < n:
            how += f" A search confirms {many} of {n}; of the others nothing is claimed."
    m = len(found.problem.weights.a)
    return (
        how,
        (
            f"{n} samples whose residuals change smoothly in time carry the {found.used} of {m} "
            "neurons that moved by less than half their length along their flow to within "
            f"{course.miss:.1e} of where they ended, each weighted by its movement."
        ),
        *_training(course),
    )


def _training(course: Course) -> tuple[str, ...]:
    """Name decay and inertia."""
    sentence = "The training: no weight decay shows"
    if course.decay != 1:
        sentence = f"The training: the initial weights decayed by the factor {course.decay:.6f}"
    if course.lag > max(10 * course.miss**2, 1e-7):
        sentence += (
            f"; the weights lag behind the gradients by {course.lag:.1e} of the training, as in at "
            f"least {0.5 / course.lag:.0f} steps without momentum, or "
            f"{9.5 / course.lag:.0f} with momentum 0.9"
        )
    return (sentence + ".",)
