"""The published reconstruction attacks on trained networks, with and without sample splitting."""

from attack.checkpoint import Checkpoint
from attack.config import MergingConfig, ReconstructionConfig, SplittingConfig
from attack.mlp import Layer
from attack.networks import Equations
from attack.objective import Priors
from attack.reconstruct import reconstruct
from attack.reconstruction import Reconstruction
from attack.truth import Truth

__all__ = [
    "Checkpoint",
    "Equations",
    "Layer",
    "MergingConfig",
    "Priors",
    "Reconstruction",
    "ReconstructionConfig",
    "SplittingConfig",
    "Truth",
    "reconstruct",
]
