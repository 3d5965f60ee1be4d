"""The gate for header-bound text, and header lines that say exactly what was meant.

Text enters, finished header lines leave (ASCII, folded, with their CRLF); pure. `clean_text` takes out whatever
could end a line, hide text or pass for an encoded word; `encode_text` writes RFC 2047 so that every blank and
character comes back; `check_headers` reads built bytes with a splitter of its own and compares. The standard
library is not used here on purpose: it turns a hostile title into real headers before Python 3.11.10
(CVE-2024-6923), drops blanks between mixed words and encodes long URIs in List-Unsubscribe.
Rules: RFC 5322 §2.1.1 and §2.2, RFC 2047 §2 and §5, RFC 2369 §2.
"""

import base64
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from distributor.errors import DistributorError
from distributor.problems import wording

LINE_LIMIT = 998
"""Octets in a line without its CRLF (RFC 5322 §2.1.1)."""

_ENCODED_LINE = 76  # RFC 2047 §2: a line that holds an encoded-word
_PLAIN_LINE = 78  # RFC 5322 §2.1.1, the recommended limit
_FRAME = len("=?utf-8?B??=")
_FOLD = "\r\n "
_INVISIBLE = dict.fromkeys(
    (0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A), 0xFEFF, *range(0xD800, 0xE000))
)
_CONTROLS = dict.fromkeys((*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x2029), " ")
_HARMFUL = {**_CONTROLS, **_INVISIBLE}
_NAME = re.compile(r"[!-9;-~]+", re.ASCII)
_PHRASE = re.compile(r"[A-Za-z0-9 !#$%&'*+/=?^_`{|}~-]*", re.ASCII)
_URI = re.compile(r"(?:https?://|mailto:)[!#-;=?-~]+", re.ASCII)
_WIRE_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?", re.ASCII)

