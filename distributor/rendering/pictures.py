"""Pictures that travel with a mail: which ones, and under which Content-ID (RFC 2392).

Pure. An issue enters, its small pictures leave in reading order. One that is large, or would make all of them
together too heavy, stays on the web; the choice is the issue's and so the same in every edition.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath

from distributor.content.model import Issue, Picture
from distributor.rendering.model import InlinePicture
from distributor.rendering.urls import Site

MOST_BYTES = 200_000
MOST_BYTES_TOGETHER = 1_000_000


def pictures_of(issue: Issue, site: Site) -> tuple[InlinePicture, ...]:
    """Return the pictures of the issue that may travel, equal ones once."""
    chosen: dict[str, InlinePicture] = {}
    together = 0
    for picture in _pictures(issue):
        cid = _cid(issue, picture, site)
        size = len(picture.content)
        if cid in chosen or size > MOST_BYTES or together + size > MOST_BYTES_TOGETHER:
            continue
        together += size
        chosen[cid] = InlinePicture(
            cid=cid, media_type=picture.media_type, filename=_filename(picture), content=picture.content
        )
    return tuple(chosen.values())


def cids_by_file(issue: Issue, chosen: Sequence[InlinePicture], site: Site) -> Mapping[PurePosixPath, str]:
    """Return the Content-ID of every picture file of the issue that is among the chosen ones."""
    known = {picture.cid for picture in chosen}
    named = ((picture.file, _cid(issue, picture, site)) for picture in _pictures(issue))
    return {file: cid for file, cid in named if cid in known}


def _pictures(issue: Issue) -> Iterator[Picture]:
    for article in issue.articles:
        yield from (block for block in article.body.blocks if isinstance(block, Picture))


def _cid(issue: Issue, picture: Picture, site: Site) -> str:
    digest = hashlib.sha256(picture.content).hexdigest()[:24]
    return f"{issue.id}.{digest}@{site.authority.replace(':', '.')}"


def _filename(picture: Picture) -> str:
    name = picture.file.name
    return name if name.isascii() else f"picture{picture.file.suffix if picture.file.suffix.isascii() else ''}"
