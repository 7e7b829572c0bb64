"""The table of families with their shares, and the instance that a number stands for."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial

import numpy as np

from . import basic, geometry, precision, small, stationary, subtle, training, wrong
from .instances import Builder, Case

SEED = 10
"""Seed of the recorded campaign; instance k draws from ``default_rng([SEED, k])``."""


def _compact(builder: Callable[..., Case]) -> Builder:
    """Keep dimensions small where noise or rounding will fill them all."""
    return partial(builder, compact=True)


FAMILIES: dict[str, tuple[Builder, int]] = {
    # separated samples, exact weights
    "step": (basic.step, 35),
    "step polynomial": (basic.step_polynomial, 20),
    "features": (basic.features, 25),
    "separated": (geometry.separated, 60),
    "kkt": (basic.kkt, 30),
    # awkward samples
    "near-duplicates": (geometry.near_duplicates, 50),
    "near-duplicates of polynomials": (geometry.near_duplicates_of_polynomials, 35),
    "parallel": (geometry.parallel, 5),
    "random polynomials": (geometry.random_polynomials, 25),
    "exact duplicates": (geometry.exact_duplicates, 2),
    "antipodal": (geometry.antipodal, 14),
    "cluster": (geometry.cluster, 16),
    "coplanar": (geometry.coplanar, 20),
    "in span": (geometry.in_span, 3),
    "dependent": (geometry.dependent, 3),
    "overcomplete": (geometry.overcomplete, 10),
    "faint": (geometry.faint, 25),
    "faint, not counted": (geometry.uncounted, 3),
    "unequal weights": (geometry.unequal_weights, 20),
    "unequal norms": (geometry.unequal_norms, 20),
    "ill-conditioned": (geometry.ill_conditioned, 30),
    "several troubles": (geometry.several_troubles, 15),
    "planar cluster": (subtle.planar_cluster, 4),
    "along a ray": (subtle.along_a_ray, 4),
    "unequal pair": (subtle.unequal_pair, 25),
    "cancelling pair": (subtle.cancelling_pair, 20),
    "unequal neurons": (subtle.unequal_neurons, 20),
    "step parallel": (basic.step_parallel, 10),
    "step faint": (basic.step_faint, 10),
    "step overcomplete": (basic.step_overcomplete, 10),
    # stationary points
    "kkt unequal margins": (stationary.unequal, 45),
    "kkt unequal margins, margin stated": (stationary.unequal_with_margin, 30),
    "kkt copies and gaps": (stationary.copies_and_gaps, 25),
    "kkt near-duplicates": (stationary.near_duplicates, 2),
    "kkt coplanar": (stationary.coplanar, 5),
    "kkt unbalanced": (stationary.unbalanced, 30),
    "kkt rescaled": (stationary.rescaled_network, 8),
    "kkt homogenised": (stationary.homogenised, 5),
    "kkt of both classes, degree 4": (stationary.mixed_quartic, 3),
    "kkt few neurons": (basic.kkt_few_neurons, 2),
    "kkt few directions": (small.few_directions, 5),
    "kkt split": (basic.kkt_split, 1),
    "random weights": (basic.random_weights, 10),
    "one neuron off": (basic.one_neuron_off, 10),
    # too few neurons, low degrees, one sample, one dimension, extreme units
    "few neurons": (small.few_neurons, 8),
    "few features": (small.few_features, 8),
    "step few neurons": (basic.step_few_neurons, 1),
    "step threshold": (basic.step_threshold, 8),
    "low degree": (small.low_degree, 30),
    "low degree kkt": (small.low_degree_kkt, 20),
    "tiny": (small.tiny, 12),
    "one sample": (small.one_sample, 8),
    "idle neurons": (small.with_idle_neurons, 15),
    "extreme scales": (small.extreme_scales, 10),
    "extreme scales kkt": (small.extreme_kkt, 5),
    "larger": (small.larger, 1),
    "larger, near-duplicates": (small.larger_with_near_duplicates, 1),
    # noise and rounding
    "noisy kkt": (basic.with_noise(partial(basic.kkt, alpha=3)), 2),
    "noisy step": (basic.with_noise(partial(basic.step, alpha=3)), 2),
    "noisy features": (basic.with_noise(basic.features), 8),
    "any noise, separated": (precision.with_any_noise(_compact(geometry.separated)), 20),
    "any noise, near-duplicates": (
        precision.with_any_noise(_compact(geometry.near_duplicates)),
        20,
    ),
    "any noise, kkt": (precision.with_any_noise(stationary.unequal), 3),
    "any noise, polynomials": (
        precision.with_any_noise(geometry.near_duplicates_of_polynomials),
        15,
    ),
    "any noise, low degree": (precision.with_any_noise(small.low_degree), 8),
    "any noise, few neurons": (precision.with_any_noise(small.few_neurons), 1),
    "any noise, faint": (precision.with_any_noise(_compact(geometry.faint)), 8),
    "any noise, kkt near-duplicates": (precision.with_any_noise(stationary.near_duplicates), 1),
    "noise on the change": (precision.noise_on_the_change(_compact(geometry.separated)), 15),
    "noise on the change, cluster": (precision.noise_on_the_change(_compact(geometry.cluster)), 3),
    "noise of another degree": (precision.another_degree, 10),
    "uneven rates": (subtle.uneven_rates, 12),
    "midpoint step": (subtle.midpoint_step, 3),
    "kkt of nearly a power": (subtle.nearly_a_power, 8),
    "any noise, unequal pair": (precision.with_any_noise(_compact(subtle.unequal_pair)), 10),
    "any noise, planar cluster": (precision.with_any_noise(_compact(subtle.planar_cluster)), 2),
    "hidden decay": (precision.shrunk, 10),
    "partial sample": (precision.partial_sample, 8),
    "float32 kkt": (basic.single(partial(basic.kkt, alpha=3)), 5),
    "float32 stationary": (precision.stationary_rounded, 2),
    "float32 separated": (precision.in_float32(_compact(geometry.separated)), 12),
    "float32 near-duplicates": (precision.in_float32(_compact(geometry.near_duplicates)), 20),
    "float32 unequal pair": (precision.in_float32(_compact(subtle.unequal_pair)), 2),
    "float32 cancelling pair": (precision.in_float32(_compact(subtle.cancelling_pair)), 6),
    "float32 planar cluster": (precision.in_float32(_compact(subtle.planar_cluster)), 2),
    "float32 unequal neurons": (precision.in_float32(_compact(subtle.unequal_neurons)), 8),
    "float32 polynomials": (precision.in_float32(geometry.near_duplicates_of_polynomials), 15),
    "float32 parallel": (precision.in_float32(_compact(geometry.parallel)), 3),
    "float32 low degree": (precision.in_float32(small.low_degree), 5),
    "float32 kkt near-duplicates": (precision.in_float32(stationary.near_duplicates), 2),
    "float32 coplanar": (precision.in_float32(_compact(geometry.coplanar)), 3),
    "float32 cluster": (precision.in_float32(_compact(geometry.cluster)), 2),
    "float32 faint": (precision.in_float32(_compact(geometry.faint)), 8),
    "half separated": (precision.in_half(_compact(geometry.separated)), 12),
    "half near-duplicates": (precision.in_half(_compact(geometry.near_duplicates)), 8),
    "half stationary": (precision.in_half(stationary.unequal), 5),
    "below one ulp": (precision.below_one_ulp, 10),
    # many steps of training
    "trained as kkt": (basic.trained, 4),
    "trained, initial weights known": (basic.trained_known, 4),
    "trained, one step": (training.one_step, 10),
    "trained, few steps": (training.few_steps, 2),
    "trained to fit": (training.to_fit, 1),
    "trained output layer": (training.frozen_hidden, 10),
    "trained with momentum": (training.with_momentum, 5),
    "trained in batches": (training.in_batches, 1),
    "trained with decay": (training.with_decay, 1),
    "trained by Adam": (training.by_adam, 5),
    "decayed, read as kkt": (training.decayed_to_kkt, 3),
    # wrong statements
    "wrong coefficient of a power": (wrong.power_coefficient, 4),
    "wrong coefficient of two": (wrong.two_terms, 10),
    "wrong coefficient of three": (wrong.three_terms, 10),
    "wrong lower degree": (wrong.extra_term, 10),
    "wrong degree": (wrong.degree, 4),
    "wrong seed": (wrong.other_seed, 8),
    "wrong row": (wrong.one_row, 6),
    "wrong scale of a0": (wrong.scaled_outputs, 10),
    "wrong count": (wrong.count, 1),
    "wrong norm of a power": (wrong.norm_of_a_power, 4),
    "wrong norm of a polynomial": (wrong.norm_of_a_polynomial, 8),
    "wrong norm with a margin": (wrong.norm_and_margin, 4),
    "random change": (wrong.random_change, 8),
}
"""Builder and share of every family; a round has as many instances as the shares add up to."""


@cache
def round_robin() -> tuple[str, ...]:
    """Return the families in the order of one round, each spread evenly over it."""
    places = [
        ((place + 0.5) / share, name)
        for name, (_, share) in FAMILIES.items()
        for place in range(share)
    ]
    return tuple(name for _, name in sorted(places))


def family(number: int) -> str:
    """Return the family of an instance."""
    order = round_robin()
    return order[number % len(order)]


def instance(number: int, seed: int = SEED) -> tuple[str, Case]:
    """Rebuild an instance from its number alone."""
    name = family(number)
    return name, FAMILIES[name][0](np.random.default_rng([seed, number]))


def numbers(name: str | None, count: int) -> list[int]:
    """Return the first instances, of one family or of all."""
    if name is None:
        return list(range(count))
    order = round_robin()
    places = [k for k, other in enumerate(order) if other == name]
    rounds = -(-count // len(places))
    return [turn * len(order) + place for turn in range(rounds) for place in places][:count]
