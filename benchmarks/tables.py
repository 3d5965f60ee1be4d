"""Rounds of turns turned into medians, ratios and a Markdown table; pure.

A ratio is taken within a round, where both senders met the same machine, and the median is over the rounds' ratios;
dividing two medians would compare a quiet minute with a busy one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from benchmarks.contestants import Line

REFERENCES = ("nodemailer raw", "nodemailer raw signed", "aiosmtplib naive", "smtp-source")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One sender at one size; `ratios` has the references that were measured beside it."""

    name: str
    n: int
    rate: float
    slowest: float
    fastest: float
    cpu_ms: float
    sink_ms: float | None
    rss_mb: float
    ratios: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What a sender said in one round, and the sink's processor time for each message (None if not counted)."""

    line: Line
    sink_ms: float | None


Round = Mapping[str, Turn]
"""One turn for each sender, by its name."""


def rows(rounds: Sequence[Round]) -> tuple[Row, ...]:
    """Return one row for each sender, in the order of the first round."""
    return tuple(_row(name, rounds) for name in rounds[0])


def _row(name: str, rounds: Sequence[Round]) -> Row:
    turns = [one[name] for one in rounds]
    rates = [turn.line.rate for turn in turns]
    sink = [turn.sink_ms for turn in turns if turn.sink_ms is not None]
    references = [reference for reference in REFERENCES if reference in rounds[0]]
    return Row(
        name=name,
        n=turns[0].line.n,
        rate=median(rates),
        slowest=min(rates),
        fastest=max(rates),
        cpu_ms=median(turn.line.cpu_ms for turn in turns),
        sink_ms=median(sink) if sink else None,
        rss_mb=max(turn.line.rss_mb for turn in turns),
        ratios={
            reference: median(one[name].line.rate / one[reference].line.rate for one in rounds)
            for reference in references
        },
    )


def as_json(found: Sequence[Row]) -> list[dict[str, Any]]:
    """Return the rows as plain values."""
    names = Row.__dataclass_fields__
    return [{name: getattr(row, name) for name in names} for row in found]


def as_markdown(found: Sequence[Row]) -> str:
    """Return the rows as a Markdown table; what a program does not say is a dash."""
    references = list(found[0].ratios)
    heads = ["sender", "messages/s", "slowest … fastest", *(f"× {one}" for one in references)]
    heads += ["CPU ms", "sink CPU ms", "peak MB", "messages a turn"]
    lines = [_cells(heads), _cells(["---", *["--:"] * (len(heads) - 1)])]
    for row in found:
        cells = [row.name, f"{row.rate:,.0f}", f"{row.slowest:,.0f} … {row.fastest:,.0f}"]
        cells += [f"{row.ratios[one]:.2f}" for one in references]
        cells += [f"{row.cpu_ms:.3f}" if row.cpu_ms else "–", "–" if row.sink_ms is None else f"{row.sink_ms:.3f}"]
        cells += [f"{row.rss_mb:.0f}" if row.rss_mb else "–", f"{row.n:,}"]
        lines.append(_cells(cells))
    return "\n".join(lines)


def _cells(values: Sequence[str]) -> str:
    return f"| {' | '.join(values)} |"
