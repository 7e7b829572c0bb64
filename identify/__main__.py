"""Command line: ``identify demo`` and ``identify verify``."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import tyro
from rich.console import Console

from identify.equations.activation import parse_activation
from identify.equations.weights import read_weights
from identify.options import Options, check_options
from identify.verify import verify_weights


@dataclass(frozen=True)
class Demo:
    """Train a cubic network on real digits, then recover the digits from its weights."""

    out: Path = Path()
    """Folder for report.html, recovered.png and weights.npz."""
    samples: int = 20
    """Number of digits."""
    neurons: int = 1000
    """Number of neurons."""
    seed: int = 1
    """Draws the digits, the initial weights and the slices."""


@dataclass(frozen=True)
class Verify:
    """Decide whether the weights in a file determine the samples they were trained on."""

    weights: Annotated[Path, tyro.conf.Positional]
    """A .npz, .safetensors, .pt or .pth file with a, W and, where known, a0, W0."""
    a: str | None = None
    """Name of the output weights in the file, where they are not called a."""
    w: str | None = None
    """Name of the first layer, where it is not called W."""
    a0: str | None = None
    """Name of the initial output weights, where they are not called a0."""
    w0: str | None = None
    """Name of the initial first layer, where it is not called W0."""
    activation: tuple[float, ...] = field(default=(3.0,))
    """One number alpha for t^alpha, or the coefficients c_0 ... c_alpha of a polynomial."""
    n_samples: int | None = None
    """Number of samples, if known."""
    unit_norm: bool | None = None
    """Whether the samples are known to have norm 1."""
    margin: float | None = None
    """The common margin of the active samples, if known (weights trained to a KKT point)."""
    certify: bool = False
    """Also prove the rank in exact arithmetic."""
    seed: int = 0
    """Seed of the random slices."""
    html: Path | None = None
    """Write the report as one self-contained page."""
    json: Path | None = None
    """Write the report as JSON."""


def main(arguments: list[str] | None = None) -> int:
    """Run the command line.

    Args:
        arguments: Arguments; those of the process if None.

    Returns:
        0 for a verdict, 2 for bad input.
    """
    command = tyro.extras.subcommand_cli_from_dict(
        {"demo": Demo, "verify": Verify},
        prog="identify",
        description="Do these weights give their training data away?",
        args=arguments,
    )
    try:
        if isinstance(command, Demo):
            _demo(command)
        else:
            _verify(command)
    except (ValueError, OSError) as error:
        Console(stderr=True).print(
            f"identify: {error}", markup=False, highlight=False, soft_wrap=True
        )
        return 2
    return 0


def _demo(command: Demo) -> None:
    from identify.demo.run import run_demo

    if command.samples < 1 or command.samples > 60:
        raise ValueError(f"--samples: found {command.samples}; pass 1 to 60")
    if command.neurons < 1:
        raise ValueError(f"--neurons: found {command.neurons}; pass a positive number")
    run_demo(
        command.out,
        samples=command.samples,
        neurons=command.neurons,
        seed=command.seed,
        console=Console(),
    )


def _verify(command: Verify) -> None:
    weights = read_weights(command.weights, a=command.a, w=command.w, a0=command.a0, w0=command.w0)
    number = command.activation[0] if len(command.activation) == 1 else None
    if number is not None and not number.is_integer():
        raise ValueError(f"--activation: found {number:g}; pass one integer or c_0 ... c_alpha")
    sigma = parse_activation(command.activation if number is None else int(number))
    console = Console()
    with Console(stderr=True).status("verification") as status:
        options = Options(
            command.n_samples,
            command.unit_norm,
            command.margin,
            command.certify,
            command.seed,
            lambda step, residual: status.update(f"verification: {step} {residual:.1e}"),
        )
        report = verify_weights(weights, sigma, check_options(options, weights.setting))
    console.print(str(report), markup=False, highlight=False, soft_wrap=True)
    if command.json is not None:
        report.to_json(command.json)
    if command.html is not None:
        report.to_html(command.html)


if __name__ == "__main__":
    sys.exit(main())
