"""The published reconstruction attacks on trained networks, with and without sample splitting."""

from attack.agreement import Agreement, CrossCheck, crosscheck
from attack.descent.checkpoint import Checkpoint
from attack.descent.config import ReconstructionConfig
from attack.descent.objective import Priors
from attack.descent.result import Reconstruction
from attack.descent.splitting_config import MergingConfig, SplittingConfig
from attack.local import Constraints, LocalReport, local_identifiability
from attack.metrics.truth import Truth
from attack.network.mlp import Layer
from attack.networks import KernelEquations
from attack.reconstruction import reconstruct

__all__ = [
    "Agreement",
    "Checkpoint",
    "Constraints",
    "CrossCheck",
    "KernelEquations",
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
