"""import/fingerprints.toml: what the last import wrote, so that the next one knows what an editor has changed.

Text enters and leaves; pure. A fingerprint ignores what Notepad does to a file without anybody editing it: byte
order mark, line ends, blanks at the end.
"""

import hashlib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import tomlkit

FILE_NAME = "fingerprints.toml"

_COMMENT = "由导入程序维护，请勿修改：靠它认出哪些文件被编辑过、哪些编号已用过 · kept by the importer, do not edit"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """What is known of earlier imports: `articles` maps ids to titles as imported, in order; `files` maps paths in
    the issue folder to fingerprints; `highest` is the highest ordinal ever given."""

    articles: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    highest: int = 0


def fingerprint(content: bytes) -> str:
    """Return the SHA-256 of a file's content, in hexadecimal; of text, without its mark, line ends, last blanks."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return hashlib.sha256(content).hexdigest()
    lines = (line.rstrip() for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n"))
    return hashlib.sha256("\n".join(lines).rstrip("\n").encode()).hexdigest()


def read_ledger(text: str) -> Ledger | None:
    """Read fingerprints.toml; None when somebody has broken it."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return None
    articles, files, highest = table.get("articles"), table.get("files"), table.get("highest")
    if not (isinstance(articles, dict) and isinstance(files, dict) and isinstance(highest, int)):
        return None
    return Ledger(
        articles=MappingProxyType({str(key): str(value) for key, value in articles.items()}),
        files=MappingProxyType({str(key): str(value) for key, value in files.items()}),
        highest=highest,
    )


def write_ledger(ledger: Ledger) -> str:
    """Return the text of fingerprints.toml."""
    document = tomlkit.document()
    document.add(tomlkit.comment(_COMMENT))
    document["highest"] = ledger.highest
    document["articles"] = dict(ledger.articles)
    document["files"] = dict(sorted(ledger.files.items()))
    return tomlkit.dumps(document)
