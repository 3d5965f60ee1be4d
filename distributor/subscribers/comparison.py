"""Compare a list file with what is stored, a thousand rows at a time; reads only.

Takes any connection; `difference` has the rules. Neither the file's rows nor the people on file are ever held all at
once: what grows with the list is the packed file, the packed changes and one number for each member.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Self

from sqlalchemy.ext.asyncio import AsyncConnection

from distributor.identifiers import EmailKey, SubscriberId
from distributor.subscribers import readers
from distributor.subscribers.difference import compare_absent, compare_row
from distributor.subscribers.model import Change, ListDifference, ListRow, ParsedList, StaffField, Verdict
from distributor.subscribers.packing import Packed
from distributor.subscribers.records import chunks


class Comparison:
    """One comparison under way: every block of rows in file order, then those whom the file does not name."""

    def __init__(self, parsed: ParsedList, at: datetime, members: set[SubscriberId], from_file: int) -> None:
        self._parsed = parsed
        self._at = at
        self._unnamed = members
        self._from_file = from_file
        self._changes = Packed(_change_to_cells, _cells_to_change)
        self._counts: Counter[Verdict] = Counter()

    @classmethod
    async def begin(cls, connection: AsyncConnection, parsed: ParsedList, at: datetime) -> Self:
        """Begin with who is on the list before anything is applied."""
        return cls(parsed, at, *await readers.members_of(connection, parsed.list))

    async def of_rows(self, connection: AsyncConnection, rows: Sequence[ListRow]) -> list[Change]:
        """Return what a block of the file changes, in file order."""
        parsed, at = self._parsed, self._at
        known, suppressed = await readers.read_known(connection, parsed.list, [row.key for row in rows])
        self._unnamed.difference_update(person.subscriber for person in known.values())
        return self._noted(change for row in rows for change in compare_row(row, parsed, known, suppressed, at))

    async def of_absent(self, connection: AsyncConnection) -> list[Change]:
        """Return what becomes of the members whom no block named, by address; after the last block."""
        found: list[Change] = []
        for people in chunks(sorted(self._unnamed)):
            known = await readers.read_people(connection, self._parsed.list, people)
            for key in known.keys() - self._parsed.set_aside:
                found.extend(compare_absent(key, known[key]))
        return self._noted(sorted(found, key=lambda change: change.address))

    async def end(self, connection: AsyncConnection) -> ListDifference:
        """Return the whole of what was compared, with the sync before this one."""
        return ListDifference(
            parsed=self._parsed,
            last=await readers.find_last_sync(connection, self._parsed.list),
            members=self._from_file,
            changes=self._changes,
            counts=self._counts,
        )

    def _noted(self, changes: Iterable[Change]) -> list[Change]:
        noted = list(changes)
        self._changes.extend(noted)
        self._counts.update(change.verdict for change in noted)
        return noted


def _change_to_cells(change: Change) -> tuple[object, ...]:
    return change.verdict, change.key, change.address, change.subscriber, change.fields


def _cells_to_change(cells: tuple[Verdict, EmailKey, str, SubscriberId | None, list[StaffField]]) -> Change:
    verdict, key, address, subscriber, fields = cells
    return Change(verdict=verdict, key=key, address=address, subscriber=subscriber, fields=tuple(fields))
