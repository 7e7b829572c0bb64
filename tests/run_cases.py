"""Runs made up for the tests of comparisons, and a preset that takes a second."""

from dataclasses import replace

import numpy as np
import torch

from attack.descent.result import Reconstruction
from attack.descent.state import Event, Record
from attack.experiments.presets import SMALL

TINY = replace(
    SMALL["loo"],
    samples=8,
    victim=replace(SMALL["loo"].victim, widths=(20,), steps=300),
    config=replace(
        SMALL["loo"].config,
        candidates=5,
        steps=120,
        block=20,
        splitting=replace(SMALL["loo"].config.splitting, every=40, threshold=-1e-8),
    ),
)


def a_run(x, seed=0, *, losses=(1.0, 0.5), metric=None, splits=(), merges=(), seconds=1.0):
    """A run that ended with x; a record every 1000 steps, its metric one row per record."""
    rows = np.zeros((len(losses), 0)) if metric is None else metric
    history = tuple(
        Record(1000 * at, float(loss), len(x), tuple(row), 0, 0)
        for at, (loss, row) in enumerate(zip(losses, rows, strict=True))
    )
    events = [Event(step, "split", (0,), (1, 2), 1.0, 0.5, 0.1) for step in splits]
    events += [Event(step, "merge", (0, 1), (2,), 1.0, 1.0) for step in merges]
    ones, numbers = torch.ones(len(x)), torch.arange(len(x))
    steps = history[-1].step
    return Reconstruction(
        x, ones, ones, ones, numbers, numbers, history, tuple(events), steps, 0.1, seed, seconds
    )
