"""Who gets it: list files brought in, and what readers and operators say about one subscription.

A reader's own act takes effect at once, also on copies not yet claimed in a running mailing, because claims look at
the suppressions themselves. Tokens are checked here and nowhere else.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from distributor.addresses import Address, parse_address
from distributor.config.model import Section
from distributor.errors import DecisionNeeded, InputError
from distributor.identifiers import ListName, PublicId
from distributor.operations.files import read_whole
from distributor.operations.office import Office
from distributor.problems import Problem, wording
from distributor.subscribers import readers, store, tokens
from distributor.subscribers.lists import parse_list
from distributor.subscribers.model import Addition, ListDifference, NewSubscriber, SubscriberView, Wish


@dataclass(frozen=True, slots=True, kw_only=True)
class ListSync:
    """One list file compared with the database: the difference, or None when there is no such file."""

    list: ListName
    path: str
    difference: ListDifference | None

    @property
    def set_aside(self) -> int:
        """How many problems stopped a row; warnings not counted."""
        return sum(not problem.warning for problem in self.problems)

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Everything said about the file, in line order."""
        return self.difference.parsed.problems if self.difference else ()

    @property
    def is_held(self) -> bool:
        """Whether a person must decide because the file lost too many rows."""
        return self.difference is not None and self.difference.held


async def compare_lists(office: Office, lists: Sequence[ListName]) -> tuple[ListSync, ...]:
    """Compare list files with the database and change nothing. Raises InputError for a file that cannot be used."""
    found = []
    for name in lists:
        workspace = office.workspace
        path = workspace.list_file(name)
        shown = workspace.shown(path)
        if not path.exists():
            found.append(ListSync(list=name, path=shown, difference=None))
            continue
        parsed = parse_list(read_whole(path, shown), path=shown, list_name=name, sections=workspace.sections)
        async with office.database.read() as connection:
            difference = await store.difference(connection, parsed, at=workspace.clock.now())
        found.append(ListSync(list=name, path=shown, difference=difference))
    return tuple(found)


async def apply_lists(office: Office, syncs: Sequence[ListSync]) -> tuple[ListDifference, ...]:
    """Apply compared list files, each in one transaction, and return what was really applied."""
    applied = []
    for sync in syncs:
        if sync.difference is None:
            continue
        async with office.database.write() as tx:
            applied.append(
                await store.apply(tx, sync.difference, at=office.workspace.clock.now(), randomness=secrets.token_bytes)
            )
    return tuple(applied)


async def sync_changed(office: Office, lists: Sequence[ListName]) -> tuple[ListSync, ...]:
    """Bring in the list files that changed since their last sync, before a launch.

    Rows with errors are left out and stay in the result. Raises DecisionNeeded when a file lost over a fifth of its
    rows, InputError when one cannot be used at all; then nothing of any file was applied.
    """
    syncs = await compare_lists(office, lists)
    changed = [sync for sync in syncs if sync.difference is not None and sync.difference.is_new_file]
    for sync in changed:
        if sync.is_held:
            raise shrunk(sync)
    await apply_lists(office, changed)
    return syncs


def shrunk(sync: ListSync) -> DecisionNeeded:
    """Return the error for a file that lost too many of its rows."""
    assert sync.difference is not None
    percent = round(sync.difference.lost * 100)
    return DecisionNeeded(
        wording(
            f"{sync.path} 比上次少了 {percent}% 的人，没有同步"
            f" → 确实如此请运行 distributor subscribers sync {sync.list} --shrink",
            f"{sync.path} lost {percent} % of its people, nothing was synced: if that is right, run "
            f"`distributor subscribers sync {sync.list} --shrink`",
        )
    )


def list_names(office: Office, wanted: Sequence[str]) -> tuple[ListName, ...]:
    """Return the configured lists a person named (all when none). Raises InputError for an unknown one."""
    known = office.workspace.list_names
    unknown = [name for name in wanted if name not in known]
    if unknown:
        raise InputError(
            wording(
                f"没有这个名单：{'、'.join(unknown)} → distributor.toml 里有：{'、'.join(known) or '（一个也没有）'}",
                f"no such list: {', '.join(unknown)}; distributor.toml has {', '.join(known) or 'none'}",
            )
        )
    return tuple(name for name in known if name in wanted) if wanted else known


async def reader_of_token(office: Office, token: str) -> SubscriberView | None:
    """Return whose link it is, or None for anything that we did not sign for this."""
    public_id = _public_id(office, token)
    if public_id is None:
        return None
    async with office.database.read() as connection:
        return await readers.find_by_public_id(connection, public_id)


async def unsubscribe(office: Office, token: str, *, source: str) -> SubscriberView | None:
    """End the publication for whose link it is; None for a link that is not ours. Safe to repeat."""
    public_id = _public_id(office, token)
    if public_id is None:
        return None
    async with office.database.write() as tx:
        return await store.unsubscribe(tx, public_id, source=source, at=office.workspace.clock.now())


async def resubscribe(office: Office, token: str, *, source: str) -> SubscriberView | None:
    """Undo the reader's own unsubscribing; None for a link that is not ours. Safe to repeat."""
    public_id = _public_id(office, token)
    if public_id is None:
        return None
    async with office.database.write() as tx:
        return await store.resubscribe(tx, public_id, source=source, at=office.workspace.clock.now())


async def choose(office: Office, token: str, wish: Wish, *, source: str) -> SubscriberView | None:
    """Store what the reader chose; None for a link that is not ours. It counts from the next mailing."""
    public_id = _public_id(office, token)
    if public_id is None:
        return None
    async with office.database.write() as tx:
        return await store.set_preferences(tx, public_id, wish, source=source, at=office.workspace.clock.now())


async def add(office: Office, person: NewSubscriber) -> Addition:
    """Put one person on a list by an operator's hand."""
    async with office.database.write() as tx:
        return await store.add(tx, person, at=office.workspace.clock.now(), randomness=secrets.token_bytes)


async def remove(office: Office, address: Address) -> SubscriberView | None:
    """Take an address off for good, also one we do not know yet; return the reader if we knew them."""
    async with office.database.write() as tx:
        return await store.remove(tx, address, source="operator", at=office.workspace.clock.now())


async def find(office: Office, address: Address) -> SubscriberView | None:
    """Return the reader with this address."""
    async with office.database.read() as connection:
        return await readers.find_by_address(connection, address)


def address_of(text: str) -> Address:
    """Return the address a person typed. Raises InputError."""
    address = parse_address(text.strip())
    if address is None:
        raise InputError(wording(f"不是邮箱地址：{text} → 写成 name@example.com", f"not an address: {text}"))
    return address


def section_titles(sections: Sequence[Section], view: SubscriberView) -> tuple[str, ...]:
    """Return the titles of the sections a reader gets, in reading order."""
    return tuple(section.title for section in sections if view.sections is None or section.id in view.sections)


def _public_id(office: Office, token: str) -> PublicId | None:
    return tokens.verify(office.keyring, tokens.MANAGE, token)
