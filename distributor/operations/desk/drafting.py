"""A dropped document as a draft issue: written whole beside content/, then renamed into place.

Enters: a workspace and a file. Leaves: a `Draft`, or an InputError that says why there is none; nobody ever sees half a
draft. An issue that exists is not overwritten, but for a draft that an import wrote and nobody has touched since: then
the document is a corrected one, and its draft takes the place of the old.
"""

import errno
import hashlib
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from distributor.content import issuefile, loader
from distributor.content.files import read_file
from distributor.content.findings import Objection, refused
from distributor.content.importers import fingerprints, folder
from distributor.content.importers.folder import Destination
from distributor.content.importers.identity import identify
from distributor.content.importers.importing import import_file
from distributor.errors import EnvironmentFault
from distributor.identifiers import IssueId
from distributor.operations.workspace import Workspace
from distributor.problems import Problem, wording


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """An issue as a document made it; `warnings` are the import's.

    `fingerprint` is the issue's, or the document's where the draft has faults. `is_known`: this very document had been
    imported before and staff have gone on from there, so that nothing was changed.
    """

    issue: IssueId
    fingerprint: str
    articles: int
    is_draft: bool
    warnings: tuple[Problem, ...] = ()
    is_known: bool = False


def draft_of(workspace: Workspace, source: Path) -> Draft:
    """Import a document as a draft; safe to repeat.

    Raises InputError where it is no issue, or one that must not be overwritten, and EnvironmentFault.
    """
    content = read_file(source, limit=folder.MOST_BYTES)
    if isinstance(content, Objection):
        raise refused(source.name, content)
    known = identify(source.name, content, workspace.sections)
    target = Destination(root=workspace.root, number=known.number, date=known.date, sections=workspace.sections)
    if target.path.exists() and not is_untouched(target.path):
        if _is_imported(target.path, content):
            return replace(_draft(workspace, target.path, content), is_known=True)
        raise refused(source.name, _exists(workspace, target))
    with _staging(workspace.root / loader.CONTENT) as stage:
        result = import_file(source, replace(target, root=stage))
        _put_in_place(result.folder, target.path, stage, source.name)
    return replace(_draft(workspace, target.path, content), articles=len(result.articles), warnings=result.problems)


def is_untouched(issue: Path) -> bool:
    """Say whether an import wrote this draft, and nothing was changed, added or taken away since."""
    written = issue / folder.IMPORT / fingerprints.FILE_NAME
    ledger = fingerprints.read_ledger(written.read_text(encoding="utf-8")) if written.is_file() else None
    if ledger is None:
        return False
    files = (path for path in issue.rglob("*") if path.is_file())
    present = {path.relative_to(issue): path for path in files}
    edited = {name.as_posix(): path for name, path in present.items() if name.parts[0] != folder.IMPORT}
    return edited.keys() == ledger.files.keys() and all(
        fingerprints.fingerprint(path.read_bytes()) == ledger.files[name] for name, path in edited.items()
    )


@contextmanager
def _staging(content: Path) -> Iterator[Path]:
    """Yield a folder on the disk of content/ that no loader sees; those of dead processes are removed."""
    stage = content / f".inbox-{secrets.token_hex(4)}"
    try:
        for left in content.glob(".inbox-*"):
            shutil.rmtree(left, ignore_errors=True)
        stage.mkdir(parents=True)
        yield stage
    except EnvironmentFault:
        raise
    except OSError as error:
        raise EnvironmentFault(
            wording(f"写不了 content/：{error.strerror}", f"cannot write content/: {error.strerror}")
        ) from error
    finally:
        shutil.rmtree(stage, ignore_errors=True)


def _put_in_place(draft: Path, target: Path, stage: Path, name: str) -> None:
    """Rename a finished draft to its place; an old one leaves first, and comes back where it was touched meanwhile."""
    old = stage / "replaced"
    if target.exists():
        target.rename(old)
        if not is_untouched(old):
            old.rename(target)
            raise refused(name, _JUST_CHANGED)
    try:
        draft.rename(target)
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise
        raise refused(name, _JUST_CHANGED) from error


def _is_imported(issue: Path, content: bytes) -> bool:
    """Say whether the last import into this folder was whole and of this very document."""
    if not (issue / folder.IMPORT / fingerprints.FILE_NAME).exists():
        return False
    return any(source.read_bytes() == content for source in (issue / folder.IMPORT).glob("source.*"))


def _draft(workspace: Workspace, path: Path, content: bytes) -> Draft:
    issue = loader.load_issue(path, root=workspace.root, sections=workspace.sections).issue
    return Draft(
        issue=IssueId(path.name),
        fingerprint=issue.fingerprint if issue else hashlib.sha256(content).hexdigest(),
        articles=len(issue.articles) if issue else 0,
        is_draft=issue is None or issue.status == "draft",
    )


_JUST_CHANGED = Objection(
    what=wording("这一期刚被改动，没有覆盖", "this issue was changed just now and was not overwritten"),
    remedy=wording("看过改动后再放进来一次", "look at what was changed, then drop it again"),
)


def _exists(workspace: Workspace, target: Destination) -> Objection:
    shown = workspace.shown(target.path)
    if _is_ready(target.path, shown):
        return Objection(
            what=wording(f"{shown} 已经定稿，没有覆盖", f"{shown} is marked ready and was not overwritten"),
            remedy=wording(
                f"如果是新的一期，把新期号写进文件名；如果是改稿，直接改 {shown} 里的文章",
                f"if this is a new issue, put its number into the file name; a correction goes into {shown}",
            ),
        )
    command = f"distributor import FILE --number {target.number} --date {target.date}"
    return Objection(
        what=wording(f"{shown} 已有人编辑，没有覆盖", f"{shown} has been edited and was not overwritten"),
        remedy=wording(
            f"如果是新的一期，把新期号写进文件名；要合并就运行 {command}：编辑过的文件不动，新的放在旁边（.new）",
            f"if this is a new issue, put its number into the file name; to merge run `{command}`: edited files stay, "
            "new ones lie beside them (.new)",
        ),
    )


def _is_ready(issue: Path, shown: str) -> bool:
    path = issue / issuefile.FILE_NAME
    text = path.read_text(encoding="utf-8-sig", errors="replace") if path.is_file() else ""
    settings = issuefile.parse_settings(text, shown)[0]
    return settings is not None and settings.status == "ready"
