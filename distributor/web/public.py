"""Serve var/public: archive and feeds as HTTP wants them (RFC 9110).

Enters: a request and a path. Leaves: the file with its media type and charset, a strong ETag from its bytes, 304 where
the reader has it already, gzip where the reader takes it (with an ETag of its own). A file is opened once and read
whole or streamed from there, so that a publication in the same moment shows the old bytes or the new, never both.
Paths outside the folder, hidden names and symlinks out of it do not exist.
"""

import asyncio
import gzip
import hashlib
import os
from collections.abc import AsyncIterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from io import BufferedReader
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

_TEXT = {
    ".html": "text/html",
    ".css": "text/css",
    ".txt": "text/plain",
    ".csv": "text/csv",
    ".md": "text/markdown",
    ".xml": "application/xml",
    ".atom": "application/atom+xml",
    ".rss": "application/rss+xml",
    ".svg": "image/svg+xml",
}
_BINARY = {
    ".json": "application/json",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".gif": "image/gif",
    ".webp": "image/webp",
    ".pdf": "application/pdf",
    ".zip": "application/zip",
    ".doc": "application/msword",
    ".xls": "application/vnd.ms-excel",
    ".ppt": "application/vnd.ms-powerpoint",
    ".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ".pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
}
_FEEDS = "feeds"
_JSON_FEED = "application/feed+json; charset=utf-8"
_COMPRESSED = ("text/", "application/atom+xml", "application/rss+xml", "application/feed+json", "image/svg+xml")
_LEAST_COMPRESSED = 500
# Readers poll feeds hourly; a page must show a new issue or a correction soon after it is there.
_FOR_FEEDS = "public, max-age=3600"
_FOR_PAGES = "public, max-age=300"
_LONGEST_PATH = 500
_LARGEST_KEPT = 2_000_000
_MOST_KEPT = 64_000_000
_CHUNK = 256_000
# A page of ours needs its own style sheet and pictures, and nothing else from anywhere; no script ever runs.
SECURITY_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Served:
    """One state of one file; `content` is None for a file too large to keep, `gzipped` where it does not pay."""

    size: int
    content: bytes | None = field(repr=False)
    gzipped: bytes | None = field(repr=False)
    etag: str
    modified: datetime
    media_type: str

    @property
    def weight(self) -> int:
        return len(self.content or b"") + len(self.gzipped or b"")


class PublicFolder:
    """The files below one folder, read when asked for and kept while they do not change."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.resolve()
        self._kept: dict[tuple[str, int, int, int], _Served] = {}
        self._weight = 0

    async def respond(self, request: Request, path: str, *, status: int = 200) -> Response | None:
        """Return the response for `path` (`""` is index.html), or None when there is no such file."""
        file = await asyncio.to_thread(self._open, path)
        if file is None:
            return None
        with ExitStack() as stack:
            stack.enter_context(file)
            served = await self._served(file, path)
            coding = "gzip" if served.gzipped is not None and _takes_gzip(request) else ""
            headers = _headers(served, path, coding)
            if status == 200 and _has_it(request, served):
                return Response(status_code=304, headers=headers)
            if served.content is None and request.method != "HEAD":
                stack.pop_all()
                return StreamingResponse(_chunks(file), status, headers, served.media_type)
        body = served.gzipped if coding and served.gzipped is not None else served.content
        return Response(body, status, headers, served.media_type)

    async def load(self, path: str) -> tuple[bytes, str] | None:
        """Return a file's bytes and media type, or None when there is no such file."""
        file = await asyncio.to_thread(self._open, path)
        if file is None:
            return None
        with file:
            content = await asyncio.to_thread(file.read)
        return content, media_type_of(path, content)

    def _open(self, path: str) -> BufferedReader | None:
        try:
            target = self._find(path)
            return target.open("rb") if target is not None else None
        except OSError:
            return None

    def _find(self, path: str) -> Path | None:
        parts = path.split("/")
        hidden = any(part.startswith(".") for part in parts)
        if hidden or "" in parts[:-1] or "\\" in path or "\0" in path or len(path) > _LONGEST_PATH:
            return None
        target = (self._folder / path).resolve()
        if path.endswith("/") or not path:
            target /= "index.html"
        return target if target.is_relative_to(self._folder) and target.is_file() else None

    async def _served(self, file: BufferedReader, path: str) -> _Served:
        stat = os.fstat(file.fileno())
        key = (path, stat.st_ino, stat.st_mtime_ns, stat.st_size)
        if key in self._kept:
            return self._kept[key]
        modified = datetime.fromtimestamp(int(stat.st_mtime), UTC)
        served = await asyncio.to_thread(_read, file, path, stat.st_size, modified)
        if self._weight + served.weight > _MOST_KEPT:
            self._kept.clear()
            self._weight = 0
        self._kept[key] = served
        self._weight += served.weight
        return served


