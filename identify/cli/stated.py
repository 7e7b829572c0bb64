"""What is known of a training, as options of a command."""

from __future__ import annotations

from dataclasses import dataclass, fields

from identify.training import Training


@dataclass(frozen=True)
class StatedTraining(Training):
    """Leave every field as it was typed; the words for each are those of ``Training``."""

    def __post_init__(self) -> None:
        """Leave the check to ``checked``, whose errors the command reports like all others."""

    def checked(self) -> Training:
        """Return the training.

        Raises:
            ValueError: If a field is unusable; names it, what was found and what to pass.
        """
        return Training(**{field.name: getattr(self, field.name) for field in fields(Training)})


NOTHING_STATED = StatedTraining()
"""No option was passed."""
