"""Batched Lanczos and the written-out Hessian products against dense Hessians and one by one."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from attack.descent.curvature import (
    hessian_product,
    random_start,
    smallest_eigenpairs,
    splitting_operator,
)
from attack.descent.objective import residual
from attack.maps.any_module import ModuleMap
from attack.maps.objectives import kkt, multiclass, ntk
from attack.maps.subspace import SubspaceMap
from attack.network.activations import PolynomialActivation, ReLU, Softplus, power
from attack.network.mlp import Layer, initial

ACTIVATIONS = {
    "relu": ReLU(),
    "smoothed": ReLU(6.0),
    "softplus": Softplus(3.0),
    "cubic": power(3),
    "polynomial": PolynomialActivation((0.1, 1.0, 0.5, -0.2)),
    "affine": PolynomialActivation((0.1, 1.0)),
    "constant": PolynomialActivation((0.5,)),
}
d, k = 6, 4


def network(depth, *, biases=True, C=1, seed=0):
    widths = [*[d, 8, 7, 5][:depth], C]
    theta = initial(widths, biases=[biases] * depth, scales=[0.5] * depth, seed=seed)
    generator = torch.Generator().manual_seed(seed + 100)
    for layer in theta:
        if layer.bias is not None:
            layer.bias.copy_(0.3 * torch.randn(layer.bias.shape, generator=generator))
    return theta


def candidates(seed=1):
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(k, d, generator=generator, dtype=torch.float64)
    return x, torch.rand(k, generator=generator, dtype=torch.float64) - 0.3


def maps(sigma, depth, biases=True):
    old, new = network(depth, biases=biases), network(depth, biases=biases, seed=7)
    y = torch.tensor([1.0, -1.0, -1.0, 1.0])
    return {
        "kkt": kkt(new, sigma, y),
        "both": ntk(old, new, sigma, at="both"),
        "last": ntk(old, new, sigma, last_layer=True),
        "multiclass": multiclass(network(depth, biases=biases, C=3), sigma, torch.arange(k) % 3),
    }


def one(m, i):
    """The map of sample i alone."""
    return type(m)(m.evaluations, m.activation, lambda phi: m.outputs(phi.expand(k, -1))[i : i + 1])


def dense(m, x, weights, r):
    """S(x_i) by torch.autograd.functional.hessian, sample by sample."""
    found = []
    for i in range(k):

        def g(point, i=i):
            return one(m, i).inner(point[None], r)[0]

        S = torch.autograd.functional.hessian(g, x[i]) if _depends(g, x[i]) else torch.zeros(d, d)
        found.append(-2 * weights[i] * S)
    return torch.stack([S.to(x) for S in found])


def _depends(g, point):
    return g(point.clone().requires_grad_()).requires_grad


@pytest.mark.parametrize(("depth", "biases"), [(1, True), (2, True), (3, False), (4, True)])
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_operator_and_eigenpairs_agree_with_dense_hessians(name, depth, biases):
    x, weights = candidates()
    for m in maps(ACTIVATIONS[name], depth, biases).values():
        r = residual(m, x, weights)
        S = dense(m, x, weights, r)
        size = S.norm() + 1e-9
        assert (S - S.mT).norm() <= 1e-12 * size
        operator = splitting_operator(m, x, weights, r)
        V = random_start(x, 0)
        expected = torch.einsum("kij,kj->ki", S, V)
        assert (operator(V) - expected).norm() <= 1e-12 * size * V.norm()
        found = smallest_eigenpairs(operator, V, steps=d)
        assert (found.values - torch.linalg.eigvalsh(S)[:, 0]).abs().max() <= 1e-10 * size
        image = torch.einsum("kij,kj->ki", S, found.vectors)
        assert (image - found.values[:, None] * found.vectors).norm() <= 1e-7 * size


def test_exact_relu_has_no_curvature_and_smoothed_relu_has():
    x, weights = candidates()
    for sigma, curved in ((ReLU(), False), (ReLU(6.0), True)):
        m = maps(sigma, 3)["kkt"]
        operator = splitting_operator(m, x, weights, residual(m, x, weights))
        found = smallest_eigenpairs(operator, random_start(x, 0))
        assert bool(found.values.abs().max() > 1e-3) == curved
        assert (found.vectors.norm(dim=1) - 1).abs().max() < 1e-12
        if not curved:
            assert found.values.tolist() == [0] * k
            assert found.residuals.tolist() == [0] * k


def test_any_module_has_the_same_curvature():
    theta, (x, weights) = network(3), candidates()
    module = nn.Sequential(
        nn.Linear(d, 8), nn.Softplus(3.0), nn.Linear(8, 7), nn.Softplus(3.0), nn.Linear(7, 1)
    ).double()
    tensors = [t for layer in theta for t in layer.tensors()]
    names = dict(zip(dict(module.named_parameters()), tensors, strict=True))
    y = torch.tensor([1.0, -1.0, -1.0, 1.0], dtype=torch.float64)
    m = kkt(theta, Softplus(3.0), y)
    twin = ModuleMap(module, names, names, lambda phi: y[:, None])
    r, V = residual(m, x, weights), random_start(x, 0)
    found, expected = hessian_product(twin, x, r)(V), hessian_product(m, x, r)(V)
    assert (found - expected).norm() <= 1e-12 * expected.norm()


def test_curvature_in_a_subspace_is_the_restricted_matrix():
    m, (x, weights) = maps(Softplus(3.0), 3)["kkt"], candidates()
    basis = torch.linalg.qr(candidates(5)[0].T)[0].T[:3]
    u = x @ basis.T
    r = residual(m, u @ basis, weights)
    S = basis @ dense(m, u @ basis, weights, r) @ basis.T
    V = random_start(u, 0)
    found = splitting_operator(SubspaceMap(m, basis), u, weights, r)(V)
    assert (found - torch.einsum("kij,kj->ki", S, V)).norm() <= 1e-12 * S.norm() * V.norm()


def matrices(values, seed=0):
    """Symmetric matrices with the given spectra, (k, n)."""
    generator = torch.Generator().manual_seed(seed)
    n = values.shape[1]
    Q = torch.linalg.qr(torch.randn(len(values), n, n, generator=generator, dtype=torch.float64))[0]
    return Q @ torch.diag_embed(values) @ Q.mT


def test_twenty_steps_find_an_isolated_eigenvalue_and_bound_the_error_of_any():
    values = torch.linspace(-1, 1, 60, dtype=torch.float64).repeat(3, 1)
    values[0, 0], values[1, 0] = -4.0, -1.3
    S = matrices(values)
    start = random_start(S[:, 0], 3)
    found = smallest_eigenpairs(lambda V: torch.einsum("kij,kj->ki", S, V), start)
    assert abs(found.values[0] + 4) < 1e-10
    assert (found.values >= values[:, 0] - 1e-12).all()  # never below the smallest
    image = torch.einsum("kij,kj->ki", S, found.vectors) - found.values[:, None] * found.vectors
    assert (image.norm(dim=1) - found.residuals).abs().max() < 1e-10
    distance = (values - found.values[:, None]).abs().amin(1)
    assert (distance <= found.residuals + 1e-12).all()


def test_agrees_with_lanczos_one_by_one():
    m, (x, weights) = maps(Softplus(3.0), 4)["both"], candidates()
    r = residual(m, x, weights)
    V = random_start(x, 5)
    found = smallest_eigenpairs(splitting_operator(m, x, weights, r), V, steps=4)
    for i in range(k):
        point = x[i].clone().requires_grad_()
        g = one(m, i).inner(point[None], r)[0]
        (slope,) = torch.autograd.grad(g, point, create_graph=True)
        Q, T = [V[i] / V[i].norm()], torch.zeros(4, 4, dtype=torch.float64)
        for step in range(4):
            (w,) = torch.autograd.grad(slope, point, -2 * weights[i] * Q[-1], retain_graph=True)
            for _ in range(2):
                for row, q in enumerate(Q):
                    T[row, step] += q @ w
                    w = w - (q @ w) * q
            Q.append(w / w.norm())
        value, vector = (t[..., 0] for t in torch.linalg.eigh(T, UPLO="U"))
        assert abs(found.values[i] - value) <= 1e-8 * abs(value)
        assert abs((found.vectors[i] @ torch.stack(Q[:4]).T @ vector).abs() - 1) < 1e-8


def test_krylov_spaces_may_end_early_each_at_its_own_step():
    values = torch.zeros(5, 12, dtype=torch.float64)
    values[0, 0] = -3.0  # rank 1, negative: ends after two steps
    values[1, 0] = 3.0  # rank 1, positive: the smallest is 0
    values[2] = 2.0  # a multiple of the identity: ends at once
    values[3] = torch.linspace(1, 2, 12)  # never ends
    S = matrices(values)  # row 4: zero
    start = random_start(S[:, 0], 0)
    for scale in (1e-30, 1.0, 1e30):
        for steps in (1, 5, 12, 40):
            found = smallest_eigenpairs(
                lambda V, s=scale: torch.einsum("kij,kj->ki", s * S, V), start, steps
            )
            assert found.values.isfinite().all()
            assert ((found.vectors.norm(dim=1) - 1).abs() < 1e-12).all()
            if steps > 2:
                ended = found.values[[0, 1, 2, 4]] / scale
                expected = torch.tensor([-3.0, 0.0, 2.0, 0.0], dtype=torch.float64)
                assert (ended - expected).abs().max() < 1e-12
                assert found.residuals[[0, 1, 2, 4]].max() <= 1e-12 * scale
            if steps >= 12:
                assert abs(found.values[3] / scale - 1) < 1e-12


def test_one_dimension_and_no_sample():
    found = smallest_eigenpairs(lambda V: -2.5 * V, torch.tensor([[3.0], [-1.0]]))
    assert found.values.tolist() == [-2.5, -2.5]
    assert found.vectors.tolist() == [[1.0], [-1.0]]
    m, x = maps(Softplus(3.0), 2)["both"], torch.zeros(0, d, dtype=torch.float64)
    operator = splitting_operator(m, x, x[:, 0], m.target)
    assert smallest_eigenpairs(operator, x).values.shape == (0,)


@pytest.mark.parametrize("name", ["smoothed", "softplus", "cubic"])
def test_single_precision(name):
    theta, (x, weights) = network(3), candidates()
    single = [Layer(a.weight.float(), a.bias.float()) for a in theta]
    y = torch.tensor([1, -1, -1, 1])
    values = []
    for layers, points, multipliers in ((theta, x, weights), (single, x.float(), weights.float())):
        m = kkt(layers, ACTIVATIONS[name], y)
        r = residual(m, points, multipliers)
        operator = splitting_operator(m, points, multipliers, r)
        found = smallest_eigenpairs(operator, random_start(points, 0))
        assert found.values.dtype == found.vectors.dtype == points.dtype
        values.append(found.values.double())
    S = dense(m=kkt(theta, ACTIVATIONS[name], y), x=x, weights=weights, r=[t.double() for t in r])
    assert (values[1] - values[0]).abs().max() <= 1e-4 * S.norm()
    assert (values[0] - torch.linalg.eigvalsh(S)[:, 0]).abs().max() <= 1e-4 * S.norm()


def test_same_seed_same_bits():
    m, (x, weights) = maps(ReLU(6.0), 3)["kkt"], candidates()
    r = residual(m, x, weights)
    runs = [
        smallest_eigenpairs(splitting_operator(m, x, weights, r), random_start(x, seed), steps=3)
        for seed in (1, 1, 2)
    ]
    assert torch.equal(runs[0].values, runs[1].values)
    assert torch.equal(runs[0].vectors, runs[1].vectors)
    assert not torch.equal(runs[0].values, runs[2].values)
    assert torch.equal(random_start(x.float(), 1), random_start(x, 1).float())
