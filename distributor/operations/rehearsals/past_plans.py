"""The last plan of a mailing, kept in var/plans to compare the next one with: what changed since somebody looked.

Enters: an `AudiencePlan`. Leaves: a `PlanRecord`, and the `PlanDifference` of two. One file for each issue and way of
sending it (a schedule, or lists), the last plan alone; readers stand in it as digests, never as addresses. Writing it
is the only thing that `plan` ever writes.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal, TypeVar

from distributor.identifiers import EditionKey, ListName
from distributor.operations.files import write_if_changed
from distributor.operations.launching import origin_of_lists
from distributor.operations.rehearsals.audience import Cell
from distributor.operations.rehearsals.planning import AudiencePlan

PLANS = "plans"
_FORM = 1
_SAME = timedelta(minutes=1)
"""Ends that are nearer to each other look the same, because minutes are shown."""
_LONGEST_NAME = 150
_Name = TypeVar("_Name", bound=str)


@dataclass(frozen=True, slots=True, kw_only=True)
class PastEdition:
    """An edition as an earlier plan saw it; `content` is a digest of what its readers see."""

    subject: str
    html_bytes: int
    content: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanRecord:
    """A plan as it is kept; `finish` None where no limit held it back. `readers` has each reader's digest once."""

    name: str
    at: datetime
    start: datetime
    finish: datetime | None
    editions: Mapping[EditionKey, PastEdition]
    readers: Mapping[Cell, frozenset[str]] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """How many readers came and left between two plans; `now` is how many there are."""

    added: int
    left: int
    now: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EditionChange:
    """An edition that is new, gone, or reads differently; the sizes are bytes of HTML, 0 where there was none."""

    edition: EditionKey
    kind: Literal["new", "gone", "changed"]
    bytes_before: int
    bytes_now: int
    subject_before: str
    subject_now: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanDifference:
    """What changed since the plan made at `since`. Readers who changed editions count as left here and added there.

    `editions` and `lists` hold only those with a movement, `contents` only editions that changed.
    """

    since: datetime
    readers: Movement
    changed_edition: int
    editions: Mapping[EditionKey, Movement]
    lists: Mapping[ListName, Movement]
    contents: tuple[EditionChange, ...]
    start: tuple[datetime, datetime]
    finish: tuple[datetime | None, datetime | None]

    @property
    def is_empty(self) -> bool:
        """Whether nothing changed."""
        moved = self.readers.added or self.readers.left or self.changed_edition or self.editions or self.lists
        return not (moved or self.contents or len(set(self.start)) > 1 or len(set(self.finish)) > 1)


def record_of(audience: AudiencePlan) -> PlanRecord:
    """Return what is kept of a plan."""
    return PlanRecord(
        name=name_of(audience),
        at=audience.at,
        start=audience.start,
        finish=audience.finish,
        editions={
            line.edition: PastEdition(subject=line.subject, html_bytes=line.html_bytes, content=line.content)
            for line in audience.editions
        },
        readers={cell: frozenset(digests) for cell, digests in audience.audience.digests.items()},
    )


def name_of(audience: AudiencePlan) -> str:
    """Return what a mailing's plans are kept by: `2015-055-schedule-weekly`, `2015-055-lists-members+public`."""
    slot = audience.slot
    way = f"schedule-{slot.schedule}" if slot else f"lists-{origin_of_lists(audience.plan.lists)}"
    if len(way) > _LONGEST_NAME:
        way = f"lists-{hashlib.blake2b(way.encode(), digest_size=10).hexdigest()}"
    return f"{audience.plan.issue}-{way}"


def keep(var: Path, record: PlanRecord) -> None:
    """Keep a plan in place of the last one of the same mailing. Raises EnvironmentFault."""
    written = {
        "form": _FORM,
        "at": record.at.isoformat(),
        "start": record.start.isoformat(),
        "finish": record.finish.isoformat() if record.finish else None,
        "editions": {
            key: {"subject": one.subject, "html_bytes": one.html_bytes, "content": one.content}
            for key, one in record.editions.items()
        },
        "readers": [
            {"edition": edition, "lists": lists, "digests": sorted(digests)}
            for (edition, lists), digests in sorted(record.readers.items())
        ],
    }
    text = json.dumps(written, ensure_ascii=False, separators=(",", ":")) + "\n"
    write_if_changed(_file(var, record.name), text.encode(), mode=0o600)


