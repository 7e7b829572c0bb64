"""The true samples, where an experiment knows them: they are measured against, never used."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from attack.metrics.vectors import Metric, Symmetry, cosine, scores


@dataclass(frozen=True, slots=True, eq=False)
class Truth:
    """What the candidates of a run are compared with.

    Attributes:
        samples: (n, d).
        metric: How.
        symmetry: What the map leaves open.
        basis: (r, d), if the run sees its candidates in this basis.
    """

    samples: Tensor
    metric: Metric = field(default_factory=cosine)
    symmetry: Symmetry = "none"
    basis: Tensor | None = None

    def nearest(self, x: Tensor) -> tuple[float, ...]:
        """The metric of each true sample and its nearest candidate."""
        with torch.no_grad():
            x = x if self.basis is None else x @ self.basis
            table = scores(self.metric, self.samples.to(x), x, self.symmetry)
            best = table.amax(1) if self.metric.higher else table.amin(1)
        return tuple(best.tolist())
