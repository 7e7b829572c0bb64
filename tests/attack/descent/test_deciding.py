"""Lanczos that stops early: bounds from below hold, and decisions are those of all steps."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from attack.descent.curvature import Lanczos, random_start, smallest_eigenpairs
from attack.descent.deciding import decided_eigenpairs, lower_bounds
from attack.descent.splitting import decided, select
from attack.descent.splitting_config import SplittingConfig

SPECTRA = {
    "one below": lambda u: torch.cat([-5 + 0 * u[:1], u[1:]]),
    "spread": lambda u: 20 * (u - 0.5),
    "cluster at the end": lambda u: torch.where(u < 0.2, -3 - 1e-3 * u, 10 * u),
    "decades": lambda u: -(10 ** (6 * u - 3)),
    "rank two": lambda u: torch.where(torch.arange(len(u)) < 2, -4 * u - 1, 0.0),
    "all positive": lambda u: 1 + u,
    "tiny and large": lambda u: torch.where(torch.arange(len(u)) < 3, -1e-9 * u, 1e3 * u),
}


def matrices(spectrum: str, k: int, d: int, seed: int = 0) -> Tensor:
    """Random symmetric matrices (k, d, d) of a spectrum."""
    generator = torch.Generator().manual_seed(seed)
    found = []
    for _ in range(k):
        q = torch.linalg.qr(torch.randn(d, d, generator=generator, dtype=torch.float64))[0]
        u = torch.rand(d, generator=generator, dtype=torch.float64)
        found.append((q * SPECTRA[spectrum](u)) @ q.T)
    return torch.stack(found)


def operator_of(S: Tensor):
    return lambda rows: lambda V: torch.einsum("kij,kj->ki", S[rows], V)


@pytest.mark.parametrize("spectrum", SPECTRA)
def test_the_smallest_eigenvalue_lies_between_the_bounds_after_every_step(spectrum) -> None:
    k, d = 60, 30
    S = matrices(spectrum, k, d)
    exact, broken, last = torch.linalg.eigvalsh(S), 0, torch.full((k,), -torch.inf)
    lanczos = Lanczos(random_start(S[:, 0], 1), d)
    slack = 1e-12 * exact.abs().amax(1)
    for _ in range(d):
        lanczos.step(operator_of(S)(torch.arange(k)))
        ritz = lanczos.ritz()
        assert torch.all(ritz.values[:, 0] >= exact[:, 0] - slack)
        last = lower_bounds(ritz.values, lanczos.norms(), d)
        broken = max(broken, int((last > exact[:, 0] + slack).sum()))
    assert broken <= 2  # 60 samples at a chance of 1 % each
    if spectrum != "cluster at the end":
        assert torch.all(last >= exact[:, 0] - 1e-2 * exact.abs().amax(1))  # and they close


def test_a_start_that_hides_the_eigenvector_is_what_the_bound_excludes() -> None:
    S = matrices("one below", 20, 30)
    _, vectors = torch.linalg.eigh(S)
    start = random_start(S[:, 0], 1)
    start = start - (start * vectors[:, :, 0]).sum(1, keepdim=True) * vectors[:, :, 0]
    lanczos = Lanczos(start, 12)
    for _ in range(12):
        lanczos.step(operator_of(S)(torch.arange(20)))
    low = lower_bounds(lanczos.ritz().values, lanczos.norms(), 30)
    assert torch.all(low > torch.linalg.eigvalsh(S)[:, 0])


def chosen_by_all_steps(S: Tensor, config: SplittingConfig, seed: int) -> Tensor:
    everyone = torch.arange(len(S))
    start = random_start(S[:, 0], seed)
    values = smallest_eigenpairs(operator_of(S)(everyone), start, config.lanczos).values
    return select(values, values, config)


@pytest.mark.parametrize("spectrum", SPECTRA)
@pytest.mark.parametrize("share", [0.1, 0.5, 1.0])
def test_decisions_are_those_of_all_steps_with_fewer_products(spectrum, share) -> None:
    config, k = SplittingConfig(share=share), 60
    for seed in range(3):
        S = matrices(spectrum, k, 40, seed)
        S = S * torch.logspace(-2, 1, k, dtype=torch.float64)[:, None, None]

        def settled(upper: Tensor, lower: Tensor, _residuals: Tensor) -> Tensor:
            taken, left = decided(upper, lower, config)
            assert not torch.any(taken & left)
            return taken | left

        start = random_start(S[:, 0], seed)
        found = decided_eigenpairs(operator_of(S), start, config.lanczos, settled)
        ours = select(found.pairs.values, found.pairs.values, config)
        expected = chosen_by_all_steps(S, config, seed)
        assert set(ours.tolist()) == set(expected.tolist())
        assert found.products <= k * config.lanczos
        v, everyone = found.pairs.vectors, torch.arange(k)
        quotient = (v * operator_of(S)(everyone)(v)).sum(1)
        assert torch.allclose(quotient, found.pairs.values, rtol=1e-9, atol=1e-9)


def test_clear_cut_matrices_take_few_products() -> None:
    S = torch.eye(50, dtype=torch.float64).expand(30, 50, 50).clone()
    S[:10, 0, 0] = -9.0
    config = SplittingConfig(share=1.0)

    def settled(upper: Tensor, lower: Tensor, _residuals: Tensor) -> Tensor:
        taken, left = decided(upper, lower, config)
        return taken | left

    found = decided_eigenpairs(operator_of(S), random_start(S[:, 0], 0), 20, settled)
    assert found.products <= 2 * 30
    chosen = select(found.pairs.values, found.pairs.values, config)
    assert set(chosen.tolist()) == set(range(10))


def test_no_samples_and_no_room_need_no_decision() -> None:
    config = SplittingConfig(limit=3)
    upper = torch.tensor([-5.0, -2.0, 1.0])
    taken, left = decided(upper, upper - 1, config)
    assert not taken.any()
    assert left.all()
    taken, left = decided(upper[:0], upper[:0], SplittingConfig())
    assert not len(taken)
