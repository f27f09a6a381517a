"""Figures as rows of a Markdown table."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """A figure beside its reference of the same run.

    Attributes:
        wanted, measured: as they are to be read, with their unit.
        reference: what `measured` is a ratio to, or was compared with.
    """

    figure: str
    wanted: str
    measured: str
    reference: str


def markdown(rows: list[Row]) -> str:
    """A table with a head."""
    lines = ["| figure | wanted | measured | beside |", "|---|---|---|---|"]
    lines += [f"| {row.figure} | {row.wanted} | {row.measured} | {row.reference} |" for row in rows]
    return "\n".join(lines)
