"""Worlds that were made to break a statistical promise, and what the rules say in them.

    python bench/promises.py [--only NAME]... [--worlds N]

Each module of `bench/promised` is one promise: `run(worlds)` simulates that many worlds and
returns rows for a table. The tables of docs/promises.md come from here.
"""

import argparse
import importlib
from pathlib import Path

from promised.row import Row

FOLDER = Path(__file__).parent / "promised"


def main() -> None:
    names = sorted(path.stem for path in FOLDER.glob("*.py") if path.stem != "row")
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", action="append", choices=names)
    parser.add_argument("--worlds", type=int, default=200)
    args = parser.parse_args()
    for name in args.only or names:
        print(f"\n{name}\n\n{Row.heading()}")
        for row in importlib.import_module(f"promised.{name}").run(args.worlds):
            print(row.line(), flush=True)


if __name__ == "__main__":
    main()
