"""The published reconstruction attacks on trained networks, with and without sample splitting."""

from attack.checkpoint import Checkpoint
from attack.config import MergingConfig, ReconstructionConfig, SplittingConfig
from attack.crosscheck import Agreement, CrossCheck, crosscheck
from attack.mlp import Layer
from attack.networks import Equations
from attack.objective import Priors
from attack.reconstruct import reconstruct
from attack.reconstruction import Reconstruction
from attack.truth import Truth

__all__ = [
    "Agreement",
    "Checkpoint",
    "CrossCheck",
    "Equations",
    "Layer",
    "MergingConfig",
    "Priors",
    "Reconstruction",
    "ReconstructionConfig",
    "SplittingConfig",
    "Truth",
    "crosscheck",
    "reconstruct",
]
