"""Loss, priors and eliminated multipliers against materialised gradients and formulas."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.optimize import nnls

from attack.descent.objective import (
    Priors,
    least_squares,
    loss,
    residual,
    squared_norm,
    total_variation,
)
from attack.maps.objectives import kkt, multiclass, ntk, random_features, signed
from attack.network.activations import ReLU, Softplus, power
from attack.network.mlp import Layer, initial, outputs

d, k = 5, 4


def network(C=1, seed=0):
    theta = initial([d, 7, 6, C], biases=[True, False, True], scales=[0.6] * 3, seed=seed)
    theta[0].bias.copy_(torch.linspace(-0.4, 0.4, 7))
    theta[2].bias.copy_(torch.linspace(-0.2, 0.3, C))
    return theta


def candidates(seed=1):
    return torch.randn(k, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def rows(theta, sigma, x, scalar):
    """(k, P) gradients in theta of scalar(Phi(x_i), i), one backward pass a sample."""
    tensors = [t.detach().clone().requires_grad_() for layer in theta for t in layer.tensors()]
    pieces = iter(tensors)
    layers = [Layer(next(pieces), next(pieces) if a.bias is not None else None) for a in theta]
    found = []
    for i in range(len(x)):
        value = scalar(outputs(layers, sigma, x[i : i + 1])[0], i)
        found.append(torch.cat([g.flatten() for g in torch.autograd.grad(value, tensors)]))
    return torch.stack(found)


def cases():
    y, classes = torch.tensor([1.0, -1.0, -1.0, 1.0]), torch.tensor([0, 2, 1, 0])
    x, new, old, many = candidates(), network(seed=7), network(), network(3)

    def margin(phi, i):
        return phi[classes[i]] - phi[[j for j in range(3) if j != classes[i]]].max()

    change = [b.minus(a) for a, b in zip(old, new, strict=True)]
    for sigma in (ReLU(), Softplus(3.0), power(3)):
        yield x, kkt(new, sigma, y), new, rows(new, sigma, x, lambda phi, i: y[i] * phi[0])
        yield x, multiclass(many, sigma, classes), many, rows(many, sigma, x, margin)
        yield x, signed(new, sigma), new, rows(new, sigma, x, lambda phi, i: phi[0])
        yield x, ntk(old, new, sigma), change, rows(old, sigma, x, lambda phi, i: phi[0])


def flat(layers):
    return torch.cat([t.flatten() for layer in layers for t in layer.tensors()])


@pytest.mark.parametrize(("x", "m", "target", "F"), list(cases()))
def test_loss_and_multipliers_agree_with_materialised_gradients(x, m, target, F):
    b = flat(target)
    size = b.square().sum() + F.square().sum()
    weights = torch.linspace(-0.5, 1.0, k, dtype=torch.float64)
    r = torch.cat([t.flatten() for t in residual(m, x, weights)])
    assert (r - (b - weights @ F)).norm() <= 1e-12 * size.sqrt()
    assert abs(loss(m, x, weights) - r.square().sum()) <= 1e-12 * size
    assert (m.gram(x) - F @ F.T).norm() <= 1e-12 * (F @ F.T).norm()
    assert (m.inner(x, m.target) - F @ b).norm() <= 1e-12 * F.norm() * b.norm()
    expected = torch.linalg.lstsq(F.T, b[:, None]).solution[:, 0]
    found = least_squares(m, x)
    assert (found - expected).norm() <= 1e-7 * expected.norm()
    positive = least_squares(m, x, nonnegative=True)
    assert (positive >= 0).all()
    solution, distance = nnls(F.T.numpy(), b.numpy())
    assert np.abs(positive.numpy() - solution).max() <= 1e-7 * np.abs(solution).max()
    assert abs(loss(m, x, positive) - distance**2) <= 1e-10 * size
    assert loss(m, x, found) <= loss(m, x, positive) + 1e-10 * size


def test_random_features_leave_the_relative_distance_to_the_row_span():
    x, old = candidates(), network()
    generator = torch.Generator().manual_seed(3)
    last = Layer(torch.randn(1, 6, generator=generator, dtype=torch.float64), old[2].bias + 0.3)
    m = random_features(old, [*old[:2], last], Softplus(3.0))
    features = rows(old, Softplus(3.0), x, lambda phi, i: phi[0])[:, -7:]
    change = torch.cat([(last.weight - old[2].weight)[0], torch.full((1,), 0.3).double()])
    Q = torch.linalg.qr(features.T)[0]
    expected = (change - Q @ (Q.T @ change)).norm() / change.norm()
    found = (loss(m, x, least_squares(m, x)) / squared_norm(m.target)).sqrt()
    assert 0.05 < expected < 1
    assert abs(found - expected) < 1e-9


@pytest.mark.parametrize("nonnegative", [True, False])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_duplicates_and_dead_candidates_do_not_break_the_elimination(dtype, nonnegative):
    theta = [Layer(a.weight.to(dtype)) for a in network()]
    x = candidates().to(dtype)
    x = torch.cat([x, x, torch.zeros_like(x)])  # the last four have gradient 0
    m = signed(theta, ReLU())
    found = least_squares(m, x, nonnegative=nonnegative)
    once = least_squares(m, x[:k], nonnegative=nonnegative)
    assert found.isfinite().all()
    size = squared_norm(m.target)
    tolerance = 1e-9 if dtype == torch.float64 else 1e-4
    assert abs(loss(m, x, found) - loss(m, x[:k], once)) <= tolerance * size
    assert least_squares(m, 0 * x, nonnegative=nonnegative).tolist() == [0] * 12


def test_one_candidate():
    x, m = candidates()[:1], signed(network(), Softplus(3.0))
    expected = m.inner(x, m.target) / m.gram(x)[0]
    assert least_squares(m, x).item() == pytest.approx(expected.item(), rel=1e-10)
    assert least_squares(m, x, nonnegative=True).item() == pytest.approx(
        max(expected.item(), 0.0), rel=1e-10
    )


def test_priors_are_the_published_formulas():
    x = torch.tensor([[1.5, -0.2, 0.3, 0.9], [0.0, -3.0, 1.0, 0.5]], dtype=torch.float64)
    weights = torch.tensor([0.1, 0.7], dtype=torch.float64)
    assert Priors().value(x, weights) == 0
    assert Priors().value(x.float(), weights.float()).dtype == torch.float32
    # Haim et al. 2022: relu(x - 1)^2 + relu(-1 - x)^2 summed, and 5 relu(lambda_min - lambda)^2
    haim = Priors(box=1.0, multiplier=5.0, lambda_min=0.4471)
    box = torch.relu(x - 1).square().sum() + torch.relu(-1 - x).square().sum()
    assert box == 0.5**2 + 2.0**2
    assert haim.value(x, weights) == pytest.approx(4.25 + 5 * 0.3471**2, rel=1e-12)
    assert Priors(box=2.0, bound=2.5).value(x, weights) == pytest.approx(2 * 0.25, rel=1e-12)
    # total variation of [[1.5, -0.2], [0.3, 0.9]] and [[0, -3], [1, 0.5]]
    down, across = 1.2 + 1.1 + 1.0 + 3.5, 1.7 + 0.6 + 3.0 + 0.5
    smooth = Priors(variation=0.1, shape=(2, 2))
    assert smooth.value(x, weights) == pytest.approx(0.1 * (down + across), rel=1e-12)


def test_total_variation_in_colour_and_its_errors():
    generator = torch.Generator().manual_seed(0)
    pictures = torch.randn(3, 4, 5, 2, generator=generator, dtype=torch.float64)
    expected = sum(
        np.abs(np.diff(p[..., c], axis=a)).sum()
        for p in pictures.numpy()
        for c in range(2)
        for a in range(2)
    )
    found = total_variation(pictures.flatten(1), (4, 5, 2))
    assert found.item() == pytest.approx(expected, rel=1e-12)
    for shape in (None, (5, 5), (40,)):
        with pytest.raises(ValueError, match=r"shape: found .* for pictures of 40 pixels; pass"):
            total_variation(pictures.flatten(1), shape)


def test_gradients_of_the_priors_are_those_of_finite_differences():
    generator = torch.Generator().manual_seed(0)
    x = (2 * torch.randn(2, 6, generator=generator, dtype=torch.float64)).requires_grad_()
    weights = torch.tensor([0.1, 0.9], dtype=torch.float64, requires_grad=True)
    priors = Priors(1.0, 1.0, 5.0, 0.4, 0.3, (2, 3))
    assert torch.autograd.gradcheck(priors.value, (x, weights))
