"""The door to the subscriber tables, and their only writer.

Every function takes the caller's transaction and is safe to repeat. Files come in by `difference` and `apply`; the
latter looks again inside its own transaction, so that what a reader said meanwhile stands. Readers act by public
id, operators by address. Consent is appended wherever somebody is subscribed, leaves or comes back.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from distributor.addresses import Address
from distributor.database import upsert
from distributor.errors import InputError
from distributor.identifiers import EmailKey, ListName, PublicId, SectionSet, SubscriberId
from distributor.schema import consent, list_file, membership, preference, section_set, subscriber, suppression
from distributor.subscribers import readers, records
from distributor.subscribers.comparison import Comparison
from distributor.subscribers.difference import standing_against
from distributor.subscribers.model import (
    Actor,
    Addition,
    Change,
    ListDifference,
    ListRow,
    NewSubscriber,
    ParsedList,
    SubscriberView,
    Verdict,
    Wish,
)
from distributor.subscribers.preferences import set_key
from distributor.subscribers.records import chunks
from distributor.subscribers.tokens import Randomness, new_public_id

_ACTIONS: Mapping[Verdict, str] = {"added": "subscribed", "rejoined": "rejoined", "ended": "ended"}
_State = Literal["member", "ended"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Deed:
    """What goes into the consent record, besides whose mailbox it is; `_end` takes its action as the reason."""

    action: str
    source: str
    at: datetime
    detail: str = ""


def mailable(lists: Sequence[ListName]) -> sa.Select[Any]:
    """Select the readers whom a mailing to any of the lists may reach, each once, by subscriber id.

    Columns: subscriber, public_id, email_key, address, domain, name, format, section_set (as `set_key` has it).
    """
    on_a_list = sa.exists().where(
        membership.c.subscriber == subscriber.c.id,
        membership.c.list.in_(list(lists)),
        membership.c.state == "member",
    )
    columns = (subscriber.c[name] for name in ("public_id", "email_key", "address", "domain", "name", "format"))
    return (
        sa.select(subscriber.c.id.label("subscriber"), *columns, records.SECTION_KEY.label("section_set"))
        .select_from(records.WITH_PREFERENCE)
        .where(on_a_list, ~sa.exists().where(suppression.c.email_key == subscriber.c.email_key))
        .order_by(subscriber.c.id)
    )


def suppressed_keys() -> sa.Select[Any]:
    """Select the email_key of every mailbox that must not be mailed."""
    return sa.select(suppression.c.email_key)


async def difference(connection: AsyncConnection, parsed: ParsedList, *, at: datetime) -> ListDifference:
    """Compare a list file with what is stored; reads only. InputError when the file was refused."""
    if parsed.refused:
        raise InputError(problems=parsed.problems)
    comparison = await Comparison.begin(connection, parsed, at)
    for rows in parsed.rows.blocks():
        await comparison.of_rows(connection, rows)
    await comparison.of_absent(connection)
    return await comparison.end(connection)


async def apply(tx: AsyncConnection, shown: ListDifference, *, at: datetime, randomness: Randomness) -> ListDifference:
    """Apply the list file of a difference and return what was really applied.

    The difference is made anew in this transaction: between showing and applying a reader may have left. Whether
    a `held` one may be applied is the caller's to decide. Applying the same file again changes nobody.
    """
    parsed = shown.parsed
    comparison = await Comparison.begin(tx, parsed, at)
    for rows in parsed.rows.blocks():
        changes = await comparison.of_rows(tx, rows)
        await _join(tx, parsed.list, rows, changes, (at, randomness))
        await _store_fields(tx, rows, _of(changes, "changed"), at)
        await _record_changes(tx, parsed, changes, at)
    absent = await comparison.of_absent(tx)
    await _move(tx, parsed.list, ("member", "list"), _people_of(_of(absent, "ended")), ("ended", at))
    await _record_changes(tx, parsed, absent, at)
    applied = await comparison.end(tx)
    await _record_file(tx, parsed, at)
    return applied


async def unsubscribe(tx: AsyncConnection, public_id: PublicId, *, source: str, at: datetime) -> SubscriberView | None:
    """End the publication for a reader, by their own word; None when nobody has this public id.

    A second time changes and records nothing. No list file and no operator without a reason undoes it.
    """
    view = await readers.find_by_public_id(tx, public_id)
    if view is None:
        return None
    theirs = membership.c.state == "member"
    if view.status == "removed":
        # What the operator ended ends by the reader's word too: now it is the reader who must be asked.
        theirs |= membership.c.changed_by == "operator"
    await _end(tx, view.key, theirs, "reader", _Deed(action="unsubscribed", source=source, at=at))
    return await readers.find_by_public_id(tx, public_id)


async def remove(tx: AsyncConnection, address: Address, *, source: str, at: datetime) -> SubscriberView | None:
    """Stop mail to an address by an operator's hand, whether it is on file or not; no list file brings it back.

    Returns the reader, or None for an address that nobody on file has.
    """
    mine = membership.c.state == "member"
    await _end(tx, address.key, mine, "operator", _Deed(action="removed", source=source, at=at))
    return await readers.find_by_address(tx, address)


async def resubscribe(tx: AsyncConnection, public_id: PublicId, *, source: str, at: datetime) -> SubscriberView | None:
    """Undo a reader's own unsubscribing: the same lists as before; None when nobody has this public id.

    Other suppressions stay; a reader who did not unsubscribe is left as they are.
    """
    view = await readers.find_by_public_id(tx, public_id)
    if view is None or view.status != "unsubscribed":
        return view
    # Only what ended in that moment: a list left earlier, box by box, stays left.
    then = (membership.c.changed_by == "reader") & (membership.c.changed_at == view.suppressed_at)
    await tx.execute(
        sa.update(membership)
        .where(membership.c.subscriber == view.subscriber, then)
        .values(state="member", changed_at=at)
    )
    await tx.execute(sa.delete(suppression).where(suppression.c.email_key == view.key))
    await _record(tx, [view.key], _Deed(action="resubscribed", source=source, at=at))
    return await readers.find_by_public_id(tx, public_id)


async def set_preferences(
    tx: AsyncConnection, public_id: PublicId, wish: Wish, *, source: str, at: datetime
) -> SubscriberView | None:
    """Store what a reader chose on the preference page; None when nobody has this public id.

    Of `wish.lists` only those count that the reader is on or left by themselves: nobody joins a list that staff
    did not put them on. Leaving every list is unsubscribing; coming back from that is `resubscribe`, not this.
    """
    view = await readers.find_by_public_id(tx, public_id)
    if view is None:
        return None
    if view.chosen_by != "reader" or view.sections != wish.sections:
        await _choose(tx, view.subscriber, wish.sections, at)
        chosen = set_key(wish.sections)
        await _record(tx, [view.key], _Deed(action="preferences", source=source, at=at, detail=chosen))
    if wish.lists is None or view.suppressed_at is not None:
        return await readers.find_by_public_id(tx, public_id)
    if view.lists and wish.lists.isdisjoint(view.lists + view.left):
        return await unsubscribe(tx, public_id, source=source, at=at)
    for name in (*view.lists, *view.left):
        is_member, is_wanted = name in view.lists, name in wish.lists
        if is_member != is_wanted:
            action = "joined" if is_wanted else "left"
            await _set_place(tx, view, "member" if is_wanted else "ended", name, at)
            await _record(tx, [view.key], _Deed(action=action, source=source, at=at, detail=name))
    return await readers.find_by_public_id(tx, public_id)


async def add(tx: AsyncConnection, person: NewSubscriber, *, at: datetime, randomness: Randomness) -> Addition:
    """Put one person on a list by an operator's hand; name, sections and format count only for a new person.

    Refused, unless the operator gives a reason, where the reader unsubscribed or left the list, or where the
    address bounced, complained or was erased. What an operator removed, an operator may add again.
    """
    key = person.address.key
    view = await readers.find_by_address(tx, person.address)
    stopped = await readers.find_suppression(tx, key)
    refused_for = standing_against(person, view, stopped)
    if refused_for is not None:
        return Addition(outcome="refused", view=view, refused_for=refused_for)
    if view is not None and stopped is None and person.list in view.lists:
        return Addition(outcome="already", view=view)
    await tx.execute(sa.delete(suppression).where(suppression.c.email_key == key))
    ids = await _insert_people(tx, [person.as_row()], "operator", at, randomness)
    place = {"state": "member", "changed_by": "operator", "changed_at": at}
    joined = upsert(tx, membership).values(subscriber=ids[key], list=person.list, **place)
    await tx.execute(joined.on_conflict_do_update(index_elements=["subscriber", "list"], set_=place))
    deed = _Deed(action="subscribed", source=person.source, at=at, detail=person.reason)
    await _record(tx, [key], deed)
    view_after = await readers.find_by_address(tx, person.address)
    return Addition(outcome="rejoined" if view else "added", view=view_after)


async def _join(
    tx: AsyncConnection,
    name: ListName,
    rows: Sequence[ListRow],
    changes: Sequence[Change],
    by: tuple[datetime, Randomness],
) -> None:
    """Put those on the list whom these rows add, bring back or adopt."""
    at, randomness = by
    added = _of(changes, "added")
    unknown = {change.key for change in added if change.subscriber is None}
    people = await _insert_people(tx, [row for row in rows if row.key in unknown], "list", at, randomness)
    joining = [*people.values(), *_people_of(added)]
    place = {"list": name, "state": "member", "changed_by": "list", "changed_at": at}
    places = [place | {"subscriber": person} for person in joining]
    await _insert_new(tx, membership, places, unless=["subscriber", "list"])
    await _move(tx, name, ("ended", "list"), _people_of(_of(changes, "rejoined")), ("member", at))
    await _move(tx, name, ("member", "operator"), _people_of(_of(changes, "adopted")), ("member", None))


async def _insert_people(
    tx: AsyncConnection, rows: Sequence[ListRow], by: Actor, at: datetime, randomness: Randomness
) -> Mapping[EmailKey, SubscriberId]:
    new = [records.person_values(row, new_public_id(randomness), at) for row in rows]
    await _insert_new(tx, subscriber, new, unless=["email_key"])
    ids = await readers.find_ids(tx, [row.key for row in rows])
    sets = await _section_sets(tx, {set_key(row.sections) for row in rows})
    chosen = {"chosen_by": by, "chosen_at": at}
    preferences = [chosen | {"subscriber": ids[row.key], "section_set": sets[set_key(row.sections)]} for row in rows]
    await _insert_new(tx, preference, preferences, unless=["subscriber"])
    return ids


async def _insert_new(
    tx: AsyncConnection, table: sa.Table, rows: Sequence[Mapping[str, Any]], *, unless: Sequence[str]
) -> None:
    # The key that may be there already is named: a public id drawn twice is an error and not somebody to skip.
    for chunk in chunks(rows):
        await tx.execute(upsert(tx, table).on_conflict_do_nothing(index_elements=unless), list(chunk))


async def _section_sets(tx: AsyncConnection, keys: set[str]) -> Mapping[str, int]:
    if not keys:
        return {}
    ordered = sorted(keys)
    await _insert_new(tx, section_set, [{"key": key} for key in ordered], unless=["key"])
    rows = await tx.execute(sa.select(section_set.c.key, section_set.c.id).where(section_set.c.key.in_(ordered)))
    return {row.key: row.id for row in rows}


async def _move(
    tx: AsyncConnection,
    name: ListName,
    before: tuple[_State, Actor],
    people: Sequence[SubscriberId],
    after: tuple[_State, datetime | None],
) -> None:
    # With the state it is moved from, so that a word that came between is not run over.
    state, at = after
    place: dict[str, Any] = {"state": state, "changed_by": "list"} | ({"changed_at": at} if at else {})
    for chunk in chunks(people):
        await tx.execute(
            sa.update(membership)
            .where(
                membership.c.list == name,
                membership.c.subscriber.in_(chunk),
                membership.c.state == before[0],
                membership.c.changed_by == before[1],
            )
            .values(place)
        )


async def _store_fields(tx: AsyncConnection, rows: Sequence[ListRow], changes: Sequence[Change], at: datetime) -> None:
    named = {row.key: row for row in rows}
    person = subscriber.c.id == sa.bindparam("person")
    for name, value_of in records.STAFF_COLUMNS.items():
        differing = [change for change in changes if name in change.fields]
        new = [{"person": change.subscriber, "new": value_of(named[change.key])} for change in differing]
        await _update_each(tx, sa.update(subscriber).where(person).values({name: sa.bindparam("new")}), new)
    chosen = [change for change in changes if "sections" in change.fields]
    keys = [(change.subscriber, set_key(named[change.key].sections)) for change in chosen]
    sets = await _section_sets(tx, {key for _, key in keys})
    theirs = (preference.c.subscriber == sa.bindparam("person")) & (preference.c.chosen_by != "reader")
    values = {"section_set": sa.bindparam("new"), "chosen_by": "list", "chosen_at": at}
    new_sets = [{"person": person_id, "new": sets[key]} for person_id, key in keys]
    await _update_each(tx, sa.update(preference).where(theirs).values(values), new_sets)


async def _update_each(tx: AsyncConnection, statement: sa.Update, rows: Sequence[Mapping[str, Any]]) -> None:
    for chunk in chunks(rows):
        await tx.execute(statement, list(chunk))


async def _choose(tx: AsyncConnection, person: SubscriberId, sections: SectionSet, at: datetime) -> None:
    key = set_key(sections)
    chosen = {"section_set": (await _section_sets(tx, {key}))[key], "chosen_by": "reader", "chosen_at": at}
    stored = upsert(tx, preference).values(subscriber=person, **chosen)
    await tx.execute(stored.on_conflict_do_update(index_elements=["subscriber"], set_=chosen))


async def _set_place(tx: AsyncConnection, view: SubscriberView, state: _State, name: ListName, at: datetime) -> None:
    await tx.execute(
        sa.update(membership)
        .where(membership.c.subscriber == view.subscriber, membership.c.list == name)
        .values(state=state, changed_by="reader", changed_at=at)
    )


async def _end(tx: AsyncConnection, key: EmailKey, which: sa.ColumnElement[bool], by: Actor, deed: _Deed) -> None:
    reason = {"reason": deed.action, "source": deed.source, "at": deed.at}
    stop = upsert(tx, suppression).values(email_key=key, **reason)
    # A bounce may be lifted by machine one day; a person's word must not go with it.
    bounced = suppression.c.reason == "bounced"
    stop = stop.on_conflict_do_update(index_elements=["email_key"], set_=reason, where=bounced)
    stopped = (await tx.execute(stop.returning(suppression.c.email_key))).first()
    person = sa.select(subscriber.c.id).where(subscriber.c.email_key == key).scalar_subquery()
    ended = await tx.execute(
        sa.update(membership)
        .where(membership.c.subscriber == person, which)
        .values(state="ended", changed_by=by, changed_at=deed.at)
    )
    if stopped is not None or ended.rowcount > 0:
        await _record(tx, [key], deed)


async def _record_changes(tx: AsyncConnection, parsed: ParsedList, changes: Sequence[Change], at: datetime) -> None:
    source = f"list:{parsed.list}"
    for verdict, action in _ACTIONS.items():
        keys = [change.key for change in _of(changes, verdict)]
        await _record(tx, keys, _Deed(action=action, source=source, at=at))


async def _record(tx: AsyncConnection, keys: Sequence[EmailKey], deed: _Deed) -> None:
    line = {"action": deed.action, "source": deed.source, "detail": deed.detail, "at": deed.at}
    for chunk in chunks(keys):
        await tx.execute(sa.insert(consent), [line | {"email_key": key} for key in chunk])


async def _record_file(tx: AsyncConnection, parsed: ParsedList, at: datetime) -> None:
    file = {"digest": parsed.digest, "rows": parsed.row_count, "synced_at": at}
    stored = upsert(tx, list_file).values(list=parsed.list, **file)
    await tx.execute(stored.on_conflict_do_update(index_elements=["list"], set_=file))


def _of(changes: Sequence[Change], verdict: Verdict) -> list[Change]:
    return [change for change in changes if change.verdict == verdict]


def _people_of(changes: Sequence[Change]) -> list[SubscriberId]:
    return [change.subscriber for change in changes if change.subscriber is not None]
