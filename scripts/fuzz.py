#!/usr/bin/env python3
"""Try a million inputs on every parser of ours (tests/fuzzed.py): scripts/fuzz.py [NUMBER] [--only NAME]

Each input must be read or refused within a second. Prints the number of inputs, of those that were read, and
the slowest, by parser.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from fuzzed import PARSERS, REFUSALS, Parser
from hypothesis import HealthCheck, Phase, given, settings

BATCH = 5000


def fuzz(name: str, parser: Parser, number: int) -> None:
    tried = read = 0
    slowest = 0.0

    @settings(
        max_examples=BATCH,
        deadline=None,
        database=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    @given(value=parser.inputs)
    def once(value: object) -> None:
        nonlocal tried, read, slowest
        begun = time.perf_counter()
        tried += 1
        try:
            parser.read(value)
            read += 1
        except REFUSALS:
            pass
        spent = time.perf_counter() - begun
        slowest = max(slowest, spent)
        assert spent < 1, f"{spent:.1f} s for {value!r}"

    while tried < number:
        before = tried
        once()
        if tried < before + 100:
            break  # the inputs are few: all were tried
    print(f"{name:16} {tried:9} inputs, {read:9} read, slowest {slowest * 1000:.1f} ms", flush=True)


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    arguments.add_argument("number", type=int, nargs="?", default=1_000_000)
    arguments.add_argument("--only", choices=sorted(PARSERS))
    chosen = arguments.parse_args()
    for name, parser in PARSERS.items():
        if chosen.only in (None, name):
            fuzz(name, parser, chosen.number // len(PARSERS) + 1)
