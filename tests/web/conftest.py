from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from distributor.identifiers import IssueId, ListName
from distributor.operations import membership
from distributor.operations.launching import LaunchOrder, launch
from distributor.operations.office import Office
from distributor.operations.rehearsals.rehearsal import SendingPlan
from distributor.subscribers import tokens
from distributor.subscribers.model import SubscriberView
from distributor.web.app import build_app
from tests.conftest import SetClock
from tests.offices import office_in, write_issue, write_list, write_workspace
from tests.web.visitor import Served, Visitor

MEMBERS, PUBLIC = ListName("members"), ListName("public")
ALL, SOME, BOTH = "all@example.com", "somebody@example.com", "both@example.org"
Token = Callable[[str], Awaitable[str]]
Reader = Callable[[str], Awaitable[SubscriberView]]


def write_office(root: Path) -> Path:
    """Write a workspace with one ready issue and three readers: all sections, two sections, and one on both lists."""
    write_workspace(root)
    write_issue(root)
    write_list(root, "members", {ALL: "", SOME: "政策聚焦、市场热点", BOTH: "行业公告"})
    write_list(root, "public", {BOTH: "行业公告"})
    return root


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write_office(tmp_path / "office")


@pytest.fixture
async def office(root: Path, clock: SetClock) -> AsyncIterator[Office]:
    async with office_in(root, clock) as opened:
        await membership.sync_changed(opened, (MEMBERS, PUBLIC))
        yield opened


@pytest.fixture
async def visitor(office: Office) -> AsyncIterator[Visitor]:
    async with Served(build_app(office)) as visiting:
        yield visiting


@pytest.fixture
def reader(office: Office) -> Reader:
    async def find(address: str) -> SubscriberView:
        view = await membership.find(office, membership.address_of(address))
        assert view is not None
        return view

    return find


@pytest.fixture
def token(office: Office, reader: Reader) -> Token:
    async def sign(address: str) -> str:
        return tokens.sign(office.keyring, tokens.MANAGE, (await reader(address)).public_id)

    return sign


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """An office that published issue 55 and is served for a whole module of tests that leave it as it is."""

    visitor: Visitor
    office: Office
    public: Path


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def standing(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Standing]:
    root = write_office(tmp_path_factory.mktemp("standing"))
    async with office_in(root, SetClock()) as office:
        await membership.sync_changed(office, (MEMBERS, PUBLIC))
        await launch(
            office, LaunchOrder(plan=SendingPlan(issue=IssueId("2015-055"), lists=(MEMBERS,)), origin="members")
        )
        async with Served(build_app(office)) as visitor:
            yield Standing(visitor=visitor, office=office, public=office.workspace.public)
