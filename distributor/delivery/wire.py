"""Bytes that may go over the wire as they are, and a type that says so.

Bytes enter, `Wire` leaves or `DistributorError` is raised; pure. Reading 30 KB to find that no line end is bare costs
more than all the rest of composing a copy, so what thousands of copies share is read once: whole sound lines after
whole sound lines are sound lines again. Nothing but the two ways in here makes a `Wire`, and both look at every byte
that is not one already. Rules: RFC 5321 §2.3.8 (CRLF alone ends a line), §4.5.2 (dots), §4.5.3.1.6 (length).
"""

import re
from collections.abc import Iterable
from typing import Self, final

from distributor.errors import DistributorError
from distributor.problems import wording

# The group is not possessive, because before Python 3.11.5 that let a last dot pass (CPython issue 106052).
_LINES = re.compile(rb"(?:(?!\.)[\t -~]{0,998}+\r\n)+")


@final
class Wire(bytes):
    """Whole lines that end in CRLF: printable ASCII and tabs, at most 998 octets, none with a dot at its beginning.

    So no line end is bare, no NUL is in it, dot-stuffing leaves it as it is, and it is never empty.
    """

    __slots__ = ()

    def __new__(cls, content: bytes) -> Self:
        """Read the content and return it as a Wire; raises DistributorError where any line is not as said above."""
        return cls.joined((content,))

    @classmethod
    def joined(cls, pieces: Iterable[bytes]) -> Self:
        """Return the pieces one after the other; each is empty or whole lines, and only those not read yet are read.

        Raises DistributorError where one of them is anything else, or where there is nothing in them.
        """
        found = [piece for piece in pieces if piece]
        for piece in found:
            if type(piece) is not cls and not _LINES.fullmatch(piece):
                raise DistributorError(_UNFIT)
        if not found:
            raise DistributorError(_UNFIT)
        return super().__new__(cls, b"".join(found))


_UNFIT = wording(
    "邮件里有不能原样上线路的行，这封邮件没有发出；请把日志交给开发者",
    "a line of the message cannot go over the wire as it is, so it was not sent; please report it with the log",
)
