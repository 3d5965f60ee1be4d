"""Compare a list file with what the database knows: who is added, ends, changes, and whose own word stands.

Pure. The rules of the room are here and nowhere else:

- a file adds people, brings back those whom only an earlier file dropped, and ends those it no longer names;
- it never resubscribes who unsubscribed or left the list, and never beats a suppression;
- it never changes sections that the reader chose;
- where several lists hold a person, the one that has held them longest decides the staff-owned fields.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from distributor.identifiers import EmailKey, ListName, SubscriberId
from distributor.subscribers.model import (
    Actor,
    Change,
    Format,
    ListRow,
    NewSubscriber,
    ParsedList,
    StaffField,
    SubscriberView,
    Suppression,
    SuppressionReason,
    Verdict,
)
from distributor.subscribers.preferences import set_key


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A person's place on the list; `since` is when it last changed, `by` who changed it."""

    state: Literal["member", "ended"]
    by: Actor
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A person whom the database knows, as far as one list is concerned.

    `standing` is None for who never was on the list. `elder` is the other list that has held the person longest,
    with the moment it began.
    """

    subscriber: SubscriberId
    address: str
    name: str
    format: Format
    section_key: str
    chosen_by: Actor
    standing: Standing | None
    elder: tuple[datetime, ListName] | None
    suppression: SuppressionReason | None

    @property
    def is_from_file(self) -> bool:
        """Whether the person is on the list because an earlier file named them."""
        return self.standing is not None and self.standing.state == "member" and self.standing.by == "list"

    @property
    def is_by_own_word(self) -> bool:
        """Whether the person is on the list because they said so themselves."""
        return self.standing is not None and self.standing.state == "member" and self.standing.by == "reader"


def compare_row(
    row: ListRow,
    parsed: ParsedList,
    known: Mapping[EmailKey, Known],
    suppressed: Mapping[EmailKey, SuppressionReason],
    at: datetime,
) -> Iterator[Change]:
    """Yield what a row of the file changes, or why it changes nothing.

    `known` holds the person if the database knows them; `suppressed` the suppression of one whom it does not.
    """
    person = known.get(row.key)
    blocked = _blocked(person, suppressed.get(row.key))
    if blocked is not None:
        yield _about(row, person, blocked)
        return
    joining = _joining(person)
    if joining is not None:
        yield _about(row, person, joining)
    if person is not None:
        yield from _fields(row, person, parsed, at)


def _blocked(person: Known | None, suppression: SuppressionReason | None) -> Verdict | None:
    reason = person.suppression if person else suppression
    if reason is not None:
        return "unsubscribed" if reason == "unsubscribed" else "blocked"
    standing = person.standing if person else None
    if standing is None or standing.state == "member" or standing.by == "list":
        return None
    return "unsubscribed" if standing.by == "reader" else "blocked"


def _joining(person: Known | None) -> Verdict | None:
    if person is None or person.standing is None:
        return "added"
    if person.standing.state == "ended":
        return "rejoined"
    # Staff put the person into the file after adding them by hand: from now on the file decides.
    return "adopted" if person.standing.by == "operator" else None


def _fields(row: ListRow, person: Known, parsed: ParsedList, at: datetime) -> Iterator[Change]:
    differing = _differing(row, person, parsed.columns)
    reader_chose = "sections" in differing and person.chosen_by == "reader"
    if reader_chose:
        yield _about(row, person, "kept", ("sections",))
    fields = tuple(name for name in differing if not (reader_chose and name == "sections"))
    if fields:
        yield _about(row, person, "changed" if _decides(parsed.list, person, at) else "elsewhere", fields)


def _differing(row: ListRow, person: Known, columns: frozenset[StaffField]) -> tuple[StaffField, ...]:
    differs: dict[StaffField, bool] = {
        "address": row.address.text != person.address,
        "name": "name" in columns and row.name != person.name,
        "sections": "sections" in columns and set_key(row.sections) != person.section_key,
        "format": "format" in columns and row.format != person.format,
    }
    return tuple(name for name, is_different in differs.items() if is_different)


def _decides(list_name: ListName, person: Known, at: datetime) -> bool:
    if person.elder is None:
        return True
    standing = person.standing
    since = standing.since if standing is not None and standing.state == "member" else at
    return (since, list_name) < person.elder


def compare_absent(key: EmailKey, person: Known) -> Iterator[Change]:
    """Yield what becomes of a person on the list whom the file no longer names."""
    if person.is_from_file:
        yield Change(verdict="ended", key=key, address=person.address, subscriber=person.subscriber)
    elif person.is_by_own_word and person.suppression is None:
        yield Change(verdict="kept", key=key, address=person.address, subscriber=person.subscriber)


def _about(row: ListRow, person: Known | None, verdict: Verdict, fields: tuple[StaffField, ...] = ()) -> Change:
    return Change(
        verdict=verdict,
        key=row.key,
        address=row.address.text,
        subscriber=person.subscriber if person else None,
        fields=fields,
    )


def standing_against(
    person: NewSubscriber, view: SubscriberView | None, stopped: Suppression | None
) -> SuppressionReason | None:
    """Return whose word stands against an operator's adding a person to a list, or None."""
    if person.reason:
        return None
    if stopped is not None and stopped.reason != "removed":
        return stopped.reason
    has_left = view is not None and (person.list in view.left or (bool(view.left) and not view.lists))
    return "unsubscribed" if has_left else None
