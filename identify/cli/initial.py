"""The initial weights of a command: a file, or a network built again with the right seed."""

from __future__ import annotations

from pathlib import Path

from identify.cli.progress import progress_bar


def initial_weights(
    trained: Path, init: Path | None, model: str | None, init_seeds: str | None
) -> object:
    """Return what ``--init`` names, or the network of ``--model`` under the seed that fits."""
    if init is not None:
        if model is not None or init_seeds is not None:
            raise ValueError("--init: found with --model or --init-seeds; pass one of the two")
        return init
    if model is None or init_seeds is None:
        raise ValueError("--init: found none; pass a file, or --model with --init-seeds")
    return _seeded(trained, model, init_seeds)


def _seeded(trained: Path, model: str, init_seeds: str) -> object:
    import torch
    from rich.console import Console

    from identify.checkpoints.seeds import load_factory, parse_seeds, search_seeds

    seeds = parse_seeds(init_seeds)
    errors = Console(stderr=True)
    errors.print(f"running {model}, which is your own code, once per seed", highlight=False)
    factory = load_factory(model)
    with progress_bar() as announce:
        found = search_seeds(
            factory, trained, seeds, progress=lambda k: announce("seeds", k / len(seeds))
        )
    if found.seed is None:
        raise ValueError(
            f"--init-seeds: no seed of {init_seeds} stands out, the largest cosine with the "
            f"trained weights is {found.cosines.max():.3f}; pass other seeds or --init"
        )
    errors.print(
        f"initial weights: seed {found.seed}, cosine {found.cosines.max():.3f}", highlight=False
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(found.seed)
        return factory()
