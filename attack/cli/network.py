"""The network under attack on the command line: a stored victim, or checkpoints of one's own."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

if TYPE_CHECKING:
    from attack.networks import LayeredNetwork
    from attack.victims.training import Victim

VICTIM = "a file that attack train wrote"
"""What some options count only with."""


@dataclass(frozen=True)
class Network:
    """The network under attack."""

    trained: Annotated[Path, tyro.conf.Positional]
    """A file that attack train wrote; or any .safetensors, .pt, .pth or .npz file of linear layers
    with one activation between them; PATH#NAME for what it holds under a name."""
    init: Path | None = None
    """The same network before training, where it is known; a file of attack train holds it."""
    activation: str | None = None
    """relu, softplus:BETA, power:ALPHA or polynomial:C0,C1,...; a file of attack train holds it."""

    def open(self) -> Victim | LayeredNetwork:
        """Read the network; a ValueError names what is missing, or says nothing new."""
        from attack.victims.checkpoints import read_checkpoints
        from attack.victims.files import is_victim, load_victim

        if is_victim(self.trained):
            for name in ("init", "activation"):
                if getattr(self, name) is not None:
                    raise ValueError(
                        f"--{name}: found {str(getattr(self, name))!r} beside {VICTIM}, which "
                        f"holds it; leave out --{name}"
                    )
            return load_victim(self.trained)
        return read_checkpoints(self.trained, self.init, self.activation)
