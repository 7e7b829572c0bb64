"""The published reconstruction attacks on trained networks, with and without sample splitting."""

from attack.crosscheck import Agreement, CrossCheck, crosscheck
from attack.local import Constraints, LocalReport, local_identifiability
from attack.model.mlp import Layer
from attack.networks import Equations
from attack.optimiser.checkpoint import Checkpoint
from attack.optimiser.config import MergingConfig, ReconstructionConfig, SplittingConfig
from attack.optimiser.loop import Reconstruction
from attack.optimiser.objective import Priors
from attack.optimiser.truth import Truth
from attack.reconstruct import reconstruct

__all__ = [
    "Agreement",
    "Checkpoint",
    "Constraints",
    "CrossCheck",
    "Equations",
    "Layer",
    "LocalReport",
    "MergingConfig",
    "Priors",
    "Reconstruction",
    "ReconstructionConfig",
    "SplittingConfig",
    "Truth",
    "crosscheck",
    "local_identifiability",
    "reconstruct",
]
