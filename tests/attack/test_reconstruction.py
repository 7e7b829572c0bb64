"""The public call: kinds of networks, objectives, starts, subspace, memory that runs out."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from attack import KernelEquations, Layer, Priors, ReconstructionConfig, Truth, reconstruct
from attack.descent.curvature import splitting_operator
from attack.descent.loop import reconstruct_map
from attack.descent.objective import loss, residual
from attack.descent.state import initial_candidates
from attack.maps.batches import BatchedMap, out_of_memory
from attack.maps.objectives import kkt, ntk
from attack.network.activations import ReLU, Softplus, power, softplus_schedule
from attack.network.mlp import initial
from identify.findings import Recovery

CONFIG = ReconstructionConfig(
    optimizer="adam",
    rate=0.01,
    weight_rate=0.01,
    steps=30,
    block=10,
    candidates=4,
    init=0.5,
    mean=False,
    priors=Priors(),
)


def layers(seed=0, outputs=1, d=6, width=12, biases=(True, False)):
    return initial((d, width, outputs), biases=biases, scales=(0.7, 0.5), seed=seed)


def sequential(theta, activation):
    parts = []
    for number, layer in enumerate(theta):
        part = nn.Linear(*layer.weight.T.shape, bias=layer.bias is not None, dtype=torch.float64)
        part.weight.data = layer.weight.clone()
        if layer.bias is not None:
            part.bias.data = layer.bias.clone()
        parts += [part] if number == 0 else [activation, part]
    return nn.Sequential(*parts)


class Wrapped(nn.Module):
    """The same network, whose layers cannot be seen."""

    def __init__(self, inside):
        super().__init__()
        self.inside = inside

    def forward(self, x):
        return self.inside(x)


def difference(a, b):
    return float((a.x - b.x).abs().max() + (a.weights - b.weights).abs().max())


@pytest.mark.parametrize("objective", ["kkt", "signed", "multiclass", "ntk"])
def test_layers_sequential_and_any_module_give_the_same_run(objective):
    outputs = 3 if objective == "multiclass" else 1
    trained, before = layers(0, outputs), layers(1, outputs)
    given = {"init": before} if objective == "ntk" else {}
    one = reconstruct(trained, objective, CONFIG, activation=Softplus(5.0), **given)
    plain = sequential(trained, nn.Softplus(5.0))
    start = sequential(before, nn.Softplus(5.0))
    two = reconstruct(plain, objective, CONFIG, init=start if given else None)
    hidden = Wrapped(start) if given else None
    three = reconstruct(Wrapped(plain), objective, CONFIG, init=hidden)
    assert difference(one, two) == 0
    assert difference(one, three) < 1e-10
    assert one.history[-1].loss < one.history[0].loss


def test_the_loss_is_that_of_the_map_written_by_hand():
    theta = layers(biases=(True, True))
    result = reconstruct(theta, "kkt", replace(CONFIG, steps=3), activation=ReLU())
    assert sorted(result.labels.tolist()) == [-1, -1, 1, 1]
    by_hand = kkt(theta, ReLU(CONFIG.sharpness), result.labels)
    end = float(loss(by_hand, result.x, result.weights))
    assert result.history[-1].loss == pytest.approx(end, rel=1e-12)


@pytest.mark.parametrize(
    ("choice", "sigma"),
    [("exact", ReLU()), ("sigmoid", ReLU(20.0)), ("softplus", softplus_schedule(0))],
)
def test_relu_is_smoothed_as_the_config_says_and_nothing_else_is(choice, sigma):
    trained, before = layers(0), layers(1)
    config = replace(CONFIG, steps=1, block=1, relu=choice, sharpness=20.0)
    x, weights = initial_candidates(config, 6)
    for activation, expected in ((ReLU(), sigma), (power(3), power(3))):
        result = reconstruct(trained, "ntk", config, init=before, activation=activation)
        first = float(loss(ntk(before, trained, expected), x, weights))
        assert result.history[0].loss == pytest.approx(first, rel=1e-12)


def exact_problem(n=4, d=6):
    before = layers(3, d=d, width=40, biases=(False, False))
    generator = torch.Generator().manual_seed(1)
    x = nn.functional.normalize(torch.randn(n, d, generator=generator, dtype=torch.float64))
    b = torch.tensor([1.0, -0.7, 0.4, -1.2][:n], dtype=torch.float64)
    step = ntk(before, before, power(3)).combine(x, b)
    trained = [Layer(layer.weight + t) for layer, t in zip(before, step, strict=True)]
    return before, trained, x, b


def test_a_recovery_is_a_start_with_signed_multipliers():
    before, trained, x, b = exact_problem()
    recovery = Recovery(x.numpy(), b.numpy(), np.zeros(4), True, 0.0, ())
    for mean in (False, True):
        config = replace(CONFIG, steps=1, mean=mean)
        warm = reconstruct(trained, "ntk", config, init=before, activation=power(3), start=recovery)
        assert warm.history[0].loss < 1e-25
    signs = reconstruct(
        trained, "kkt", replace(CONFIG, steps=1), activation=power(3), start=recovery
    )
    assert signs.labels.tolist() == [1, -1, 1, -1]
    assert bool((signs.weights > 0).all())


def test_in_the_subspace_the_samples_come_back_whole():
    before, trained, x, _ = exact_problem(n=3, d=6)
    config = replace(
        CONFIG,
        optimizer="levenberg",
        multipliers="least squares",
        candidates=3,
        steps=120,
        tolerance=1e-24,
        seed=2,
    )
    result = reconstruct(
        trained,
        "ntk",
        config,
        init=before,
        activation=power(3),
        equations=KernelEquations(subspace=True),
        truth=Truth(x, symmetry="line"),
    )
    basis = torch.linalg.svd(x)[2][:3]
    outside = result.x - result.x @ basis.T @ basis
    assert float(outside.abs().max()) < 1e-12
    assert result.x.shape == (3, 6)
    assert min(result.history[-1].metric) == pytest.approx(1.0, abs=1e-8)


def test_batches_give_the_same_sums_gradients_and_curvature():
    theta = layers()
    labels = torch.tensor([1, -1, 1, 1, -1, 1, -1])
    whole = kkt(theta, Softplus(3.0), labels)
    parts = BatchedMap(lambda rows: kkt(theta, Softplus(3.0), labels[rows]), 3)
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(7, 6, generator=generator, dtype=torch.float64).requires_grad_()
    weights = torch.rand(7, generator=generator, dtype=torch.float64).requires_grad_()
    slopes = [torch.autograd.grad(loss(f, x, weights), [x, weights]) for f in (whole, parts)]
    for a, b in zip(*slopes, strict=True):
        assert torch.allclose(a, b, rtol=1e-12, atol=1e-12)
    r = residual(whole, x.detach(), weights.detach())
    assert torch.allclose(whole.inner(x, r), parts.inner(x, r), rtol=1e-12)
    V = torch.randn(7, 6, generator=generator, dtype=torch.float64)
    products = [splitting_operator(f, x, weights, r)(V) for f in (whole, parts)]
    assert torch.allclose(*products, rtol=1e-11, atol=1e-12)
    assert torch.allclose(whole.gram(x), parts.gram(x))


class Small:
    """A map on a machine whose memory holds three candidates."""

    def __init__(self, inside):
        self.inside, self.target = inside, inside.target
        self.inner, self.gram = inside.inner, inside.gram

    def combine(self, x, weights):
        if len(x) > 3:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return self.inside.combine(x, weights)


def test_a_run_that_does_not_fit_goes_on_in_batches_to_the_same_end():
    before, trained, *_ = exact_problem()
    f = ntk(before, trained, power(3))
    config = replace(CONFIG, candidates=10)
    x, weights = initial_candidates(config, 6)
    expected = reconstruct_map(f, x, weights, config)
    with (
        pytest.warns(RuntimeWarning, match="memory ran out with 10 .* going on with 5"),
        pytest.warns(RuntimeWarning, match="memory ran out with 5 .* going on with 3"),
    ):
        found = reconstruct_map(Small(f), x, weights, config)
    assert difference(expected, found) < 1e-10
    start = reconstruct_map(Small(f), x, weights, replace(config, batch=2))
    assert difference(expected, start) < 1e-10
    assert not out_of_memory(RuntimeError("shapes do not fit"))


def test_tf32_is_float32_on_a_cpu_and_leaves_the_setting_as_it_was():
    trained = layers()
    before = torch.get_float32_matmul_precision()
    one, two = (
        reconstruct(trained, "signed", replace(CONFIG, dtype=name), activation=power(3))
        for name in ("tf32", "float32")
    )
    assert one.x.dtype == torch.float32
    assert difference(one, two) == 0
    assert torch.get_float32_matmul_precision() == before


def test_what_does_not_fit_is_refused_in_one_sentence():
    theta, sigma = layers(), Softplus(5.0)
    cases = [
        ("objective: found 'other'", (theta, "other"), {"activation": sigma}),
        ("init: found None", (theta, "ntk"), {"activation": sigma}),
        ("activation: found None", (theta, "kkt"), {}),
        ("model: found str", ("weights", "kkt"), {}),
        ("start: found shapes", (theta, "kkt"),
         {"activation": sigma, "start": (torch.ones(2, 5), torch.ones(2))}),
        ("equations.subspace", (theta, "kkt"),
         {"activation": sigma, "equations": KernelEquations(subspace=True)}),
        ("with no layers to be told apart", (Wrapped(sequential(theta, nn.Tanh())),
         "random-features"), {"init": Wrapped(sequential(theta, nn.Tanh()))}),
        ("other parameters", (Wrapped(sequential(theta, nn.Tanh())), "ntk"),
         {"init": sequential(theta, nn.Tanh())}),
        ("labels", (theta, "kkt"), {"activation": sigma, "labels": torch.zeros(4)}),
    ]  # fmt: skip
    for words, positional, named in cases:
        with pytest.raises(ValueError, match=words):
            reconstruct(*positional, CONFIG, **named)
