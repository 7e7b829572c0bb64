"""Decide whether trained weights determine their training samples, and recover them."""

from identify.certificate import Certificate
from identify.certifying.rank_bounds import RankBounds, rank_bounds
from identify.checker.ranks import RankWitness, check_rank
from identify.checker.singular_values import singular_value_bounds
from identify.checkpoints.changes import read_changes
from identify.checkpoints.judging import Membership
from identify.checkpoints.layer_change import LayerChange
from identify.checkpoints.membership import membership
from identify.checkpoints.seeds import find_seed
from identify.findings import Partial, RankReport, Recovery, Verdict, Witness
from identify.network import verify_network
from identify.points.synthesis import KKTPoint, synthesize_kkt
from identify.relu.ambiguity import relu_witness
from identify.relu.merging import relu_merge
from identify.relu.points import ReluPoint, synthesize_relu_kkt
from identify.report import IdentifiabilityReport
from identify.tensor.polarization import polarize
from identify.training import Training
from identify.undetermined.knowledge import TensorKnowledge, tensor_knowledge
from identify.undetermined.oversized import OversizedSet, oversized_set
from identify.verify import verify_identifiability

__all__ = [
    "Certificate",
    "IdentifiabilityReport",
    "KKTPoint",
    "LayerChange",
    "Membership",
    "OversizedSet",
    "Partial",
    "RankBounds",
    "RankReport",
    "RankWitness",
    "Recovery",
    "ReluPoint",
    "TensorKnowledge",
    "Training",
    "Verdict",
    "Witness",
    "check_rank",
    "find_seed",
    "membership",
    "oversized_set",
    "polarize",
    "rank_bounds",
    "read_changes",
    "relu_merge",
    "relu_witness",
    "singular_value_bounds",
    "synthesize_kkt",
    "synthesize_relu_kkt",
    "tensor_knowledge",
    "verify_identifiability",
    "verify_network",
]
