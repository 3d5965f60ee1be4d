"""What rendering hands on: renditions for mail, files for the public folder.

A rendition is personal only at its `Placeholders`: `compose` swaps each for the reader's own value, so that one
rendition serves every reader of an edition.
"""

import hashlib
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from distributor.identifiers import EditionKey, IssueId


@dataclass(frozen=True, slots=True, kw_only=True)
class Placeholders:
    """The marks that stand for one reader's values; letters and digits only, so no escaping touches them.

    `token` becomes the reader's signed token (inside URLs), `address` their masked address.
    """

    token: str
    address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class InlinePicture:
    """A picture that travels with the mail and is shown by `cid:`; shared by all editions of a mailing."""

    cid: str
    media_type: str
    filename: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendition:
    """An edition rendered: what is frozen with a mailing. `html` and `text` still hold the placeholders."""

    edition: EditionKey
    issue: IssueId
    subject: str
    preheader: str
    html: str
    text: str
    cids: tuple[str, ...]
    shortened: int

    @property
    def html_bytes(self) -> int:
        """How many bytes the HTML part has once decoded; what mail clients clip by."""
        return len(self.html.encode())

    @property
    def fingerprint(self) -> str:
        """SHA-256 over everything a reader sees, in hexadecimal."""
        seen = "\0".join((self.subject, self.preheader, self.html, self.text, *self.cids))
        return hashlib.sha256(seen.encode()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicFile:
    """One file of the archive or a feed, at `path` below var/public."""

    path: PurePosixPath
    content: bytes = field(repr=False)
