"""The site as publishing would leave it: what a link of ours can lead to. Built in memory, nothing is written.

Enters: the files to be published, and the folder with what was published before and stays. Leaves: answers.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import unquote, urlsplit

from distributor.rendering.model import PublicFile

OURS = frozenset({"issues", "articles", "sections", "feeds", "assets"})
"""The folders that publishing fills; whatever else lies at our address, somebody else put there."""

_ID = re.compile(r"""\s(?:id|name)\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s>"']+))""", re.IGNORECASE)


def anchors_of(html: str) -> frozenset[str]:
    """Return every id and name that a fragment can lead to."""
    return frozenset("".join(found) for found in _ID.findall(html))


class SiteToBe:
    """Everything below the publication's address once the issue is public."""

    def __init__(self, base_url: str, files: Sequence[PublicFile], folder: Path) -> None:
        """Take the address, the files that publishing would write, and the folder where older ones lie."""
        self.base_url = base_url
        self._files: Mapping[str, bytes] = {file.path.as_posix(): file.content for file in files}
        self._folder = folder
        self._anchors: dict[str, frozenset[str]] = {}

    @property
    def feeds(self) -> Mapping[str, bytes]:
        """The feeds among the files, by path."""
        return {path: content for path, content in self._files.items() if path.startswith("feeds/")}

    def below(self, url: str) -> str | None:
        """Return what follows the base URL, query and fragment cut off; None for somebody else's address."""
        if url.rstrip("/") == self.base_url.rstrip("/"):
            return ""
        if not url.startswith(self.base_url):
            return None
        path = urlsplit(url).path.removeprefix(urlsplit(self.base_url).path)
        return unquote(path)

    def has(self, path: str) -> bool:
        """Say whether a path below the base URL leads to a file."""
        name = path or "index.html"
        return name in self._files or self._old(name) is not None

    def has_anchor(self, path: str, fragment: str) -> bool:
        """Say whether a page has the place that a fragment names; only pages of ours have such."""
        name = path or "index.html"
        if name not in self._anchors:
            old = self._old(name)
            content = self._files.get(name) or (old.read_bytes() if old else b"")
            self._anchors[name] = anchors_of(content.decode("utf-8", errors="replace"))
        return unquote(fragment) in self._anchors[name]

    def _old(self, name: str) -> Path | None:
        found = (self._folder / name).resolve()
        return found if found.is_relative_to(self._folder.resolve()) and found.is_file() else None