def _read(file: BufferedReader, path: str, size: int, modified: datetime) -> _Served:
    if size > _LARGEST_KEPT:
        etag = hashlib.file_digest(file, "sha256").hexdigest()
        file.seek(0)
        media_type = media_type_of(path, b"")
        return _Served(size=size, content=None, gzipped=None, etag=etag[:32], modified=modified, media_type=media_type)
    content = file.read()
    media_type = media_type_of(path, content)
    pays = media_type.startswith(_COMPRESSED) and len(content) > _LEAST_COMPRESSED
    return _Served(
        size=size,
        content=content,
        gzipped=gzip.compress(content, 6, mtime=0) if pays else None,
        etag=hashlib.sha256(content).hexdigest()[:32],
        modified=modified,
        media_type=media_type,
    )


def media_type_of(path: str, content: bytes) -> str:
    """Return the media type of a public file, with the charset that its text is in."""
    suffix = Path(path).suffix.lower() if path and not path.endswith("/") else ".html"
    if suffix == ".json" and path.startswith(f"{_FEEDS}/"):
        return _JSON_FEED
    if suffix in _TEXT:
        return f"{_TEXT[suffix]}; charset={_charset(content)}"
    return _BINARY.get(suffix, "application/octet-stream")


def _charset(content: bytes) -> str:
    # What we make is UTF-8; an attachment comes as its office saved it.
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return "gb18030"
    return "utf-8"


def _headers(served: _Served, path: str, coding: str) -> dict[str, str]:
    headers = {
        "ETag": f'"{served.etag}-gzip"' if coding else f'"{served.etag}"',
        "Last-Modified": format_datetime(served.modified, usegmt=True),
        "Cache-Control": _FOR_FEEDS if path.startswith(f"{_FEEDS}/") else _FOR_PAGES,
        **SECURITY_HEADERS,
    }
    if served.gzipped is not None:
        headers["Vary"] = "Accept-Encoding"
    if coding:
        headers["Content-Encoding"] = coding
    if served.content is None:
        headers["Content-Length"] = str(served.size)
    return headers


async def _chunks(file: BufferedReader) -> AsyncIterator[bytes]:
    with file:
        while chunk := await asyncio.to_thread(file.read, _CHUNK):
            yield chunk


def _takes_gzip(request: Request) -> bool:
    weights = {}
    for offer in request.headers.get("accept-encoding", "").lower().split(","):
        name, _, weight = offer.replace(" ", "").partition(";q=")
        weights[name] = weight.strip("0.") != "" or not weight
    return weights.get("gzip", weights.get("*", False))


def _has_it(request: Request, served: _Served) -> bool:
    """Say whether the reader's copy is the present one; If-None-Match wins over the date (RFC 9110 §13.2.2)."""
    held = request.headers.get("if-none-match")
    if held is not None:
        ours = {f'"{served.etag}"', f'"{served.etag}-gzip"'}
        return held.strip() == "*" or any(tag.strip().removeprefix("W/") in ours for tag in held.split(","))
    since = request.headers.get("if-modified-since")
    if since is None:
        return False
    try:
        return served.modified <= parsedate_to_datetime(since)
    except (TypeError, ValueError):
        return False
