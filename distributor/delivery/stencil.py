"""Base64 text with holes: encoded once per edition, filled per reader in microseconds.

A text with marks enters; `fill` returns the base64 lines of the text with each mark replaced. Pure. Values may have
any length, so what follows a hole can begin at any of the three places of a base64 quantum: each fixed run is
encoded once for each, and only the few bytes around a hole are encoded again. A line before a fixed run may
therefore be shorter than 76 characters, which RFC 2045 §6.8 allows and decoders ignore.
"""

import binascii
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from distributor.delivery.wire import Wire

_LINE_BYTES = 57
"""What one base64 line of 76 characters holds (RFC 2045 §6.8)."""


@dataclass(frozen=True, slots=True)
class _Run:
    """Fixed bytes begun after `borrowed`, which complete the quantum before them; `tail` is left for later.

    `lines` are read here once for all copies, and empty where the run is too short for a full line.
    """

    borrowed: bytes
    lines: bytes
    tail: bytes


@dataclass(frozen=True, slots=True)
class _Hole:
    """A mark, and the fixed run after it begun at each place of a quantum; `short` is a run without a full line."""

    mark: str
    short: bytes
    begun_at: tuple[_Run, ...]


@dataclass(frozen=True, slots=True)
class Stencil:
    """A text encoded around its holes."""

    first: _Run
    holes: tuple[_Hole, ...]

    def fill(self, values: Mapping[str, bytes]) -> list[bytes]:
        """Return pieces of base64 lines, CRLF included, of the text with `values[mark]` in each mark's place."""
        pieces, pending = [self.first.lines], self.first.tail
        for hole in self.holes:
            pending += values[hole.mark]
            if not hole.begun_at:
                pending += hole.short
                continue
            run = hole.begun_at[-len(pending) % 3]
            pieces += (encode_lines(pending + run.borrowed), run.lines)
            pending = run.tail
        pieces.append(encode_lines(pending))
        return pieces


def cut_stencil(text: str, marks: Sequence[str]) -> Stencil:
    """Encode `text` around every place where one of the marks stands.

    Line ends become CRLF first: the canonical form of text (RFC 2046 §4.1.1) is what base64 encodes.
    """
    canonical = re.sub(r"\r\n?|\n", "\r\n", text)
    parts = re.split("(" + "|".join(map(re.escape, marks)) + ")", canonical)
    holes = [_hole(mark, run.encode()) for mark, run in zip(parts[1::2], parts[2::2], strict=True)]
    return Stencil(first=_begin(parts[0].encode(), 0), holes=tuple(holes))


def _hole(mark: str, run: bytes) -> _Hole:
    if len(run) < _LINE_BYTES + 2:
        return _Hole(mark=mark, short=run, begun_at=())
    return _Hole(mark=mark, short=b"", begun_at=tuple(_begin(run, borrow) for borrow in range(3)))


def _begin(run: bytes, borrow: int) -> _Run:
    end = borrow + (len(run) - borrow) // _LINE_BYTES * _LINE_BYTES
    lines = encode_lines(run[borrow:end])
    return _Run(borrowed=run[:borrow], lines=Wire(lines) if lines else b"", tail=run[end:])


def encode_lines(content: bytes) -> bytes:
    """Return `content` in base64, 76 characters a line, each line with its CRLF."""
    lines = (content[start : start + _LINE_BYTES] for start in range(0, len(content), _LINE_BYTES))
    return b"".join([binascii.b2a_base64(line, newline=False) + b"\r\n" for line in lines])
