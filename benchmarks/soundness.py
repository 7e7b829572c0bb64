"""The soundness campaign: awkward weights whose truth is known, every verdict and bound judged.

    uv run python benchmarks/soundness.py --count 100000 --jobs 2     run or resume, then summarise
    uv run python benchmarks/soundness.py --replay NUMBER             one instance in words
    uv run python benchmarks/soundness.py --family NAME --count 500   one family, not recorded
    uv run python benchmarks/soundness.py --summary                   from the rows on record

Instance k is built from its number alone. Rows are kept by version of the code, so that a run that
was killed goes on where it stopped and a changed verifier starts afresh. The summary goes to
``benchmarks/results/soundness.json``. Exit status 1 where anything failed.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

from campaign.families import FAMILIES, SEED, numbers
from campaign.replay import replay
from campaign.runner import fingerprint, one_thread, recorded, run
from campaign.summary import machine, summarise, table

RESULTS = Path(__file__).parent / "results"


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--count", type=int, default=100_000, help="instances")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="worker processes")
    parser.add_argument("--seed", type=int, default=SEED, help="seed of the campaign")
    parser.add_argument("--family", choices=FAMILIES, metavar="NAME", help="one family alone")
    parser.add_argument("--replay", type=int, metavar="NUMBER", help="explain one instance")
    parser.add_argument("--summary", action="store_true", help="summarise the rows on record")
    parser.add_argument("--list", action="store_true", help="list the families and their shares")
    parser.add_argument("--rows", type=Path, default=RESULTS / "soundness_rows")
    parser.add_argument("--out", type=Path, default=RESULTS / "soundness.json")
    return parser.parse_args()


def main() -> int:
    """Run what the command line asks for.

    Returns:
        1 where an instance failed, else 0.
    """
    args = arguments()
    one_thread()
    if args.list:
        print("\n".join(f"{share:4}  {name}" for name, (_, share) in FAMILIES.items()))
        return 0
    if args.replay is not None:
        return replay(args.replay, args.seed)
    wanted = numbers(args.family, args.count)
    if not args.summary:
        run(wanted, args.rows, jobs=args.jobs, seed=args.seed, show=lambda s: print(s, flush=True))
    chosen = set(wanted)
    version = fingerprint()
    rows = [row for row in recorded(args.rows, version, args.seed) if row["k"] in chosen]
    if not rows:
        print(f"no rows of version {version} in {args.rows}; run the campaign first")
        return 1
    summary = summarise(rows)
    print(table(summary))
    if args.family is None:
        about = {"version": version, "seed": args.seed, "machine": machine()}
        args.out.write_text(json.dumps(about | summary, indent=1) + "\n")
    for name, failing in summary["failing"].items():
        print(f"failing, {name}: {failing[:5]}{' ...' if len(failing) > 5 else ''}")
    return int(summary["totals"]["failing"] > 0 or bool(summary["below_coverage"]))


if __name__ == "__main__":
    sys.exit(main())
