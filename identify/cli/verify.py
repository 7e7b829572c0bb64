"""``identify verify``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from identify.checkpoints.linear_layers import as_network
from identify.cli.activation import polynomial_of
from identify.cli.progress import progress_bar, step_line
from identify.cli.stated import NOTHING_STATED, StatedTraining
from identify.equations.weights import Weights, read_states, read_weights, with_bias
from identify.files import check_target
from identify.network import verify_network, verify_relu
from identify.options import Options, check_options
from identify.verify import verify_weights

if TYPE_CHECKING:
    from identify.report import IdentifiabilityReport


@dataclass(frozen=True)
class Verify:
    """Decide whether the weights in a file determine the samples they were trained on."""

    weights: Annotated[Path, tyro.conf.Positional]
    """A .npz, .safetensors, .pt or .pth file with a, W and, where known, a0, W0; with --init any
    checkpoint of two linear layers and one output, with --activation relu of any number of linear
    layers; with or without biases."""
    init: Path | None = None
    """The same network before training, in a checkpoint of its own; with --activation relu its head
    and its names may be others."""
    a: str | None = None
    """Name of the output weights in the file, where they are not called a."""
    w: str | None = None
    """Name of the first layer, where it is not called W."""
    a0: str | None = None
    """Name of the initial output weights, where they are not called a0."""
    w0: str | None = None
    """Name of the initial first layer, where it is not called W0."""
    activation: Annotated[tuple[str, ...], tyro.conf.arg(metavar="NUMBER [NUMBER ...]")] = ("3",)
    """One number alpha for t^alpha, the coefficients c_0 ... c_alpha of a polynomial, or relu."""
    n_samples: int | None = None
    """Number of samples, if known."""
    unit_norm: bool | None = None
    """Whether the samples are known to have norm 1."""
    margin: float | None = None
    """The common margin of the active samples, if known (weights trained to a KKT point)."""
    certify: bool = False
    """Also prove what can be proved: ranks in exact arithmetic, samples in ball arithmetic."""
    certificate: Path | None = None
    """Prove as for --certify and write the certificate, which identify check proves anew."""
    seed: int = 0
    """Seed of the random slices."""
    training: StatedTraining = NOTHING_STATED
    """What is known of how the weights were trained."""
    bias: bool = False
    """The last column of W and W0 is the bias of the first layer."""
    html: Path | None = None
    """Write the report as one self-contained page."""
    json: Path | None = None
    """Write the report as JSON."""

    def run(self) -> None:
        """Check where the reports go, verify, print and write."""
        from rich.console import Console

        check_target(self.json, "--json")
        check_target(self.html, "--html")
        check_target(self.certificate, "--certificate")
        with progress_bar() if self.activation == ("relu",) else step_line() as announce:
            options = Options(
                n_samples=self.n_samples,
                unit_norm=self.unit_norm,
                margin=self.margin,
                certify=self.certify or self.certificate is not None,
                seed=self.seed,
                training=self.training.checked(),
                progress=announce,
            )
            report = self._report(options)
        Console().print(str(report), markup=False, highlight=False, soft_wrap=True)
        if self.json is not None:
            report.to_json(self.json)
        if self.html is not None:
            report.to_html(self.html)
        if self.certificate is not None and report.certificate is not None:
            report.certificate.to_json(self.certificate)

    def _report(self, options: Options) -> IdentifiabilityReport:
        if self.activation != ("relu",):
            sigma = polynomial_of(self.activation)
            weights = self._weights()
            return verify_weights(weights, sigma, check_options(options, weights.setting))
        if self.init is None:
            weights = self._weights_of_relu()
            if weights.setting != "known-init":
                raise ValueError(
                    "--activation: found relu without initial weights; pass --init, or a file "
                    "that also holds a0 and W0"
                )
            return verify_relu(weights, options)
        self._unnamed()
        unused = {"--unit-norm": self.unit_norm, "--margin": self.margin}
        for option, given in unused.items():
            if given is not None:
                raise ValueError(f"{option}: found with --activation relu; leave it out")
        return verify_network(
            self.weights,
            self.init,
            n_samples=self.n_samples,
            certify=options.certify,
            training=options.training,
            seed=self.seed,
            progress=options.progress,
        )

    def _weights(self) -> Weights:
        if self.init is None:
            weights = read_weights(self.weights, a=self.a, w=self.w, a0=self.a0, w0=self.w0)
            return with_bias(weights, bias=self.bias)
        self._unnamed()
        if self.bias:
            raise ValueError("--bias: found beside --init, where files name it; leave it out")
        return read_states(self.weights, self.init)

    def _weights_of_relu(self) -> Weights:
        """Read a0 and W0 with a and W; where a checkpoint was given instead, ask for --init."""
        try:
            return self._weights()
        except ValueError as error:
            try:
                layers = as_network(self.weights)
            except ValueError:
                raise error from None
            raise ValueError(
                f"--init: found none beside a checkpoint of {len(layers)} layers; pass the network "
                "before training"
            ) from error

    def _unnamed(self) -> None:
        for name in ("a", "w", "a0", "w0"):
            found = getattr(self, name)
            if found is not None:
                raise ValueError(f"--{name}: found {found!r} beside --init; leave out --{name}")
