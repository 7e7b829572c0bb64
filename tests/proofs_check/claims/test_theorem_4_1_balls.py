"""The system that encloses a KKT point."""

import numpy as np
from flint import arb

from proofs_check.claims.section_4 import theorem_4_1_balls


def test_the_jacobian_of_the_margins_is_their_derivative():
    x = theorem_4_1_balls.unit_samples(3, seed=0)
    system = theorem_4_1_balls.Margins(x, (1, -1, 1), (1, 1, 1, 1), 3)
    rng = np.random.default_rng(0)
    point = [arb(t) for t in rng.uniform(0.5, 1.0, 15).tolist()]
    J, h = system.jacobian(point), arb(2) ** -20
    for k in range(15):
        up, down = (
            system.residual([t + s * h * (i == k) for i, t in enumerate(point)]) for s in (1, -1)
        )
        slopes = [(s - t) / (2 * h) for s, t in zip(up, down, strict=True)]
        for row, slope in zip(J, slopes, strict=True):
            assert abs(float((row[k] - slope).mid())) < 1e-8
