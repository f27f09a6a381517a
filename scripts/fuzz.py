#!/usr/bin/env python3
"""Try a million inputs on every parser of ours (tests/fuzzed.py): scripts/fuzz.py [NUMBER] [--only NAME]

Each input must be read or refused within a second, also texts of 100,000 characters. Prints the number of
inputs, of those that were read, and the slowest, by parser.
"""

from __future__ import annotations

import argparse
import itertools
import sys
import time
import traceback
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from fuzzed import PARSERS, REFUSALS, Parser
from hypothesis import HealthCheck, Phase, given, settings

BATCH = 5000
MOST_SECONDS = 1.0  # for one input
LONG = (1000, 100_000)  # characters


@dataclass
class Tally:
    """Of the inputs of one parser."""

    tried: int = 0
    read: int = 0
    slowest: float = 0.0

    def take(self, parser: Parser, value: object) -> None:
        begun = time.thread_time()  # the machine may have others to serve
        self.tried += 1
        try:
            parser.read(value)
            self.read += 1
        except REFUSALS:
            pass
        spent = time.thread_time() - begun
        self.slowest = max(self.slowest, spent)
        assert spent < MOST_SECONDS, f"{spent:.1f} s for {str(value)[:200]!r}"


def fuzz(parser: Parser, number: int, tally: Tally) -> None:
    """Raises whatever the parser raises."""

    @settings(
        max_examples=BATCH,
        deadline=None,
        database=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    @given(value=parser.inputs)
    def once(value: object) -> None:
        tally.take(parser, value)

    for text in itertools.chain.from_iterable(map(parser.long_texts, LONG)):
        tally.take(parser, text)
    number += tally.tried
    while tally.tried < number:
        before = tally.tried
        once()
        if tally.tried < before + 100:
            break  # the inputs are few: all were tried


def fuzz_all(names: Iterable[str], number: int) -> int:
    """How many parsers did what they must not."""
    found = total = 0
    for name in names:
        tally = Tally()
        try:
            fuzz(PARSERS[name], number, tally)
        except Exception:
            found += 1
            print(f"FOUND in {name}:\n{traceback.format_exc()}", flush=True)
        total += tally.tried
        told = f"{tally.tried:9} inputs, {tally.read:9} read, slowest {tally.slowest * 1000:.1f} ms"
        print(f"{name:16} {told}", flush=True)
    print(f"{total} inputs, {found} findings")
    return found


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    arguments.add_argument("number", type=int, nargs="?", default=1_000_000)
    arguments.add_argument("--only", choices=sorted(PARSERS))
    chosen = arguments.parse_args()
    names = [chosen.only] if chosen.only else list(PARSERS)
    sys.exit(1 if fuzz_all(names, chosen.number // len(PARSERS) + 1) else 0)
