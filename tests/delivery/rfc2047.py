"""A reader of RFC 2047 written for the tests alone: stricter than mail programs, and none of our code."""

import base64
import re

_WORD = re.compile(r"=\?([A-Za-z0-9-]+)\?([BbQq])\?([!->@-~]*)\?=")


def decode(value: bytes) -> str:
    """Return what a folded header value says; raises where a rule of RFC 2047 is broken."""
    for line in value.split(b"\r\n"):
        assert len(line) <= (76 if b"=?" in line else 998), line
    text = re.sub(r"\r\n(?=[ \t])", "", value.decode("ascii"))
    parts: list[str] = []
    end, after_word = 0, False
    for match in _WORD.finditer(text):
        between = text[end : match.start()]
        if not (after_word and not between.strip()):
            parts.append(between)
        assert len(match[0]) <= 75
        assert match[2] in "Bb"
        # Each word is decoded alone: a character that is split over two words fails here.
        parts.append(base64.b64decode(match[3], validate=True).decode(match[1]))
        end, after_word = match.end(), True
    return "".join([*parts, text[end:]])
