"""Take an edited workspace into use while running: the whole of it or nothing, and never half of a change.

Enters: the office in use, and at every look the files that decide about it: distributor.toml, holidays.toml, the
files of secrets that the settings name, the signing key. They are read and compared, whatever their time stamps say:
editors rename on save, network file systems keep coarse times. Templates, lists and articles are read afresh anyway.

A change must lie still for `SETTLE` and open without a fault; whoever works with the office prepares first and may
refuse it too; then all of them change over, and the difference and the next dates are logged. A bad state of the files
keeps the office in use; it is logged and reported once, and tried again at every look.
"""

import asyncio
import hashlib
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from distributor import incidents
from distributor.config.loader import FILE_NAME
from distributor.errors import ConfigError, DistributorError, InputError
from distributor.incidents import Cause, News
from distributor.operations.office import KEY_FILE, Office, reopened
from distributor.operations.presence import Use
from distributor.operations.rehearsals import planning
from distributor.operations.service import settings_in_use
from distributor.operations.service.settings_difference import AFTER_RESTART, differences
from distributor.operations.workspace import HOLIDAYS, Workspace, open_workspace
from distributor.problems import Wording, wording
from distributor.times import local_text

SETTLE = timedelta(seconds=2)
_PUBLIC = (FILE_NAME, HOLIDAYS)
_LARGEST = 1_000_000
_NEXT_DATES = 3
_LOG = logging.getLogger(__name__)