# One header with its folded lines, each of which holds something besides blanks. The group is not possessive:
# before Python 3.11.5 such a group matches what it should not, and misses what it should (CPython issue 106052).
_FIELD = re.compile(rb"([!-9;-~]++):([\t -~]*+(?:\r\n[\t ]++[!-~][\t -~]*+)*)\r\n")
_BROKEN_BLOCK = wording(
    "邮件头的字节不是我们要写的内容，这封邮件没有发出；请把日志交给开发者",
    "the header block is not what was meant, so the message was not sent; please report it with the log",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """One header: the name we mean, and its line or folded lines as bytes, the last CRLF included."""

    name: str
    line: bytes


def clean_text(text: str) -> str:
    """Return `text` fit for a header: one line without controls, bidi marks or the beginning of an encoded word.

    Line ends and controls (C0, C1, U+2028, U+2029) become blanks, bidi marks and lone surrogates go, `=?` is
    parted by a blank. Inner blanks stay as they are, outer ones go; cleaning twice changes nothing more.
    """
    # Most names, addresses and values are printable ASCII, which translating would only copy, slowly.
    if not (text.isascii() and text.isprintable()):
        text = text.replace("\r\n", " ").translate(_HARMFUL)
    return text.replace("=?", "= ?").strip()


def is_clean(text: str) -> bool:
    """Say whether `text` is printable ASCII that the gate would leave as it is."""
    return text.isascii() and clean_text(text) == text


def is_header_name(text: str) -> bool:
    """Say whether `text` may name a header (RFC 5322 §2.2)."""
    return _NAME.fullmatch(text) is not None


def is_wire_address(text: str) -> bool:
    """Say whether `text` can be handed to a server as it is: a dot-atom, one `@`, a plain domain, nothing else."""
    return len(text) <= 254 and _WIRE_ADDRESS.fullmatch(text) is not None


def text_header(name: str, text: str) -> Header:
    """Build an unstructured header such as Subject; blanks between words of both kinds stay exactly."""
    return _header(name, encode_text(clean_text(text), column=len(name) + 2))


def value_header(name: str, value: str) -> Header:
    """Build a header from a value that is ASCII already and must stay on one line."""
    if not is_clean(value):
        raise _unfit(name)
    return _header(name, value)


def address_header(name: str, *, shown: str, address: str) -> Header:
    """Build From or To: the shown name (may be empty) and one address that is never encoded or cut."""
    if not is_wire_address(address):
        raise _unfit(name)
    phrase = _phrase(clean_text(shown), column=len(name) + 2)
    if not phrase:
        return _header(name, address)
    last_line = phrase.rpartition("\n")[2] if "\n" in phrase else f"{name}: {phrase}"
    fits = len(last_line) + len(address) + 3 <= _ENCODED_LINE
    return _header(name, f"{phrase}{' ' if fits else _FOLD}<{address}>")


def uri_header(name: str, uris: Sequence[str]) -> Header:
    """Build a header of URIs in angle brackets, folded between them and never inside one (RFC 2369 §2)."""
    if not uris or not all(_URI.fullmatch(uri) for uri in uris):
        raise _unfit(name)
    return _header(name, f",{_FOLD}".join(f"<{uri}>" for uri in uris))


def encode_text(text: str, *, column: int) -> str:
    """Return `text` as a header value that begins at `column`, folded, RFC 2047-encoded where it must be.

    Short ASCII stays as it is. Anything else is encoded as a whole, blanks included, because a blank between
    an encoded word and a plain one belongs to neither; no character is split over two words.
    """
    if text.isascii() and column + len(text) <= _PLAIN_LINE:
        return text
    folded = _fold_words(text, column) if text.isascii() else None
    return folded or _FOLD.join(_encoded_words(text, column))


def _fold_words(text: str, column: int) -> str | None:
    """Fold ASCII text at single blanks; None where that would not keep it exactly or within the line."""
    words = text.split(" ")
    if not all(words) or max(map(len, words)) + column > _PLAIN_LINE:
        return None
    lines, room = [words[0]], _PLAIN_LINE - column
    for word in words[1:]:
        if len(lines[-1]) + 1 + len(word) <= room:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
            room = _PLAIN_LINE - 1
    return _FOLD.join(lines)


def _encoded_words(text: str, column: int) -> list[str]:
    pieces, room = [b""], _bytes_in_word(column)
    for character in text:
        encoded = character.encode()
        if len(pieces[-1]) + len(encoded) > room:
            pieces.append(b"")
            room = _bytes_in_word(1)
        pieces[-1] += encoded
    return [f"=?utf-8?B?{base64.b64encode(piece).decode()}?=" for piece in pieces]


def _bytes_in_word(column: int) -> int:
    """Return how many bytes an encoded-word may hold when it begins at `column`, in whole base64 quanta."""
    return max((_ENCODED_LINE - column - _FRAME) // 4 * 3, 4)


def _phrase(shown: str, *, column: int) -> str:
    """Return a display name as RFC 5322 §3.2.5 wants it: atoms, a quoted string, or encoded words."""
    if not shown.isascii() or column + len(shown) > _PLAIN_LINE:
        return _FOLD.join(_encoded_words(shown, column))
    if _PHRASE.fullmatch(shown) and "  " not in shown:
        return shown
    escaped = shown.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _header(name: str, value: str) -> Header:
    return Header(name=name, line=f"{name}: {value}\r\n".encode("ascii"))


def split_headers(message: bytes) -> tuple[tuple[str, bytes], ...]:
    """Read the header block of a message back: (name, value still folded) in order.

    Raises DistributorError for a line that is neither a header nor a continuation, that is over-long or that
    holds a control character: such a block says something else to each reader.
    """
    end = message.find(b"\r\n\r\n")
    return _split_block(message[: end + 2] if end > 0 else b"")


def _split_block(block: bytes) -> tuple[tuple[str, bytes], ...]:
    if not block or (len(block) > LINE_LIMIT and any(len(line) > LINE_LIMIT for line in block.split(b"\r\n"))):
        raise DistributorError(_BROKEN_BLOCK)
    headers: list[tuple[str, bytes]] = []
    position = 0
    while position < len(block):
        field = _FIELD.match(block, position)
        if field is None:
            raise DistributorError(_BROKEN_BLOCK)
        name, value = field.groups()
        headers.append((name.decode("ascii"), value[1:] if value.startswith(b" ") else value))
        position = field.end()
    return tuple(headers)


def check_headers(message: bytes, names: Iterable[str]) -> None:
    """Compare the built message's header names, their order and number with the intended ones.

    Raises DistributorError on any difference; whatever slipped into a header must never reach a server.
    """
    if [name for name, _ in split_headers(message)] != list(names):
        raise DistributorError(_BROKEN_BLOCK)


def join_headers(headers: Sequence[Header]) -> bytes:
    """Return the lines of some headers of a message, read back and compared as `check_headers` does.

    Blocks that were each read stay what they are when one follows the other: none begins with a folded line.
    """
    block = b"".join([header.line for header in headers])
    if [name for name, _ in _split_block(block)] != [header.name for header in headers]:
        raise DistributorError(_BROKEN_BLOCK)
    return block


def is_wire_safe(message: bytes) -> bool:
    """Say whether every line of a message ends in CRLF, the last one too, and none holds NUL.

    Servers differ on bare CR and LF, which is how one message becomes two (CVE-2023-51764).
    """
    # Splitting and two counts take half the time of counting the pair.
    lines = len(message.splitlines())
    return lines == message.count(b"\n") == message.count(b"\r") and message.endswith(b"\n") and b"\0" not in message


def check_lines(message: bytes) -> None:
    """Check that a whole message is safe on the wire: as `is_wire_safe`, ASCII, and no line over 998 octets.

    Raises DistributorError. Slow for the hot path; meant once for what many messages share.
    """
    too_long = any(len(line) > LINE_LIMIT for line in message.splitlines())
    if too_long or not message.isascii() or not is_wire_safe(message):
        raise DistributorError(_BROKEN_BLOCK)


def _unfit(name: str) -> DistributorError:
    return DistributorError(
        wording(
            f"邮件头 {name} 的值不能使用，这封邮件没有生成",
            f"the value of {name} is unfit for a header; no message was built",
        )
    )
