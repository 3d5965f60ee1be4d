"""Sign and verify the links that a mail carries: `v1.<key id>.<purpose>.<public id>.<mac>`.

Pure; keys and randomness are arguments. Every token has the same length and only URL-safe characters, so that it
can be patched into a finished message. The MAC is HMAC-SHA-256 (RFC 2104) cut to 160 bits, in lower-case base32,
over version, key id, purpose and public id. Tokens are deterministic and do not expire: a mail from last year
must still unsubscribe. A new key goes first in the file; older ones go on verifying.
"""

import base64
import binascii
import hmac
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from distributor.identifiers import PublicId
from distributor.problems import Problem, Wording, wording

Randomness = Callable[[int], bytes]
"""Returns that many random bytes, such as `secrets.token_bytes`."""

Purpose = Literal["m"]
MANAGE: Purpose = "m"
"""Preferences and unsubscribing: the only thing a mail's own links may do."""

_VERSION = "v1"
_KEY_ID = re.compile(r"[a-z0-9]{4}", re.ASCII)
_PUBLIC_ID = re.compile(r"[a-z2-7]{24}", re.ASCII)
_TOKEN = re.compile(
    r"v1\.(?P<key>[a-z0-9]{4})\.(?P<purpose>[a-z])\.(?P<public_id>[a-z2-7]{24})\.(?P<mac>[a-z2-7]{32})", re.ASCII
)
TOKEN_LENGTH = len("v1.") + 5 + 2 + 25 + 32
_PUBLIC_ID_BYTES = 15
_MAC_BYTES = 20
_KEY_BYTES = 32
# 32 random bytes repeat a value now and then; fewer distinct ones than this were typed, not drawn.
_LEAST_DISTINCT = 16
_HEX = re.compile(r"(?:[0-9a-fA-F]{2})+", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Keyring:
    """The signing keys by key id; `current` signs, every one verifies. `repr` shows no key."""

    keys: Mapping[str, bytes] = field(repr=False)
    current: str

    def __post_init__(self) -> None:
        """Refuse a ring that could not sign, or would sign weakly."""
        if self.current not in self.keys:
            raise ValueError(f"no key {self.current!r} in the ring")
        if not all(_KEY_ID.fullmatch(key_id) for key_id in self.keys):
            raise ValueError("a key id is four lower-case letters or digits")
        if any(len(key) < _KEY_BYTES for key in self.keys.values()):
            raise ValueError(f"a key has at least {_KEY_BYTES} bytes")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadKeys:
    """A key file as read: the ring, or None with the problems that refuse it."""

    keyring: Keyring | None
    problems: tuple[Problem, ...]


def sign(keyring: Keyring, purpose: Purpose, public_id: PublicId) -> str:
    """Return the token of this reader for this purpose, always `TOKEN_LENGTH` characters and the same ones."""
    if not _PUBLIC_ID.fullmatch(public_id):
        raise ValueError("a public id is 24 characters of lower-case base32")
    signed = f"{_VERSION}.{keyring.current}.{purpose}.{public_id}"
    return f"{signed}.{_mac(keyring.keys[keyring.current], signed)}"


def verify(keyring: Keyring, purpose: Purpose, token: str) -> PublicId | None:
    """Return whose token it is, or None for anything that `sign` did not return for this purpose."""
    match = _TOKEN.fullmatch(token) if len(token) == TOKEN_LENGTH else None
    if match is None or match["purpose"] != purpose or match["key"] not in keyring.keys:
        return None
    signed = token[: match.start("mac") - 1]
    # Compared as text: two base32 texts of one value would be two tokens.
    if not hmac.compare_digest(match["mac"], _mac(keyring.keys[match["key"]], signed)):
        return None
    return PublicId(match["public_id"])


def new_public_id(randomness: Randomness) -> PublicId:
    """Return a fresh public id of 120 random bits; it stands in links instead of an address or a row number."""
    return PublicId(_base32(randomness(_PUBLIC_ID_BYTES)))


def new_key(randomness: Randomness) -> str:
    """Return one line for the key file; put it first to make it the current key, and keep the older lines."""
    return f"{_base32(randomness(5))[:4]} {randomness(_KEY_BYTES).hex()}\n"


def parse_keys(text: str, *, path: str) -> ReadKeys:
    """Read a key file: `<key id> <hex or base64 key>` a line, the current one first, `#` begins a comment."""
    keys: dict[str, bytes] = {}
    problems: list[Problem] = []
    for number, line in enumerate(text.lstrip("\ufeff").splitlines(), start=1):
        words = line.split("#", 1)[0].split()
        if not words:
            continue
        found = _parse_key(words, keys)
        if isinstance(found, Wording):
            problems.append(Problem(path=path, line=number, what=found, remedy=_NEW_KEY))
        else:
            keys[words[0]] = found
    if not keys and not problems:
        what = wording("密钥文件是空的", "the key file is empty")
        problems.append(Problem(path=path, line=None, what=what, remedy=_NEW_KEY))
    if problems:
        return ReadKeys(keyring=None, problems=tuple(problems))
    return ReadKeys(keyring=Keyring(keys=keys, current=next(iter(keys))), problems=())


_NEW_KEY = wording(
    "每行写“密钥号 密钥”：密钥号为 4 位小写字母或数字，密钥为至少 32 个随机字节的十六进制；旧行不要删",
    "one `<key id> <key>` a line: the id four lower-case letters or digits, the key at least 32 random bytes "
    "in hex; keep older lines",
)


def _parse_key(words: list[str], keys: Mapping[str, bytes]) -> bytes | Wording:
    if len(words) != 2 or not _KEY_ID.fullmatch(words[0]):
        return wording("这一行不是“密钥号 密钥”", "this line is not `<key id> <key>`")
    if words[0] in keys:
        return wording(f"密钥号 {words[0]} 重复", f"key id {words[0]} stands twice")
    key = _decode_key(words[1])
    if key is None:
        return wording("密钥既不是十六进制，也不是 base64", "the key is neither hex nor base64")
    if len(key) < _KEY_BYTES:
        return wording(f"密钥太短：{len(key)} 个字节", f"the key is too short: {len(key)} bytes")
    if len(set(key)) < _LEAST_DISTINCT or all(0x20 <= byte < 0x7F for byte in key):
        return wording("密钥像是手写的，不是随机的", "the key looks typed, not random")
    return key


def _decode_key(text: str) -> bytes | None:
    if _HEX.fullmatch(text):
        return bytes.fromhex(text)
    padded = text.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        return base64.b64decode(padded + "=" * (-len(padded) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None


def _mac(key: bytes, signed: str) -> str:
    digest = hmac.digest(key, b"distributor token\0" + signed.encode("ascii"), "sha256")
    return _base32(digest[:_MAC_BYTES])


def _base32(octets: bytes) -> str:
    return base64.b32encode(octets).decode("ascii").rstrip("=").lower()