def last(var: Path, name: str) -> PlanRecord | None:
    """Return the last plan of that name; None where there is none that can be read."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        found = json.loads(_file(var, name).read_text(encoding="utf-8"))
        if found["form"] == _FORM:
            return _record(name, found)
    return None


def compare(before: PlanRecord, now: PlanRecord) -> PlanDifference:
    """Return what changed between two plans of one mailing."""
    old, new = _by_reader(before), _by_reader(now)
    start, finish = _moments(before, now)
    return PlanDifference(
        since=before.at,
        readers=_movement(set(old), set(new)),
        changed_edition=sum(old[one][0] != new[one][0] for one in old.keys() & new.keys()),
        editions=_moved(_by_edition(before), _by_edition(now)),
        lists=_moved(_by_list(before), _by_list(now)),
        contents=tuple(_contents(before, now)),
        start=start,
        finish=finish,
    )


def _moments(
    before: PlanRecord, now: PlanRecord
) -> tuple[tuple[datetime, datetime], tuple[datetime | None, datetime | None]]:
    """Return both starts and both ends; what would go at once both times is compared as if it began together."""
    if before.start > before.at or now.start > now.at:
        return (before.start, now.start), (before.finish, now.finish)
    finish = before.finish + (now.start - before.start) if before.finish else None
    if finish and now.finish and abs(finish - now.finish) < _SAME:
        finish = now.finish
    return (now.start, now.start), (finish, now.finish)


def _by_reader(record: PlanRecord) -> dict[str, Cell]:
    return {digest: cell for cell, digests in record.readers.items() for digest in digests}


def _by_edition(record: PlanRecord) -> dict[EditionKey, set[str]]:
    found: dict[EditionKey, set[str]] = {}
    for (edition, _lists), digests in record.readers.items():
        found.setdefault(edition, set()).update(digests)
    return found


def _by_list(record: PlanRecord) -> dict[ListName, set[str]]:
    found: dict[ListName, set[str]] = {}
    for (_edition, lists), digests in record.readers.items():
        for name in lists:
            found.setdefault(name, set()).update(digests)
    return found


def _moved(before: Mapping[_Name, set[str]], now: Mapping[_Name, set[str]]) -> dict[_Name, Movement]:
    """Return the movements of every edition or list that has one, the present ones first."""
    movements = {name: _movement(before.get(name, set()), now.get(name, set())) for name in (*now, *before)}
    return {name: one for name, one in movements.items() if one.added or one.left}


def _movement(before: set[str], now: set[str]) -> Movement:
    return Movement(added=len(now - before), left=len(before - now), now=len(now))


def _contents(before: PlanRecord, now: PlanRecord) -> Iterator[EditionChange]:
    for key in dict.fromkeys((*now.editions, *before.editions)):
        old, new = before.editions.get(key), now.editions.get(key)
        if old is not None and new is not None and old.content == new.content:
            continue
        yield EditionChange(
            edition=key,
            kind="new" if old is None else "gone" if new is None else "changed",
            bytes_before=old.html_bytes if old else 0,
            bytes_now=new.html_bytes if new else 0,
            subject_before=old.subject if old else "",
            subject_now=new.subject if new else "",
        )


def _file(var: Path, name: str) -> Path:
    return var / PLANS / f"{name}.json"


def _record(name: str, found: Any) -> PlanRecord:
    return PlanRecord(
        name=name,
        at=datetime.fromisoformat(found["at"]),
        start=datetime.fromisoformat(found["start"]),
        finish=datetime.fromisoformat(found["finish"]) if found["finish"] else None,
        editions={EditionKey(key): PastEdition(**one) for key, one in found["editions"].items()},
        readers={
            (EditionKey(cell["edition"]), tuple(cell["lists"])): frozenset(cell["digests"]) for cell in found["readers"]
        },
    )
