"""The six sections of the sample, list files in a line, and a desk at a real database."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random

from distributor.addresses import Address, parse_address
from distributor.config.model import Section
from distributor.database import Database
from distributor.identifiers import ListName, PublicId, SectionId, SectionSet
from distributor.subscribers import readers, store
from distributor.subscribers.lists import parse_list
from distributor.subscribers.model import (
    Addition,
    ListDifference,
    NewSubscriber,
    ParsedList,
    SubscriberView,
    Suppression,
    Wish,
)

SECTIONS = tuple(
    Section(id=SectionId(name), title=title)
    for name, title in (
        ("market", "市场热点"),
        ("policy", "政策聚焦"),
        ("domestic", "国内资讯"),
        ("world", "国际资讯"),
        ("reading", "推荐阅读"),
        ("notice", "行业公告"),
    )
)
EVERY_NAME = frozenset(section.id for section in SECTIONS)
MEMBERS = ListName("members")
PUBLIC = ListName("public")
START = datetime(2015, 7, 6, 1, 0, tzinfo=UTC)


def chosen(*names: str) -> SectionSet:
    return frozenset(map(SectionId, names))


def address(text: str) -> Address:
    found = parse_address(text)
    assert found is not None
    return found


def parse(content: str | bytes, *, list_name: ListName = MEMBERS) -> ParsedList:
    octets = content.encode() if isinstance(content, str) else content
    return parse_list(octets, path=f"subscribers/{list_name}.csv", list_name=list_name, sections=SECTIONS)


def list_file(*rows: str, header: str = "email,name,sections,format") -> str:
    """A list file of these rows; a row that is only an address gets its empty cells."""
    missing = header.count(",")
    filled = (row if "," in row else row + "," * missing for row in rows)
    return "\n".join([header, *filled]) + "\n"


def addresses(parsed: ParsedList) -> list[str]:
    return [row.address.text for row in parsed.rows]


def places(parsed: ParsedList, *, warning: bool = False) -> list[int | None]:
    """The lines of the faults, or of the warnings."""
    return [problem.line for problem in parsed.problems if problem.warning is warning]


@dataclass
class Office:
    """An editorial office: every act is one transaction, an hour after the one before."""

    database: Database
    now: datetime = START
    random: Random = field(default_factory=lambda: Random(55))

    def later(self) -> datetime:
        self.now += timedelta(hours=1)
        return self.now

    async def compare(self, content: str, list_name: ListName = MEMBERS) -> ListDifference:
        async with self.database.read() as connection:
            return await store.difference(connection, parse(content, list_name=list_name), at=self.now)

    async def sync(self, content: str, list_name: ListName = MEMBERS) -> ListDifference:
        shown = await self.compare(content, list_name)
        return await self.apply(shown)

    async def apply(self, shown: ListDifference) -> ListDifference:
        async with self.database.write() as tx:
            return await store.apply(tx, shown, at=self.later(), randomness=self.random.randbytes)

    async def sync_people(self, *people: str, list_name: ListName = MEMBERS) -> ListDifference:
        return await self.sync(list_file(*people), list_name)

    async def find(self, text: str) -> SubscriberView | None:
        async with self.database.read() as connection:
            return await readers.find_by_address(connection, address(text))

    async def reader(self, text: str) -> SubscriberView:
        view = await self.find(text)
        assert view is not None
        return view

    async def public_id(self, text: str) -> PublicId:
        return (await self.reader(text)).public_id

    async def unsubscribe(self, text: str) -> SubscriberView | None:
        public_id = await self.public_id(text)
        async with self.database.write() as tx:
            return await store.unsubscribe(tx, public_id, source="page", at=self.later())

    async def resubscribe(self, text: str) -> SubscriberView | None:
        public_id = await self.public_id(text)
        async with self.database.write() as tx:
            return await store.resubscribe(tx, public_id, source="page", at=self.later())

    async def prefer(
        self, text: str, sections: SectionSet, lists: Iterable[ListName] | None = None
    ) -> SubscriberView | None:
        public_id = await self.public_id(text)
        wish = Wish(sections=sections, lists=None if lists is None else frozenset(lists))
        async with self.database.write() as tx:
            return await store.set_preferences(tx, public_id, wish, source="page", at=self.later())

    async def add(self, text: str, list_name: ListName = MEMBERS, *, reason: str = "") -> Addition:
        person = NewSubscriber(address=address(text), list=list_name, reason=reason)
        async with self.database.write() as tx:
            return await store.add(tx, person, at=self.later(), randomness=self.random.randbytes)

    async def remove(self, text: str) -> SubscriberView | None:
        async with self.database.write() as tx:
            return await store.remove(tx, address(text), source="operator", at=self.later())

    async def suppression(self, text: str) -> Suppression | None:
        async with self.database.read() as connection:
            return await readers.find_suppression(connection, address(text).key)

    async def consents(self, text: str) -> list[tuple[str, str]]:
        async with self.database.read() as connection:
            found = await readers.list_consents(connection, address(text).key)
        return [(record.action, record.source) for record in found]

    async def mailable(self, *lists: ListName) -> list[tuple[str, str]]:
        async with self.database.read() as connection:
            rows = await connection.execute(store.mailable(lists))
        return [(row.address, row.section_set) for row in rows]