Preparation = Callable[[Office], Callable[[], None]]
"""Gets ready for another office, or raises where it cannot work with it; what it returns makes the change and cannot
fail. Runs in a thread of its own; what it returns runs on the loop."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Files:
    """The files at one moment: a mark for each (its rights and a digest; empty where it is missing or unreadable)."""

    marks: Mapping[str, str]
    texts: Mapping[str, bytes]


class Reloading:
    """The office in use, exchanged for one by the files as they are now when they changed for the better."""

    def __init__(
        self,
        office: Office,
        environment: Mapping[str, str],
        *,
        preparations: Sequence[Preparation] = (),
        settle: timedelta = SETTLE,
    ) -> None:
        """Take an office that was just opened, and who must work with the next one."""
        self._office = office
        self._environment = environment
        self._preparations = list(preparations)
        self._settle = settle
        self._at_start = {key: _value(office.workspace, key) for key in AFTER_RESTART}
        self._files = _files_of(office.workspace)
        self._since = office.workspace.clock.now()
        self._refused: tuple[Wording, ...] = ()

    @property
    def office(self) -> Office:
        """The office in use."""
        return self._office

    @property
    def use(self) -> Use:
        """What is in use since when, and why something newer is not."""
        digest = self._office.workspace.config.digest
        return Use(settings=digest[:16], settings_at=self._since, refused=self._refused)

    def join(self, preparation: Preparation) -> None:
        """Let somebody else change over too, after those that joined before."""
        self._preparations.append(preparation)

    async def begin(self) -> None:
        """Keep a copy of what is in use and forget what an earlier process refused."""
        await self._settle_accounts()

    async def look(self, *, asked: bool = False) -> bool:
        """Look at the files; True where another office is in use now. `asked`: say also that nothing changed.

        Raises DatabaseFault, and then the next look does it again; a bad file raises nothing.
        """
        files = await asyncio.to_thread(_read, self._root, _names(self._office.workspace))
        if files == self._files:
            await self._as_in_use(asked=asked)
            return False
        first = await self._opened()
        if not isinstance(first, Workspace) and _told(first) == self._refused and not asked:
            return False
        names = _names(first if isinstance(first, Workspace) else self._office.workspace)
        before = await asyncio.to_thread(_read, self._root, names)
        await asyncio.sleep(self._settle.total_seconds())
        found = await self._opened()
        if before != await asyncio.to_thread(_read, self._root, names):
            _LOG.info("the settings are being written, the next look takes them")
            return False
        if isinstance(found, Workspace):
            return await self._take(found, before, asked=asked)
        await self._refuse(found, asked=asked)
        return False

    @property
    def _root(self) -> Path:
        return self._office.workspace.root

    async def _opened(self) -> Workspace | DistributorError:
        clock = self._office.workspace.clock
        try:
            return await asyncio.to_thread(open_workspace, self._root, clock, self._environment)
        except DistributorError as error:
            return error

    async def _as_in_use(self, *, asked: bool) -> None:
        """The files are those in use: an edit that was refused has been taken back."""
        if self._refused:
            await self._settle_accounts()
            _LOG.info("the settings are again those in use")
        elif asked:
            _LOG.info("the settings were read, nothing has changed")

    async def _take(self, workspace: Workspace, files: _Files, *, asked: bool) -> bool:
        try:
            office = await reopened(self._office, workspace)
            changes = [await asyncio.to_thread(prepare, office) for prepare in self._preparations]
        except (ConfigError, InputError) as error:
            await self._refuse(error, asked=asked)
            return False
        old, self._office, self._files = self._office, office, files
        self._since = workspace.clock.now()
        for change in changes:
            change()
        self._log_difference(old.workspace, workspace)
        await self._settle_accounts()
        await self._log_next_dates()
        return True

    async def _refuse(self, error: DistributorError, *, asked: bool) -> None:
        told = _told(error)
        if told == self._refused and not asked:
            return
        subject = _digest("\n".join(one.en for one in told).encode())
        news = News(
            cause=Cause.SETTINGS,
            subject=subject,
            what=wording(
                "\n".join(["设置有错，没有采用：", *(one.zh for one in told)]),
                "\n".join(["the settings are wrong and were not taken:", *(one.en for one in told)]),
            ),
            remedy=_REMEDY,
        )
        now = self._office.workspace.clock.now()
        async with self._office.database.write() as tx:
            await incidents.keep_only(tx, Cause.SETTINGS, [subject], now)
            await incidents.report(tx, news, now)
        self._refused = told
        for one in told:
            _LOG.error("the edited settings were refused, those in use stay", extra={"why": one.en})

    async def _settle_accounts(self) -> None:
        """What is in use is what the files say: nothing is refused, and the copy says the same."""
        async with self._office.database.write() as tx:
            await incidents.keep_only(tx, Cause.SETTINGS, [], self._office.workspace.clock.now())
        self._refused = ()
        try:
            await asyncio.to_thread(settings_in_use.keep_copy, self._office.workspace.var, self._files.texts)
        except (OSError, ValueError) as error:
            _LOG.warning("no copy of the settings in use", extra={"why": str(error)})

    def _log_difference(self, old: Workspace, new: Workspace) -> None:
        changes = differences(old, new)
        _LOG.info("new settings are in use", extra={"changes": len(changes)})
        for change in changes:
            _LOG.info("changed", extra={"setting": change.text})
        for key, value in self._at_start.items():
            if _value(new, key) != value:
                _LOG.warning("this takes effect after a restart", extra={"setting": key})

    async def _log_next_dates(self) -> None:
        workspace = self._office.workspace
        try:
            coming = await planning.coming_slots(self._office, _NEXT_DATES)
        except DistributorError as error:
            _LOG.warning("the next dates cannot be told", extra={"why": error.text("en")})
            return
        for one in coming:
            facts = {
                "schedule": one.schedule,
                "when": local_text(one.slot.due_at, workspace.zone),
                "issue": one.choice.issue.id if one.choice.issue else "-",
                "goes": one.slot.goes,
            }
            _LOG.info("next date", extra=facts)


def _files_of(workspace: Workspace) -> _Files:
    """Return the files that a workspace was opened from; nothing where they have changed since."""
    files = _read(workspace.root, _names(workspace))
    written = files.texts.get(FILE_NAME, b"")
    return files if hashlib.sha256(written).hexdigest() == workspace.config.digest else _Files(marks={}, texts={})


def _names(workspace: Workspace) -> list[str]:
    """Return the files that decide about a workspace, from its folder."""
    settings = workspace.settings
    passwords = [server.password_file for server in settings.smtp if server.password_file]
    keys = [settings.dkim.key_file] if settings.dkim else []
    return [*_PUBLIC, KEY_FILE.as_posix(), *passwords, *keys]


def _read(root: Path, names: Iterable[str]) -> _Files:
    contents = {name: _content(root / name) for name in names}
    texts = {name: found[1] for name, found in contents.items() if name in _PUBLIC and found is not None}
    return _Files(marks={name: _mark(found) for name, found in contents.items()}, texts=texts)


def _content(path: Path) -> tuple[int, bytes] | None:
    """Return a file's rights and bytes; None for what is missing, unreadable or no plain file."""
    try:
        if not path.is_file():
            return None
        with path.open("rb") as file:
            return path.stat().st_mode & 0o777, file.read(_LARGEST)
    except OSError:
        return None


def _mark(found: tuple[int, bytes] | None) -> str:
    return "" if found is None else f"{found[0]:o} {_digest(found[1])}"


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:32]


def _told(error: DistributorError) -> tuple[Wording, ...]:
    problems = getattr(error, "problems", ())
    if problems:
        return tuple(wording(one.text("zh"), one.text("en")) for one in problems)
    return (wording(error.text("zh"), error.text("en")),)


def _value(workspace: Workspace, key: str) -> object:
    table, name = key.split(".")
    return getattr(getattr(workspace.settings, table), name)


_REMEDY = wording(
    "改好上面的地方；在那之前一直用原来的设置。改好后会自动采用，distributor check 可以先看一遍",
    "mend the places above; until then the old settings are used, and the mended ones are taken by themselves; "
    "`distributor check` tells beforehand whether they will do",
)
